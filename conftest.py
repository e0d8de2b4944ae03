"""What every test and doctest starts from: a fixed seed, and one thread a parallel worker."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest
import torch

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Hides what collecting makes, half a million objects that live to the end, from the collector of garbage.

    Of the rest it collects less often: tracing programs makes many objects, few of them garbage.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000)
        gc.enable()


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Seeds torch before every test, so that no result depends on which tests ran before."""
    torch.manual_seed(0)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of this suite."""
    parser.addoption("--pages", type=Path, help="folder for the manual's pages of the special functions")


@pytest.fixture
def pages(request: pytest.FixtureRequest) -> Path | None:
    """Where the pages of the special functions go, if they are to be written."""
    folder: Path | None = request.config.getoption("--pages")
    return folder
