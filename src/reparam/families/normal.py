"""The normal law."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from ..constraints import positive, real
from ..core.noise import normal
from ..core.params import param
from ..core.registry import register_kl
from ..kernels import fused, kernel
from ..special import deviance, log_ndtr, ndtr, ndtri, ndtri_exp
from .exponential_family import ExponentialFamily

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class Normal(ExponentialFamily):
    r"""The normal (Gaussian) law with mean ``loc`` and standard deviation ``scale``.

    .. math:: p(x) = \frac{1}{\sigma\sqrt{2\pi}} \exp\left(-\frac{(x-\mu)^2}{2\sigma^2}\right)

    Args:
        loc: mean :math:`\mu`, real.
        scale: standard deviation :math:`\sigma > 0`.

    Shapes:
        ``loc`` and ``scale`` broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: the real line.

    Raises:
        ValueError: if ``scale`` is not positive.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 1994, chapter 13.

    Example:
        >>> d = Normal(0.0, 1.0)
        >>> d.log_prob(torch.tensor(0.0))
        tensor(-0.9189)
        >>> d.log_sf(torch.tensor(10.0))
        tensor(-53.2313)
    """

    loc = param(real, symbol=r"\mu", typical=(-2.0, 2.0))
    scale = param(positive, symbol=r"\sigma", typical=(0.3, 3.0))
    support = real

    @fused("normal_log_prob", "loc", "scale", light=True)
    def _log_prob(self, x: Tensor) -> Tensor:
        z = (x - self.loc) / self.scale
        return -0.5 * z * z - self.scale.log() - HALF_LOG_TWO_PI

    def _log_shape(self, x: Tensor) -> Tensor:
        z = (x - self.loc) / self.scale
        return -0.5 * z * z

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        noise = normal(shape, self.loc, generator)
        return torch.addcmul(self.loc, noise, self.scale)

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        noise = normal(shape, self.loc, generator)
        log_prob = -0.5 * noise * noise - self.scale.log() - HALF_LOG_TWO_PI
        return torch.addcmul(self.loc, noise, self.scale), log_prob

    def _standardised(self, x: Tensor) -> Tensor:
        return (x - self.loc) / self.scale

    def _cdf(self, x: Tensor) -> Tensor:
        return ndtr(self._standardised(x))

    def _log_cdf(self, x: Tensor) -> Tensor:
        return log_ndtr(self._standardised(x))

    def _sf(self, x: Tensor) -> Tensor:
        return ndtr(-self._standardised(x))

    def _log_sf(self, x: Tensor) -> Tensor:
        return log_ndtr(-self._standardised(x))

    def _icdf(self, p: Tensor) -> Tensor:
        return self.loc + self.scale * ndtri(p)

    def _isf(self, p: Tensor) -> Tensor:
        return self.loc - self.scale * ndtri(p)

    def _icdf_exp(self, log_p: Tensor) -> Tensor:
        return self.loc + self.scale * ndtri_exp(log_p)

    def _isf_exp(self, log_p: Tensor) -> Tensor:
        return self.loc - self.scale * ndtri_exp(log_p)

    def _entropy(self) -> Tensor:
        return 0.5 + HALF_LOG_TWO_PI + self.scale.log()

    def _mean(self) -> Tensor:
        return self.loc

    _mode = _median = _mean

    def _variance(self) -> Tensor:
        return self.scale**2

    def _stddev(self) -> Tensor:
        return self.scale

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        precision = self.scale**-2
        return self.loc * precision, -0.5 * precision

    @staticmethod
    def _log_normalizer(a: Tensor, b: Tensor) -> Tensor:
        return -0.25 * a * a / b + 0.5 * (math.log(math.pi) - (-b).log())

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return x, x * x

    @classmethod
    def _from_natural(cls, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        return {"loc": -0.5 * a / b, "scale": (-2 * b).rsqrt()}

    @classmethod
    def _from_mean(cls, mean: Tensor, square: Tensor) -> dict[str, Tensor]:
        return {"loc": mean, "scale": (square - mean * mean).sqrt()}

    def _skewness(self) -> Tensor:
        return torch.zeros_like(self.loc)

    _kurtosis = _skewness


@register_kl(Normal, Normal)
def _(p: Normal, q: Normal) -> Tensor:
    return normal_divergence(p.loc, p.scale, q.loc, q.scale)


@kernel("normal_divergence")
def normal_divergence(loc: Tensor, scale: Tensor, other_loc: Tensor, other_scale: Tensor) -> Tensor:
    r"""With the shift and the gap in units of q, a sum of terms that are never negative.

    .. math:: \tfrac12 \Delta^2 + \tfrac12 \delta^2 + (\delta - \log(1 + \delta)), \qquad
        \Delta = \frac{\mu_p - \mu_q}{\sigma_q}, \quad \delta = \frac{\sigma_p - \sigma_q}{\sigma_q}
    """
    shift, gap = (loc - other_loc) / other_scale, (scale - other_scale) / other_scale
    return torch.add(deviance(other_scale, scale) / other_scale, shift * shift + gap * gap, alpha=0.5)
