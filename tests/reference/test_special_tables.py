"""Every special function against its table of truth: values and derivatives, in every way to run it.

The bounds, in eps beyond what the rounding of the arguments explains: for float64 100 for a value and 1000 for a
derivative, for float32 4 for both. ``--pages FOLDER`` writes the measured errors into a page for each function.
"""

from __future__ import annotations

import csv
import itertools
import math
import statistics
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from mpmath import mpf
from torch import Tensor

from make_tables import FOLDER, points
from oracle import excess
from reparam import special
from truths import Function, truths

# torch.func.jvp loads torch's own deprecated scripts.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")

NAMES = sorted(path.stem for path in FOLDER.glob("*.csv"))
DTYPES = (torch.float64, torch.float32)
MARK = r"\|"  # a bar within a cell of a table
BOUNDS = {torch.float64: (100.0, 1000.0), torch.float32: (4.0, 4.0)}
# Compiled and transformed functions run the formula, whose float32 is that of the formula in eager mode.
# "single" takes the numbers one by one: native code is shorter where all numbers of a block allow it.
WAYS = [(way, dtype) for way in ("native", "single", "formula") for dtype in DTYPES]
WAYS += [(way, torch.float64) for way in ("compiled", "mapped", "forward")]


class Row(NamedTuple):
    """A point, and the truth there: for the value and for each derivative, with what rounding moves it by."""

    point: tuple[float, ...]
    exact: list[mpf]
    moved: list[mpf]


class Error(NamedTuple):
    """The error of one number: where, of which derivative (0: the value), and in eps."""

    point: tuple[float, ...]
    order: int
    error: float


@cache
def table(name: str) -> list[Row]:
    """The truths of a function."""
    with (FOLDER / f"{name}.csv").open() as file:
        header, *lines = csv.reader(file)
    count = sum(head.startswith("x") for head in header)
    rows = []
    for line in lines:
        point = tuple(map(float, line[:count]))
        exact, moved = [mpf(v) for v in line[count : 2 * count + 1]], [mpf(v) for v in line[2 * count + 1 :]]
        condition = sum(abs(x * d) for x, d in zip(point, exact[1:], strict=True) if x)
        rows.append(Row(point, exact, [condition, *moved]))
    return rows


def columns(function: Function, x: list[Tensor], way: str) -> list[Tensor]:
    """The values of a function and its derivatives in each argument."""
    if way == "single":
        results = [columns(function, [v[i : i + 1].clone() for v in x], "native") for i in range(len(x[0]))]
        return [torch.cat(column) for column in zip(*results, strict=True)]
    if way == "mapped":
        each = [torch.func.grad(function, argnums=i) for i in range(len(x))]
        return [torch.vmap(f)(*x) for f in (function, *each)]
    if way == "forward":
        units = [tuple(torch.full_like(v, float(j == i)) for j, v in enumerate(x)) for i in range(len(x))]
        return [function(*x), *(torch.func.jvp(function, tuple(x), unit)[1] for unit in units)]
    if way == "compiled":
        torch.compiler.reset()
        function = torch.compile(function, fullgraph=True, backend="eager")
    leaves = [v.requires_grad_() for v in x]
    value = function(*leaves)
    return [value.detach(), *torch.autograd.grad(value.sum(), leaves)]


@cache
def errors(name: str, dtype: torch.dtype, way: str) -> list[Error]:
    """The errors of a function in every row whose point the dtype holds."""
    smallest = torch.finfo(dtype).smallest_normal
    rows = [
        row
        for row in table(name)
        if torch.tensor(row.point, dtype=dtype).double().tolist() == list(row.point)
        and all(x == 0 or abs(x) >= smallest for x in row.point)
    ]
    function = getattr(special, name)
    function = truths()[name].bind(getattr(function, "formula", function) if way == "formula" else function)
    arguments = [torch.tensor(column, dtype=dtype) for column in zip(*(row.point for row in rows), strict=True)]
    return [
        Error(row.point, order, excess(float(column[i]), row.exact[order], row.moved[order], dtype))
        for order, column in enumerate(columns(function, arguments, way))
        for i, row in enumerate(rows)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_those_of_the_points(name: str) -> None:
    assert [row.point for row in table(name)] == points(truths()[name])
    assert len(table(name)) >= 300


def test_every_function_has_a_table() -> None:
    functions = {name for name, f in vars(special).items() if callable(f) and not name.startswith("_")}
    assert set(NAMES) == functions


# To trace a solver or a continued fraction takes up to a minute, and ``vmap`` refuses the branches that tracing would:
# one of a kind stands for the others.
TRACED = {
    *("betaincinv", "betaincinv_exp", "betaincinv_odds", "betainccinv", "betainccinv_exp"),  # by gammaincinv
    *("stdtrit", "stdtrit_exp", "bessel_ratio_inverse"),  # by gammaincinv, too
    *("gammaincinv_exp", "gammainccinv", "gammainccinv_exp"),  # by gammaincinv
    *("log_betaincc", "log_gammaincc", "log_ive"),  # by log_betainc, log_gammainc, log_iv
}
CASES = [(n, *w) for n, w in itertools.product(NAMES, WAYS) if w[0] != "compiled" or n not in TRACED]


@pytest.mark.parametrize(("name", "way", "dtype"), CASES, ids=str)
def test_errors_are_within_the_bounds(name: str, way: str, dtype: torch.dtype) -> None:
    bounds = BOUNDS[dtype]
    bad = [e for e in errors(name, dtype, way) if not e.error <= bounds[e.order > 0]]
    worst = sorted(bad, key=lambda e: -e.error)[:10]
    lines = [f"{name}{e.point}{f' d{e.order - 1}' if e.order else ''}: {e.error:.3g} eps" for e in worst]
    assert not bad, "\n".join([f"{len(bad)} numbers are beyond the bounds", *lines])


@pytest.mark.parametrize("name", NAMES)
def test_page(name: str, pages: Path | None) -> None:
    """The page of a function: its documentation, the measured errors and the methods."""
    lines = [f"# {name}", "", "```{eval-rst}", f".. autofunction:: reparam.special.{name}", "```", "", "## Accuracy"]
    lines += ["", "Error in eps (median / maximum) beyond what the rounding of the arguments explains."]
    lines += ["", "| region | points | " + " | ".join(_heads()) + " |"]
    lines += ["|---" * (len(_heads()) + 2) + "|"]
    assert all(math.isfinite(e.error) for dtype in DTYPES for e in errors(name, dtype, "native"))
    cells: dict[str, dict[tuple[torch.dtype, bool], list[float]]] = defaultdict(lambda: defaultdict(list))
    for dtype in DTYPES:
        for error in errors(name, dtype, "native"):
            cells[truths()[name].region(*error.point)][dtype, error.order > 0].append(error.error)
    for region, measured in sorted(cells.items()):
        numbers = [measured.get((dtype, slope), []) for dtype in DTYPES for slope in (False, True)]
        shown = [f"{statistics.median(n):.2g} / {max(n):.2g}" if n else "" for n in numbers]
        lines.append(f"| {region.replace('|', MARK)} | {len(numbers[0])} | " + " | ".join(shown) + " |")
    lines += ["", "## Implementation", "", truths()[name].method, ""]
    if pages is not None:
        pages.mkdir(parents=True, exist_ok=True)
        (pages / f"{name}.md").write_text("\n".join(lines))


def _heads() -> list[str]:
    return [f"{str(dtype).removeprefix('torch.')} {what}" for dtype in DTYPES for what in ("value", "derivatives")]
