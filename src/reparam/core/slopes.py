"""Derivatives of a function in its argument, in every mode of torch and differentiable themselves."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .._torch import is_ordinary_mode


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
