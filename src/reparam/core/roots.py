r"""Roots of increasing functions by bisection, and their implicit gradient.

For x with :math:`f_\theta(x) = 0`, differentiating gives :math:`dx = -\partial_\theta f_\theta(x)\,d\theta / f'(x)`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .._torch import repeat

HALVINGS = 64
Function = Callable[[Tensor], Tensor]


def bisect(function: Function, low: Tensor, high: Tensor) -> Tensor:
    """Where a function turns from negative to not negative between two points, without a gradient.

    Args:
        function: increasing there; where it has one sign only, the nearer end is the answer.
        low: one end.
        high: the other one.
    """

    def halved(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        middle = low + (high - low) / 2
        below = function(middle) < 0
        return torch.where(below, middle, low), torch.where(below, high, middle)

    with torch.no_grad():
        return repeat(HALVINGS, halved, low, high)[1]


def with_gradient(x: Tensor, function: Function, slope: Function) -> Tensor:
    """The root x of a function with its gradient, to second order, by two Newton steps of length zero.

    Args:
        x: the root.
        function: f, of which only the dependence on what it holds matters.
        slope: its derivative; where that is zero, there is no gradient.
    """
    x = x.detach()  # forward mode differentiates what finds it, too
    for _ in range(2):
        rate = slope(x)
        some = rate != 0
        step = torch.where(some, -function(x) / torch.where(some, rate, 1.0), 0.0)
        x = x + (step - step.detach())
    return x
