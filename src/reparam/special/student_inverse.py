r"""The quantiles of Student's t law, of probabilities and of their logarithms.

What is solved for is :math:`w = \operatorname{asinh}(t/\sqrt\nu)` of the upper tail, where :math:`\log P(T > t)` is
concave, by Newton's method; in the centre by the probability between 0 and t. It starts from Wallace's normal
approximation :math:`\log\cosh w = z^2 r^2/(2\nu)`, :math:`r = (8\nu+3)/(8\nu+1)`, or where that is less from the
intersection with the asymptote, which lies beyond the solution.

References:
    Wallace, Bounds on normal approximations to Student's and the chi-square distributions, 1959.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ._derivatives import elementwise
from ._quadrature import BLOCK
from .logs import log1mexp
from .normal import inverse_mills, ndtri, ndtri_exp
from .student import log_constant, tail_at, upper_tail

NEWTON_STEPS = 8
# Beyond, the last step would overflow.
HUGE = 1e300


def _size(df: Tensor, w: Tensor) -> Tensor:
    """The point t = sqrt(df) sinh(w)."""
    far = w > 20
    grown = torch.exp(torch.where(far, w, 0.0) - math.log(2) + 0.5 * df.log())
    return torch.where(far, grown, df.sqrt() * torch.sinh(torch.where(far, 0.0, w))).clamp(max=torch.finfo(w.dtype).max)


def _solve(df: Tensor, log_q: Tensor, inner: Tensor) -> Tensor:
    """The t > 0 beyond which lies q, whose logarithm and whose distance from 1/2 are given."""
    normal = ndtri_exp(log_q) * (8 * df + 3) / (8 * df + 1)
    growth = normal * normal / (2 * df)
    w = growth + torch.log1p((-torch.expm1(-2 * growth)).sqrt())
    most = (log_constant(df) - df.log() - log_q) / df + math.log(2)
    w = torch.minimum(w, most)
    for _ in range(NEWTON_STEPS):
        part = upper_tail(df, _size(df, w))
        log_speed = 0.5 * df.log() + w + torch.log1p(torch.exp(-2 * w)) - math.log(2)
        outward = (part.log_value - log_q) * torch.exp(-part.log_hazard - log_speed)
        inward = (inner - part.inner) * torch.exp(-part.log_hazard - part.log_value - log_speed)
        w = torch.minimum(w + torch.where(part.inner > 0, inward, outward), most).clamp(min=0)
    # the last step is taken at t itself, whose last bits w does not determine
    t = _size(df, w)
    part = upper_tail(df, t)
    outward = (part.log_value - log_q) * torch.exp(-part.log_hazard)
    inward = (inner - part.inner) * torch.exp(-part.log_hazard - part.log_value)
    return torch.where(t < HUGE, t + torch.where(part.inner > 0, inward, outward), t)


def _quantile(df: Tensor, below: Tensor, above: Tensor, excess: Tensor, normal: Tensor) -> Tensor:
    """The quantile between probabilities whose logarithms are given, with that of the lower one above 1/2.

    A step of Newton's method carries the derivatives. For infinite df it is the normal one.
    """
    endless, df = df == math.inf, torch.where(df == math.inf, 1.0, df)
    inside = (below > -math.inf) & (above > -math.inf)
    right = excess > 0
    smaller = torch.where(inside, torch.where(right, above, below), -1.0)
    with torch.no_grad():
        size = _solve(df, smaller, torch.where(inside, excess.abs(), 0.13))
        scale = torch.exp(-upper_tail(df, size).log_hazard).clamp(max=torch.finfo(size.dtype).max)
    gap = upper_tail(df, size).log_value - smaller
    size = size + (gap - gap.detach()) * scale
    value = torch.where(inside, torch.where(right, size, -size), torch.where(below == -math.inf, -math.inf, math.inf))
    return torch.where(endless, normal, value)


def _partials(log: bool) -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The derivatives of the quantile t in df and in the probability or its logarithm."""

    def partials(df: Tensor, given: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        (part, right), endless = tail_at(df, t), df == math.inf
        hazard = torch.where(endless, inverse_mills(-t.abs()).log(), part.log_hazard)
        end, width = t.abs() == math.inf, torch.exp(-hazard)
        slope = width * torch.where(endless, 0.0, torch.where(right, part.slope, -part.slope))
        if log:
            inside = torch.where(end | ~right, -1.0, given)
            rate = torch.exp(torch.where(right, inside - log1mexp(inside), 0.0) - hazard)
        else:
            rate = width / torch.where(end, 0.5, torch.where(right, 1 - given, given))
        slope, rate = torch.where(end, 0.0, slope), torch.where(end, math.inf, rate)
        return torch.where(t == t, slope, math.nan), torch.where(t == t, rate, math.nan)

    return partials


@elementwise(_partials(False), of_value=True, wide=True, block=BLOCK, native="stdtrit")
def stdtrit(df: Tensor, p: Tensor) -> Tensor:
    r"""The quantile function of Student's t law, the inverse of :func:`stdtr`.

    Args:
        df: degrees of freedom, positive; infinite for the normal law.
        p: a probability; values outside [0, 1] give NaN. For an upper quantile change the sign.

    Example:
        >>> stdtrit(torch.tensor([1.0, 1e6]), torch.tensor([0.25, 2.8670e-7]))
        tensor([-1., -5.])
    """
    value = _quantile(df, p.log(), torch.log1p(-p), p - 0.5, ndtri(p))
    return torch.where((df > 0) & (p >= 0) & (p <= 1), value, math.nan)


@elementwise(_partials(True), of_value=True, wide=True, block=BLOCK, native="stdtrit_exp")
def stdtrit_exp(df: Tensor, log_p: Tensor) -> Tensor:
    r"""The quantile of Student's t law of a log-probability, the inverse of :func:`log_stdtr`.

    Args:
        df: degrees of freedom, positive; infinite for the normal law.
        log_p: logarithm of a probability; a positive one gives NaN.

    Example:
        >>> stdtrit_exp(torch.tensor(100.0), torch.tensor([-4378.1, -0.5]))
        tensor([-9.9964e+19,  2.7101e-01])
    """
    inside = (log_p < 0) & (log_p > -math.inf)
    above = torch.where(inside, log1mexp(torch.where(inside, log_p, -1.0)), torch.where(log_p == 0, -math.inf, 0.0))
    value = _quantile(df, log_p, above, 0.5 * torch.expm1(log_p + math.log(2)), ndtri_exp(log_p))
    return torch.where((df > 0) & (log_p <= 0), value, math.nan)
