"""Gauss-Legendre quadrature over the last dimension, for the integrals behind the special functions."""

from __future__ import annotations

import math

from torch import Tensor

Rule = tuple[tuple[float, ...], tuple[float, ...]]
# Elements evaluated at a time: the nodes of so many stay in the cache.
BLOCK = 1024


def gauss_legendre(count: int) -> Rule:
    r"""The nodes and weights on [0, 1], to a few eps of each: made once, at import.

    The nodes s are the zeros of the Legendre polynomial at 1 - 2s, found by Newton steps; its recurrence
    :math:`k (P_k - P_{k-1}) = (k-1) (P_{k-1} - P_{k-2}) - 2 (2k-1) s P_{k-1}` keeps the digits of small s.
    """
    half = []
    for i in range((count + 1) // 2):
        s = math.sin(math.pi * (i + 0.75) / (2 * count + 1)) ** 2
        for _ in range(6):
            value, rise = 1 - 2 * s, -2 * s
            for k in range(2, count + 1):
                rise = ((k - 1) * rise - 2 * (2 * k - 1) * s * value) / k
                value += rise
            slope = count * (2 * s * value - rise)
            s += 2 * s * (1 - s) * value / slope
        half.append((s, 4 * s * (1 - s) / slope**2))
    whole = half + [(1 - s, w) for s, w in reversed(half[: count // 2])]
    nodes, weights = zip(*whole, strict=True)
    return nodes, weights


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
