r"""The modified Bessel function :math:`I_v` of real order by its logarithm; the ratio of neighbours and its inverse.

Three methods cover :math:`v, x \ge 0`: the power series where it needs few terms, and two paths of integration
(:mod:`._bessel_paths`) beyond it.

References:
    DLMF 10.25.2, 10.32.12, 10.38.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ._bessel_paths import Path, corner, descent
from ._derivatives import elementwise, first_order
from ._quadrature import BLOCK
from .logs import xlogy
from .polygamma import digamma
from .stirling import log_gamma_ratio

TERMS = 30
STEPS = 5

Method = Callable[[Tensor, Tensor], Tensor]


class Sums(NamedTuple):
    """Power series of the orders v, v + 1 and v + 2, less their first terms 1, and two with harmonic numbers."""

    here: Tensor
    next: Tensor
    third: Tensor
    harmonic: Tensor
    next_harmonic: Tensor


def _by_region(series: Method, along: Callable[[Path, Tensor, Tensor], Tensor]) -> Method:
    """A function of v and x by the method that serves them."""

    def value(v: Tensor, x: Tensor) -> Tensor:
        low = v < 0.5
        near = x <= torch.where(low, 2.0, 12.0)
        corner_v, corner_x = torch.where(low & ~near, v, 0.25), torch.where(low & ~near, x, 20.0)
        far_v, far_x = torch.where(low | near, 2.0, v), torch.where(low | near, 20.0, x)
        beyond = torch.where(
            low,
            along(corner(corner_v, corner_x), corner_v, corner_x),
            along(descent(far_v, far_x), far_v, far_x),
        )
        found = torch.where(near, series(torch.where(near, v, 1.0), torch.where(near, x, 1.0)), beyond)
        return torch.where((v >= 0) & (x >= 0), found, math.nan)

    return value


def _sums(v: Tensor, x: Tensor) -> Sums:
    square = 0.25 * x * x
    term = torch.ones_like(x)
    zero = torch.zeros_like(x)
    here, following, third, harmonic, later = zero, zero, zero, zero, zero
    number, number_later = zero, zero
    for k in range(1, TERMS + 1):
        step = 1 / (v + k)
        term = term * (square / k * step)
        after = term * ((v + 1) / (v + 1 + k))
        number, number_later = number + step, number_later + 1 / (v + 1 + k)
        here, following = here + term, following + after
        third = third + after * ((v + 2) / (v + 2 + k))
        harmonic, later = harmonic + term * number, later + after * number_later
    return Sums(here, following, third, harmonic, later)


def _series_log(v: Tensor, x: Tensor) -> Tensor:
    return xlogy(v, 0.5 * x) - log_gamma_ratio(torch.ones_like(v), v) + torch.log1p(_sums(v, x).here)


def _path_log(path: Path, v: Tensor, x: Tensor) -> Tensor:
    return torch.hypot(v, x) * (path.base > 0) + x * (path.base == 0) - v * path.base + path.total().log()


def _path_log_scaled(path: Path, v: Tensor, x: Tensor) -> Tensor:
    excess = v * (v / (torch.hypot(v, x) + x)) * (path.base > 0)  # x cosh(base) - x
    return excess - v * path.base + path.total().log()


def _series_slope(v: Tensor, x: Tensor) -> Tensor:
    sums = _sums(v, x)
    return torch.log(0.5 * x) - digamma(v + 1) - sums.harmonic / (1 + sums.here)


_slope_v = _by_region(_series_slope, lambda path, v, x: -(path.base + path.mean(path.step)))


def _ratio_of(sums: Sums, v: Tensor, x: Tensor) -> Tensor:
    return 0.5 * x / (v + 1) * ((1 + sums.next) / (1 + sums.here))


def _over(v: Tensor, x: Tensor) -> Tensor:
    """The quotient v / x, 0 at v = 0."""
    return torch.where(v == 0, 0.0, v / torch.where(v == 0, 1.0, x))


_slope_x = _by_region(
    lambda v, x: _over(v, x) + _ratio_of(_sums(v, x), v, x),
    lambda path, v, x: torch.cosh(path.base) + path.mean(path.rise),
)
_slope_x_scaled = _by_region(
    lambda v, x: _over(v, x) + (_ratio_of(_sums(v, x), v, x) - 1),
    lambda path, v, x: 2 * torch.sinh(0.5 * path.base) ** 2 + path.mean(path.rise),
)


@elementwise(_slope_v, _slope_x, wide=True, block=BLOCK, native="log_iv")
def log_iv(v: Tensor, x: Tensor) -> Tensor:
    r""":math:`\log I_v(x)` of the modified Bessel function of the first kind, for any real order.

    Args:
        v: order, not negative; a negative one gives NaN.
        x: not negative, finite; at 0 the value is 0 for v = 0 and -inf for others. A negative x gives NaN.

    References:
        DLMF 10.25.2, 10.32.12.

    Example:
        >>> log_iv(torch.tensor([0.0, 0.5, 1e6]), torch.tensor([1.0, 1e-30, 1e6]))
        tensor([ 2.3591e-01, -3.4765e+01,  5.3283e+05])
    """
    return _log_iv(v, x)


_log_iv = _by_region(_series_log, _path_log)


@elementwise(_slope_v, _slope_x_scaled, wide=True, block=BLOCK, native="log_ive")
def log_ive(v: Tensor, x: Tensor) -> Tensor:
    r""":math:`\log I_v(x) - x`, never by that difference.

    Args:
        v: order, not negative; a negative one gives NaN.
        x: not negative, finite; at 0 the value is 0 for v = 0 and -inf for others. A negative x gives NaN.

    Example:
        >>> log_ive(torch.tensor([0.0, 1e3]), torch.tensor(1e12))
        tensor([-14.7344, -14.7344])
    """
    return _log_ive(v, x)


_log_ive = _by_region(lambda v, x: _series_log(v, x) - x, _path_log_scaled)


def _series_ratio_slope(v: Tensor, x: Tensor) -> Tensor:
    """A' = A (1/x + A of the next order - A), with A over x where that is finite."""
    sums = _sums(v, x)
    over = 0.5 / (v + 1) * ((1 + sums.next) / (1 + sums.here))
    following = 0.5 * x / (v + 2) * ((1 + sums.third) / (1 + sums.next))
    return over * (1 + x * (following - x * over))


def _series_log_ratio_slope(v: Tensor, x: Tensor) -> Tensor:
    sums = _sums(v, x)
    return sums.harmonic / (1 + sums.here) - sums.next_harmonic / (1 + sums.next) - 1 / (v + 1)


_ratio_slope_x = _by_region(
    _series_ratio_slope, lambda path, v, x: torch.exp(-path.base) * path.covariance(path.decay, path.rise)
)
_log_ratio_slope_v = _by_region(
    _series_log_ratio_slope, lambda path, v, x: -path.covariance(path.decay, path.step) / (1 + path.mean(path.decay))
)


_ratio = _by_region(
    lambda v, x: _ratio_of(_sums(v, x), v, x),
    lambda path, v, x: torch.exp(-path.base) * (1 + path.mean(path.decay)),
)


def _ratio_slope_v(v: Tensor, x: Tensor) -> Tensor:
    return _ratio(v, x) * _log_ratio_slope_v(v, x)


@elementwise(_ratio_slope_v, _ratio_slope_x, wide=True, block=BLOCK, native="bessel_ratio")
def bessel_ratio(v: Tensor, x: Tensor) -> Tensor:
    r"""The ratio :math:`I_{v+1}(x) / I_v(x)`, which rises from 0 at x = 0 to 1.

    The mean resultant length of the von Mises-Fisher law in p dimensions, :math:`A_p(\kappa)`, is
    ``bessel_ratio(p / 2 - 1, kappa)``.

    Args:
        v: order, not negative; a negative one gives NaN.
        x: not negative, finite; a negative one gives NaN.

    References:
        DLMF 10.29, 10.32.12; Mardia and Jupp, Directional Statistics, 2000, section 9.3.2.

    Example:
        >>> bessel_ratio(torch.tensor([0.0, 0.5]), torch.tensor(2.0))
        tensor([0.6978, 0.5373])
    """
    return _ratio(v, x)


_complement = _by_region(
    lambda v, x: 1 - _ratio_of(_sums(v, x), v, x),
    lambda path, v, x: -torch.expm1(-path.base) - torch.exp(-path.base) * path.mean(path.decay),
)


def _inverse_slope_v(v: Tensor, r: Tensor, x: Tensor) -> Tensor:
    return -_log_ratio_slope_v(v, x) * (r / _ratio_slope_x(v, x))


def _inverse_slope_r(v: Tensor, _: Tensor, x: Tensor) -> Tensor:
    return 1 / _ratio_slope_x(v, x)


@elementwise(_inverse_slope_v, _inverse_slope_r, of_value=True, wide=True, block=BLOCK, native="bessel_ratio_inverse")
def bessel_ratio_inverse(v: Tensor, r: Tensor) -> Tensor:
    r"""The x with ``bessel_ratio(v, x) = r``: the concentration that a mean resultant length asks for.

    Newton's method from :math:`r (2v + 2 - r^2) / (1 - r^2)`.

    Args:
        v: order, not negative.
        r: in [0, 1]; values outside give NaN, 1 gives inf.

    References:
        Banerjee et al., Clustering on the unit hypersphere using von Mises-Fisher distributions, 2005.
        Sra, A short note on parameter approximation for von Mises-Fisher distributions, 2012.

    Example:
        >>> bessel_ratio_inverse(torch.tensor(0.5), bessel_ratio(torch.tensor(0.5), torch.tensor(3.0)))
        tensor(3.0000)
    """
    inside = (r > 0) & (r < 1)
    goal = torch.where(inside, r, 0.5)
    rest = 1 - goal
    with torch.no_grad():
        x = goal * (2 * v + 2 - goal * goal) / (rest * (1 + goal))
        for _ in range(STEPS):
            miss = torch.where(goal < 0.5, _ratio(v, x) - goal, rest - _complement(v, x))
            x = (x - miss / _ratio_slope_x(v, x)).maximum(0.1 * x)
    found = first_order(
        x,
        (v, lambda: -_log_ratio_slope_v(v, x) * (goal / _ratio_slope_x(v, x))),
        (r, lambda: 1 / _ratio_slope_x(v, x)),
    )
    end = torch.where(r == 0, 0.0, torch.where(r == 1, math.inf, math.nan))
    return torch.where(inside, found, end + 0 * v)
