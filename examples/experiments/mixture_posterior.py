"""Mixtures of more and more normals approximate a banana, by gradients in their weights and components at once."""

from __future__ import annotations

import sys

from reparam.cli.tour.banana import run

from .command import main

if __name__ == "__main__":
    sys.exit(main("mixture_posterior", run))
