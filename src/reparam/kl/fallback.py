"""Divergences that no rule knows: by quadrature or by sampling, with an estimate of the error."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

from ..core.quadrature import quantile_terms
from ..core.shapes import joint

NODES = 321  #: for each half of the quantiles
LONGEST = 2**22  #: the most masses that are summed one by one


class Estimate(NamedTuple):
    """A number that was not known in closed form.

    Args:
        value: the estimate.
        error: what it may be off by: 0 where the value is exact, the difference of two rules of quadrature and the
            outermost terms, or the standard error of a mean; infinite where the value is.
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

    def log_ratio(x: Tensor) -> Tensor:
        own, other = p._log_prob(x), q._log_prob(x)  # infinite where a density is, at an end that quantiles round to
        return torch.where(own.isfinite() & (other < torch.inf), own - other, 0.0)

    value, error = (_over_masses if p.support.is_discrete else _over_quantiles)(p, log_ratio)
    return Estimate(value.clamp(min=0.0).to(dtype), error.to(dtype), "quadrature")


def _over_quantiles(p: Any, log_ratio: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """The sum over the nodes, and what it may be off by: large too where the terms do not fall off."""
    terms = quantile_terms(p, log_ratio, NODES)
    value = terms.sum(0)
    return value, (value - 2 * terms[::2].sum(0)).abs() + terms[-NODES // 16 :].abs().sum(0)


def _over_masses(p: Any, log_ratio: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """The sum over the masses of p, and the mass left out times the largest term beside it."""
    shape = p.batch_shape
    if p.has_enumerate_support:
        x = p._listed()
        x = x.reshape(x.shape[:1] + (1,) * len(shape))
        mass = p._log_prob(x).exp()
        return (mass * log_ratio(x)).sum(0), torch.zeros(shape, dtype=torch.float64, device=p.device)
    edge = torch.full(shape, 1e-18, dtype=torch.float64, device=p.device)
    low, high = p._icdf(edge).min(), p._isf(edge).max()
    if not float(high - low) < LONGEST:
        raise NotImplementedError(
            f"{type(p).__name__} spreads over {float(high - low):.3g} values; use fallback='monte_carlo'"
        )
    x = torch.arange(float(low), float(high) + 1, dtype=torch.float64, device=p.device)
    x = x.reshape((-1,) + (1,) * len(shape))
    ratios = log_ratio(x)
    return (p._log_prob(x).exp() * ratios).sum(0), 2e-18 * ratios.abs().amax(0)


def by_monte_carlo(p: Any, q: Any, samples: int, generator: Generator | None) -> Estimate:
    """The mean log-ratio of draws from p, differentiable along them where p has pathwise gradients."""
    draw = p.rsample_and_log_prob if p.has_rsample else p.sample_and_log_prob
    x, log_p = draw((samples,), generator=generator)
    ratios = log_p - q._unchecked().log_prob(x)
    return Estimate(ratios.mean(0), ratios.detach().std(0) / math.sqrt(samples), "monte_carlo")


def exact(value: Tensor) -> Estimate:
    """A value that is known."""
    return Estimate(value, torch.zeros_like(value), "exact")


METHODS = {"quadrature": by_quadrature, "monte_carlo": by_monte_carlo}


def estimate(p: Any, q: Any, method: str, samples: int, generator: Generator | None) -> Estimate:
    """The divergence by a method, of the joint batch shape."""
    shape = joint(p.batch_shape, q.batch_shape)
    found = METHODS[method](p.expand(shape), q.expand(shape), samples, generator)
    return found._replace(error=torch.where(found.value.isinf(), torch.inf, found.error))
