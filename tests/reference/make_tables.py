"""Makes the tables of truth of the special functions: ``python tests/reference/make_tables.py [name ...]``.

A table has a row for each point: the arguments, the value, the partial derivatives, and what the rounding of the
arguments moves each derivative by. Every other point has arguments that float32 holds exactly, so that one table serves
both dtypes.
"""

from __future__ import annotations

import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from mpmath import mp

from truths import Truth, truths

FOLDER = Path(__file__).with_name("tables")


def rounded(point: tuple[float, ...]) -> tuple[float, ...]:
    """The point as float32 holds it, or unchanged where float32 does not reach."""
    near = torch.tensor(point, dtype=torch.float64).float().double()
    small = near.abs() < torch.finfo(torch.float32).smallest_normal
    return point if (near.isinf() | small).any() and point != tuple(near.tolist()) else tuple(near.tolist())


def points(truth: Truth) -> list[tuple[float, ...]]:
    """The distinct points of the table."""
    return list(dict.fromkeys(rounded(point) if i % 2 else point for i, point in enumerate(truth.points)))


def row(name: str, point: tuple[float, ...]) -> list[str]:
    """One row of the table."""
    with mp.workdps(50):
        value, slopes, moved = truths()[name].jet(*(mp.mpf(x) for x in point))
    digits = [mp.nstr(v, 22) for v in (value, *slopes)]
    return [*map(repr, point), *digits, *(mp.nstr(v, 3) for v in moved)]


def make(name: str, pool: ProcessPoolExecutor) -> None:
    """Write the table of one function."""
    chosen = points(truths()[name])
    rows = list(pool.map(row, [name] * len(chosen), chosen, chunksize=8))
    count = len(chosen[0])
    heads = [f"{head}{i}" for head in "xdm" for i in range(count)]
    with (FOLDER / f"{name}.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*heads[:count], "value", *heads[count:]])
        writer.writerows(rows)
    print(name, len(rows), flush=True)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with ProcessPoolExecutor() as workers:
        for each in sys.argv[1:] or truths():
            make(each, workers)
