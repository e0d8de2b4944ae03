"""Owen's T function: the normal probability of a wedge."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ._derivatives import elementwise
from ._quadrature import gauss_legendre, on_unit
from .normal import SQRT_HALF, ndtr
from .quotients import product

RULE = gauss_legendre(22)
BLOCK = 16384
# exp(-REACH^2 / 2) is lost against 1 in float64.
REACH = 9.0
MOST = 1e18
# Gauss-Legendre on [0, 1], exact to the third power
STEPS = (0.5 - math.sqrt(1 / 12), 0.5 + math.sqrt(1 / 12))


def _slope_in_h(h: Tensor, a: Tensor) -> Tensor:
    return -torch.exp(-0.5 * h * h) / math.sqrt(8 * math.pi) * torch.erf(SQRT_HALF * product(a, h))


def _slope_in_a(h: Tensor, a: Tensor) -> Tensor:
    square = 1 + a * a
    return torch.exp(-0.5 * (h * h + product(a, h) ** 2)) / (2 * math.pi * square)


@elementwise(_slope_in_h, _slope_in_a, wide=True, block=BLOCK, native="owens_t")
def owens_t(h: Tensor, a: Tensor) -> Tensor:
    r"""Owen's T function, the probability that X > h and 0 < Y < aX for independent standard normal X and Y.

    .. math:: T(h, a) = \frac{1}{2\pi} \int_0^a \frac{e^{-h^2 (1 + x^2) / 2}}{1 + x^2}\,dx

    By Gauss-Legendre quadrature as far as the integrand counts, for :math:`|a| \le 1`; beyond, with the upper tail
    Q of the normal law, from :math:`T(h, a) + T(ah, 1/a) = \frac12(Q(h) + Q(ah)) - Q(h) Q(ah)` for h, a > 0. It is
    even in h and odd in a, and keeps its relative accuracy as it becomes small.

    Args:
        h: real or infinite.
        a: real or infinite.

    References:
        Owen, Tables for computing bivariate normal probabilities, 1956.
        Patefield and Tandy, Fast and accurate calculation of Owen's T function, 2000.

    Example:
        >>> owens_t(torch.tensor([0.0, 2.0, 2.0]), torch.tensor([1.0, 0.5, torch.inf]))
        tensor([0.1250, 0.0086, 0.0114])
    """
    fixed_h, fixed_a = h.detach(), a.detach()
    return _value(fixed_h, fixed_a) + _moved(h, fixed_h, a, fixed_a)


def _difference(x: Tensor, y: Tensor) -> Tensor:
    """The difference, 0 where both are infinite."""
    far = y.isinf()
    return torch.where(far, 0.0, x) - torch.where(far, 0.0, y)


def _moved(h: Tensor, fixed_h: Tensor, a: Tensor, fixed_a: Tensor) -> Tensor:
    """The change of T from one point to another that is the same number: zero, with derivatives to the fourth order.

    The gradient of T is integrated along the line between them. Autograd through :func:`_value` would leave
    differences of large terms where T no longer depends on a.
    """
    by_h, by_a = _difference(h, fixed_h), _difference(a, fixed_a)
    total = torch.zeros_like(h)
    for step in STEPS:
        at_h, at_a = fixed_h + step * by_h, fixed_a + step * by_a
        total = total + 0.5 * (by_h * _slope_in_h(at_h, at_a) + by_a * _slope_in_a(at_h, at_a))
    return total


def _value(h: Tensor, a: Tensor) -> Tensor:
    size, height, there = a.abs(), h.abs(), product(a, h).abs()
    steep = size > 1
    k = torch.where(steep, there, height)
    ratio = torch.where(steep, 1 / torch.where(steep, size, 1.0), size)
    bounded = k.clamp(max=MOST)
    reach = torch.where(bounded * ratio > REACH, REACH / bounded.clamp(min=REACH), ratio).unsqueeze(-1)
    node, weight = on_unit(RULE, a)
    x = reach * node
    z = bounded.unsqueeze(-1) * x
    wedge = (reach * weight * torch.exp(-0.5 * z * z) / (1 + x * x)).sum(-1)
    body = torch.exp(-0.5 * k * k) * wedge / (2 * math.pi)
    high, far = ndtr(-height), ndtr(-there)
    return a.sign() * torch.where(steep, 0.5 * (high + far) - high * far - body, body)
