"""Transforms of numbers: exponential, power, sigmoid, tanh, softplus, absolute value, affine."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ..constraints import Constraint, independent, interval, nonnegative, positive, real
from ..constraints import unit_interval as unit
from ..constraints.pieces import sum_rightmost
from ..constraints.record import is_number
from ..core.shapes import joint
from ..special import log_sigmoid, logit, softplus_inverse
from ..special.hyperbolic import log_cosh, log_logistic, sigmoid, tanh
from .base import Transform

Number = float | Tensor


def softplus(x: Tensor) -> Tensor:
    r"""The function :math:`\log(1 + e^x)`; beyond 40 it is :math:`x` to all digits of float64."""
    return functional.softplus(x, threshold=40.0)


class ExpTransform(Transform):
    r"""The exponential :math:`y = e^x`, from the real line to the positive numbers.

    Example:
        >>> import torch
        >>> ExpTransform().forward_and_ldj(torch.tensor(0.0))
        (tensor(1.), tensor(0.))
    """

    domain = real
    codomain = positive
    bijective = True
    sign = 1

    def _call(self, x: Tensor) -> Tensor:
        return x.exp()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The point ``x`` itself."""
        return x


class PowerTransform(Transform):
    r"""The power :math:`y = x^a` of positive numbers.

    Args:
        exponent: :math:`a \ne 0`, a number or a tensor that broadcasts with ``x``.
        cache_size: stored, without effect.

    Raises:
        ValueError: if ``exponent`` is the number 0.

    Example:
        >>> import torch
        >>> PowerTransform(2.0).inv(torch.tensor(9.0))
        tensor(3.)
    """

    domain = positive
    codomain = positive
    bijective = True
    _fields = ("exponent",)

    def __init__(self, exponent: Number, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.exponent = _nonzero(exponent, "PowerTransform: exponent")

    @property
    def sign(self) -> int | Tensor:
        """The sign of the exponent."""
        return _sign(self.exponent)

    def _call(self, x: Tensor) -> Tensor:
        return x**self.exponent

    def _inverse(self, y: Tensor) -> Tensor:
        return y ** (1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        r"""The logarithm :math:`\log |a| + (a - 1) \log x`."""
        return _log_slope(self.exponent, x)

    def inverse_and_ldj(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The root and its log-determinant, which comes from ``y``: the root itself may over- or underflow."""
        return self._inverse(y), _log_slope(1 / self.exponent, y)

    def forward_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape broadcast with that of the exponent."""
        return broadcast_shape(shape, self.exponent)

    def inverse_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape broadcast with that of the exponent."""
        return broadcast_shape(shape, self.exponent)


class SigmoidTransform(Transform):
    r"""The logistic function :math:`y = 1 / (1 + e^{-x})`, from the real line to the unit interval.

    Nothing is clamped: far out, ``y`` is 0 or 1 to the precision of the dtype. The log-determinant
    comes from ``x`` and stays exact there.

    Example:
        >>> import torch
        >>> SigmoidTransform().forward_and_ldj(torch.tensor(50.0))
        (tensor(1.), tensor(-50.))
    """

    domain = real
    codomain = unit
    bijective = True
    sign = 1

    def _call(self, x: Tensor) -> Tensor:
        return sigmoid(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return logit(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        r"""The logarithm :math:`\log y (1 - y) = -2 \log(2 \cosh\frac x2)`."""
        return log_logistic(x)


class TanhTransform(Transform):
    r"""The hyperbolic tangent :math:`y = \tanh x`, from the real line to :math:`[-1, 1]`.

    Nothing is clamped: far out, ``y`` is -1 or 1 to the precision of the dtype. The log-determinant
    comes from ``x`` and stays exact there.

    Example:
        >>> import torch
        >>> TanhTransform().forward_and_ldj(torch.tensor(50.0))
        (tensor(1.), tensor(-98.6137))
    """

    domain = real
    codomain = interval(-1.0, 1.0)
    bijective = True
    sign = 1

    def _call(self, x: Tensor) -> Tensor:
        return tanh(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        r"""The logarithm :math:`\log(1 - y^2) = -2 \log\cosh x`."""
        return -2 * log_cosh(x)


class SoftplusTransform(Transform):
    r"""The function :math:`y = \log(1 + e^x)`, from the real line to the positive numbers.

    Example:
        >>> import torch
        >>> SoftplusTransform()(torch.tensor([-100.0, 0.0, 100.0]))
        tensor([3.7835e-44, 6.9315e-01, 1.0000e+02])
    """

    domain = real
    codomain = positive
    bijective = True
    sign = 1

    def _call(self, x: Tensor) -> Tensor:
        return softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return softplus_inverse(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        r"""The logarithm :math:`-\log(1 + e^{-x})` of the logistic function."""
        return log_sigmoid(x)


class AbsTransform(Transform):
    """The absolute value, which has no inverse: its pseudo-inverse keeps ``y``.

    Example:
        >>> import torch
        >>> AbsTransform()(torch.tensor(-2.0)), AbsTransform().bijective
        (tensor(2.), False)
    """

    domain = real
    codomain = nonnegative

    def _call(self, x: Tensor) -> Tensor:
        return x.abs()

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class AffineTransform(Transform):
    r"""The affine map :math:`y = m + s x` of every entry.

    Args:
        loc: :math:`m`, a number or a tensor that broadcasts with ``x``.
        scale: :math:`s \ne 0`, a number or a tensor that broadcasts with ``x``.
        event_dim: how many rightmost dimensions of ``x`` form one event, over which the
            log-determinant is summed.
        cache_size: stored, without effect.

    Raises:
        ValueError: if ``scale`` is the number 0.

    Example:
        >>> import torch
        >>> t = AffineTransform(1.0, torch.tensor([2.0, 4.0]), event_dim=1)
        >>> t.forward_and_ldj(torch.ones(2))
        (tensor([3., 5.]), tensor(2.0794))
    """

    event_dim: int = 0
    bijective = True
    _fields = ("loc", "scale")

    def __init__(self, loc: Number, scale: Number, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc = loc
        self.scale = _nonzero(scale, "AffineTransform: scale")
        self.event_dim = event_dim

    @property
    def domain(self) -> Constraint:
        """The real line, or real tensors of ``event_dim`` dimensions."""
        return independent(real, self.event_dim) if self.event_dim else real

    @property
    def codomain(self) -> Constraint:
        """The same as the domain."""
        return self.domain

    @property
    def sign(self) -> int | Tensor:
        """The sign of the scale."""
        return _sign(self.scale)

    def _call(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        r"""The sum of :math:`\log |s|` over the event."""
        shape, n = y.shape, self.event_dim
        if shape != x.shape:
            shape = torch.broadcast_shapes(shape, x.shape)
        if n > len(shape):
            raise ValueError(f"{self!r}: x has only {len(shape)} dimensions")
        batch, event = shape[: len(shape) - n], shape[len(shape) - n :]
        log_scale = _log_abs(self.scale)
        if not isinstance(log_scale, Tensor):
            total = event.numel() * log_scale
            whole = not y.dtype.is_floating_point
            return torch.full(batch, total, dtype=torch.get_default_dtype() if whole else y.dtype, device=y.device)
        if n:
            log_scale = sum_rightmost(log_scale.expand(joint(event, log_scale.shape)), n)
        return log_scale.expand(batch)

    def forward_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape broadcast with those of ``loc`` and ``scale``."""
        return broadcast_shape(shape, self.loc, self.scale)

    def inverse_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape broadcast with those of ``loc`` and ``scale``."""
        return broadcast_shape(shape, self.loc, self.scale)


def _nonzero(value: Number, what: str) -> Number:
    if is_number(value) and value == 0:
        raise ValueError(f"{what} must not be 0")
    return value


def _sign(value: Number) -> int | Tensor:
    if isinstance(value, Tensor):
        return value.sign()
    return 1 if value > 0 else -1


def _log_slope(exponent: Number, x: Tensor) -> Tensor:
    """The logarithm of the size of the derivative of a power."""
    if isinstance(exponent, Tensor):
        return torch.addcmul(exponent.abs().log(), exponent - 1, x.log())
    return (exponent - 1) * x.log() + math.log(abs(exponent))


def _log_abs(value: Number) -> Number:
    return value.abs().log() if isinstance(value, Tensor) else math.log(abs(value))


def broadcast_shape(shape: Sequence[int], *values: Number) -> torch.Size:
    """``shape`` broadcast with those of the values that are tensors."""
    shapes = (v.shape for v in values if isinstance(v, Tensor))
    result: torch.Size = torch.broadcast_shapes(torch.Size(shape), *shapes)
    return result
