"""The uniform law on an interval."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ..constraints import greater_than, interval, real
from ..core.distribution import Distribution
from ..core.noise import uniform
from ..core.params import param
from ..core.registry import register_kl
from ..core.shapes import joint
from ..kernels import fused


class Uniform(Distribution):
    r"""The uniform law on the closed interval from ``low`` to ``high``.

    .. math:: p(x) = \frac{1}{b - a}, \qquad a \le x \le b

    Args:
        low: lower end :math:`a`, real.
        high: upper end :math:`b > a`.

    Shapes:
        ``low`` and ``high`` broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: ``[low, high]``,
        both ends included.

    Raises:
        ValueError: if ``high`` is not above ``low``.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, 1995, chapter 26.

    Example:
        >>> Uniform(0.0, 4.0).log_prob(torch.tensor(4.0)).exp()
        tensor(0.2500)
    """

    low = param(real, symbol="a", typical=(-2.0, 0.0))
    high = param(greater_than("low"), symbol="b", typical=(0.5, 3.0))
    support = interval("low", "high")

    @fused("uniform_log_prob", "low", "high", tracked=False)
    def _log_prob(self, x: Tensor) -> Tensor:
        value = -(self.high - self.low).log()
        return value if value.shape == x.shape else value.expand(joint(x.shape, value.shape))

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        u = uniform(shape, self.low, generator)
        return torch.lerp(self.low, self.high, u)

    def _cdf(self, x: Tensor) -> Tensor:
        return _share(x - self.low, self.high - x, self.high - self.low)

    def _sf(self, x: Tensor) -> Tensor:
        return _share(self.high - x, x - self.low, self.high - self.low)

    def _icdf(self, p: Tensor) -> Tensor:
        return self.low + p * (self.high - self.low)

    def _isf(self, p: Tensor) -> Tensor:
        return self.high - p * (self.high - self.low)

    def _entropy(self) -> Tensor:
        return (self.high - self.low).log()

    def _mean(self) -> Tensor:
        return self.low + (self.high - self.low) / 2

    _mode = _median = _mean

    def _variance(self) -> Tensor:
        return (self.high - self.low) ** 2 / 12

    def _skewness(self) -> Tensor:
        return torch.zeros_like(self.low)

    def _kurtosis(self) -> Tensor:
        return torch.full_like(self.low, -1.2)


def _share(part: Tensor, rest: Tensor, whole: Tensor) -> Tensor:
    """The share of a part, from the smaller piece: neither its value nor a derivative cancels."""
    return torch.where(part < rest, part / whole, 1 - rest / whole)


@register_kl(Uniform, Uniform)
def _(p: Uniform, q: Uniform) -> Tensor:
    return ((q.high - q.low) / (p.high - p.low)).log()
