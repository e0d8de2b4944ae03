r"""Variance, skewness and kurtosis from the logarithms of moments, where the moments nearly cancel.

Let :math:`c`, :math:`d_3` and :math:`d_4` be the second, third and fourth forward differences of
:math:`L(t) = \log E X^t` at 0 with step 1. The central moments of X, in powers of its mean, are sums of products of
:math:`w = e^c - 1`, :math:`a = e^{d_3} - 1` and :math:`b = e^{d_4} - 1`: nothing cancels for narrow laws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ...special import log1mexp, trigamma
from ...special._quadrature import gauss_legendre

# log(2): beyond, the law is wide and moments do not cancel
WIDE = 0.7
Curve = Callable[[Tensor], Tensor]
Rule = tuple[tuple[float, ...], tuple[float, ...]]


def _spline_rule(order: int) -> Rule:
    """Nodes and weights for the integral of f(u_1 + ... + u_n) over the unit cube: against the B-spline."""
    nodes, weights = [], []
    for piece in range(order):
        for u, w in zip(*gauss_legendre(12)):
            t = piece + u
            terms = ((-1) ** j * math.comb(order, j) * max(t - j, 0.0) ** (order - 1) for j in range(order + 1))
            nodes.append(t)
            weights.append(w * sum(terms) / math.factorial(order - 1))
    return tuple(nodes), tuple(weights)


RULES = {order: _spline_rule(order) for order in (2, 3, 4)}


def quick_polygamma(order: int, x: Tensor) -> Tensor:
    """The derivative of that order of the digamma function, order at least 1, by one operation."""
    return trigamma(x) if order == 1 else torch.polygamma(order, x)


def log_moments(curve: Curve, slope: Callable[[int, Tensor], Tensor], step: Tensor) -> LogMoments:
    r"""The differences of the logarithms of moments.

    Args:
        curve: t -> the logarithm of the moment of order t / step.
        slope: (n, t) -> its n-th derivative, n from 2 to 4, where t has one dimension more.
        step: the t of the mean, in float64.
    """
    return LogMoments(curve(step), *(_difference(order, curve, slope, step) for order in (2, 3, 4)))


def _difference(order: int, curve: Curve, slope: Callable[[int, Tensor], Tensor], step: Tensor) -> Tensor:
    """Of that order at 0: an integral of the derivative for steps below 1, directly beyond."""
    near = step < 1
    small, large = torch.where(near, step, 0.5), torch.where(near, 2.0, step)
    nodes, weights = (step.new_tensor(v) for v in RULES[order])
    integral = small**order * (weights * slope(order, small.unsqueeze(-1) * nodes)).sum(-1)
    direct = torch.zeros_like(large)
    for j in range(1, order + 1):
        direct = direct + (-1) ** (order - j) * math.comb(order, j) * curve(j * large)
    return torch.where(near, integral, direct)


class LogMoments(NamedTuple):
    """The first to fourth forward differences of the logarithms of moments."""

    mean: Tensor
    second: Tensor
    third: Tensor
    fourth: Tensor

    def stddev(self) -> Tensor:
        """The standard deviation."""
        c = self.second
        return torch.exp(self.mean + 0.5 * (c + log1mexp(-c)))

    def skewness(self) -> Tensor:
        """The third standardised moment."""
        c, d = self.second, self.third
        narrow = c < WIDE
        w, a = torch.expm1(torch.where(narrow, c, WIDE)), torch.expm1(torch.where(narrow, d, 0.0))
        near = (1 + w) ** 3 * a / w**1.5 + w.sqrt() * (3 + w)
        c = torch.where(narrow, WIDE, c)
        far = torch.exp(1.5 * c + d) - 3 * torch.exp(-0.5 * c) + 2 * torch.exp(-1.5 * c)
        return torch.where(narrow, near, far * (-torch.expm1(-c)) ** -1.5)

    def kurtosis(self) -> Tensor:
        """The fourth standardised moment, less 3."""
        _, c, d, e = self
        narrow = c < WIDE
        w = torch.expm1(torch.where(narrow, c, WIDE))
        a, b = (torch.expm1(torch.where(narrow, v, 0.0)) for v in (d, e))
        cube = (1 + w) ** 3
        mixed = 4 * (a / w) * cube * (3 + w * (3 + w)) + cube**2 * (a / w) ** 2 * (6 + a * (4 + a))
        near = w * (16 + w * (15 + w * (6 + w))) + mixed + cube**2 * (1 + a) ** 4 * (b / w**2)
        c = torch.where(narrow, WIDE, c)
        ratio = torch.exp(-3 * c - 3 * d - e)
        far = torch.exp(4 * c + 4 * d + e) * (1 - 4 * ratio) + 6 * torch.exp(-c) - 3 * torch.exp(-2 * c)
        return torch.where(narrow, near, far * (-torch.expm1(-c)) ** -2 - 3)
