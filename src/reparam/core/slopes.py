"""Derivatives of a function in its argument, in every mode of torch and differentiable themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .._torch import has_dual_numbers, is_ordinary_mode


def slope(function: Callable[[Tensor], Tensor], x: Tensor, weights: Tensor | None = None) -> Tensor:
    """The derivative in x of the sum of a function's values, weighted.

    Args:
        function: of a tensor of the shape of x to one of the same shape.
        x: where.
        weights: of the values; ones where they are not given.
    """
    weights = torch.ones_like(x) if weights is None else weights
    if not is_ordinary_mode():
        found: Tensor = torch.func.vjp(function, x)[1](weights)[0]
        return found
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        alias = x.view_as(x) if x.requires_grad else x.detach().requires_grad_()
        value = function(alias)
    if not value.requires_grad:
        return torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(value, alias, weights, create_graph=create_graph, materialize_grads=True)
    return gradient


def push_forward(function: Callable[..., Tensor], at: Sequence[Tensor], moved: Sequence[Tensor]) -> Tensor:
    """The derivative of a function along a direction: by ``torch.func.jvp``, or two backward passes where that fails.

    Args:
        function: of some tensors.
        at: where.
        moved: the direction, one tensor for each.
    """
    if not has_dual_numbers():
        # copies: torch makes no dual number of a tensor that is expanded
        found: Tensor = torch.func.jvp(function, tuple(t.clone() for t in at), tuple(moved))[1]
        return found
    value, pull_back = torch.func.vjp(function, *at)[:2]
    found = torch.func.vjp(pull_back, torch.zeros_like(value))[1](tuple(moved))[0]
    return found
