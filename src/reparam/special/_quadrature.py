"""Gauss-Legendre quadrature over the last dimension, for the integrals behind the special functions."""

from __future__ import annotations

import math

from torch import Tensor

Rule = tuple[tuple[float, ...], tuple[float, ...]]


def gauss_legendre(count: int) -> Rule:
    """The nodes and weights on [0, 1], by Newton steps on the Legendre polynomial: made once, at import."""
    nodes, weights = [], []
    for i in range(count):
        x = math.cos(math.pi * (i + 0.75) / (count + 0.5))
        for _ in range(6):
            previous, current = 1.0, x
            for k in range(2, count + 1):
                previous, current = current, ((2 * k - 1) * x * current - (k - 1) * previous) / k
            slope = count * (previous - x * current) / (1 - x * x)
            x -= current / slope
        nodes.append((1 - x) / 2)
        weights.append(1 / ((1 - x * x) * slope * slope))
    return tuple(nodes), tuple(weights)


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
