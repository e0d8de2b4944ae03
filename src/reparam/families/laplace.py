"""The Laplace law."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Generator, Tensor

from ..constraints import positive, real
from ..core.noise import laplace
from ..core.params import param
from ..core.registry import register_kl
from ..kernels import fused, kernel
from ..special import deviance
from ..special.quotients import exp_remainder_of_size, log_ratio
from .exponential_family import ExponentialFamily

LOG_TWO = math.log(2)


class Laplace(ExponentialFamily):
    r"""The Laplace (double exponential) law.

    .. math:: p(x) = \frac{1}{2 b} \exp\left(-\frac{|x - \mu|}{b}\right)

    With a known ``loc`` it is an exponential family.

    Args:
        loc: mean :math:`\mu`, real.
        scale: :math:`b > 0`, the mean distance from ``loc``.

    Shapes:
        ``loc`` and ``scale`` broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: the real line.

    Raises:
        ValueError: if ``scale`` is not positive or ``loc`` is NaN.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, 1995, chapter 24.

    Example:
        >>> d = Laplace(0.0, 1.0)
        >>> d.icdf(torch.tensor(1e-10)), d.log_sf(torch.tensor(1e4))
        (tensor(-22.3327), tensor(-10000.6934))
    """

    loc = param(real, symbol=r"\mu", typical=(-2.0, 2.0))
    scale = param(positive, symbol="b", typical=(0.3, 3.0))
    support = real

    @fused("laplace_log_prob", "loc", "scale", light=True)
    def _log_prob(self, x: Tensor) -> Tensor:
        return -LOG_TWO - torch.addcdiv(self.scale.log(), (x - self.loc).abs(), self.scale)

    def _log_shape(self, x: Tensor) -> Tensor:
        return -(x - self.loc).abs() / self.scale

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return torch.addcmul(self.loc, laplace(shape, self.loc, generator), self.scale)

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        noise = laplace(shape, self.loc, generator)
        return torch.addcmul(self.loc, noise, self.scale), -LOG_TWO - (noise.abs() + self.scale.log())

    def _standardised(self, x: Tensor) -> Tensor:
        return (x - self.loc) / self.scale

    def _cdf(self, x: Tensor) -> Tensor:
        return _cdf(self._standardised(x))

    def _log_cdf(self, x: Tensor) -> Tensor:
        return _log_cdf(self._standardised(x))

    def _sf(self, x: Tensor) -> Tensor:
        return _cdf(-self._standardised(x))

    def _log_sf(self, x: Tensor) -> Tensor:
        return _log_cdf(-self._standardised(x))

    def _icdf(self, p: Tensor) -> Tensor:
        return self.loc + self.scale * _icdf(p)

    def _isf(self, p: Tensor) -> Tensor:
        return self.loc - self.scale * _icdf(p)

    def _entropy(self) -> Tensor:
        return 1 + LOG_TWO + self.scale.log()

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (-1 / self.scale,)

    @staticmethod
    def _log_normalizer(a: Tensor) -> Tensor:
        return LOG_TWO - (-a).log()

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return ((x - self.loc).abs(),)

    @classmethod
    def _from_natural(cls, a: Tensor, loc: Any = 0.0) -> dict[str, Any]:
        return {"loc": loc, "scale": -1 / a}

    @classmethod
    def _from_mean(cls, distance: Tensor, loc: Any = 0.0) -> dict[str, Any]:
        return {"loc": loc, "scale": distance}

    def _mean(self) -> Tensor:
        return self.loc

    _mode = _median = _mean

    def _variance(self) -> Tensor:
        return 2 * self.scale**2

    def _stddev(self) -> Tensor:
        return math.sqrt(2) * self.scale

    def _skewness(self) -> Tensor:
        return torch.zeros_like(self.loc)

    def _kurtosis(self) -> Tensor:
        return torch.full_like(self.loc, 3.0)


@kernel("laplace_cdf")
def _cdf(z: Tensor) -> Tensor:
    return torch.where(z < 0, 0.5 * z.clamp(max=0).exp(), 1 - 0.5 * (-z.clamp(min=0)).exp())


def _log_cdf(z: Tensor) -> Tensor:
    return torch.where(z < 0, z - LOG_TWO, torch.log1p(-0.5 * (-z.clamp(min=0)).exp()))


@kernel("laplace_icdf")
def _icdf(p: Tensor) -> Tensor:
    return torch.where(p < 0.5, (2 * p).log(), -(2 * (1 - p)).log())


@register_kl(Laplace, Laplace)
def _(p: Laplace, q: Laplace) -> Tensor:
    return _divergence(p.loc, p.scale, q.loc, q.scale)


@kernel("laplace_divergence")
def _divergence(loc: Tensor, scale: Tensor, other_loc: Tensor, other_scale: Tensor) -> Tensor:
    r"""With :math:`\delta = |\mu_p - \mu_q| / b_p`, a sum of two terms that are never negative.

    .. math:: \left(\frac{b_p}{b_q} - 1 - \log\frac{b_p}{b_q}\right)
        + \frac{b_p}{b_q} \left(e^{-\delta} - 1 + \delta\right)
    """
    gap = (loc - other_loc).abs()
    near, apart = gap < 100 * scale, gap >= scale  # beyond, the exponential is nothing, and the quotient may overflow
    size = torch.where(near, gap / scale, 0.0)
    beside = deviance(other_scale, scale) + scale * exp_remainder_of_size(torch.where(apart, 0.0, size))
    # the same, where the slopes of its terms in the scale cancel
    beyond = gap + torch.where(near, scale * torch.exp(-size), 0.0) - other_scale * (1 + log_ratio(scale, other_scale))
    return torch.where(apart, beyond, beside) / other_scale
