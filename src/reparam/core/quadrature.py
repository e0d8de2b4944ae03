r"""Expectations of a scalar law by quadrature over its quantiles.

:math:`E f(X) = \int_0^1 f(F^{-1}(u))\,du`, with the double-exponential substitution
:math:`u = 1/(1 + e^{-\pi \sinh t})`, which resolves both tails: the lower half is taken through ``icdf``, the
upper half through ``isf``, so that neither end is rounded away.

References:
    Takahasi and Mori, Double exponential formulas for numerical integration, 1974.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .ranges import probability

NODES = 61
REACH = 5.0


def expectation_by_quantiles(self: Any, f: Callable[[Tensor], Tensor], nodes: int = NODES) -> Tensor:
    """E f(X), of shape ``batch_shape``."""
    return quantile_terms(self, f, nodes).sum(0)


def mean_surprise(
    self: Any,
    surprise: Callable[[Tensor], Tensor],
    nodes: int = NODES,
    knots: Tensor | None = None,
    outermost: bool = False,
) -> Tensor:
    """E f(X) for minus a log-density f, which may jump at knots, or be infinite there or at an end.

    Where quantiles round to such a point, f is continued as linear in the logarithm of the probability between, as
    it is where a density is a power of the distance. The result is infinite where all quantiles round to it.

    Args:
        self: a continuous scalar law.
        surprise: f, of values ``[nodes, ..., *batch]``.
        nodes: how many for each side of a piece.
        knots: in rising order along a first dimension before those that broadcast with ``batch_shape``.
        outermost: whether only what lies before the first knot and beyond the last counts.
    """
    p, weight = _rule(self._first_tensor(), len(self._batch_shape), nodes)
    if knots is None:
        log_p = p.log()
        return quantile_terms(self, lambda x: _continued(surprise, x, log_p), nodes).sum(0)
    p, weight = p[:, None], weight[:, None]
    knots = knots.expand(knots.shape[:1] + self._batch_shape)
    zero = torch.zeros_like(knots[:1])
    low = torch.cat([zero, probability(self, "_cdf", knots), zero + 1])
    high = torch.cat([zero + 1, probability(self, "_sf", knots), zero])
    width = torch.where(low[1:] < 0.5, low.diff(dim=0), -high.diff(dim=0))
    # every piece from its left end inwards, and again from its right end
    pieces = slice(None, None, len(knots) if outermost else None)
    from_low, from_high, width = (
        torch.cat([left[pieces], right[pieces]])
        for left, right in ((low[:-1], low[1:]), (high[:-1], high[1:]), (width, width))
    )
    some = width > 0
    step = p * torch.where(some, width, 1.0)
    resolved = step > torch.minimum(from_low, from_high) * 2.0**-40  # from the end of the piece
    left, right = step.chunk(2, 1)
    inward = torch.cat([left, -right], 1)
    x = _quantile(self, torch.where(some, from_low + inward, p), torch.where(some, from_high - inward, 1 - p))
    share = torch.where(some, width, 0.0) * weight
    value = _continued(surprise, x, p.log(), resolved)
    return torch.where(share > 0, share * value, 0.0).sum((0, 1))


def integral_between(f: Callable[[Tensor], Tensor], low: Tensor, high: Tensor, nodes: int = NODES) -> Tensor:
    """The sum of the integrals of f over pieces, with nodes that gather at both ends of each.

    Args:
        f: of values ``[nodes, pieces, ...]``.
        low: the lower ends ``[pieces, ...]``.
        high: the upper ends.
        nodes: how many for each side of a piece.
    """
    p, weight = _rule(low, low.dim(), nodes)
    width = high - low
    sides = f(low + p * width) + f(high - p * width)
    return torch.where(width > 0, weight * width * sides, 0.0).sum((0, 1))


def _quantile(self: Any, below: Tensor, above: Tensor) -> Tensor:
    """The value with these two probabilities, by the smaller one."""
    tiny = torch.finfo(below.dtype).tiny
    return torch.where(below < above, self._icdf(below.clamp(tiny, 0.5)), self._isf(above.clamp(tiny, 0.5)))


def _continued(f: Callable[[Tensor], Tensor], x: Tensor, log_p: Tensor, resolved: bool | Tensor = True) -> Tensor:
    """The values of f at rows of x, up to the last one that rounding leaves good, and linear in log p from there on.

    Rows are good while second derivatives, of the order of one over the square of x, are numbers; of a law that begins
    in reach of the smallest number, while first ones are.
    """
    fixed, tiny = x.detach(), torch.finfo(x.dtype).tiny
    noise = f(fixed * (1 + 2.0**-40)) - f(fixed)
    size = fixed.abs()
    resolves = torch.where(size[:1] > tiny ** (1 / 3), size > tiny**0.5, size > tiny * 2.0**20)
    good = resolved & (noise.abs() < 1e-3) & resolves
    return extended(f, x, good, log_p)


def extended(f: Callable[[Tensor], Tensor], x: Tensor, good: Tensor, log_p: Tensor) -> Tensor:
    """The values of f at rows of x, up to the last one that is good, and linear in log p from there on."""
    known = good.flip(0).cumsum(0).flip(0) > 0
    value = f(torch.where(known, x, x[:1]))
    last = (known.sum(0, keepdim=True) - 1).clamp(min=1)
    at, start = (t.expand_as(value).gather(0, last) for t in (log_p, value))
    gap, rise = (s - t.expand_as(value).gather(0, last - 1) for s, t in ((at, log_p), (start, value)))
    beyond = start + rise / torch.where(gap == 0, 1.0, gap) * (log_p - at)
    return torch.where(known, value, torch.where(known[1:2], beyond, -torch.inf))


def quantile_terms(self: Any, f: Callable[[Tensor], Tensor], nodes: int = NODES) -> Tensor:
    """The terms of E f(X), ``[nodes, *batch_shape]``: both halves of the unit interval together, a node a row.

    A law whose quantiles jump, as those of a mixture do, may offer the terms itself: ``_quantile_terms(f, nodes)``.
    """
    if hasattr(self, "_quantile_terms"):
        return self._quantile_terms(f, nodes)  # type: ignore[no-any-return]
    p, weight = _rule(self._first_tensor(), len(self._batch_shape), nodes)
    return torch.where(weight > 0, weight * (f(self._icdf(p)) + f(self._isf(p))), 0.0)


def log_levels(self: Any, nodes: int = NODES) -> Tensor:
    """The logarithms of the probabilities of the tails at the nodes, as they broadcast with the terms."""
    return _rule(self._first_tensor(), len(self._batch_shape), nodes)[0].log()


def quantile_nodes(self: Any, nodes: int = NODES) -> tuple[Tensor, Tensor]:
    """Quantiles ``[2 nodes, *batch_shape]`` and their weights, which sum to one, of a continuous scalar law."""
    p, weight = _rule(self._first_tensor(), len(self._batch_shape), nodes)
    return torch.cat([self._icdf(p), self._isf(p)]), torch.cat([weight, weight])


def _rule(like: Tensor, dims: int, nodes: int) -> tuple[Tensor, Tensor]:
    """The probabilities from one half down, and their weights; none for those that the dtype cannot hold."""
    t = torch.linspace(0.0, REACH, nodes, dtype=torch.float64, device="cpu")
    p = torch.sigmoid(-math.pi * torch.sinh(t))
    weight = math.pi * torch.cosh(t) * p * torch.sigmoid(math.pi * torch.sinh(t)) * (REACH / (nodes - 1))
    weight[0] /= 2
    shape = (-1,) + (1,) * dims
    p, weight = (v.to(like.dtype).to(like.device).reshape(shape) for v in (p, weight))
    tiny = torch.finfo(like.dtype).tiny
    return p.clamp(min=tiny), torch.where(p >= tiny, weight, 0.0)
