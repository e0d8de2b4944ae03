r"""Quantiles of the gamma law by a start and two steps, and their derivatives by the implicit function.

The unknown is y = log x. A start from an approximate hazard is within 0.08 of the solution; two steps of the fourth
order on the logarithm of the tail that begins at the current point carry it to the last bit, from probabilities of
:math:`\exp(-10^{300})` on. The second step is taken at x itself, whose last bits its logarithm does not determine.

References:
    DiDonato and Morris, Computation of the incomplete gamma function ratios and their inverse, 1986; Gil, Segura and
    Temme, Efficient and accurate algorithms for the computation and inversion of the incomplete gamma function
    ratios, 2012.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ._gamma_tail import Point, Tail, log_tail, point, point_of_log, tail
from .logs import log1mexp
from .stirling import log_gamma_ratio

STEPS = 2
# Beyond, squares overflow; a tail so far out has the hazard |x - a|.
HUGE = 1e150
# So many squared standard deviations from the mode, the bend is taken from its expansion.
FAR = 1e6


class Level(NamedTuple):
    """What a quantile is asked for: the logarithms of the lower and of the upper probability."""

    lower: Tensor
    upper: Tensor


def level(given: Tensor, upper: bool, log: bool) -> Level:
    """The level of a lower or upper probability inside (0, 1), or of its logarithm."""
    own, other = (given, log1mexp(given)) if log else (given.log(), torch.log1p(-given))
    return Level(other, own) if upper else Level(own, other)


def solve(a: Tensor, at: Level) -> tuple[Tensor, Tensor]:
    """The quantile, which may underflow, and its logarithm; without derivatives."""
    with torch.no_grad():
        small = a < 1
        low = _small_start(torch.where(small, a, 0.5), at)
        y = torch.where(small, low, _large_start(torch.where(small, 2.0, a), at))
        y = y - _step(a, point_of_log(a, y), at)
        x = y.exp()
        normal = x >= torch.finfo(x.dtype).tiny
        step = _step(a, point(a, torch.where(normal, x, a)), at)
        return torch.where(normal, x * torch.exp(-step), x), torch.where(normal, y - step, y)


def attach(a: Tensor, at: Level, y: Tensor) -> Tensor:
    """Zero, with the derivatives of the logarithm of the quantile, y, in a and in the level."""
    begin = point_of_log(a, y)
    part = tail(a, begin)
    gap = _gap(a, begin, part, at)
    move = gap * torch.exp(_shift(begin, part, gap) - part.log_hazard).detach()
    return move.detach() - move


def log_hazard(a: Tensor, at: Level, y: Tensor) -> tuple[Tensor, Tensor]:
    """Whether the tail at the quantile exp(y) is the upper one, and its log-hazard.

    It is that of the level exactly: y as rounded may be many times the width of the law away.
    """
    begin = point_of_log(a, y)
    part = tail(a, begin)
    return part.upper, part.log_hazard - _shift(begin, part, _gap(a, begin, part, at))


def _shift(begin: Point, part: Tail, gap: Tensor) -> Tensor:
    """By how much the log-hazard is larger at the point than where the tail is as asked for."""
    with torch.no_grad():
        signed, bend, _ = _bend(begin, part)
        return gap / signed.abs() * bend


def _gap(a: Tensor, begin: Point, part: Tail, at: Level) -> Tensor:
    """The logarithm of the tail less what is asked for, positive where the point is too far to the right."""
    gap = log_tail(a, begin, part.log_hazard) - torch.where(part.upper, at.upper, at.lower)
    return torch.where(part.upper, -gap, gap)


def _bend(begin: Point, part: Tail) -> tuple[Tensor, Tensor, Tensor]:
    """For f = log T as a function of log x: its first derivative, and over that one the second and the third.

    With the hazard h, the second is a - x -+ h; far out, where that cancels, it is close to x/(x - a).
    """
    hazard, size = part.log_hazard.exp(), begin.excess.abs()
    signed = torch.where(part.upper, -hazard, hazard)
    far = size * (size / begin.x) > FAR
    bend = torch.where(far, begin.x / begin.excess, -begin.excess - signed)
    return signed, bend, torch.where(far, bend, bend * bend - begin.x - signed * bend)


def _step(a: Tensor, begin: Point, at: Level) -> Tensor:
    """How far log x is from the solution, by the inverse of Taylor's series to the fourth order."""
    part = tail(a, begin)
    signed, bend, twist = _bend(begin, part)
    u, second = _gap(a, begin, part, at) / signed.abs(), bend / 2
    return u * (1 + u * (second + u * (2 * second * second - twist / 6)))


def _hazard(d: Tensor, square: Tensor) -> Tensor:
    r""":math:`(d + \sqrt{d^2 + s}) / 2`."""
    far = d > HUGE
    return torch.where(far, d, 0.5 * (d + torch.sqrt(torch.where(far, 0.0, d) ** 2 + square)))


def _small_start(a: Tensor, at: Level) -> Tensor:
    r"""A start for a < 1: by the first terms of the series of P, or by an approximate hazard of the upper tail.

    The hazard is :math:`(d + \sqrt{d^2 + 4x})/2`, d = x - a, exact at a = 1; Q(a, 1) is close to
    a (0.2194 + 0.1485 a).
    """
    log_a, log_gamma = a.log(), log_gamma_ratio(torch.ones_like(a), a)
    goal = at.lower + log_gamma
    y = (goal / a).clamp(max=0.0)
    for _ in range(STEPS):
        x = y.exp()
        total = -a * x * (1 / (a + 1) - x * (0.5 / (a + 2) - x / (6 * (a + 3))))
        miss = total.log1p() + (a * y - goal)
        y = (y - miss * (1 + total) / (a * torch.exp(-x))).clamp(max=0.5)
    depth = log_a - log_gamma - at.upper
    x = (depth - (1 - a) * depth.clamp(min=1.0).log()).clamp(min=1.0)
    for _ in range(STEPS):
        hazard = _hazard(x - a, 4 * x)
        miss = depth + (a * x.log() - x - hazard.log())
        x = (x * (1 + miss / hazard).clamp(min=0.3)).clamp(min=0.5)
    return torch.where(at.upper < torch.log(a * (0.2194 + 0.1485 * a)), x.log(), y)


def _large_start(a: Tensor, at: Level) -> Tensor:
    r"""A start for a >= 1, by Newton steps on an approximate tail.

    With w = log(x/a), log T is close to log D at x = a, less :math:`a (e^w - 1 - w)`, less the logarithm of the
    hazard :math:`(d + \sqrt{d^2 + c x})/2`, d = abs(x - a). With :math:`c = 8/\pi`, corrected for a skewness of the
    order of :math:`a^{-1/2}`, it is close at d = 0 and right far out.
    """
    above = at.upper < at.lower
    goal = torch.where(above, at.upper, at.lower)
    height = ((-math.log(2) - goal) / a).clamp(min=0.0)
    root = torch.sqrt(2 * height)
    w = torch.where(above, torch.log1p(height + root), torch.expm1(-root) - height)
    sign = torch.where(above, 1.0, -1.0).to(a.dtype)
    c = 8 / math.pi * (1 - 1 / (6 * a)) / (1 - sign * 0.266 * a.rsqrt()) ** 2
    peak = 0.5 * torch.log(a / (2 * math.pi)) - 1 / (12 * a) - goal
    for _ in range(STEPS):
        growth = torch.expm1(w)
        rest = torch.where(w.abs() < 0.1, w * w * (0.5 + w * (1 / 6 + w / 24)), growth - w)
        hazard = _hazard(sign * a * growth, c * (a + a * growth))
        move = (peak - a * rest - hazard.log()) / hazard
        w = torch.where(above, w + torch.log1p(move.clamp(min=-0.7)), w - move)
    return w + a.log()
