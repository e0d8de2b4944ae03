r"""The inverses of the incomplete beta function, of probabilities and of their logarithms.

What is solved for is the logit y of the quantile, on the side of the smaller probability, so that both the quantile
and its complement are accurate. There :math:`\log I` is concave in y, and Halley's iteration converges from

.. math:: y_0 = \frac{\log p + \log(a B(a, b))}{a},

the intersection with its asymptote, which lies below the solution; for a, b >= 1 it starts from Carter's expansion.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ._beta_tail import Tail, share, tail
from ._derivatives import elementwise
from .gamma import BLOCK
from .logs import log1mexp
from .normal import ndtri_exp
from .stirling import log_gamma_ratio

HALLEY_STEPS = 16
# Logits beyond have quantiles that are 0 or 1.
FARTHEST = 1400.0


def _at_logit(a: Tensor, b: Tensor, y: Tensor) -> Tail:
    """The smaller tail at the logit y, or at the farthest."""
    y = y.clamp(-FARTHEST, FARTHEST)
    return tail(a, b, share(torch.exp(0.5 * y), torch.exp(-0.5 * y)))


def _log_cdf(part: Tail) -> Tensor:
    return torch.where(part.upper, log1mexp(part.log_value), part.log_value)


def _start(a: Tensor, b: Tensor, log_p: Tensor) -> tuple[Tensor, Tensor]:
    """A bound below the solution, and where to start.

    References:
        Carter, Approximation to percentage points of the z-distribution, 1947.
    """
    one = torch.ones_like(a)
    least = (log_p + log_gamma_ratio(one, a) - log_gamma_ratio(b, a)) / a
    # the same at the other end, where it is close if the density there is singular
    most = -(log1mexp(log_p) + log_gamma_ratio(one, b) - log_gamma_ratio(a, b)) / b
    singular = (b < 1) & (most > a.clamp(min=2.0).log())
    regular = (a >= 1) & (b >= 1)
    p, q = 1 / (2 * torch.where(regular, a, 1.0) - 1), 1 / (2 * torch.where(regular, b, 1.0) - 1)
    normal = ndtri_exp(log_p)
    spread, excess = 2 / (p + q), (normal * normal - 3) / 6
    shift = normal * (spread + excess).clamp(min=0).sqrt() / spread
    middle = a.log() - b.log() + 2 * (shift + (q - p) * (excess + 5 / 6 - 2 / (3 * spread)))
    return least, torch.where(regular, torch.maximum(middle, least), torch.where(singular, most, least))


def _solve(a: Tensor, b: Tensor, log_p: Tensor) -> Tensor:
    least, y = _start(a, b, log_p)
    for _ in range(HALLEY_STEPS):
        part = _at_logit(a, b, y)
        log_cdf = _log_cdf(part)
        hazard = torch.exp(part.log_hazard + torch.where(part.upper, part.log_value - log_cdf, 0.0))
        step = (log_cdf - log_p) / hazard
        bend = a * torch.sigmoid(-y) - b * torch.sigmoid(y) - hazard
        y = torch.maximum(least, y - step / (1 - 0.5 * step * bend).clamp(0.5, 2.0)).clamp(max=FARTHEST)
    return y


def _slope(first: bool, a: Tensor, b: Tensor, log_p: Tensor) -> Tensor:
    part = _at_logit(a, b, _lower_logit(a, b, log_p))
    rate = torch.exp(-part.log_hazard) * (part.slope_a if first else part.slope_b)
    return torch.where(part.upper, rate, -rate)


def _rate(a: Tensor, b: Tensor, log_p: Tensor) -> Tensor:
    part = _at_logit(a, b, _lower_logit(a, b, log_p))
    return torch.exp(torch.where(part.upper, _log_cdf(part) - part.log_value, 0.0) - part.log_hazard)


@elementwise(
    lambda a, b, log_p: _slope(True, a, b, log_p), lambda a, b, log_p: _slope(False, a, b, log_p), _rate, wide=True
)
def _lower_logit(a: Tensor, b: Tensor, log_p: Tensor) -> Tensor:
    """The logit of the quantile of p <= 1/2; a step of Newton's method carries the derivatives."""
    with torch.no_grad():
        y = _solve(a, b, log_p)
        part = _at_logit(a, b, y)
        log_cdf = _log_cdf(part)
        inverse = torch.exp(torch.where(part.upper, log_cdf - part.log_value, 0.0) - part.log_hazard)
    return y - (_log_cdf(_at_logit(a, b, y)) - log_p) * inverse


def _quantile(a: Tensor, b: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """The quantile between two probabilities whose logarithms are given."""
    inside = (low > -math.inf) & (high > -math.inf)
    reflected = high < low
    smaller = torch.where(inside, torch.where(reflected, high, low), -1.0)
    y = _lower_logit(torch.where(reflected, b, a), torch.where(reflected, a, b), smaller)
    x = torch.sigmoid(torch.where(reflected, -y, y))
    return torch.where(inside, x, torch.where(high == -math.inf, 1.0, 0.0))


def _valid(x: Tensor, least: float, most: float, value: Tensor) -> Tensor:
    return torch.where((x >= least) & (x <= most), value, math.nan)


@elementwise(wide=True, block=BLOCK, native="betaincinv")
def betaincinv(a: Tensor, b: Tensor, p: Tensor) -> Tensor:
    r"""The x with :math:`I_x(a, b) = p`: the quantile function of the beta law.

    Args:
        a: positive.
        b: positive.
        p: a probability; values outside [0, 1] give NaN.

    References:
        Gil, Segura and Temme, Efficient algorithms for the inversion of the cumulative central beta distribution, 2017.

    Example:
        >>> betaincinv(torch.tensor([1.0, 1e6]), torch.tensor([2.0, 1e6]), torch.tensor([1e-10, 0.5]))
        tensor([5.0000e-11, 5.0000e-01])
    """
    return _valid(p, 0.0, 1.0, _quantile(a, b, p.log(), torch.log1p(-p)))


@elementwise(wide=True, block=BLOCK, native="betainccinv")
def betainccinv(a: Tensor, b: Tensor, q: Tensor) -> Tensor:
    r"""The x with :math:`1 - I_x(a, b) = q`, accurate at the smallest q.

    Args:
        a: positive.
        b: positive.
        q: a probability; values outside [0, 1] give NaN.

    Example:
        >>> betainccinv(torch.tensor(1.0), torch.tensor(100.0), torch.tensor([1e-30, 0.5]))
        tensor([0.4988, 0.0069])
    """
    return _valid(q, 0.0, 1.0, _quantile(a, b, torch.log1p(-q), q.log()))


@elementwise(wide=True, block=BLOCK, native="betaincinv_exp")
def betaincinv_exp(a: Tensor, b: Tensor, log_p: Tensor) -> Tensor:
    r"""The x with :math:`\log I_x(a, b)` as given: the inverse of :func:`log_betainc`.

    Args:
        a: positive.
        b: positive.
        log_p: logarithm of a probability; a positive one gives NaN.

    Example:
        >>> betaincinv_exp(torch.tensor(1000.0), torch.tensor(10.0), torch.tensor([-2254.1, -0.5]))
        tensor([0.1000, 0.9912])
    """
    inside = (log_p < 0) & (log_p > -math.inf)
    high = torch.where(inside, log1mexp(torch.where(inside, log_p, -1.0)), torch.where(log_p == 0, -math.inf, 0.0))
    return _valid(log_p, -math.inf, 0.0, _quantile(a, b, log_p, high))


@elementwise(wide=True, block=BLOCK, native="betainccinv_exp")
def betainccinv_exp(a: Tensor, b: Tensor, log_q: Tensor) -> Tensor:
    r"""The x with :math:`\log(1 - I_x(a, b))` as given: the inverse of :func:`log_betaincc`.

    Args:
        a: positive.
        b: positive.
        log_q: logarithm of a probability; a positive one gives NaN.

    Example:
        >>> betainccinv_exp(torch.tensor(1.0), torch.tensor(1000.0), torch.tensor([-1e-7, -1386.3]))
        tensor([1.0000e-10, 7.5000e-01])
    """
    inside = (log_q < 0) & (log_q > -math.inf)
    low = torch.where(inside, log1mexp(torch.where(inside, log_q, -1.0)), torch.where(log_q == 0, -math.inf, 0.0))
    return _valid(log_q, -math.inf, 0.0, _quantile(a, b, low, log_q))
