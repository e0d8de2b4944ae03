"""What every experiment's command shares: its arguments, and the report it writes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from reparam.cli.tour.guide import visit
from reparam.cli.tour.part import Part, Tick


def main(name: str, run: Callable[[Tick, bool], Part], arguments: Sequence[str] | None = None) -> int:
    """Run an experiment, print its figures and write ``NAME.html``.

    Args:
        name: the experiment's.
        run: what does it, given a function to report progress to, and whether to be quick.
        arguments: the words of the command; by default those of this process.

    Returns:
        The exit status: 0 for success, 1 where a goal was missed.
    """
    parser = argparse.ArgumentParser(prog=f"python -m examples.experiments.{name}", description=run.__doc__)
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("experiments"),
        metavar="FOLDER",
        help="where the report with the plots goes (default: %(default)s)",
    )
    parser.add_argument("--quick", action="store_true", help="few steps: shows that it runs, meets no goals")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random but the data (default: %(default)s)")
    asked = parser.parse_args(arguments)
    page, title = asked.output / f"{name}.html", name.replace("_", " ")
    reached = visit({name: run}, page, title=title, quick=asked.quick, seed=asked.seed)
    return 0 if reached else 1
