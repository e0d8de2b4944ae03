"""Quantiles and modes of scalar mixtures, by search between those of the components."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .._torch import repeat
from ..core import derived
from ..core.double import in_double
from ..core.ranges import ends
from ..core.roots import bisect, with_gradient
from ..core.slopes import slope

STEPS = 64
LEVELS = (1e-6, 1e-3, *(j / 24 for j in range(1, 24)), 1 - 1e-3, 1 - 1e-6)  #: of the quantiles where a search starts
CORNER = 2.0**-10  #: the share of the change of slope over a bracket that makes a corner of a point


def count_quantile(mixture: Any, p: Tensor, upper: bool) -> Tensor:
    """The least count whose cdf is at least p, or whose sf is at most p: between the components' least and largest."""
    with torch.no_grad():
        law = in_double(mixture)._unchecked()
        p = p.to(law.dtype)
        given = law._spread(p)
        found = law._each(lambda part: (part._isf if upper else part._icdf)(given), 0).to(p.dtype)

        def reached(k: Tensor) -> Tensor:
            yes: Tensor = law._sf(k) <= p if upper else law._cdf(k) >= p
            return yes

        most = found.amax(-1)
        certain = p == (0.0 if upper else 1.0)
        least = torch.where(certain, most, _least(reached, found.amin(-1), most))
        return least.to(mixture.sample_dtype or mixture.dtype)


def _least(reached: Callable[[Tensor], Tensor], low: Tensor, high: Tensor) -> Tensor:
    """The least whole number from low to high that is reached, as the last is."""

    def halved(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        middle = torch.where(high < torch.inf, ((low + high) / 2).floor(), torch.maximum(2 * low, low + 1))
        some = middle > low
        yes = reached(torch.where(some, middle, high)) | ~some
        return torch.where(yes, low, middle), torch.where(yes & some, middle, high)

    return repeat(STEPS, halved, low - 1, high)[1]


@derived.in_double
def mode_of_densities(mixture: Any) -> Tensor:
    """The point of largest density.

    From quantiles and modes of every component, which are as close as any of them is narrow, the slope is followed
    to the nearest maximum, by bisection between neighbours; the largest of all maxima is the mode. At a corner or an
    end of a component it moves with that; elsewhere its gradient is the implicit one.
    """
    starts = _starts(mixture)
    log_prob = mixture._unchecked()._log_prob

    def fall(x: Tensor) -> Tensor:
        return -slope(log_prob, x)

    with torch.no_grad():
        height = log_prob(starts)
        (below, left), (above, right) = _neighbours(starts, height)
        rising = fall(starts) < 0
        tops = bisect(fall, torch.where(rising, starts, below), torch.where(rising, above, starts))
        better = log_prob(tops) > torch.maximum(height, torch.maximum(left, right))
        tops = torch.where(better, tops, starts)
        best = log_prob(tops).argmax(0, keepdim=True)
        x, start, below, above = (t.gather(0, best).squeeze(0) for t in (tops, starts, below, above))
        near = (above - below) * 2.0**-20
        sides = torch.stack([x - near, x + near])
        bend, steep = fall(sides).diff(dim=0)[0], fall(torch.stack([below, above])).abs().sum(0)
        smooth = (bend <= CORNER * steep) & (log_prob(sides) > -torch.inf).all(0) & (log_prob(x) < torch.inf)
    corner = torch.where(x == start, starts.gather(0, best).squeeze(0), x)
    # elsewhere the slope may be infinite; the middle of all starts stands for such a point
    root = torch.where(smooth, x, starts.mean(0))
    inner = with_gradient(root, lambda x: _slope(log_prob, x), partial(_curvature, log_prob))
    return torch.where(smooth, inner, corner)


def _neighbours(starts: Tensor, height: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Of every start, the one before it and the one after it, each with its height."""
    below, left = (torch.cat([t[:1], t[:-1]]) for t in (starts, height))
    above, right = (torch.cat([t[1:], t[-1:]]) for t in (starts, height))
    return (below, left), (above, right)


def _slope(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The derivative in x, as a function of what else the function holds."""
    rise: Tensor = torch.func.vjp(function, x)[1](torch.ones_like(x))[0]
    return rise


def _curvature(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The second derivative in x."""
    return _slope(partial(_slope, function), x)


def _starts(mixture: Any) -> Tensor:
    """Modes and quantiles of the components and finite ends of the support, in rising order along a first dimension."""
    modes = mixture._each(lambda law: law._mode(), 0).movedim(-1, 0)
    like = modes[0]
    levels = torch.tensor(LEVELS, dtype=like.dtype, device=like.device).reshape((-1,) + (1,) * like.dim())
    at = mixture._spread(levels)
    inner = mixture._each(lambda law: law._icdf(at), 0).movedim(-1, 0).detach()
    limits = torch.stack([e.expand(like.shape) for e in ends(mixture.support, like)])
    limits = torch.where(limits.isfinite(), limits, like)
    return torch.cat([modes, inner.flatten(0, 1), limits]).sort(0).values


def mode_of_counts(mixture: Any) -> Tensor:
    """The count of largest mass: the best of those that are reached uphill from where components have theirs."""
    with torch.no_grad():
        law = in_double(mixture)._unchecked()
        starts = _starts(law).round()

        def falls(k: Tensor) -> Tensor:
            lower: Tensor = law._log_prob(k + 1) <= law._log_prob(k)
            return lower

        above = torch.cat([starts[1:], starts[-1:]])
        tops = torch.cat([starts, _least(falls, torch.cat([starts[:1], starts[:-1]]), above)])
        best = law._log_prob(tops).argmax(0, keepdim=True)
        found: Tensor = tops.gather(0, best).squeeze(0)
        return found.to(mixture.sample_dtype or mixture.dtype)


def mode_of_list(mixture: Any) -> Tensor:
    """The value of largest mass of a finite support, whose values may be vectors."""
    with torch.no_grad():
        values = mixture._listed()
        ones = (1,) * len(mixture.batch_shape)
        masses = mixture._unchecked()._log_prob(values.reshape(values.shape[:1] + ones + values.shape[1:]))
        best: Tensor = values[masses.argmax(0)]
        return best
