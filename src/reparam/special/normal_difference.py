r"""The logarithm of the probability that a standard normal variate falls between two points."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ._derivatives import elementwise
from ._quadrature import gauss_legendre, on_unit
from .normal import EXPONENT, SQRT_HALF, SQRT_TWO_OVER_PI, erfcx, ndtr

RULE = gauss_legendre(12)
LOG_SQRT_TWO_PI = 0.5 * math.log(2 * math.pi)


def _mirrored(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Whether the interval is mirrored at 0, and the interval so that b is the end closer to 0."""
    mirror = a + b > 0
    return mirror, torch.where(mirror, -b, a), torch.where(mirror, -a, b)


def _one_side(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""Where b <= 0; there :math:`K = \int_0^{b-a} e^{-s|b| - s^2/2}\,ds` and the density at a over that at b."""
    apply = b <= 0
    a, b = torch.where(apply, a, -2.0), torch.where(apply, b, -1.0)
    a = torch.where(a == -math.inf, 2 * b - 2 * EXPONENT, a)
    length = b - a
    fall = -0.5 * length * (a + b)
    close = fall < 1
    near, width = torch.where(close, -b, 0.0).unsqueeze(-1), torch.where(close, length, 1.0)
    node, weight = on_unit(RULE, a)
    s = width.unsqueeze(-1) * node
    short = width * (weight * torch.exp(-s * (near + 0.5 * s))).sum(-1)
    away = torch.exp(-fall)
    a, b = torch.where(close, -2.0, a), torch.where(close, -1.0, b)
    far = (erfcx(-SQRT_HALF * b) - torch.where(close, 0.0, away) * erfcx(-SQRT_HALF * a)) / SQRT_TWO_OVER_PI
    return apply, torch.where(close, short, far), away


def _both_sides(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`\Phi(b) - \Phi(a)` for a < 0 < b, and its logarithm."""
    outside = ndtr(a) + ndtr(-b)
    centre = outside > 0.75
    low, high = torch.where(centre, a, -1.0), torch.where(centre, b, 1.0)
    inner = 0.5 * (torch.erf(SQRT_HALF * high) - torch.erf(SQRT_HALF * low))
    outer = torch.where(centre, 0.5, outside)
    return torch.where(centre, inner, 1 - outer), torch.where(centre, inner.log(), torch.log1p(-outer))


def _density(x: Tensor) -> Tensor:
    return 0.5 * SQRT_TWO_OVER_PI * torch.exp(-0.5 * x * x)


def _slopes(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Whether the interval is mirrored, and the densities at its farther and closer end over its probability."""
    mirror, a, b = _mirrored(a, b)
    apply, kernel, away = _one_side(a, b)
    mass, _ = _both_sides(torch.where(apply, -1.0, a), torch.where(apply, 1.0, b))
    far = torch.where(apply, away / kernel, _density(a) / mass)
    return mirror, far, torch.where(apply, 1 / kernel, _density(b) / mass)


def _slope_in_a(a: Tensor, b: Tensor) -> Tensor:
    mirror, far, near = _slopes(a, b)
    return -torch.where(mirror, near, far)


def _slope_in_b(a: Tensor, b: Tensor) -> Tensor:
    mirror, far, near = _slopes(a, b)
    return torch.where(mirror, far, near)


@elementwise(_slope_in_a, _slope_in_b, wide=True, native="log_ndtr_difference")
def log_ndtr_difference(a: Tensor, b: Tensor) -> Tensor:
    r""":math:`\log(\Phi(b) - \Phi(a))` for a < b, without cancellation or underflow.

    Mirrored, so that b is the end closer to 0. If 0 lies between, it is a sum of two error functions, or 1 less two
    tails. Otherwise

    .. math:: -\frac{b^2}{2} - \frac12\log 2\pi + \log\int_0^{b-a} e^{-s|b| - s^2/2}\,ds,

    the integral by Gauss-Legendre quadrature where its exponent stays below 1, beyond by the scaled complementary
    error function.

    Args:
        a: lower end; may be -inf.
        b: upper end; may be inf. It is -inf where b = a, NaN where b < a.

    References:
        DLMF 7.2, 7.18.

    Example:
        >>> log_ndtr_difference(torch.tensor([-1.0, 40.0]), torch.tensor([1.0, 40.001]))
        tensor([-3.8172e-01, -8.0785e+02])
    """
    equal = a == b
    _, a, b = _mirrored(a, b)
    apply, kernel, _ = _one_side(a, b)
    _, around = _both_sides(torch.where(apply, -1.0, a), torch.where(apply, 1.0, b))
    end = torch.where(apply, b, 0.0)
    beside = (kernel.log() - LOG_SQRT_TWO_PI) - 0.5 * end * end
    return torch.where(equal, -math.inf, torch.where(apply, beside, around))
