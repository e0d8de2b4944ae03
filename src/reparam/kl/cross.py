r"""Divergences between unlike families, as a cross-entropy less an entropy.

:math:`KL(p\,\|\,q) = -H(p) - E_p \log q(X)`, and the second term needs a few moments of p alone: its mean and
variance for a normal q, its mean for an exponential q, E log X for a Pareto q, both for a gamma q, and so on.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..core.distribution import Distribution
from ..core.registry import register_kl
from ..families.bernoulli import Bernoulli
from ..families.beta import Beta
from ..families.binomial import Binomial
from ..families.continuous_bernoulli import ContinuousBernoulli
from ..families.exponential import Exponential
from ..families.gamma import Gamma
from ..families.gumbel import Gumbel
from ..families.half_normal import HALF_LOG_HALF_PI, HalfNormal
from ..families.laplace import LOG_TWO, Laplace
from ..families.log_normal import LogNormal
from ..families.normal import HALF_LOG_TWO_PI, Normal
from ..families.pareto import Pareto
from ..families.uniform import Uniform
from ..special import lbeta
from .moments import log_mean_exp, mean_distance, mean_log, mean_log_complement, variance_log


@register_kl(Distribution, Normal)
def _(p: Distribution, q: Normal) -> Tensor:
    return _where_finite(
        lambda square: HALF_LOG_TWO_PI + q.scale.log() + 0.5 * square / q.scale**2 - p._entropy(),
        _mean_square(p, q.loc),
    )


@register_kl(Distribution, HalfNormal)
def _(p: Distribution, q: HalfNormal) -> Tensor:
    square = _mean_square(p, torch.zeros_like(q.scale))
    return _where_finite(
        lambda square: HALF_LOG_HALF_PI + q.scale.log() + 0.5 * square / q.scale**2 - p._entropy(), square
    )


def _mean_square(p: Distribution, centre: Tensor) -> Tensor:
    """The mean squared distance from a point, which is infinite about every point if about one."""
    variance = p._variance()
    finite = variance < torch.inf
    distance = torch.where(finite, p._mean(), 0.0) - torch.where(finite, centre, 0.0)
    return torch.where(finite, variance + distance**2, torch.inf)


def _where_finite(divergence: Callable[[Tensor], Tensor], moment: Tensor) -> Tensor:
    """A divergence by a moment of p; where that is infinite it is too, and constant: its slopes are zero.

    Slopes of infinity would make NaN of those in a parameter that finite divergences share with an infinite one.
    """
    infinite = moment == torch.inf
    return divergence(torch.where(infinite, 1.0, moment)).masked_fill(infinite, torch.inf)


@register_kl(Distribution, Laplace)
def _(p: Distribution, q: Laplace) -> Tensor:
    return LOG_TWO + q.scale.log() + mean_distance(p, q.loc) / q.scale - p._entropy()


@register_kl(Distribution, Exponential)
def _(p: Distribution, q: Exponential) -> Tensor:
    return _where_finite(lambda mean: q.rate * mean - q.rate.log() - p._entropy(), p._mean())


@register_kl(Distribution, Gumbel)
def _(p: Distribution, q: Gumbel) -> Tensor:
    return _where_finite(
        lambda log_mean: (
            q.scale.log() + (p._mean() - q.loc) / q.scale + torch.exp(q.loc / q.scale + log_mean) - p._entropy()
        ),
        log_mean_exp(p, -1 / q.scale),
    )


@register_kl(Distribution, Pareto)
def _(p: Distribution, q: Pareto) -> Tensor:
    centre = mean_log(p)
    return centre - q.alpha.log() + q.alpha * (centre - q.scale.log()) - p._entropy()


@register_kl(Distribution, ContinuousBernoulli)
def _(p: Distribution, q: ContinuousBernoulli) -> Tensor:
    """The log-density of q is linear: its mean is its value at the mean."""
    return -q._log_prob(p._mean()) - p._entropy()


@register_kl(Distribution, Uniform)
def _(p: Distribution, q: Uniform) -> Tensor:
    return (q.high - q.low).log() - p._entropy()


@register_kl(Distribution, Gamma)
def _(p: Distribution, q: Gamma) -> Tensor:
    a, b = q.concentration, q.rate
    log_normaliser = torch.lgamma(a) - a * b.log()
    return _where_finite(lambda mean: log_normaliser - (a - 1) * mean_log(p) + b * mean - p._entropy(), p._mean())


@register_kl(Distribution, Beta)
def _(p: Distribution, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    return lbeta(a, b) - (a - 1) * mean_log(p) - (b - 1) * mean_log_complement(p) - p._entropy()


@register_kl(Distribution, LogNormal)
def _(p: Distribution, q: LogNormal) -> Tensor:
    centre = mean_log(p)
    spread = variance_log(p) + (centre - q.loc) ** 2
    return HALF_LOG_TWO_PI + q.scale.log() + centre + 0.5 * spread / q.scale**2 - p._entropy()


@register_kl(Bernoulli, Binomial)
def _(p: Bernoulli, q: Binomial) -> Tensor:
    ones = torch.ones_like(p.probs)
    return _kl_of_counts(Binomial(ones, probs=p.probs, validate_args=False), q)


@register_kl(Binomial, Bernoulli)
def _(p: Binomial, q: Bernoulli) -> Tensor:
    ones = torch.ones_like(q.probs)
    return _kl_of_counts(p, Binomial(ones, probs=q.probs, validate_args=False))


def _kl_of_counts(p: Binomial, q: Binomial) -> Tensor:
    from . import kl_divergence

    return kl_divergence(p, q)
