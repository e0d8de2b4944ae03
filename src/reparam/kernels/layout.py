"""How tensors are handed to a native function: their addresses and periods, without copies where possible."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Size, Tensor

from .._torch import is_plain_cpu
from .library import DTYPES, Entry

FLOATS = {dtype: code for dtype, code in DTYPES.items() if dtype.is_floating_point}

# The code of the floating dtype; the number of elements, rows or matrices; their size; the batch shape of the values;
# one address for each input, then one period for each input; what keeps the memory alive, if it is not the inputs.
# A plain tuple, as it is made in every call.
Layout = tuple[int, int, int, Size, list[int], Sequence[Tensor]]

_NO_EVENT = Size()


def arrange(entry: Entry, tensors: Sequence[Tensor]) -> Layout | None:
    """The layout of plain CPU tensors for a native function, or None where it does not take them.

    Args:
        entry: the native function.
        tensors: its inputs, broadcasting against each other (their batch dimensions, where rows or matrices are
            meant).
    """
    if not all([is_plain_cpu(tensor) for tensor in tensors]):
        return None
    code = FLOATS.get(tensors[-1].dtype)
    return None if code is None else _broadcast(entry, code, tensors)


def _size(entry: Entry, tensors: Sequence[Tensor]) -> int | None:
    """The one size of all rows and square matrices, 1 without any; None where they differ or are not taken."""
    k = None
    for tensor, rank in zip(tensors, entry.ranks, strict=True):
        if rank:
            shape = tensor.shape
            if len(shape) < rank:
                return None
            if k is None:
                k = shape[-1]
            if shape[-1] != k or shape[-rank] != k:
                return None
    if k is None:
        return 1
    return k if 0 < k <= entry.longest else None


def _broadcast(entry: Entry, code: int, tensors: Sequence[Tensor]) -> Layout | None:
    dtype = tensors[-1].dtype
    k = 1 if entry.elementwise else _size(entry, tensors)
    if k is None:
        return None
    batches = []
    for tensor, rank, integer in zip(tensors, entry.ranks, entry.integers, strict=True):
        if tensor.dtype is not (torch.int64 if integer else dtype):
            return None
        batches.append(tensor.shape[: tensor.dim() - rank])
    shape = _joint(batches)
    if shape is None:
        return None
    n = math.prod(shape)
    if n == 0:
        return None
    kept, periods = [], []
    for tensor, rank in zip(tensors, entry.ranks, strict=True):
        core, period = repeated(tensor.detach(), shape, Size((k,) * rank))
        kept.append(core)
        periods.append(period)
    return code, n, k, shape, [tensor.data_ptr() for tensor in kept] + periods, kept


def _joint(shapes: Sequence[Size]) -> Size | None:
    """The shape that all broadcast to, or None: the formula will say what is wrong."""
    longest = max(shapes, key=len)
    if all([shape == longest[len(longest) - len(shape) :] for shape in shapes]):
        return longest
    try:
        return Size(torch.broadcast_shapes(*shapes))
    except RuntimeError:
        return None


def repeated(tensor: Tensor, shape: Size, event: Size = _NO_EVENT) -> tuple[Tensor, int]:
    """A tensor whose memory, repeated with a period, is the given one broadcast to ``shape + event``.

    Args:
        tensor: what to broadcast; it is copied only if its entries do not lie one after another.
        shape: the batch dimensions.
        event: the dimensions of one entry, () or those of a row or a matrix.

    Returns:
        The tensor, or a copy, and the period in entries.
    """
    full = shape + event
    if not tensor.is_neg():
        sizes, strides = tensor.shape, tensor.stride()
        batch_dims = len(sizes) - len(event)
        lead = 0
        while lead < batch_dims and (strides[lead] == 0 or sizes[lead] == 1):
            lead += 1
        core = sizes[lead:]
        if core == full[len(full) - len(core) :]:
            length = 1
            for size, stride in zip(reversed(core), reversed(strides), strict=False):
                if size != 1 and stride != length:
                    break
                length *= size
            else:
                return tensor, length // math.prod(event)
    return tensor.resolve_neg().expand(full).contiguous(), math.prod(shape)
