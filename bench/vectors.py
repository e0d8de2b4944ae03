"""Normal laws of long vectors against torch.distributions: one law for all values, and one for each.

Each law is built anew in every call; validation is off and one thread runs.
Run ``python -m bench.vectors [--quick] [--markdown] [--only NAME] [--door NAME]``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .harness import QUICK, Effort, Table, Task, compare, options
from .laws import OURS, THEIRS

FULL = Effort(least=21, most=61, block=4e-3)
BOUND = 1.0  # of torch's time
SIZES = (8, 32, 64, 256)
RANK = 8
Build = Callable[..., Any]


@dataclass(frozen=True)
class Form:
    """A form of the law to time.

    Args:
        name: as the tables show it.
        build: ``(library, *parameters) -> distribution``, the same call for both libraries.
        draw: ``(laws, d) -> parameters`` draws the parameters of a batch of laws of ``d`` coordinates.
    """

    name: str
    build: Build
    draw: Callable[[tuple[int, ...], int], list[Tensor]]


def factors(laws: tuple[int, ...], d: int) -> list[Tensor]:
    below = (torch.randn(*laws, d, d) / d**0.5).tril(-1)
    return [torch.randn(*laws, d), below + torch.diag_embed(0.5 + torch.rand(*laws, d))]


def covariances(laws: tuple[int, ...], d: int) -> list[Tensor]:
    loc, root = factors(laws, d)
    return [loc, root @ root.mT]


def of_low_rank(laws: tuple[int, ...], d: int) -> list[Tensor]:
    return [torch.randn(*laws, d), torch.randn(*laws, d, RANK), 0.3 + torch.rand(*laws, d)]


FORMS = (
    Form("scale_tril", lambda d, m, tril: d.MultivariateNormal(m, scale_tril=tril, validate_args=False), factors),
    Form("covariance", lambda d, m, c: d.MultivariateNormal(m, covariance_matrix=c, validate_args=False), covariances),
    Form("low rank", lambda d, m, w, v: d.LowRankMultivariateNormal(m, w, v, validate_args=False), of_low_rank),
)
ONE, SHARED, LAWS = "one value", ("64 values", "4096 values"), "16 laws"
COUNTS = {ONE: ((), 1), SHARED[0]: ((), 64), SHARED[1]: ((), 4096), LAWS: ((16,), 16)}  # laws, and values in all


def density(library: Any, form: Form, laws: tuple[int, ...], d: int, count: int) -> Task:
    parameters, value = form.draw(laws, d), torch.randn(count, d)
    return lambda: form.build(library, *parameters).log_prob(value)


def draw(library: Any, form: Form, laws: tuple[int, ...], d: int, count: int) -> Task:
    parameters, shape = form.draw(laws, d), () if laws or count == 1 else (count,)
    return lambda: form.build(library, *parameters).rsample(shape)


def divergence(library: Any, form: Form, laws: tuple[int, ...], d: int, count: int) -> Task:
    p, q = form.draw(laws, d), form.draw(laws, d)
    return lambda: library.kl_divergence(form.build(library, *p), form.build(library, *q))


DOORS = {"log_prob": density, "rsample": draw, "KL": divergence}


def measure(title: str, make: Callable[..., Task], forms: list[Form], effort: Effort) -> Table:
    """One table: a row for each form and size, a column for each number of laws and values."""
    counts = {name: COUNTS[name] for name in (ONE, *([] if make is divergence else SHARED), LAWS)}
    table = Table(title, dict.fromkeys(counts, BOUND))
    for form in forms:
        for d in SIZES:
            for column, (laws, count) in counts.items():
                ours, theirs = (make(library, form, laws, d, count) for library in (OURS, THEIRS))
                table.add(f"{form.name}, {d}", column, compare(ours, theirs, effort))
    return table


def main() -> None:
    chosen = options(__doc__, door="only the doors whose names contain this")
    forms = [form for form in FORMS if (chosen.only or "").lower() in form.name.lower()]
    print("Normal vectors: time relative to torch.distributions (reparam / torch); ! above the bound, ~ noisy\n")
    missed = []
    for title, make in DOORS.items():
        if (chosen.door or "").lower() in title.lower():
            table = measure(title, make, forms, QUICK if chosen.quick else FULL)
            print(table.render(chosen.markdown), end="\n\n", flush=True)
            missed += table.missed()
    print("\n".join(["Above their bounds:", *missed]) if missed else "All within their bounds.")


if __name__ == "__main__":
    main()
