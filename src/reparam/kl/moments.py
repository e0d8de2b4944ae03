r"""Moments that cross-entropies need besides mean and variance, by the type of the law."""

from __future__ import annotations

import math
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor

from ..families.beta import Beta
from ..families.cauchy import HalfCauchy
from ..families.exponential import Exponential
from ..families.fisher_snedecor import FisherSnedecor
from ..families.gamma import Gamma
from ..families.gumbel import EULER
from ..families.half_normal import HalfNormal
from ..families.inverse_gamma import InverseGamma
from ..families.kumaraswamy import Kumaraswamy
from ..families.laplace import Laplace
from ..families.log_normal import LogNormal
from ..families.normal import Normal
from ..families.pareto import Pareto
from ..families.uniform import Uniform
from ..families.weibull import Weibull
from ..special import digamma, digamma_difference, log_minus_digamma, trigamma, trigamma_excess, xlogy
from ..special.quotients import expm1_quotient

ZETA_2 = math.pi**2 / 6


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


@singledispatch
def log_mean_exp(p: Any, t: Tensor) -> Tensor:
    """The logarithm of E exp(t X), for t < 0."""
    raise NotImplementedError(f"E exp(t X) of {type(p).__name__} is not known")


@singledispatch
def mean_distance(p: Any, point: Tensor) -> Tensor:
    """E |X - point|."""
    raise NotImplementedError(f"E |X - t| of {type(p).__name__} is not known")


# -- laws on the line ----------------------------------------------------------------------------------------


@log_mean_exp.register
def _(p: Normal, t: Tensor) -> Tensor:
    return t * (p.loc + 0.5 * t * p.scale**2)


@mean_distance.register
def _(p: Normal, point: Tensor) -> Tensor:
    gap = p.loc - point
    z = gap / p.scale
    return p.scale * (math.sqrt(2 / math.pi) * torch.exp(-0.5 * z * z)) + gap * torch.erf(math.sqrt(0.5) * z)


@log_mean_exp.register
def _(p: Laplace, t: Tensor) -> Tensor:
    square = (p.scale * t) ** 2
    finite = square < 1
    return torch.where(finite, t * p.loc - torch.log1p(-torch.where(finite, square, 0.0)), torch.inf)


# -- laws on a half-line -------------------------------------------------------------------------------------


@mean_log.register
def _(p: Exponential) -> Tensor:
    return -EULER - p.rate.log()


@variance_log.register
def _(p: Exponential) -> Tensor:
    return torch.full_like(p.rate, ZETA_2)


@log_mean_exp.register
def _(p: Exponential, t: Tensor) -> Tensor:
    return -torch.log1p(-t / p.rate)


@mean_log.register
def _(p: Gamma) -> Tensor:
    a = p.concentration
    return a.log() - log_minus_digamma(a) - p.rate.log()


@variance_log.register
def _(p: Gamma) -> Tensor:
    return trigamma_excess(p.concentration) + 1 / p.concentration


@log_mean_exp.register
def _(p: Gamma, t: Tensor) -> Tensor:
    return -p.concentration * torch.log1p(-t / p.rate)


@mean_log.register
def _(p: InverseGamma) -> Tensor:
    return p.rate.log() - digamma(p.concentration)


@variance_log.register
def _(p: InverseGamma) -> Tensor:
    return trigamma(p.concentration)


@mean_log.register
def _(p: Weibull) -> Tensor:
    return p.scale.log() - EULER / p.concentration


@variance_log.register
def _(p: Weibull) -> Tensor:
    return ZETA_2 / p.concentration**2


@mean_log.register
def _(p: Pareto) -> Tensor:
    return p.scale.log() + 1 / p.alpha


@variance_log.register
def _(p: Pareto) -> Tensor:
    return p.alpha**-2


@mean_log.register
def _(p: FisherSnedecor) -> Tensor:
    return log_minus_digamma(0.5 * p.df2) - log_minus_digamma(0.5 * p.df1)


@variance_log.register
def _(p: FisherSnedecor) -> Tensor:
    return trigamma(0.5 * p.df1) + trigamma(0.5 * p.df2)


@mean_log.register
def _(p: HalfNormal) -> Tensor:
    return p.scale.log() - 0.5 * (EULER + math.log(2))


@variance_log.register
def _(p: HalfNormal) -> Tensor:
    return torch.full_like(p.scale, math.pi**2 / 8)


@mean_log.register
def _(p: HalfCauchy) -> Tensor:
    return p.scale.log()


@variance_log.register
def _(p: HalfCauchy) -> Tensor:
    return torch.full_like(p.scale, math.pi**2 / 4)


@mean_log.register
def _(p: LogNormal) -> Tensor:
    return p.loc


@variance_log.register
def _(p: LogNormal) -> Tensor:
    return p.scale**2


# -- laws on an interval -------------------------------------------------------------------------------------


@mean_log.register
def _(p: Kumaraswamy) -> Tensor:
    b = p.concentration0
    return -digamma_difference(torch.ones_like(b), b) / p.concentration1


@variance_log.register
def _(p: Kumaraswamy) -> Tensor:
    return (ZETA_2 - trigamma(1 + p.concentration0)) / p.concentration1**2


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


@log_mean_exp.register
def _(p: Uniform, t: Tensor) -> Tensor:
    width = p.high - p.low
    return t * p.low + (expm1_quotient(t, width) / width).log()
