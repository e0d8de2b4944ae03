"""Native functions inside ``grad`` and ``vmap`` of ``torch.func``: calls go down through the levels to plain tensors.

At a level of ``grad`` a call becomes a node of that level's graph; at one of ``vmap`` the mapped dimension goes to the
front of every tensor. The backward pass is such a call again, whose own derivative is the formula's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, is_grad_enabled

from .. import _torch

Formula = Callable[..., Tensor]


class Call(Protocol):
    """A native function with what it takes to go down through a level."""

    def plain(self, *tensors: Tensor) -> Any:
        """Its value at plain tensors."""

    def mapped(self, tensors: Sequence[Tensor], dims: Sequence[int | None]) -> Any:
        """Its value at a level of ``vmap``, at tensors with these mapped dimensions: the first of the results."""

    def backward(self, tensors: Sequence[Tensor], wanted: Sequence[bool], grads: Sequence[Tensor]) -> Sequence[Any]:
        """The gradients in its tensors, those that are wanted."""


def run(call: Call, *tensors: Tensor) -> Any:
    """The value of a native function at tensors of any level."""
    tensors = _torch.living(tensors)
    if not _torch.is_transforming():
        return call.plain(*tensors)
    plain, dims = _torch.mapped_dims(tensors)
    if dims is not None:
        if any([dim is not None for dim in dims]):
            return _torch.lowered(lambda *_: call.mapped(plain, dims), (), dim=0)
    elif is_grad_enabled() and any([tensor.requires_grad for tensor in tensors]):
        return record(call, *tensors)
    return _torch.lowered(lambda *plain: run(call, *plain), tensors)


class _Node(torch.autograd.Function):
    """A native function in the graph of one level."""

    @staticmethod
    def forward(ctx: Any, call: Call, *tensors: Tensor) -> Any:
        ctx.call = call
        ctx.save_for_backward(*tensors)
        if not _torch.is_transforming():
            return call.plain(*tensors)
        return _torch.lowered(lambda *plain: run(call, *plain), tensors, tracked=True)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Sequence[Tensor | None]:
        return None, *ctx.call.backward(_torch.living(ctx.saved_tensors), ctx.needs_input_grad[1:], grads)


_apply: Callable[..., Any] = super(torch.autograd.Function, _Node).apply


def record(call: Call, *tensors: Tensor) -> Any:
    """The value of a native function, as a node of the innermost level's graph."""
    return _torch.at_one_level(_apply, call, *tensors)


def aligned(
    tensors: Sequence[Tensor], dims: Sequence[int | None], ranks: Sequence[int], everywhere: bool = False
) -> list[Tensor]:
    """Tensors with their mapped dimension in front, padded so that all others broadcast as before.

    Args:
        tensors: what is mapped over.
        dims: the mapped dimension of each.
        ranks: how many trailing dimensions of each form one row or matrix.
        everywhere: whether tensors without a mapped dimension get one, too.
    """
    size = next(t.shape[d] for t, d in zip(tensors, dims, strict=True) if d is not None)
    most = max(t.dim() - (d is not None) - rank for t, d, rank in zip(tensors, dims, ranks, strict=True))
    found = []
    for tensor, dim, rank in zip(tensors, dims, ranks, strict=True):
        if dim is not None or everywhere:
            front = tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
            missing = most - (front.dim() - 1 - rank)
            tensor = front.reshape(size, *[1] * missing, *front.shape[1:]) if missing else front
        found.append(tensor)
    return found
