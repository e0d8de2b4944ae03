r"""The incomplete gamma functions P and Q, their logarithms, and the gradient of gamma quantiles."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ._derivatives import elementwise
from ._gamma_tail import (
    DOUBLE,
    SINGLE,
    Effort,
    Tail,
    log_density,
    log_tail,
    point,
    point_of_log,
    quantile_bends,
    tail,
)
from .logs import log1mexp
from .polygamma import lgamma

# Elements evaluated at a time: few nodes each, so more of them than elsewhere.
BLOCK = 2048


def _quantile_bends(a: Tensor, y: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    return quantile_bends(a, point_of_log(a, y), slope)


def _quantile_grad(a: Tensor, y: Tensor, effort: Effort = DOUBLE) -> Tensor:
    upper, log_hazard, slope = tail(a, point_of_log(a, y), effort)
    return torch.where(upper, slope, -slope) * torch.exp(-log_hazard)


@elementwise(
    _quantile_bends,
    single=partial(_quantile_grad, effort=SINGLE),
    of_value=True,
    wide=True,
    block=BLOCK,
    native="log_gamma_quantile_grad",
)
def log_gamma_quantile_grad(a: Tensor, y: Tensor) -> Tensor:
    r"""The derivative in a of y, the logarithm of the gamma(a) quantile of a fixed probability.

    .. math:: \frac{dy}{da} = -\frac{\partial P(a, e^y)/\partial a}{D(a, y)}, \qquad
              D = \frac{e^{a y - e^y}}{\Gamma(a)},

    computed as the derivative of the logarithm of the smaller tail over its hazard. It takes the logarithm, so
    that it is right for draws that underflow: for small :math:`e^y` it is :math:`(\psi(a+1) - y)/a`.

    Args:
        a: concentration, positive.
        y: logarithm of the quantile.

    References:
        Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.

    Example:
        >>> log_gamma_quantile_grad(torch.tensor([1e-3, 1e6]), torch.tensor([-1000.0, 13.8155]))
        tensor([9.9942e+05, 1.0000e-06])
    """
    return _quantile_grad(a, y)


def _tail(a: Tensor, x: Tensor) -> tuple[Tail, Tensor]:
    """The smaller tail at x, and its logarithm; at 0 and infinity that of some other point."""
    at = point(a, torch.where((x == 0) | (x == math.inf), 1.0, x))
    part = tail(a, at)
    return part, log_tail(a, at, part.log_hazard)


def complement(log_value: Tensor) -> Tensor:
    """1 - exp(t) for t <= 0; the derivative of expm1 alone would lose small tails."""
    near = log_value > -math.log(2)
    small, large = torch.where(near, log_value, -0.5), torch.where(near, -1.0, log_value)
    return torch.where(near, -torch.expm1(small), 1 - torch.exp(large))


def _with_limits(a: Tensor, x: Tensor, value: Tensor, zero: Tensor | float, infinity: Tensor | float) -> Tensor:
    value = torch.where(x == 0, zero, torch.where(x == math.inf, infinity, value))
    return torch.where(a > 0, value, math.nan)


def _density(a: Tensor, x: Tensor) -> Tensor:
    r"""The density :math:`x^{a-1} e^{-x} / \Gamma(a)`, with its limits."""
    left, end = x < 1, x == math.inf
    low, high = torch.where(left, x, 0.5), torch.where(left | end, 1.0, x)
    value = torch.exp(log_density(a, point(a, high))) / high
    value = torch.where(left, torch.pow(low, a - 1) * torch.exp(-low - lgamma(a)), value)
    return _with_limits(a, x, value, value, 0.0)


def _slope(a: Tensor, x: Tensor) -> Tensor:
    r""":math:`\partial Q/\partial a`."""
    part, log_value = _tail(a, x)
    value = torch.exp(log_value) * torch.where(part.upper, part.slope, -part.slope)
    return _with_limits(a, x, value, 0.0, 0.0)


def _log_slopes(upper: bool) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The derivatives in a and x of the logarithm of the upper or lower tail."""

    def slopes(a: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        part, log_value = _tail(a, x)
        same, log_rest, density = part.upper == upper, log1mexp(log_value), _density(a, x)
        slope = torch.where(same, part.slope, -part.slope * torch.exp(log_value - log_rest))
        own = torch.exp(part.log_hazard) / torch.where(same & (x != 0), x, 1.0)
        hazard = torch.where(same, own, density * torch.exp(-log_rest))
        if upper:
            return _with_limits(a, x, slope, 0.0, math.inf), -_with_limits(a, x, hazard, density, 1.0)
        return _with_limits(a, x, slope, -math.inf, 0.0), _with_limits(a, x, hazard, math.inf, 0.0)

    return slopes


@elementwise(lambda a, x: -_slope(a, x), _density, wide=True, block=BLOCK, native="gammainc")
def gammainc(a: Tensor, x: Tensor) -> Tensor:
    r"""The regularised lower incomplete gamma function.

    .. math:: P(a, x) = \frac{1}{\Gamma(a)} \int_0^x s^{a-1} e^{-s}\,ds

    Args:
        a: positive.
        x: not negative; a negative x gives NaN.

    References:
        DLMF 8.2.4.

    Example:
        >>> gammainc(torch.tensor([1.0, 1e6]), torch.tensor([1e-10, 1e6]))
        tensor([1.0000e-10, 5.0013e-01])
    """
    part, log_value = _tail(a, x)
    value = torch.where(part.upper, complement(log_value), torch.exp(log_value))
    return _with_limits(a, x, value, 0.0, 1.0)


@elementwise(_slope, lambda a, x: -_density(a, x), wide=True, block=BLOCK, native="gammaincc")
def gammaincc(a: Tensor, x: Tensor) -> Tensor:
    r"""The regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x), never by that difference.

    Args:
        a: positive.
        x: not negative; a negative x gives NaN.

    References:
        DLMF 8.2.4.

    Example:
        >>> gammaincc(torch.tensor([1.0, 1e-8]), torch.tensor([80.0, 1.0]))
        tensor([1.8049e-35, 2.1938e-09])
    """
    part, log_value = _tail(a, x)
    value = torch.where(part.upper, torch.exp(log_value), complement(log_value))
    return _with_limits(a, x, value, 1.0, 0.0)


@elementwise(_log_slopes(False), wide=True, block=BLOCK, native="log_gammainc")
def log_gammainc(a: Tensor, x: Tensor) -> Tensor:
    r""":math:`\log P(a, x)`, finite where P underflows and accurate where P is close to 1.

    Args:
        a: positive.
        x: not negative; a negative x gives NaN.

    Example:
        >>> log_gammainc(torch.tensor(1000.0), torch.tensor([1.0, 1200.0]))
        tensor([-5.9131e+03, -1.2882e-09])
    """
    part, log_value = _tail(a, x)
    value = torch.where(part.upper, log1mexp(log_value), log_value)
    return _with_limits(a, x, value, -math.inf, 0.0)


@elementwise(_log_slopes(True), wide=True, block=BLOCK, native="log_gammaincc")
def log_gammaincc(a: Tensor, x: Tensor) -> Tensor:
    r""":math:`\log Q(a, x)`, finite where Q underflows and accurate where Q is close to 1.

    Args:
        a: positive.
        x: not negative; a negative x gives NaN.

    Example:
        >>> log_gammaincc(torch.tensor(1.0), torch.tensor([1e-10, 1e6]))
        tensor([-1.0000e-10, -1.0000e+06])
    """
    part, log_value = _tail(a, x)
    value = torch.where(part.upper, log_value, log1mexp(log_value))
    return _with_limits(a, x, value, 0.0, -math.inf)
