"""Divergences that no rule knows: by quadrature or by sampling, with an estimate of the error."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

from .._torch import is_ordinary_mode
from ..core.quadrature import extended, log_levels, quantile_terms
from ..core.ranges import ends
from ..core.shapes import joint

NODES = 321  #: for each half of the quantiles
BLOCK = 20  #: of the outermost nodes, which show whether the terms fall off
LONGEST = 2**22  #: the most masses that are summed one by one
CLOSE = 2.0**-26  #: relative distance from an end, within which quantiles are not resolved
UNSURE = 2.0**-20  #: relative error of what is continued from there on
SAFETY = 4  #: times the difference of two rules, which a narrow peak may meet by chance

Logs = Callable[[Tensor], tuple[Tensor, Tensor]]  #: of a value, both log-densities


class Estimate(NamedTuple):
    """A number that was not known in closed form.

    Args:
        value: the estimate.
        error: what it may be off by: 0 where the value is exact; four times the difference of two rules of quadrature,
            what lies beyond the outermost terms, and rounding; or the standard error of a mean. Infinite where the
            value is, or where the terms do not fall off, as of a divergence that is infinite.
        method: ``"exact"``, ``"quadrature"`` or ``"monte_carlo"``.
    """

    value: Tensor
    error: Tensor
    method: str


def by_quadrature(p: Any, q: Any, samples: int, generator: Generator | None) -> Estimate:
    """Over the quantiles of p, by two rules of which one has every other node of the other; or over its masses.

    Raises:
        NotImplementedError: for laws of vectors and laws without quantiles.
    """
    if p.support.event_dim:
        raise NotImplementedError(f"no quadrature for the events of {type(p).__name__}; use fallback='monte_carlo'")
    dtype = p.dtype
    p, q = p.to(torch.float64), q._unchecked().to(torch.float64)

    def logs(x: Tensor) -> tuple[Tensor, Tensor]:
        return p._log_prob(x), q._log_prob(x)

    value, error = (_over_masses if p.support.is_discrete else _over_quantiles)(p, logs)
    return Estimate(value.clamp(min=0.0).to(dtype), error.to(dtype), "quadrature")


def _over_quantiles(p: Any, logs: Logs) -> tuple[Tensor, Tensor]:
    """The sum over the nodes, and what it may be off by; infinite where the terms do not fall off.

    Where quantiles round to an end, the log-ratio is linear in the logarithm of the probability.
    """
    log_p = log_levels(p, NODES)

    def log_ratio(x: Tensor) -> Tensor:
        own, other = logs(x)
        return torch.where(own.isinf() | (other == torch.inf), torch.nan, own - other)

    def resolved(x: Tensor) -> Tensor:
        low, high = (end.isinf() | ((x - end).abs() > CLOSE * end.abs()) for end in ends(p.support, x))
        return low & high & ~log_ratio(x).isnan()

    def values(x: Tensor) -> Tensor:
        # infinite before the end is infinite at the end
        return extended(log_ratio, x, resolved(x), log_p).nan_to_num(torch.inf, torch.inf, -torch.inf)

    def doubt(x: Tensor) -> Tensor:
        sizes = sum((torch.where(log.isfinite(), log.abs(), 0.0) for log in logs(x)), torch.zeros_like(x))
        return 4 * torch.finfo(x.dtype).eps * sizes + torch.where(resolved(x), 0.0, UNSURE * values(x).abs())

    terms, doubts = quantile_terms(p, values, NODES), quantile_terms(p, doubt, NODES).sum(0)
    value = terms.sum(0)
    last, before = (part.abs().sum(0) for part in (terms[-BLOCK:], terms[-2 * BLOCK : -BLOCK]))
    # terms that fall off by a factor per block add up to a geometric series
    falls = last < before
    rest = torch.where(falls, last * before / torch.where(falls, before - last, 1.0), torch.inf)
    rest = torch.where(last <= doubts, last, rest)
    error = SAFETY * (value - 2 * terms[::2].sum(0)).abs() + rest + doubts
    return value, error.nan_to_num(torch.inf, torch.inf)


def _over_masses(p: Any, logs: Logs) -> tuple[Tensor, Tensor]:
    """The sum over the masses of p, and the mass left out times the largest term beside it."""

    def ratios(x: Tensor) -> tuple[Tensor, Tensor]:
        """The masses of p and the log-ratios; where p has no mass none, also of gradients."""
        own, other = logs(x)
        possible = own > -torch.inf
        if own.requires_grad or other.requires_grad or not is_ordinary_mode():
            own, other = logs(torch.where(possible, x, x.expand(own.shape).gather(0, own.argmax(0, keepdim=True))))
        return torch.where(possible, own.exp(), 0.0), torch.where(possible, own - other, 0.0)

    def rounding(x: Tensor, mass: Tensor) -> Tensor:
        sizes = (torch.where(log.isfinite(), log.abs(), 0.0) for log in logs(x))
        return 4 * torch.finfo(mass.dtype).eps * (mass * sum(sizes, torch.ones_like(mass))).sum(0)

    shape = p.batch_shape
    if p.has_enumerate_support:
        x = p._listed()
        x = x.reshape(x.shape[:1] + (1,) * len(shape))
        mass, terms = ratios(x)
        return (mass * terms).sum(0), rounding(x, mass)
    edge = torch.full(shape, 1e-18, dtype=torch.float64, device=p.device)
    with torch.no_grad():
        low, high = p._icdf(edge).min(), p._isf(edge).max()
    if not float(high - low) < LONGEST:
        raise NotImplementedError(
            f"{type(p).__name__} spreads over {float(high - low):.3g} values; use fallback='monte_carlo'"
        )
    x = torch.arange(float(low), float(high) + 1, dtype=torch.float64, device=p.device)
    x = x.reshape((-1,) + (1,) * len(shape))
    mass, terms = ratios(x)
    return (mass * terms).sum(0), 2e-18 * terms.abs().amax(0) + rounding(x, mass)


def by_monte_carlo(p: Any, q: Any, samples: int, generator: Generator | None) -> Estimate:
    """The mean log-ratio of draws from p, whose derivatives are unbiased estimates of the divergence's.

    They go along the draws where p has pathwise gradients, and elsewhere by p's score, against the mean of the others.
    """
    draw = p.rsample_and_log_prob if p.has_rsample else p.sample_and_log_prob
    x, log_p = draw((samples,), generator=generator)
    ratios = log_p - q._unchecked().log_prob(x)
    fixed = ratios.detach()
    error = fixed.std(0) / math.sqrt(samples)
    if not p.has_rsample:
        finite = fixed.isfinite()
        others = (fixed.sum(0) - fixed) / max(samples - 1, 1)
        weighted = torch.exp(log_p - log_p.detach()) * (torch.where(finite, ratios, 0.0) - others) + others
        ratios = torch.where(finite & others.isfinite(), weighted, fixed)
    return Estimate(ratios.mean(0), error, "monte_carlo")


def exact(value: Tensor) -> Estimate:
    """A value that is known."""
    return Estimate(value, torch.zeros_like(value), "exact")


METHODS = {"quadrature": by_quadrature, "monte_carlo": by_monte_carlo}


def estimate(p: Any, q: Any, method: str, samples: int, generator: Generator | None) -> Estimate:
    """The divergence by a method, of the joint batch shape."""
    shape = joint(p.batch_shape, q.batch_shape)
    found = METHODS[method](p.expand(shape), q.expand(shape), samples, generator)
    return found._replace(error=torch.where(found.value.isinf(), torch.inf, found.error))
