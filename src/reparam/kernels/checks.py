"""Checks of whole tensors in one native pass: ranges, the simplex, triangular and positive-definite matrices."""

from __future__ import annotations

import math
from sys import maxsize

from torch import Tensor

from .._torch import is_ordinary_mode, is_plain_cpu
from .layout import FLOATS, repeated
from .library import ENTRIES, native

LARGEST_MATRIX = ENTRIES["cholesky"].longest if "cholesky" in ENTRIES else 0


def all_within(
    tensor: Tensor,
    lower: float | Tensor,
    upper: float | Tensor,
    lower_open: bool = False,
    upper_open: bool = False,
    integer: bool = False,
) -> bool | None:
    """Does every entry lie in a range (and is it whole)?

    Args:
        tensor: the entries; NaN lies in no range.
        lower: the lower end: a float, in the dtype of the tensor, or a tensor that broadcasts with it.
        upper: the upper end, likewise.
        lower_open: whether the lower end itself is excluded.
        upper_open: whether the upper end itself is excluded.
        integer: whether the entries must be whole numbers.

    Returns:
        The answer, or None where the native library does not handle these tensors (it handles CPU tensors of
        float32, float64, int64 and bool, in ordinary eager mode) and torch has to find out.

    Example:
        >>> import torch
        >>> all_within(torch.tensor([0.5, 1.0]), 0.0, 1.0) in (True, None)
        True
    """
    if native is None or not is_ordinary_mode():
        return None
    answer: bool | None = native.all_within(tensor, lower, upper, lower_open, upper_open, integer)
    if answer is None and is_plain_cpu(tensor) and not tensor.is_contiguous():
        return all_within(tensor.detach().resolve_neg().contiguous(), lower, upper, lower_open, upper_open, integer)
    return answer


def all_finite(tensor: Tensor) -> bool:
    """Is every entry a finite number? False also where that may not be asked: under a transform or in a graph.

    Example:
        >>> import torch
        >>> all_finite(torch.tensor([1.0, torch.inf]))
        False
    """
    return all_within(tensor, -math.inf, math.inf, True, True) is True


def _all_structured(structure: int, rank: int, longest: int, tensor: Tensor, tolerance: float) -> bool | None:
    """Whether all rows (rank 1) or square matrices (rank 2) have a structure, or None where torch has to find out."""
    if native is None or not is_ordinary_mode() or not is_plain_cpu(tensor):
        return None
    code, shape = FLOATS.get(tensor.dtype), tensor.shape
    if code is None or len(shape) < rank or not 0 < (k := shape[-1]) <= longest or shape[-rank] != k:
        return None
    if not tensor.is_contiguous() or tensor.is_neg():
        tensor, n = repeated(tensor.detach(), shape[:-rank], shape[-rank:])
    else:
        n = tensor.numel() // k**rank
    return bool(native.all_structured(structure, code, n, k, tensor.data_ptr(), tolerance))


def all_simplex(tensor: Tensor, tolerance: float) -> bool | None:
    """Are all rows nonnegative, with a sum within ``tolerance`` of one? None where torch has to find out.

    Example:
        >>> import torch
        >>> all_simplex(torch.tensor([0.25, 0.75]), 1e-6) in (True, None)
        True
    """
    return _all_structured(0, 1, maxsize, tensor, tolerance)


def all_lower_cholesky(tensor: Tensor) -> bool | None:
    """Are all matrices lower triangular with a positive diagonal? None where torch has to find out.

    Example:
        >>> import torch
        >>> all_lower_cholesky(torch.eye(3)) in (True, None)
        True
    """
    return _all_structured(1, 2, maxsize, tensor, 0.0)


def all_positive_definite(tensor: Tensor, tolerance: float) -> bool | None:
    """Do all matrices surely have a Cholesky factor, and are symmetric?

    Args:
        tensor: the matrices; large ones are left to torch.
        tolerance: how far a matrix may be from its transpose, relative to its largest entry.

    Returns:
        True, or None where torch has to find out: also where rounding may decide.

    Example:
        >>> import torch
        >>> all_positive_definite(torch.eye(3), 0.0) in (True, None)
        True
    """
    return _all_structured(2, 2, LARGEST_MATRIX, tensor, tolerance) or None
