"""The half-normal law."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from ..constraints import nonnegative, positive
from ..core.noise import normal
from ..core.params import param
from ..core.registry import register_kl
from ..special import deviance, log_ndtr, ndtri
from .exponential_family import ExponentialFamily

HALF_LOG_HALF_PI = 0.5 * math.log(math.pi / 2)
SQRT_HALF = math.sqrt(0.5)


class HalfNormal(ExponentialFamily):
    r"""The law of :math:`|X|` for a normal X about zero.

    .. math:: p(x) = \frac{1}{\sigma} \sqrt{\frac{2}{\pi}} \exp\left(-\frac{x^2}{2\sigma^2}\right), \qquad x \ge 0

    Args:
        scale: standard deviation :math:`\sigma > 0` of X.

    Shapes:
        The shape of ``scale`` is ``batch_shape``; ``event_shape`` is ``()``. Support: ``[0, inf)``.

    Raises:
        ValueError: if ``scale`` is not positive.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 1994, section 13.10.

    Example:
        >>> d = HalfNormal(1.0)
        >>> d.cdf(torch.tensor(1e-10)), d.log_sf(torch.tensor(100.0))
        (tensor(7.9788e-11), tensor(-5004.8311))
    """

    scale = param(positive, symbol=r"\sigma", typical=(0.3, 3.0))
    support = nonnegative

    def _log_prob(self, x: Tensor) -> Tensor:
        z = x / self.scale
        return -0.5 * z * z - (self.scale.log() + HALF_LOG_HALF_PI)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return normal(shape, self.scale, generator).abs() * self.scale

    def _cdf(self, x: Tensor) -> Tensor:
        return torch.erf(SQRT_HALF * (x / self.scale))

    def _sf(self, x: Tensor) -> Tensor:
        return torch.erfc(SQRT_HALF * (x / self.scale))

    def _log_sf(self, x: Tensor) -> Tensor:
        z = x / self.scale
        near = z < 1
        body, tail = torch.where(near, z, 0.0), torch.where(near, 1.0, z)
        return torch.where(near, torch.log1p(-torch.erf(SQRT_HALF * body)), math.log(2) + log_ndtr(-tail))

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (-0.5 * self.scale**-2,)

    @staticmethod
    def _log_normalizer(a: Tensor) -> Tensor:
        return 0.5 * (math.log(math.pi / 4) - (-a).log())

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x * x,)

    @classmethod
    def _from_natural(cls, a: Tensor) -> dict[str, Tensor]:
        return {"scale": (-2 * a).rsqrt()}

    @classmethod
    def _from_mean(cls, square: Tensor) -> dict[str, Tensor]:
        return {"scale": square.sqrt()}

    def _icdf(self, p: Tensor) -> Tensor:
        low = p < 0.5
        body = torch.erfinv(torch.where(low, p, 0.0)) / SQRT_HALF
        return self.scale * torch.where(low, body, -ndtri(0.5 * torch.where(low, 0.5, 1 - p)))

    def _isf(self, p: Tensor) -> Tensor:
        return -self.scale * ndtri(0.5 * p)

    def _entropy(self) -> Tensor:
        return 0.5 + HALF_LOG_HALF_PI + self.scale.log()

    def _mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    def _mode(self) -> Tensor:
        return torch.zeros_like(self.scale)

    def _variance(self) -> Tensor:
        return self.scale**2 * (1 - 2 / math.pi)

    def _stddev(self) -> Tensor:
        return self.scale * math.sqrt(1 - 2 / math.pi)

    def _skewness(self) -> Tensor:
        return torch.full_like(self.scale, math.sqrt(2) * (4 - math.pi) / (math.pi - 2) ** 1.5)

    def _kurtosis(self) -> Tensor:
        return torch.full_like(self.scale, 8 * (math.pi - 3) / (math.pi - 2) ** 2)


@register_kl(HalfNormal, HalfNormal)
def _(p: HalfNormal, q: HalfNormal) -> Tensor:
    """That of the normal laws about zero."""
    gap = (p.scale - q.scale) / q.scale
    return 0.5 * gap * gap + deviance(q.scale, p.scale) / q.scale
