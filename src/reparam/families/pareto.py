"""The Pareto law."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor

from ..constraints import greater_than_eq, positive
from ..core.noise import exponential
from ..core.params import param
from ..core.registry import register_kl
from ..kernels import fused
from ..special import deviance
from ..special.quotients import log_ratio
from .exponential import ExponentialTails
from .exponential_family import ExponentialFamily


class Pareto(ExponentialTails, ExponentialFamily):
    r"""The Pareto law of type 1: a power tail that begins at ``scale``.

    .. math:: p(x) = \frac{\alpha}{x} \left(\frac{s}{x}\right)^\alpha, \qquad x \ge s

    With a known ``scale`` it is an exponential family. Moments that diverge are infinite; those about an infinite mean
    or in units of an infinite deviation are NaN.

    Args:
        scale: the least value :math:`s > 0`.
        alpha: exponent :math:`\alpha > 0`.

    Shapes:
        ``scale`` and ``alpha`` broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: ``[scale, inf)``.

    Raises:
        ValueError: if a parameter is not positive.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 1994, chapter 20.

    Example:
        >>> d = Pareto(1.0, 2.0)
        >>> d.mean, d.variance, d.log_sf(torch.tensor(1e30))
        (tensor(2.), tensor(inf), tensor(-138.1551))
    """

    scale = param(positive, symbol="s", typical=(0.3, 3.0))
    alpha = param(positive, symbol=r"\alpha", typical=(1.5, 8.0))
    support = greater_than_eq("scale")

    @fused("pareto_log_prob", "scale", "alpha")
    def _log_prob(self, x: Tensor) -> Tensor:
        return (self.alpha.log() - x.log()) - self._noise(x)

    def _noise(self, x: Tensor) -> Tensor:
        return self.alpha * log_ratio(x, self.scale)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self._at(exponential(shape, self.scale, generator))

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        noise = exponential(shape, self.scale, generator)
        log_x = self.scale.log() + noise / self.alpha
        return self._at(noise), (self.alpha.log() - log_x) - noise

    def _at(self, noise: Tensor) -> Tensor:
        return self.scale * torch.exp(noise / self.alpha)

    def _entropy(self) -> Tensor:
        return log_ratio(self.scale, self.alpha) + 1 / self.alpha + 1

    def _mean(self) -> Tensor:
        finite, u = self._inverse(1.0)
        return torch.where(finite, self.scale / (1 - u), torch.inf)

    def _mode(self) -> Tensor:
        return self.scale

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (-self.alpha,)

    def _log_normalizer(self, a: Tensor) -> Tensor:
        return a * self.scale.log() - (-a).log()

    @property
    def _mean_carrier_measure(self) -> Tensor:
        return -self.scale.log() - 1 / self.alpha

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x.log(),)

    @classmethod
    def _from_natural(cls, a: Tensor, scale: Any = 1.0) -> dict[str, Any]:
        return {"scale": scale, "alpha": -a}

    @classmethod
    def _from_mean(cls, log_x: Tensor, scale: Any = 1.0) -> dict[str, Any]:
        return {
            "scale": scale,
            "alpha": 1 / (log_x - torch.as_tensor(scale, dtype=log_x.dtype, device=log_x.device).log()),
        }

    def _variance(self) -> Tensor:
        finite, u = self._inverse(2.0)
        return torch.where(finite, (self.scale * u / (1 - u)) ** 2 / (1 - 2 * u), torch.inf)

    def _stddev(self) -> Tensor:
        finite, u = self._inverse(2.0)
        return torch.where(finite, self.scale * u / (1 - u) * (1 - 2 * u).rsqrt(), torch.inf)

    def _skewness(self) -> Tensor:
        finite, u = self._inverse(3.0)
        return torch.where(finite, 2 * (1 + u) * (1 - 2 * u).sqrt() / (1 - 3 * u), self._infinite())

    def _kurtosis(self) -> Tensor:
        finite, u = self._inverse(4.0)
        value = 6 * (1 + u - 6 * u**2 - 2 * u**3) / ((1 - 3 * u) * (1 - 4 * u))
        return torch.where(finite, value, self._infinite())

    def _inverse(self, order: float) -> tuple[Tensor, Tensor]:
        """Whether the moment of an order is finite, and 1/alpha where it is."""
        finite = self.alpha > order
        return finite, 1 / torch.where(finite, self.alpha, 2 * order)

    def _infinite(self) -> Tensor:
        return torch.where(self.alpha > 2, torch.full_like(self.alpha, torch.inf), torch.nan)


@register_kl(Pareto, Pareto)
def _(p: Pareto, q: Pareto) -> Tensor:
    """Where p begins below q it is infinite, which follows from the supports."""
    return deviance(p.alpha, q.alpha) / p.alpha + q.alpha * log_ratio(p.scale, q.scale)
