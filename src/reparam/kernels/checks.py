"""Range checks of whole tensors in one native pass."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .._torch import is_ordinary_mode, is_plain_cpu
from .layout import repeated
from .library import DTYPES, native


def all_within(
    tensor: Tensor,
    lower: float,
    upper: float,
    lower_open: bool = False,
    upper_open: bool = False,
    integer: bool = False,
) -> bool | None:
    """Does every entry lie between two numbers (and is it whole)?

    Args:
        tensor: the entries; NaN lies in no interval.
        lower: the lower end, in the dtype of the tensor.
        upper: the upper end, likewise.
        lower_open: whether the lower end itself is excluded.
        upper_open: whether the upper end itself is excluded.
        integer: whether the entries must be whole numbers.

    Returns:
        The answer, or None where the native library does not handle this tensor (it handles CPU tensors of
        float32, float64, int64 and bool, in ordinary eager mode) and torch has to find out.

    Example:
        >>> all_within(torch.tensor([0.5, 1.0]), 0.0, 1.0) in (True, None)
        True
    """
    if native is None or not is_ordinary_mode() or not is_plain_cpu(tensor):
        return None
    dtype = tensor.dtype
    code = DTYPES.get(dtype)
    if code is None:
        return None
    n = tensor.numel()
    if not tensor.is_contiguous() or (n < 2 and tensor.is_neg()):
        tensor, n = repeated(tensor.detach(), tensor.shape)
    if lower_open:
        lower = _next(lower, math.inf, dtype)
    if upper_open:
        upper = _next(upper, -math.inf, dtype)
    return bool(native.all_within(code, n, tensor.data_ptr(), lower, upper, integer))


def all_finite(tensor: Tensor) -> bool:
    """Is every entry a finite number? False also where that may not be asked: under a transform or in a graph.

    Example:
        >>> all_finite(torch.tensor([1.0, torch.inf]))
        False
    """
    return all_within(tensor, -math.inf, math.inf, True, True) is True


def _next(bound: float, towards: float, dtype: torch.dtype) -> float:
    """The next number after a bound in the tensor's dtype: it turns an open end into a closed one."""
    step = _NEXT.get((bound, towards, dtype))
    if step is None:
        if dtype.is_floating_point:
            ends = torch.tensor([bound, towards], dtype=dtype)
            step = float(torch.nextafter(ends[0], ends[1]))
        elif math.isinf(bound):
            step = bound  # no whole number is infinite
        else:
            step = math.floor(bound) + 1.0 if towards > bound else math.ceil(bound) - 1.0
        _NEXT[bound, towards, dtype] = step
    return step


_NEXT: dict[tuple[float, float, torch.dtype], float] = {}
