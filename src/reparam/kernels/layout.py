"""How tensors are handed to a native function: their addresses and periods, without copies where possible."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Size, Tensor

from .library import DTYPES, Entry

FLOATS = {dtype: code for dtype, code in DTYPES.items() if dtype.is_floating_point}


class Layout(NamedTuple):
    """The arguments of a native call, less its outputs.

    Args:
        dtype: the code of the floating dtype.
        n: the number of elements, or of rows.
        k: the length of a row, 1 without rows.
        shape: the shape of the values.
        inputs: one address for each input, then one period for each input.
        copies: the tensors that the addresses point into, kept alive.
    """

    dtype: int
    n: int
    k: int
    shape: Size
    inputs: list[int]
    copies: tuple[Tensor, ...]


def arrange(entry: Entry, tensors: Sequence[Tensor]) -> Layout | None:
    """The layout of plain CPU tensors for a native function, or None where it does not take them.

    Args:
        entry: the native function.
        tensors: its inputs, broadcasting against each other (their batch dimensions, where rows are meant).
    """
    dtype, shape = tensors[-1].dtype, tensors[-1].shape
    code = FLOATS.get(dtype)
    if code is None:
        return None
    if entry.elementwise:
        addresses = []
        for tensor in tensors:
            if tensor.dtype is not dtype:
                return None
            if tensor.shape != shape or not tensor.is_contiguous():
                break
            addresses.append(tensor.data_ptr())
        else:
            n = tensors[0].numel()
            # A lone element may be contiguous and yet a lazily negated view.
            if n > 1 or not any(tensor.is_neg() for tensor in tensors):
                return Layout(code, n, 1, shape, addresses + [n] * len(addresses), ())
    return _broadcast(entry, code, tensors)


def _broadcast(entry: Entry, code: int, tensors: Sequence[Tensor]) -> Layout | None:
    dtype = tensors[-1].dtype
    k = 1
    batches = []
    for tensor, rows, integer in zip(tensors, entry.rows, entry.integers, strict=True):
        if tensor.dtype is not (torch.int64 if integer else dtype) or (rows and tensor.ndim == 0):
            return None
        if rows:
            k = tensor.shape[-1]
        batches.append(tensor.shape[:-1] if rows else tensor.shape)
    if any(rows and tensor.shape[-1] != k for tensor, rows in zip(tensors, entry.rows, strict=True)):
        return None
    try:
        shape = torch.broadcast_shapes(*batches)
    except RuntimeError:
        return None  # the formula will say what is wrong
    n = math.prod(shape)
    if k == 0 or n == 0:
        return Layout(code, 0, 1, shape, [0] * (2 * len(tensors)), ())
    cores = [
        _core(tensor.resolve_neg(), shape, (k,) if rows else ())
        for tensor, rows in zip(tensors, entry.rows, strict=True)
    ]
    lengths = [k if rows else 1 for rows in entry.rows]
    periods = [core.numel() // length for core, length in zip(cores, lengths, strict=True)]
    return Layout(code, n, k, shape, [core.data_ptr() for core in cores] + periods, tuple(cores))


def _core(tensor: Tensor, shape: Size, event: tuple[int, ...]) -> Tensor:
    """A contiguous tensor that, repeated, is the given one broadcast to ``shape + event``: copied only if it must be."""
    batch_dims = tensor.ndim - len(event)
    lead = 0
    while lead < batch_dims and (tensor.stride(lead) == 0 or tensor.shape[lead] == 1):
        lead += 1
    core = tensor[(0,) * lead]
    suffix = shape[len(shape) - (batch_dims - lead) :]
    if core.is_contiguous() and core.shape == suffix + event:
        return core
    return tensor.expand(shape + event).contiguous()
