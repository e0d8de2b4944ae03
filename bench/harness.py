"""Times two ways to do one thing against each other, and prints the ratios as a table.

Both sides run in one process, alternating in short blocks, so that what disturbs one disturbs the other: the
ratio of a round is that of two neighbouring blocks. Time is the CPU time of the process, on one thread, unless
another clock is asked for. Rounds are added until the median ratio is known to 5 % (a 95 % interval), or there are
enough of them.
"""

from __future__ import annotations

import argparse
import gc
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

import torch

Task = Callable[[], Any]
Clock = Callable[[], float]
PRECISION = 0.05


class Comparison(NamedTuple):
    """What came of one comparison.

    Args:
        ours: seconds a call of reparam, the median of the rounds.
        theirs: seconds a call of the other side, likewise.
        ratio: the median over the rounds of ours / theirs.
        spread: half the width of a 95 % interval for that median, relative to it.
    """

    ours: float
    theirs: float
    ratio: float
    spread: float


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds at least and at most, and the seconds of a block."""

    least: int
    most: int
    block: float


FULL = Effort(least=21, most=121, block=2e-3)
QUICK = Effort(least=7, most=15, block=1e-3)


def compare(ours: Task, theirs: Task, effort: Effort, clock: Clock = time.process_time) -> Comparison:
    """Time two functions in alternating blocks; which comes first changes from round to round."""
    calls = [_calls(task, effort.block, clock) for task in (ours, theirs)]
    times: tuple[list[float], list[float]] = ([], [])
    with _undisturbed():
        for number in range(effort.most):
            order = (0, 1) if number % 2 == 0 else (1, 0)
            for side in order:
                times[side].append(_block((ours, theirs)[side], calls[side], clock))
            ratios = sorted(a / b for a, b in zip(*times, strict=True))
            if len(ratios) >= effort.least and _spread(ratios) < PRECISION:
                break
    return Comparison(median(times[0]), median(times[1]), median(ratios), _spread(ratios))


def _calls(task: Task, block: float, clock: Clock) -> int:
    """How many calls fill a block, after a warm-up."""
    calls = 1
    while True:
        seconds = _block(task, calls, clock) * calls
        if seconds >= block / 2 or calls >= 10**6:
            return max(1, round(calls * block / max(seconds, 1e-9)))
        calls *= 4


def _block(task: Task, calls: int, clock: Clock) -> float:
    """Seconds a call."""
    steps = range(calls)
    start = clock()
    for _ in steps:
        task()
    return (clock() - start) / calls


def _spread(ratios: list[float]) -> float:
    """Half the width of the 95 % interval of the median by order statistics, relative to the median."""
    n = len(ratios)
    reach = 0.98 * math.sqrt(n)
    low, high = max(0, math.floor(n / 2 - reach)), min(n - 1, math.ceil(n / 2 + reach) - 1)
    return (ratios[high] - ratios[low]) / 2 / median(ratios)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """The garbage collector runs before and not during the timings."""
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _spell(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


@dataclass
class Table:
    """Comparisons by row and column, each column with the largest ratio it is meant to have, or None."""

    title: str
    columns: dict[str, float | None]
    cells: dict[str, dict[str, Comparison]] = field(default_factory=dict)
    spell: Callable[[float], str] = _spell

    def add(self, row: str, column: str, result: Comparison) -> None:
        """Put a result into its place."""
        self.cells.setdefault(row, {})[column] = result

    def worst_first(self) -> Table:
        """The rows by their largest ratio, from the largest on."""
        rows = sorted(self.cells, key=lambda row: -max(each.ratio for each in self.cells[row].values()))
        return Table(self.title, self.columns, {row: self.cells[row] for row in rows}, self.spell)

    def missed(self) -> list[str]:
        """The cells above their bounds, spelt out."""
        return [
            f"{self.title}, {row}, {column}: {result.ratio:.2f} (bound {bound:.2f})"
            for row, results in self.cells.items()
            for column, result in results.items()
            if (bound := self.columns[column]) is not None and result.ratio > bound
        ]

    def render(self, markdown: bool = False) -> str:
        """The table with a cell ``ratio (ours / theirs)``; ``!`` marks a missed bound, ``~`` a noisy ratio."""
        head = [self.title, *self.columns]
        rows = [[row, *(self._cell(row, column) for column in self.columns)] for row in self.cells]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = [[text.ljust(width) for text, width in zip(row, widths, strict=True)] for row in [head, *rows]]
        rule = ["-" * width for width in widths]
        if markdown:
            return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]])
        return "\n".join("  ".join(line).rstrip() for line in [lines[0], rule, *lines[1:]])

    def _cell(self, row: str, column: str) -> str:
        result = self.cells[row].get(column)
        if result is None:
            return ""
        bound = self.columns[column]
        mark = "!" if bound is not None and result.ratio > bound else ""
        mark += "~" if result.spread > PRECISION else ""
        return f"{result.ratio:.2f}{mark} ({self.spell(result.ours)} / {self.spell(result.theirs)})"


def options(description: str | None, **others: str) -> argparse.Namespace:
    """The command line that every benchmark has, with names of its own; it also sets one thread and the seed."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: noisier, in a fraction of the time")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    parser.add_argument("--only", metavar="NAME", help="only the laws whose names contain this")
    for name, meaning in others.items():
        parser.add_argument(f"--{name}", metavar="NAME", help=meaning)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return chosen
