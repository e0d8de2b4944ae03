"""The command ``reparam``: ``doctor`` says what is in use, ``tour`` shows it at work."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

#: The packages that the tour needs beyond torch: what is imported -> what is installed.
TOUR_PACKAGES = {
    "gymnasium": "gymnasium",
    "matplotlib": "matplotlib",
    "rich": "rich",
    "sklearn": "scikit-learn",
}


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    root = argparse.ArgumentParser(prog="reparam", description="Probability distributions for PyTorch.")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("doctor", help="say which code path, versions, threads and optional packages are in use")
    tour = commands.add_parser(
        "tour", help="train, fit and draw on real data, and write a report with plots and figures"
    )
    tour.add_argument(
        "--output",
        type=Path,
        default=Path("tour/report.html"),
        metavar="FILE",
        help="where the report goes (default: %(default)s)",
    )
    tour.add_argument("--quick", action="store_true", help="few steps: shows that every part runs, meets no goals")
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the words after ``reparam``; by default those of this process.

    Returns:
        The exit status: 0 for success, 1 where a part of the tour missed its goal or a package that
        it needs is not installed.

    Example:
        >>> main(["doctor"])
        reparam ...
        0
    """
    asked = parser().parse_args(arguments)
    from .doctor import missing, show

    if asked.command == "doctor":
        try:
            show()
            sys.stdout.flush()
        except BrokenPipeError:  # the reader, such as head, has seen enough: nothing is left to flush at the exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if absent := missing(TOUR_PACKAGES):
        print(f"The tour needs {', '.join(absent)}: pip install 'reparam[tour]'")
        return 1
    from .tour import run

    return 0 if run(asked.output, quick=asked.quick) else 1
