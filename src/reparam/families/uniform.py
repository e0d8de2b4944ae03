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
from ..kernels.checks import all_finite


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

    def _ends(self) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """The ends and their distance; and, where this may overflow, the unit that all three are in, 1 or 2."""
        width = self.high - self.low
        if all_finite(width):
            return self.low, self.high, width, None
        unit = torch.where(width.isinf(), 2.0, torch.ones_like(width))
        low, high = self.low / unit, self.high / unit
        return low, high, high - low, unit

    @fused("uniform_log_prob", "low", "high", tracked=False)
    def _log_prob(self, x: Tensor) -> Tensor:
        value = -(self.high - self.low).log()
        value = value if all_finite(value) else -self._entropy()
        return value if value.shape == x.shape else value.expand(joint(x.shape, value.shape))

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        u = uniform(shape, self.low, generator)
        x = torch.lerp(self.low, self.high, u)
        if all_finite(x):
            return x
        low, high, _, unit = self._ends()
        return _restored(torch.lerp(low, high, u), unit)

    def _share(self, x: Tensor, upper: bool) -> Tensor:
        """The share of the interval on one side of x, from the smaller: neither it nor a derivative cancels."""
        low, high, width, unit = self._ends()
        x = x if unit is None else x / unit
        part, rest = (high - x, x - low) if upper else (x - low, high - x)
        return torch.where(part < rest, part / width, 1 - rest / width)

    def _cdf(self, x: Tensor) -> Tensor:
        return self._share(x, False)

    def _sf(self, x: Tensor) -> Tensor:
        return self._share(x, True)

    def _icdf(self, p: Tensor) -> Tensor:
        low, _, width, unit = self._ends()
        return _restored(low + p * width, unit)

    def _isf(self, p: Tensor) -> Tensor:
        _, high, width, unit = self._ends()
        return _restored(high - p * width, unit)

    def _entropy(self) -> Tensor:
        _, _, width, unit = self._ends()
        return width.log() if unit is None else width.log() + unit.log()

    def _mean(self) -> Tensor:
        low, _, width, unit = self._ends()
        return _restored(low + width / 2, unit)

    _mode = _median = _mean

    def _variance(self) -> Tensor:
        width = self.high - self.low
        return width / 12 * width

    def _stddev(self) -> Tensor:
        _, _, width, unit = self._ends()
        return _restored(width * 12**-0.5, unit)

    def _skewness(self) -> Tensor:
        return torch.zeros_like(self.low)

    def _kurtosis(self) -> Tensor:
        return torch.full_like(self.low, -1.2)


def _restored(value: Tensor, unit: Tensor | None) -> Tensor:
    return value if unit is None else value * unit


@register_kl(Uniform, Uniform)
def _(p: Uniform, q: Uniform) -> Tensor:
    (_, _, inner, inner_unit), (_, _, outer, outer_unit) = p._ends(), q._ends()
    value = (outer / inner).log()
    value = value if inner_unit is None else value - inner_unit.log()
    return value if outer_unit is None else value + outer_unit.log()
