"""How tensors are handed to a native function: their addresses and periods, without copies where possible."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Size, Tensor

from .library import DTYPES, Entry

FLOATS = {dtype: code for dtype, code in DTYPES.items() if dtype.is_floating_point}

# The code of the floating dtype; the number of elements or rows; the length of a row; the shape of the values; one
# address for each input, then one period for each input; the tensors that the addresses point into, kept alive.
# A plain tuple, as it is made in every call.
Layout = tuple[int, int, int, Size, list[int], Sequence[Tensor]]


def arrange(entry: Entry, tensors: Sequence[Tensor]) -> Layout | None:
    """The layout of plain CPU tensors for a native function, or None where it does not take them.

    Args:
        entry: the native function.
        tensors: its inputs, broadcasting against each other (their batch dimensions, where rows are meant).
    """
    leader = tensors[0]
    dtype, shape = tensors[-1].dtype, leader.shape
    code = FLOATS.get(dtype)
    if code is None or not entry.elementwise:
        return None if code is None else _broadcast(entry, code, tensors)
    n = leader.numel()
    addresses, periods = [], []
    for tensor in tensors:
        if tensor.dtype is not dtype:
            return None
        if tensor.shape == shape:
            if tensor.is_contiguous():
                addresses.append(tensor.data_ptr())
                periods.append(n)
                continue
            if not any(tensor.stride()):
                addresses.append(tensor.data_ptr())
                periods.append(1)
                continue
        return _broadcast(entry, code, tensors)
    # A lone element may be contiguous and yet a lazily negated view.
    if n < 2 and (n == 0 or any([tensor.is_neg() for tensor in tensors])):
        return _broadcast(entry, code, tensors)
    return code, n, 1, shape, addresses + periods, tensors


def _broadcast(entry: Entry, code: int, tensors: Sequence[Tensor]) -> Layout | None:
    dtype = tensors[-1].dtype
    k = tensors[entry.rows.index(True)].shape[-1:] if True in entry.rows else Size()
    batches = []
    for tensor, rows, integer in zip(tensors, entry.rows, entry.integers, strict=True):
        if tensor.dtype is not (torch.int64 if integer else dtype) or (rows and tensor.shape[-1:] != k):
            return None
        batches.append(tensor.shape[:-1] if rows else tensor.shape)
    try:
        shape = torch.broadcast_shapes(*batches)
    except RuntimeError:
        return None  # the formula will say what is wrong
    n, length = math.prod(shape), math.prod(k)
    if n == 0 or length == 0:
        return None
    cores, periods = [], []
    for tensor, rows in zip(tensors, entry.rows, strict=True):
        core = repeated_core(tensor.detach(), shape, k if rows else Size())
        cores.append(core)
        periods.append(core.numel() // length if rows else core.numel())
    return code, n, length, shape, [core.data_ptr() for core in cores] + periods, cores


def repeated_core(tensor: Tensor, shape: Size, event: Size) -> Tensor:
    """A contiguous tensor that, repeated, is the given one broadcast to ``shape + event``.

    Args:
        tensor: what to broadcast; it is copied only if its entries do not lie one after another.
        shape: the batch dimensions.
        event: the dimensions of one entry, () or those of a row.
    """
    if tensor.is_neg():
        tensor = tensor.resolve_neg()
    sizes, strides = tensor.shape, tensor.stride()
    batch_dims = len(sizes) - len(event)
    lead = 0
    while lead < batch_dims and (strides[lead] == 0 or sizes[lead] == 1):
        lead += 1
    core = tensor[(0,) * lead] if lead else tensor
    if core.is_contiguous() and core.shape == shape[len(shape) + lead - batch_dims :] + event:
        return core
    return tensor.expand(shape + event).contiguous()
