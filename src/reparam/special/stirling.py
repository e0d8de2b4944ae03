r"""What is left of gamma functions when Stirling's formula is taken off: the parts that large counts would cancel.

Log-densities of gamma, beta, binomial and t laws are Stirling errors plus deviances (Loader 2000).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ._derivatives import elementwise
from .polygamma import SHIFT, digamma, digamma_difference, horner, lgamma, steps
from .quotients import log_ratio

# B_2k / (2k (2k-1)) for k = 1, 2, ...: the series of the Stirling error in odd powers of 1/z (DLMF 5.11.1)
STIRLING_SERIES = (
    1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360,
    1 / 156, -3617 / 122400, 43867 / 244188, -174611 / 125400, 77683 / 5796,
)  # fmt: skip
ATANH_SERIES = tuple(1 / (2 * j + 1) for j in range(1, 18))
HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
TINY, HUGE = 1e-30, 1e30


def _atanh_remainder(square: Tensor) -> Tensor:
    r""":math:`\operatorname{atanh}(w)/w - 1 = \sum_{j\ge1} w^{2j}/(2j+1)` for :math:`w^2 \le 1/9`."""
    return square * horner(ATANH_SERIES, square)


def _stirling_series(u: Tensor) -> Tensor:
    """The Stirling error at 1/u >= SHIFT, by its asymptotic series."""
    return horner(STIRLING_SERIES, u * u) * u


@elementwise(wide=True, native="stirling_error")
def stirling_error(a: Tensor) -> Tensor:
    r"""The error of Stirling's formula.

    .. math:: S(a) = \log\Gamma(a+1) - \left[(a + \tfrac12)\log a - a + \tfrac12\log 2\pi\right]

    It is positive and tends to 1/(12a). Computed as :math:`S(a+n) + \sum_{k<n} r(a+k)` with n = 8, the asymptotic
    series and :math:`r(a) = (a+\frac12)\log(1+1/a) - 1 = \operatorname{atanh}(w)/w - 1`, w = 1/(2a+1): a sum of
    positive terms.

    Args:
        a: positive.

    References:
        Loader, Fast and accurate computation of binomial probabilities, 2000; DLMF 5.11.1.

    Example:
        >>> stirling_error(torch.tensor([1.0, 1e6]))
        tensor([8.1061e-02, 8.3333e-08])
    """
    x = steps(a)
    small = x < 1
    low, high = torch.where(small, x, 0.5), torch.where(small, 1.0, x)
    direct = (low + 0.5) * (torch.log1p(low) - torch.log(low)) - 1
    terms = torch.where(small, direct, _atanh_remainder((2 * high + 1) ** -2))
    return _stirling_series(1 / (a + SHIFT)) + terms.sum(-1)


@elementwise(lambda x, m: -1 / m, lambda x, m: x / m / m)
def _shortfall(x: Tensor, m: Tensor) -> Tensor:
    """The relative gap 1 - x/m."""
    return torch.where(2 * x < m, 1 - x / m, (m - x) / m)


def _deviance_slopes(x: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    zero = x == 0
    p, q = torch.where(zero, 1.0, x), torch.where(zero, 1.0, m)
    return torch.where(zero, -1.0, log_ratio(p, q)), torch.where(zero, 1.0, _shortfall(p, q))


@elementwise(_deviance_slopes, wide=True, native="deviance")
def deviance(x: Tensor, m: Tensor) -> Tensor:
    r"""The Poisson deviance of x from its mean m, halved: :math:`x \log(x/m) + m - x \ge 0`.

    Near x = m it is :math:`(x-m)v + 2x(\operatorname{atanh}(v) - v)` with v = (x-m)/(x+m), where nothing cancels.
    At x = 0 it is m, and its slopes there are those of m - x: finite, for m = 0 too.

    Args:
        x: not negative.
        m: not negative; at 0 the value is infinite, but for x = 0.

    References:
        Loader, Fast and accurate computation of binomial probabilities, 2000 (there ``bd0``).

    Example:
        >>> deviance(torch.tensor([1e5, 0.0]), torch.tensor([1.001e5, 2.0]))
        tensor([0.0500, 2.0000])
    """
    gap, endless = (x - m).abs(), x + m == math.inf
    near = (gap * 3 <= x + m) & (x > 0) & ~endless
    p, q = torch.where(near, x, 1.0), torch.where(near, m, 1.0)
    v = (p - q) / (p + q)
    close = (p - q) * v + 2 * p * v * _atanh_remainder(v * v)
    zero = x == 0
    p, q = torch.where(near | zero, 1.0, x), torch.where(near | zero, 2.0, m)
    extreme = (p < TINY * q) | (p > HUGE * q)
    ratio = p / torch.where(extreme, p, q)
    far = p * torch.where(extreme, p.log() - q.log(), ratio.log()) + (q - p)
    return torch.where(endless, gap, torch.where(near, close, torch.where(zero, m - x, far)))


@elementwise(digamma_difference, lambda a, b: digamma(a + b), wide=True, native="log_gamma_ratio")
def log_gamma_ratio(a: Tensor, b: Tensor) -> Tensor:
    r""":math:`\log\Gamma(a+b) - \log\Gamma(a)`, to full accuracy for b much smaller than a.

    .. math:: \log\Gamma(a+n+b) - \log\Gamma(a+n) - \sum_{k<n} \log\left(1 + \frac{b}{a+k}\right)

    with n = 8 and Stirling's series, whose terms are subtracted one by one; directly where a + b < 4 and b > 1/4.

    Args:
        a: positive.
        b: not negative.

    References:
        DiDonato and Morris, Algorithm 708, 1992; DLMF 5.11.1.

    Example:
        >>> log_gamma_ratio(torch.tensor([1e6, 1.0]), torch.tensor([0.5, 4.0]))
        tensor([6.9078, 3.1781])
    """
    endless = (b == math.inf) & (a > 0)
    b = torch.where(endless, 1.0, b)
    direct = (a + b < 4) & (b > 0.25)
    difference = torch.lgamma(torch.where(direct, a + b, 1.0)) - torch.lgamma(torch.where(direct, a, 1.0))
    z = a + SHIFT
    u, v = 1 / z, 1 / (z + b)
    lifted = (z - 0.5) * torch.log1p(b * u) + (b * torch.log(z + b) - b)
    gap = b * u * v
    first, power = gap * (u + v), v
    for c in STIRLING_SERIES:
        lifted = lifted - c * gap
        gap = u * u * gap + power * first
        power = power * (v * v)
    value = torch.where(direct, difference, lifted - torch.log1p(b.unsqueeze(-1) / steps(a)).sum(-1))
    return torch.where(endless, math.inf, value)


def _lbeta_slope(a: Tensor, b: Tensor) -> Tensor:
    return -digamma_difference(a, b)


@elementwise(_lbeta_slope, lambda a, b: _lbeta_slope(b, a), wide=True, native="lbeta")
def lbeta(a: Tensor, b: Tensor) -> Tensor:
    r"""The logarithm of the beta function :math:`\Gamma(a)\Gamma(b)/\Gamma(a+b)`.

    With p the smaller and q the larger argument it is :math:`\log\Gamma(p) - \log(\Gamma(q+p)/\Gamma(q))` for
    p < 8; beyond, with Stirling's series :math:`\Delta`,

    .. math:: \Delta(p) + \Delta(q) - \Delta(p+q) + \tfrac12\log\frac{2\pi}{p} + \tfrac12\log\Bigl(1+\frac pq\Bigr)
              - p\log\Bigl(1+\frac qp\Bigr) - q\log\Bigl(1+\frac pq\Bigr).

    Args:
        a: positive.
        b: positive.

    References:
        DiDonato and Morris, Algorithm 708, 1992.

    Example:
        >>> lbeta(torch.tensor([1e5, 1.0]), torch.tensor([1e5, 2.0]))
        tensor([-1.3863e+05, -6.9315e-01])
    """
    p, q = torch.where(a < b, a, b), torch.where(a < b, b, a)
    few = p < SHIFT
    small, other = torch.where(few, p, 1.0), torch.where(few, q, 1.0)
    direct = lgamma(small) - log_gamma_ratio(other, small)
    p, q = torch.where(few, float(SHIFT), p), torch.where(few, float(SHIFT), q)
    step = torch.log1p(p / q)
    errors = _stirling_series(1 / p) + (_stirling_series(1 / q) - _stirling_series(1 / (p + q)))
    large = (HALF_LOG_TWO_PI + 0.5 * (step - p.log()) + errors) - (p * torch.log1p(q / p) + q * step)
    return torch.where(few, direct, large)


@elementwise(lambda n: digamma(n + 1), wide=True, native="log_factorial")
def log_factorial(n: Tensor) -> Tensor:
    r""":math:`\log n! = \log\Gamma(n + 1)`, to full relative accuracy for n near 0 and 1.

    It is taken as the difference from the nearer of log Gamma(1) = 0 and log Gamma(2) = 0.

    Args:
        n: not negative.

    Example:
        >>> log_factorial(torch.tensor([1e-10, 10.0]))
        tensor([-5.7722e-11,  1.5104e+01])
    """
    low, high = n < 0.5, n >= 1
    gap = torch.where(low, n, torch.where(high, n - 1, 1 - n))
    ratio = log_gamma_ratio(torch.where(low, 1.0, torch.where(high, 2.0, n + 1)), gap)
    return torch.where(low | high, ratio, -ratio)


def _choice_slope(n: Tensor, k: Tensor) -> Tensor:
    """The derivative of log_binomial in k, which changes its sign at n/2."""
    low, gap = 2 * k < n, n - 2 * k
    rise = digamma_difference(torch.where(low, k, n - k) + 1, torch.where(low, gap, -gap))
    return torch.where(low, rise, -rise)


@elementwise(lambda n, k: digamma_difference(n - k + 1, k), _choice_slope, wide=True, native="log_binomial")
def log_binomial(n: Tensor, k: Tensor) -> Tensor:
    r"""The logarithm of the binomial coefficient :math:`\binom nk`, for real :math:`0 \le k \le n`.

    With :math:`j = \min(k, n-k)` it is :math:`\log\frac{\Gamma(n+1)}{\Gamma(n-j+1)} - \log\Gamma(j+1)`.

    Args:
        n: total count.
        k: chosen.

    Example:
        >>> log_binomial(torch.tensor([5.0, 1e10]), torch.tensor([2.0, 1.0]))
        tensor([ 2.3026, 23.0259])
    """
    j = torch.where(2 * k < n, k, n - k)
    return log_gamma_ratio(n - j + 1, j) - log_gamma_ratio(torch.ones_like(j), j)
