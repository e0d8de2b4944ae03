r"""The logit of a quantile of the beta law by a start and a few steps, with its derivatives by the implicit function.

What is solved for is the logit y of the quantile, on the side of the smaller probability, so that both the quantile
and its complement are accurate. Steps of the fourth order on the logarithm of the tail that begins at y, which is
concave, start from Carter's expansion or from the tail of a gamma law, or else from an intersection with an asymptote,

.. math:: y_0 = \frac{\log p + \log(a B(a, b))}{a},

which lies below the solution. The last step is taken at the odds :math:`e^y`, whose last bits y does not determine.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ._beta_tail import Share, Tail, share, tail
from ._derivatives import elementwise
from .logs import log1mexp
from .normal import ndtri_exp
from .stirling import log_gamma_ratio

STEPS = 6
# Logits beyond have quantiles that are 0 or 1.
FARTHEST = 1400.0
# So many squared standard deviations from the mode, the bend is taken from its expansion.
FAR = 1e6
# Steps so long, in the scale on which the tail bends, are Halley's.
LONG = 0.4


class Gap(NamedTuple):
    """How far y is from the solution to first order; two derivatives of the log-tail more, over its first one."""

    first: Tensor
    bend: Tensor
    twist: Tensor


def at_logit(y: Tensor) -> Share:
    """The point of the logit y, or of the farthest."""
    y = y.clamp(-FARTHEST, FARTHEST)
    return share(torch.exp(0.5 * y), torch.exp(-0.5 * y))


def _gap(a: Tensor, b: Tensor, log_p: Tensor, at: Share, part: Tail) -> Gap:
    """Of the tail at a point, which shall be the one of the lower probability p."""
    excess, pull, hazard = a * at.z - b * at.x, (a + b) * at.x * at.z, part.log_hazard.exp()
    miss = part.log_value - torch.where(part.upper, log1mexp(log_p), log_p)
    signed = torch.where(part.upper, -hazard, hazard)
    far = excess * (excess / pull) > FAR
    bend = torch.where(far, -pull / excess, excess - signed)
    twist = torch.where(far, bend * (at.z - at.x), bend * bend - pull - signed * bend)
    return Gap(miss / signed, bend, twist)


def _step(gap: Gap) -> Tensor:
    """By the inverse of Taylor's series to the fourth order or, where that is far, by Halley's method."""
    u, second = gap.first, gap.bend / 2
    long = u.abs() * (1 + gap.bend.abs() + gap.twist.abs().sqrt()) > LONG
    near = u * (1 + u * (second + u * (2 * second * second - gap.twist / 6)))
    return torch.where(long, u / (1 - u * second).clamp(0.5, 2.0), near)


def _start(a: Tensor, b: Tensor, log_p: Tensor) -> tuple[Tensor, Tensor]:
    """A bound below the solution, and where to start.

    References:
        Carter, Approximation to percentage points of the z-distribution, 1947.
    """
    one = torch.ones_like(a)
    least = (log_p + log_gamma_ratio(one, a) - log_gamma_ratio(b, a)) / a
    # the same at the other end, where it is close if the density there is singular
    most = -(log1mexp(log_p) + log_gamma_ratio(one, b) - log_gamma_ratio(a, b)) / b
    depth = b.log() - log_gamma_ratio(one, b) - log_p
    singular = (b < 1) & (most > a.clamp(min=2.0).log()) & ((a < 1) | (depth < 1.5))
    regular = (a >= 1) & (b > 1) & (depth < 4 * b + 10)
    p, q = 1 / (2 * torch.where(regular, a, 1.0) - 1), 1 / (2 * torch.where(regular, b, 1.0) - 1)
    normal = ndtri_exp(log_p)
    spread, excess = 2 / (p + q), (normal * normal - 3) / 6
    shift = normal * (spread + excess).clamp(min=0).sqrt() / spread
    middle = a.log() - b.log() + 2 * (shift + (q - p) * (excess + 5 / 6 - 2 / (3 * spread)))
    # deep in the tail, and for b <= 1, the complement is close to the tail of a gamma law
    rate = (depth - (1 - b) * depth.clamp(min=1.0).log()).clamp(min=1.0) / torch.where(a >= 1, a + 0.5 * (b - 1), 1.0)
    outer = torch.where(a >= 1, -rate - log1mexp(-rate), least)
    start = torch.where(regular, middle, torch.where(singular, most, outer))
    return least, torch.maximum(start, least)


def _solve(a: Tensor, b: Tensor, log_p: Tensor) -> Tensor:
    least, start = _start(a, b, log_p)
    y = start
    for _ in range(STEPS):
        at = at_logit(y)
        y = torch.maximum(least, y - _step(_gap(a, b, log_p, at, tail(a, b, at)))).clamp(max=FARTHEST)
    return torch.where(start.abs() < FARTHEST, y, start)


def last_step(a: Tensor, b: Tensor, log_p: Tensor, y: Tensor) -> Tensor:
    """How far the odds exp(y), as rounded, are from the solution, in their logarithm; 0 where they are no float."""
    odds = y.exp()
    inside = (odds >= torch.finfo(y.dtype).tiny) & (odds < math.inf)
    at = share(torch.where(inside, odds, 1.0), torch.ones_like(odds))
    return torch.where(inside, _step(_gap(a, b, log_p, at, tail(a, b, at))), 0.0)


def log_rate(a: Tensor, b: Tensor, log_p: Tensor, y: Tensor) -> Tensor:
    """The logarithm of the derivative of the logit y in log(p)."""
    at = at_logit(y)
    part = tail(a, b, at)
    with torch.no_grad():
        # the hazard where the tail is as asked for: y as rounded may be many times the width of the law away
        gap = _gap(a, b, log_p, at, part)
        shift = torch.where(y.abs() < FARTHEST, gap.first * gap.bend, 0.0)
    return torch.where(part.upper, log_p - log1mexp(log_p), 0.0) - part.log_hazard + shift


def _slopes(a: Tensor, b: Tensor, log_p: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The derivatives of the logit y."""
    part = tail(a, b, at_logit(y))
    width = torch.where(part.upper, 1.0, -1.0) * torch.exp(-part.log_hazard)
    return width * part.slope_a, width * part.slope_b, torch.exp(log_rate(a, b, log_p, y))


@elementwise(_slopes, of_value=True, wide=True)
def lower_logit(a: Tensor, b: Tensor, log_p: Tensor) -> Tensor:
    """The logit of the quantile of p <= 1/2; a step of Newton's method carries the derivatives."""
    with torch.no_grad():
        y = _solve(a, b, log_p)
        at = at_logit(y)
    first = _gap(a, b, log_p, at, tail(a, b, at)).first
    return y - (first - first.detach())
