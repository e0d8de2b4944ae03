"""What every test and doctest starts from: a fixed seed, and one thread a parallel worker."""

from __future__ import annotations

import os

import pytest
import torch

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Seeds torch before every test, so that no result depends on which tests ran before."""
    torch.manual_seed(0)
