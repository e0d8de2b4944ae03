"""The Weibull law."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor

from ..constraints import nonnegative, positive
from ..core.noise import exponential
from ..core.params import param
from ..core.registry import register_kl
from ..kernels import fused, kernel
from ..special import lgamma
from ..special.quotients import log_inverse_cloglog, log_ratio, one_minus_exp
from .exponential_family import ExponentialFamily
from .gumbel import EULER, gumbel_divergence, noise_of_log
from .shared.log_moments import log_moments, log_spread, quick_polygamma, stddev_of


class Weibull(ExponentialFamily):
    r"""The Weibull law: the smallest of many lifetimes, or ``scale`` times a power of an exponential number.

    .. math:: p(x) = \frac{k}{x} \left(\frac{x}{\lambda}\right)^k e^{-(x/\lambda)^k}, \qquad x \ge 0

    With a known ``concentration`` it is an exponential family.

    Args:
        scale: :math:`\lambda > 0`, the quantile of :math:`1 - 1/e`.
        concentration: shape :math:`k > 0`.

    Shapes:
        ``scale`` and ``concentration`` broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support:
        ``[0, inf)``.

    Raises:
        ValueError: if a parameter is not positive.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 1994, chapter 21.

    Example:
        >>> d = Weibull(2.0, 0.25)
        >>> d.mode, d.mean
        (tensor(0.), tensor(48.))
    """

    scale = param(positive, symbol=r"\lambda", typical=(0.3, 3.0))
    concentration = param(positive, symbol="k", typical=(0.6, 5.0))
    support = nonnegative

    @fused("weibull_log_prob", "scale", "concentration")
    def _log_prob(self, x: Tensor) -> Tensor:
        k, inside = self.concentration, (x > 0) & (x < torch.inf)
        log_x = log_ratio(torch.where(inside, x, self.scale), self.scale)
        at_zero = torch.where(k < 1, torch.inf, torch.where(k > 1, -torch.inf, -self.scale.log()))
        outer = torch.where(x > 0, -torch.inf, at_zero)
        return torch.where(inside, self._log_density(log_x, torch.exp(k * log_x)), outer)

    def _log_density(self, log_x: Tensor, noise: Tensor) -> Tensor:
        """From the logarithm of x in units of the scale, and its power k."""
        k = self.concentration
        return (k.log() - self.scale.log()) + (k - 1) * log_x - noise

    def _log_noise(self, x: Tensor) -> Tensor:
        zero = x == 0
        return torch.where(zero, -torch.inf, self.concentration * log_ratio(torch.where(zero, 1.0, x), self.scale))

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        noise = exponential(shape, self.scale, generator)
        return self.scale * torch.exp(noise.log() / self.concentration)

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        noise = exponential(shape, self.scale, generator)
        log_x = noise.log() / self.concentration
        return self.scale * log_x.exp(), self._log_density(log_x, noise)

    def _cdf(self, x: Tensor) -> Tensor:
        return one_minus_exp(-noise_of_log(self._log_noise(x)))

    def _log_cdf(self, x: Tensor) -> Tensor:
        return log_inverse_cloglog(self._log_noise(x))

    def _sf(self, x: Tensor) -> Tensor:
        return torch.exp(-noise_of_log(self._log_noise(x)))

    def _log_sf(self, x: Tensor) -> Tensor:
        return -torch.exp(self._log_noise(x))

    def _icdf(self, p: Tensor) -> Tensor:
        return self.scale * torch.exp((-torch.log1p(-p)).log() / self.concentration)

    def _isf(self, p: Tensor) -> Tensor:
        return self.scale * torch.exp((-p.log()).log() / self.concentration)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (-(self.scale**-self.concentration),)

    @staticmethod
    def _log_normalizer(a: Tensor) -> Tensor:
        return -(-a).log()

    @property
    def _mean_carrier_measure(self) -> Tensor:
        k = self.concentration
        return k.log() + (k - 1) * (self.scale.log() - EULER / k)

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x**self.concentration,)

    @classmethod
    def _from_natural(cls, a: Tensor, concentration: Any = 1.0) -> dict[str, Any]:
        return {"scale": (-a) ** (-1 / concentration), "concentration": concentration}

    @classmethod
    def _from_mean(cls, power: Tensor, concentration: Any = 1.0) -> dict[str, Any]:
        return {"scale": power ** (1 / concentration), "concentration": concentration}

    def _entropy(self) -> Tensor:
        k = self.concentration
        return EULER * (1 - 1 / k) + log_ratio(self.scale, k) + 1

    def _mean(self) -> Tensor:
        return self.scale * torch.exp(lgamma(1 + 1 / self.concentration))

    def _mode(self) -> Tensor:
        inner = self.concentration > 1
        k = torch.where(inner, self.concentration, 2.0)
        return torch.where(inner, self.scale * torch.exp(torch.log1p(-1 / k) / k), 0.0)

    def _step(self) -> Tensor:
        return 1 / self.concentration.double()

    def _variance(self) -> Tensor:
        return self._stddev() ** 2

    def _stddev(self) -> Tensor:
        step = self._step()
        return self.scale * stddev_of(_curve(step), _log_spread(step)).to(self.dtype)

    def _skewness(self) -> Tensor:
        return log_moments(_curve, _slope, self._step()).skewness().to(self.dtype)

    def _kurtosis(self) -> Tensor:
        return log_moments(_curve, _slope, self._step()).kurtosis().to(self.dtype)


def _curve(t: Tensor) -> Tensor:
    """The logarithm of the moment of order k t of x in units of the scale."""
    return lgamma(1 + t)


def _slope(order: int, t: Tensor) -> Tensor:
    return quick_polygamma(order - 1, 1 + t)


@kernel("weibull_log_spread")
def _log_spread(step: Tensor) -> Tensor:
    return log_spread(_curve, _slope, step)


@register_kl(Weibull, Weibull)
def _(p: Weibull, q: Weibull) -> Tensor:
    """That of the logarithms, which are Gumbel laws turned around."""
    return gumbel_divergence(q.concentration, p.concentration, q.concentration * log_ratio(p.scale, q.scale))
