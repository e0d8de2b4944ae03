"""Gauss-Legendre quadrature over the last dimension, for the integrals behind the special functions."""

from __future__ import annotations

import math
from decimal import Context, Decimal, localcontext
from typing import TypeVar

from torch import Tensor

Rule = tuple[tuple[float, ...], tuple[float, ...]]
Number = TypeVar("Number", float, Decimal)
# Elements evaluated at a time: the nodes of so many stay in the cache.
BLOCK = 1024


def gauss_legendre(count: int) -> Rule:
    r"""The nodes and weights on [0, 1], correctly rounded: made once, at import.

    The nodes s are the zeros of the Legendre polynomial at 1 - 2s, found by Newton steps, the last of which is taken
    with more digits. At a zero the weight :math:`1 / (4 s (1-s) P'^2)` moves by :math:`(1-2s) / (s (1-s))` of itself
    with s.
    """
    half = []
    with localcontext(Context(prec=25)):
        for i in range((count + 1) // 2):
            s = math.sin(math.pi * (i + 0.75) / (2 * count + 1)) ** 2
            for _ in range(4):
                s += _newton_step(count, s)[0]
            d = Decimal(s)
            step, slope = _newton_step(count, d)
            weight = 4 * d * (1 - d) / slope**2 * (1 + (1 - 2 * d) / (d * (1 - d)) * step)
            half.append((float(d + step), float(1 - d - step), float(weight)))
    whole = [(s, w) for s, _, w in half] + [(t, w) for _, t, w in reversed(half[: count // 2])]
    nodes, weights = zip(*whole, strict=True)
    return nodes, weights


def _newton_step(count: int, s: Number) -> tuple[Number, Number]:
    r"""The step towards a zero of :math:`P_n(1 - 2s)`, and :math:`4 s (1-s) P_n'(1 - 2s)`.

    The recurrence :math:`k (P_k - P_{k-1}) = (k-1) (P_{k-1} - P_{k-2}) - 2 (2k-1) s P_{k-1}` keeps small s exact.
    """
    value, rise = 1 - 2 * s, -2 * s
    for k in range(2, count + 1):
        rise = ((k - 1) * rise - 2 * (2 * k - 1) * s * value) / k
        value += rise
    slope = count * (2 * s * value - rise)
    return 2 * s * (1 - s) * value / slope, slope


def on_unit(rule: Rule, like: Tensor) -> tuple[Tensor, Tensor]:
    """The rule as tensors of the dtype and device of another tensor."""
    nodes, weights = rule
    return like.new_tensor(nodes), like.new_tensor(weights)


def on_reach(rule: Rule, reach: Tensor) -> tuple[Tensor, Tensor]:
    r"""Points and weights for :math:`\int_0^T f`, T = ``reach``, dense at 0; the last dimension is new.

    The substitution :math:`u = T s^2` before Gauss-Legendre quadrature in s resolves integrands that are large
    and curved near 0 and decay slowly.
    """
    s, w = on_unit(rule, reach)
    reach = reach.unsqueeze(-1)
    return reach * (s * s), reach * (2 * s * w)
