"""The transform onto an interval between two bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..constraints import Constraint, interval, real
from ..special.hyperbolic import log_logistic
from .base import Transform
from .elementwise import Number, broadcast_shape


class IntervalTransform(Transform):
    r"""The logistic function onto an interval: :math:`y = a + (b - a) / (1 + e^{-x})`.

    The value is computed from the nearer end, so that it never leaves the interval by rounding and
    keeps its distance to either end exact: the inverse is :math:`\log(y - a) - \log(b - y)`.

    Args:
        lower: :math:`a`, a number or a tensor that broadcasts with ``x``.
        upper: :math:`b > a`, a number or a tensor that broadcasts with ``x``.
        cache_size: stored, without effect.

    Raises:
        ValueError: if both bounds are numbers and ``lower`` is not below ``upper``.

    Example:
        >>> import torch
        >>> IntervalTransform(-1.0, 3.0)(torch.tensor([-100.0, 0.0, 100.0]))
        tensor([-1.,  1.,  3.])
    """

    domain = real
    bijective = True
    sign = 1
    _fields = ("lower", "upper")

    def __init__(self, lower: Number, upper: Number, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        if not (isinstance(lower, Tensor) or isinstance(upper, Tensor)) and not lower < upper:
            raise ValueError(f"lower must be below upper, got {lower!r} and {upper!r}")
        self.lower = lower
        self.upper = upper

    @property
    def codomain(self) -> Constraint:
        """The closed interval."""
        return interval(self.lower, self.upper)

    def _call(self, x: Tensor) -> Tensor:
        width = self.upper - self.lower
        below, above = self.lower + width * x.sigmoid(), self.upper - width * (-x).sigmoid()
        return torch.where(x < 0, below, above)

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.lower).log() - (self.upper - y).log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        r"""The logarithm :math:`\log(b - a) - 2 \log(2 \cosh\frac x2)`."""
        width = self.upper - self.lower
        log_width = width.log() if isinstance(width, Tensor) else math.log(width)
        return log_logistic(x) + log_width

    def forward_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape broadcast with those of the bounds."""
        return broadcast_shape(shape, self.lower, self.upper)

    def inverse_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape broadcast with those of the bounds."""
        return self.forward_shape(shape)
