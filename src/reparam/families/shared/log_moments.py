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

from ...special import log1mexp, log_gamma_ratio, trigamma
from ...special._quadrature import gauss_legendre

# log(2): beyond, the law is wide and moments do not cancel
WIDE = 0.7
# the logarithm of the largest number, and so of moments: those beyond are infinite, and do not move
MOST = 709.0
# means that are taken for no smaller, so that their fourth powers are numbers
SMALLEST = 1e-70
# the trapezoidal rule for roots of beta variables, in the logarithm of the variable
LEFT, RIGHT, STEP = 38.0, 4.5, 0.1875
Curve = Callable[[Tensor], Tensor]
Slope = Callable[[int, Tensor], Tensor]
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


def log_moments(curve: Curve, slope: Slope, step: Tensor) -> LogMoments:
    r"""The differences of the logarithms of moments.

    Args:
        curve: t -> the logarithm of the moment of order t / step.
        slope: (n, t) -> its n-th derivative, n from 2 to 4, where t has one dimension more.
        step: the t of the mean, in float64.
    """
    return LogMoments(curve(step), *(_difference(order, curve, slope, step) for order in (2, 3, 4)))


def log_spread(curve: Curve, slope: Slope, step: Tensor) -> Tensor:
    """The second difference alone, of what :func:`log_moments` is given."""
    return _difference(2, curve, slope, step)


def stddev_of(mean: Tensor, second: Tensor) -> Tensor:
    """The standard deviation from the first two differences."""
    return torch.exp(mean + 0.5 * (second + log1mexp(-second)))


def _difference(order: int, curve: Curve, slope: Slope, step: Tensor) -> Tensor:
    """Of that order at 0: an integral of the derivative for steps below 1, directly beyond."""
    near = step < 1
    small, large = torch.where(near, step, 0.5), torch.where(near, 2.0, step)
    nodes, weights = (step.new_tensor(v) for v in RULES[order])
    integral = small**order * (weights * slope(order, small.unsqueeze(-1) * nodes)).sum(-1)
    direct = torch.zeros_like(large)
    for j in range(1, order + 1):
        direct = direct + (-1) ** (order - j) * math.comb(order, j) * curve(j * large)
    return torch.where(near, integral, direct)


def log_moments_of_central(mean: Tensor, second: Tensor, third: Tensor, fourth: Tensor) -> LogMoments:
    """The differences for a positive variable with this mean and these central moments, in float64.

    The logarithms of products of independent variables add: so do these differences.
    """
    scale = mean.clamp(min=SMALLEST)
    w, g, k = second / scale**2, third / scale**3, fourth / scale**4  # raw moments: 1 + w, 1 + 3w + g, 1 + 6w + 4g + k
    c = torch.log1p(w)
    narrow = c < WIDE
    v, h, q = (torch.where(narrow, t, 0.0) for t in (w, g, k))
    cube, square = (1 + v) ** 3, v * v
    third_ratio = (h - square * (3 + v)) / cube
    mixed = 4 * h * v * (-3 + v * (-12 + v * (-7 + v * (15 + v * (6 + v)))))
    powers = square * (-3 + v * (2 + v * (54 + v * (96 + v * (37 + 6 * v)))))
    rest = 1 + 3 * v
    higher = h * h * (6 * rest**2 + h * (4 * rest + h))
    fourth_ratio = (q * cube**2 + powers + mixed - higher) / (rest + h) ** 4
    wide_third = (1 + 3 * w + g).log()
    wide_fourth = (1 + 6 * w + 4 * g + k).log()
    return LogMoments(
        scale.log(),
        c,
        torch.where(narrow, torch.log1p(third_ratio), wide_third - 3 * c),
        torch.where(narrow, torch.log1p(fourth_ratio), wide_fourth + 6 * c - 4 * wide_third),
    )


def root_beta_moments(a: Tensor, b: Tensor) -> LogMoments:
    r"""The differences for the root of a beta variable with exponents a and b, at least 1/2 the latter.

    With :math:`q = e^{-s/2}` they are integrals of one sign, the n-th

    .. math:: (-1)^n \int_0^\infty e^{-as} (1 - e^{-bs}) \frac{(1-q)^{n-1}}{1+q}\,\frac{ds}{s},

    by the trapezoidal rule in log s, which converges exponentially; below a = 1 at a + 1, and what that leaves out.

    Args:
        a: the first exponent, in float64.
        b: the second one.
    """
    low = a < 1
    up, across = torch.where(low, a + 1, a).unsqueeze(-1), torch.where(low, b - 1, b).unsqueeze(-1)
    u = torch.arange(-LEFT, RIGHT, STEP, dtype=a.dtype, device=a.device)
    s = torch.exp(u) / up.detach()
    fall = -torch.expm1(-0.5 * s)
    density = -STEP * torch.exp(-up * s) * torch.expm1(-across * s) / (2 - fall)
    second, third, fourth = ((-1) ** order * (density * fall ** (order - 1)).sum(-1) for order in (2, 3, 4))
    x = torch.where(low, a, 1.0)
    y = (x + 1).square()
    second = second + torch.where(low, torch.log1p(0.25 / (x * (x + 1))), 0.0)
    third = third - torch.where(low, torch.log1p((0.25 * x + 0.1875) / (x * (x + 1) ** 3)), 0.0)
    more = torch.log1p((y * (0.375 * y - 0.0625) + 1 / 256) / (y**3 * x * (x + 2)))
    half = torch.full_like(a, 0.5)
    mean = log_gamma_ratio(a, half) - log_gamma_ratio(a + b, half)
    return LogMoments(mean, second, third, fourth + torch.where(low, more, 0.0))


class LogMoments(NamedTuple):
    """The first to fourth forward differences of the logarithms of moments."""

    mean: Tensor
    second: Tensor
    third: Tensor
    fourth: Tensor

    def stddev(self) -> Tensor:
        """The standard deviation."""
        return stddev_of(self.mean, self.second)

    def skewness(self) -> Tensor:
        """The third standardised moment."""
        c, d = self.second, self.third
        narrow = c < WIDE
        w, a = torch.expm1(torch.where(narrow, c, WIDE)), torch.expm1(torch.where(narrow, d, 0.0))
        near = (1 + w) ** 3 * a / w**1.5 + w.sqrt() * (3 + w)
        beyond = ~narrow & (1.5 * c + d >= MOST)
        c, d = torch.where(narrow | beyond, WIDE, c), torch.where(narrow | beyond, 0.0, d)
        far = torch.exp(1.5 * c + d) - 3 * torch.exp(-0.5 * c) + 2 * torch.exp(-1.5 * c)
        value = torch.where(narrow, near, far * (-torch.expm1(-c)) ** -1.5)
        return torch.where(beyond, torch.inf, value)

    def kurtosis(self) -> Tensor:
        """The fourth standardised moment, less 3."""
        _, c, d, e = self
        narrow = c < WIDE
        w = torch.expm1(torch.where(narrow, c, WIDE))
        a, b = (torch.expm1(torch.where(narrow, v, 0.0)) for v in (d, e))
        cube = (1 + w) ** 3
        mixed = 4 * (a / w) * cube * (3 + w * (3 + w)) + cube**2 * (a / w) ** 2 * (6 + a * (4 + a))
        near = w * (16 + w * (15 + w * (6 + w))) + mixed + cube**2 * (1 + a) ** 4 * (b / w**2)
        beyond = ~narrow & (4 * c + 4 * d + e >= MOST)
        c, d, e = (torch.where(narrow | beyond, other, v) for v, other in ((c, WIDE), (d, 0.0), (e, 0.0)))
        ratio = torch.exp(-3 * c - 3 * d - e)
        far = torch.exp(4 * c + 4 * d + e) * (1 - 4 * ratio) + 6 * torch.exp(-c) - 3 * torch.exp(-2 * c)
        value = torch.where(narrow, near, far * (-torch.expm1(-c)) ** -2 - 3)
        return torch.where(beyond, torch.inf, value)
