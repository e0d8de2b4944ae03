"""The tour: real tasks in a few minutes, with fixed seeds, figures, goals and a report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import banana, cartpole, digits, fitting, gallery, pendulum
from .guide import visit
from .part import Part, Tick

PARTS: dict[str, Callable[[Tick, bool], Part]] = {
    "CartPole, score function": cartpole.run,
    "pendulum, pathwise": pendulum.run,
    "digits, autoencoder": digits.run,
    "live parameters": fitting.run,
    "mixture on a banana": banana.run,
    "gallery": gallery.run,
}


def run(output: Path, *, quick: bool = False) -> bool:
    """Visit every part, print the figures and write the report.

    Args:
        output: the file of the report; its folder is made.
        quick: take few steps, and ask for no goals.

    Returns:
        Whether every goal was reached (true for a quick tour).
    """
    return visit(PARTS, output, title="A tour of reparam", quick=quick)
