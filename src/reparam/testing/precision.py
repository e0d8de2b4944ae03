r"""Laws of precision: float32 against float64, and the half-precision dtypes through every door.

The tolerance of a float32 result f(v) is :data:`ULPS` roundings of f itself and as many of every input, each carried to
the result by its derivative: :math:`k\,\epsilon\,(|f| + \sum_v |v\, \partial f/\partial v|)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor

from ..core.params import component
from .compare import agree
from .draws import Family, Parameters
from .measure import enumerated
from .registry import (
    BATCH_SUMMARIES,
    EVENT_SUMMARIES,
    PROBABILITY_DOORS,
    ROUTES,
    SAMPLING_DOORS,
    VALUE_DOORS,
    call,
    directly,
    has,
    law,
    values_of,
)

ULPS = 32
EPS32 = torch.finfo(torch.float32).eps
HALVES = (torch.bfloat16, torch.float16)


def _cases(family: Family) -> Iterator[tuple[str, Parameters]]:
    for seed in (0, 1):
        yield f"seed {seed}", {n: v.float() for n, v in family.parameters(seed=seed).items()}
    for label, values in family.corners():
        single = {n: v.float() for n, v in values.items()}
        if all(
            bool(family.fields[n].constraint.check(v).all())
            for n, v in single.items()
            if not family.fields[n].constraint.parameters
        ):
            yield label, single


def _doors(family: Family) -> Iterator[str]:
    for door in (*VALUE_DOORS, *EVENT_SUMMARIES, *BATCH_SUMMARIES):
        # a mode is a choice; the quantile of a discrete law jumps
        jumps = door == "mode" or (door == "median" and family.discrete)
        if not jumps and has(family.example, door):
            yield door


def _conditioned(family: Family, door: str, values: Parameters, x: Tensor) -> tuple[Tensor, Tensor]:
    """A door in float64, and what one relative rounding of all its inputs may change."""
    d = family.build(**{n: v.double() for n, v in values.items()})
    y = x.double() if x.is_floating_point() else x
    result = (call(d, door, y) if door in VALUE_DOORS else call(d, door)).detach()
    # each entry of the result from a law of its own: one backward pass gives all their gradients
    n = result.numel()
    inputs = {name: v.double().expand((n, *v.shape)).clone() for name, v in values.items()}
    each = family.build(**{name: v.requires_grad_(name in family.smooth) for name, v in inputs.items()})
    if door in VALUE_DOORS:
        entries = call(each, door, y.requires_grad_(y.is_floating_point() and not family.discrete))
        inputs["value"] = y
    else:
        entries = call(each, door).reshape(n, n).diagonal()
    free = [v for v in inputs.values() if v.requires_grad]
    slack = torch.zeros(n, dtype=torch.float64)
    if n and free and entries.requires_grad:
        slopes = torch.autograd.grad(entries.sum(), free, materialize_grads=True)
        for slope, v in zip(slopes, free, strict=True):
            slack += (slope * v).detach().abs().nan_to_num(0.0).reshape(n, -1).sum(1)
    slack = slack.reshape(result.shape)
    if door == "median" and family.scalar:  # it is as exact as the cdf that is inverted
        slack = slack + 0.5 * (-d.log_prob(result)).exp()
    if door in ("skewness", "kurtosis"):  # of deviations from the mean, in units of their own, which may cancel
        slack = slack + 1 + (d.mean / d.stddev).abs()
    return result, slack.detach()


@law()
def single_precision_is_right(family: Family) -> None:
    """Every door in float32 gives the float64 result at the same float32 numbers, up to rounding of its inputs."""
    for label, values in _cases(family):
        d = family.build(**values)
        x = values_of(d, (4,))
        # rounding may hide that a matrix is not definite, or that a value lies beyond an end
        exact_law = family.build(**{n: v.double() for n, v in values.items()})
        x = x[d.support.check(x) & exact_law.support.check(x.double())]
        # the formulas of the laws that a law is made of are checked with those
        compound = any(isinstance(f, component) for f in type(d)._fields.values())
        routes = {"": directly} if compound or (family.discrete and len(enumerated(d)) >= 10_000) else ROUTES
        for door in _doors(family):
            argument = (x,) if door in VALUE_DOORS else ()
            exact, slack = _conditioned(family, door, values, x)
            for route, evaluate in routes.items():
                found = evaluate(partial(call, d, door, *argument))
                _compare_single(f"{family} ({label}).{door} in float32{route}", door, found, exact, slack)


def _compare_single(where: str, door: str, found: Tensor, exact: Tensor, slack: Tensor) -> None:
    shown = exact**2 if door == "stddev" else exact  # which is the root of the variance
    small = shown.abs() < torch.finfo(torch.float32).tiny
    large = exact.abs() > torch.finfo(torch.float32).max
    kept = ~(small | large) | exact.isinf()
    tolerance = (ULPS * EPS32 * (exact.abs() + slack)).nan_to_num(torch.inf)
    agree(where, torch.where(kept, found, 0.0), torch.where(kept, exact, 0.0), 0.0, tolerance)
    least = 1.2e-19 if door == "stddev" else 1.2e-38 + tolerance
    floor = torch.where(small, (found.double() - exact).abs(), 0.0)
    agree(f"{where}, which is tiny", floor, torch.zeros_like(floor), 0.0, least)


@law()
def half_precision_goes_through_every_door(family: Family) -> None:
    """Every door takes bfloat16 and float16, returns the dtype of the parameters, and is finite where float32 is."""
    for dtype in HALVES:
        values = {n: v.to(dtype) for n, v in family.parameters((3,)).items()}
        single = family.build(**{n: v.float() for n, v in values.items()})
        d = family.build(**values)
        assert d.dtype == dtype, f"{family}: parameters of {dtype} give a law of {d.dtype}"
        drawn = values_of(d, (2,))
        expected = d.sample_dtype or dtype
        assert drawn.dtype == expected, f"{family} in {dtype}: draws have dtype {drawn.dtype}"
        x = values_of(single, (2,)).to(drawn.dtype)
        inside = bool(single.support.check(x.to(values_of(single, ()).dtype)).all())
        for door in (*VALUE_DOORS, *PROBABILITY_DOORS, *SAMPLING_DOORS, *EVENT_SUMMARIES, *BATCH_SUMMARIES):
            if not has(family.example, door) or (door in VALUE_DOORS and not inside):
                continue
            _compare_half(family, dtype, door, d, single, x)


@law()
def half_precision_draws_lie_in_the_support(family: Family) -> None:
    """What a law of bfloat16 or float16 draws it does not refuse; its density there is finite, its cdf in [0, 1]."""
    for dtype in HALVES:
        d = family.build(**{n: v.to(dtype) for n, v in family.parameters((3,), seed=1).items()})
        for door in SAMPLING_DOORS:
            if not has(family.example, door):
                continue
            out = getattr(d, door)((300,), generator=Generator().manual_seed(0))
            x = out[0] if isinstance(out, tuple) else out
            where = f"{family}.{door} in {dtype}"
            assert bool(d.support.check(x).all()), f"{where}: draws beyond the support"
            assert bool(d.log_prob(x).isfinite().all()), f"{where}: draws without a log-density"
            if has(family.example, "cdf"):
                probability = d.cdf(x)
                assert bool(((probability >= 0) & (probability <= 1)).all()), f"{where}: no cdf"


def _compare_half(family: Family, dtype: torch.dtype, door: str, d: Any, single: Any, x: Tensor) -> None:
    where = f"{family}.{door} in {dtype}"
    p = torch.full((3,), 0.25, dtype=dtype)
    if door in SAMPLING_DOORS:
        found = call(d, door, (2,))
        for part in found if isinstance(found, tuple) else (found,):
            assert part.dtype == dtype or part.dtype == d.sample_dtype, f"{where} has dtype {part.dtype}"
        return
    argument = (x,) if door in VALUE_DOORS else (p,) if door in PROBABILITY_DOORS else ()
    wide = tuple(a.float() if a.is_floating_point() else a for a in argument)
    found, exact = call(d, door, *argument), call(single, door, *wide)
    pairs = zip(found, exact, strict=True) if isinstance(found, tuple) else [(found, exact)]
    for half, full in pairs:
        assert half.dtype == dtype or not half.is_floating_point(), f"{where} has dtype {half.dtype}"
        info = torch.finfo(dtype)
        fits = full.abs() <= info.max
        agree(
            where,
            torch.where(fits, half, 0.0),
            torch.where(fits, full, 0.0),
            2 * info.eps,
            info.tiny,
        )
