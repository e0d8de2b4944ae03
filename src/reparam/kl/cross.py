r"""Divergences between unlike families, as a cross-entropy less an entropy.

:math:`KL(p\,\|\,q) = -H(p) - E_p \log q(X)`, and the second term needs a few moments of p alone: its mean and
variance for a normal q, its mean and E log X for a gamma q, E log X and E log(1 - X) for a beta q.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import torch
from torch import Tensor

from ..core.distribution import Distribution
from ..core.registry import register_kl
from ..families.bernoulli import Bernoulli
from ..families.beta import Beta
from ..families.binomial import Binomial
from ..families.gamma import Gamma
from ..families.log_normal import LogNormal
from ..families.normal import HALF_LOG_TWO_PI, Normal
from ..families.uniform import Uniform
from ..special import lbeta, log_minus_digamma, trigamma_excess, xlogy


@register_kl(Distribution, Normal)
def _(p: Distribution, q: Normal) -> Tensor:
    spread = p._variance() + (p._mean() - q.loc) ** 2
    return HALF_LOG_TWO_PI + q.scale.log() + 0.5 * spread / q.scale**2 - p._entropy()


@register_kl(Distribution, Uniform)
def _(p: Distribution, q: Uniform) -> Tensor:
    return (q.high - q.low).log() - p._entropy()


@register_kl(Distribution, Gamma)
def _(p: Distribution, q: Gamma) -> Tensor:
    a, b = q.concentration, q.rate
    log_normaliser = torch.lgamma(a) - a * b.log()
    return log_normaliser - (a - 1) * mean_log(p) + b * p._mean() - p._entropy()


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


# -- moments of the logarithm --------------------------------------------------------------------------------


@singledispatch
def mean_log(p: Any) -> Tensor:
    """E log X."""
    raise NotImplementedError(f"E log X of {type(p).__name__} is not known")


@singledispatch
def mean_log_complement(p: Any) -> Tensor:
    """E log(1 - X)."""
    raise NotImplementedError(f"E log(1 - X) of {type(p).__name__} is not known")


@singledispatch
def variance_log(p: Any) -> Tensor:
    """The variance of log X."""
    raise NotImplementedError(f"the variance of log X of {type(p).__name__} is not known")


@mean_log.register
def _(p: Gamma) -> Tensor:
    a = p.concentration
    return a.log() - log_minus_digamma(a) - p.rate.log()


@variance_log.register
def _(p: Gamma) -> Tensor:
    return trigamma_excess(p.concentration) + 1 / p.concentration


@mean_log.register
def _(p: LogNormal) -> Tensor:
    return p.loc


@mean_log.register
def _(p: Beta) -> Tensor:
    return _mean_log_share(p.concentration1, p.concentration0)


@mean_log_complement.register
def _(p: Beta) -> Tensor:
    return _mean_log_share(p.concentration0, p.concentration1)


def _mean_log_share(a: Tensor, b: Tensor) -> Tensor:
    return (a / (a + b)).log() - log_minus_digamma(a) + log_minus_digamma(a + b)


@variance_log.register
def _(p: Beta) -> Tensor:
    a, b = p.concentration1, p.concentration0
    return trigamma_excess(a) - trigamma_excess(a + b) + b / (a * (a + b))


@mean_log.register
def _(p: Uniform) -> Tensor:
    return _mean_log_uniform(p.low, p.high)


@mean_log_complement.register
def _(p: Uniform) -> Tensor:
    return _mean_log_uniform(1 - p.high, 1 - p.low)


def _mean_log_uniform(low: Tensor, high: Tensor) -> Tensor:
    return (xlogy(high, high) - xlogy(low, low)) / (high - low) - 1


@variance_log.register
def _(p: Uniform) -> Tensor:
    r"""With r = low/high and L = log r: :math:`1 - r L^2 / (1 - r)^2`."""
    ratio = p.low / p.high
    safe = torch.where(ratio > 0, ratio, 0.5)
    return torch.where(ratio > 0, 1 - safe * safe.log() ** 2 / (1 - safe) ** 2, 1.0)
