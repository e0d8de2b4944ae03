"""Laws of information: entropies and divergences are the expectations that define them."""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..core.registry import kl_rules
from ..kl import kl_divergence
from .compare import agree
from .draws import Family
from .measure import expectation
from .refusals import unvalidated
from .registry import ROUTES, has, law

SEEDS = (0, 1, 2)


@law(lambda family: has(family.example, "entropy"))
def entropy_is_its_integral(family: Family) -> None:
    """``entropy`` is the expectation of minus the log-density."""
    for seed in SEEDS:
        d = family.law(seed=seed)
        found = -expectation(d, d.log_prob)
        agree(f"{d}: entropy", d.entropy(), found, 1e-6, 1e-7)
        agree(f"{d}: perplexity", d.perplexity(), d.entropy().exp(), 1e-12)


def _has_kl(family: Family) -> bool:
    kind = type(family.example)
    return kl_rules.dispatch(kind, kind) is not None


@law(_has_kl)
def divergence_is_its_integral(family: Family) -> None:
    """``kl_divergence(p, q)`` within the family is the expectation of the log-ratio, or infinite by the supports."""
    for first, second in itertools.permutations(SEEDS, 2):
        compare_divergence(family.law(seed=first), family.law(seed=second))


@law(_has_kl)
def divergence_from_itself_is_zero(family: Family) -> None:
    """KL(p, p) = 0, in float32 too and in corners; it is never negative, however near p and q are."""
    for label, values in [("typical", family.parameters()), *family.corners()]:
        for dtype in (torch.float64, torch.float32):
            p = family.build(**{n: v.to(dtype) for n, v in values.items()})
            # an expectation of a log-ratio of one: every term is rounded once
            tolerance = 64 * torch.finfo(dtype).eps
            for route, evaluate in ROUTES.items():
                found = evaluate(partial(kl_divergence, p, p))
                agree(f"{family} ({label}, {dtype}): KL(p, p){route}", found, 0.0, 0.0, tolerance)


@law(_has_kl)
def divergence_is_exact_between_neighbours(family: Family) -> None:
    """Between laws that are close, the float32 divergence is not negative and agrees with the float64 one."""
    eps = torch.finfo(torch.float32).eps
    for step in (1e-1, 1e-2, 1e-3):
        values = {n: v.float() for n, v in family.parameters().items()}
        moved = {n: _moved(v, step) if n in family.smooth else v for n, v in values.items()}
        found = kl_divergence(family.build(**values), family.build(**moved))
        exact = kl_divergence(
            family.build(**{n: v.double() for n, v in values.items()}),
            family.build(**{n: v.double() for n, v in moved.items()}),
        )
        assert bool((found >= 0).all()), f"{family}: KL at a relative step of {step} is {found.tolist()}"
        # the step itself is known to eps / step
        agree(f"{family}: float32 KL at a relative step of {step}", found, exact, 64 * eps / step)


def _moved(value: Tensor, step: Any) -> Tensor:
    """A neighbour that keeps signs, order within (0, 1), and definiteness; coordinates move differently."""
    if value.dim() == 1:
        step = step * torch.linspace(0.5, 1.0, len(value), dtype=value.dtype)
    return torch.where((value > 0) & (value < 1), value * (1 - step), value * (1 + step))


def compare_divergence(p: Any, q: Any) -> None:
    """Compare ``kl_divergence(p, q)`` with quadrature: finite, or infinite exactly where the supports say so.

    Args:
        p: a law in float64 with empty batch shape.
        q: another over events of the same shape.

    Raises:
        AssertionError: if they differ.
        NotImplementedError: if no divergence is known, or (a NoQuadratureError) no integral.
    """
    found = kl_divergence(p, q)
    where = f"KL({p}, {q})"
    if p.support.is_discrete != q.support.is_discrete:
        agree(where, found, math.inf, 0.0)
        return

    ends = _ends(q)
    outside = expectation(p, lambda x: (~q.support.closure().check(x)).double(), knots=ends)
    if float(outside) > 1e-9:
        agree(where, found, math.inf, 0.0)
        return
    free = unvalidated(q)
    exact = expectation(p, lambda x: p.log_prob(x) - free.log_prob(x), knots=ends)
    assert bool(found >= 0), f"{where} is negative: {float(found)!r}"
    if bool(found == math.inf):  # an integral that diverges is large as far as it is taken, or grows with the mean
        slowly = has(p, "mean") and bool(p.mean.isinf().any())
        assert slowly or float(exact) > 1e9, f"{where} is infinite, expected {float(exact)!r}"
        return
    agree(where, found, exact, 1e-6, 1e-8)


def _ends(q: Any) -> list[float]:
    """The finite ends of a support, where a log-ratio jumps to infinity."""
    if q.support.event_dim:
        return []
    bounds = (getattr(q.support, name, math.inf) for name in ("lower_bound", "upper_bound"))
    return [float(b) for b in bounds if math.isfinite(float(b))]
