"""Linear algebra of batches of matrices that may share one factor, which is then factored and applied once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .._torch import has_variable_copies
from ..kernels import kernel, usable

cholesky: Callable[..., Tensor] = torch.linalg.cholesky
solve_triangular: Callable[..., Tensor] = torch.linalg.solve_triangular
FEW = 4  #: vectors a matrix
BY_ROWS = 128  #: the largest matrix whose upper factor LAPACK finds as soon as the lower one


def _in_own_dtype(operation: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """An operation in the wider dtype of its arguments; autocast would do it in half precision, too little here."""

    def exact(first: Tensor, second: Tensor) -> Tensor:
        if first.dtype is not second.dtype:
            dtype = torch.promote_types(first.dtype, second.dtype)
            first, second = first.to(dtype), second.to(dtype)
        if first.is_meta or not torch.is_autocast_enabled(first.device.type):
            return operation(first, second)
        with torch.autocast(first.device.type, enabled=False):
            return operation(first, second)

    return exact


product = _in_own_dtype(torch.matmul)
vecdot = _in_own_dtype(torch.linalg.vecdot)


def square(factor: Tensor) -> Tensor:
    """``factor @ factor.mT``."""
    return product(factor, factor.mT)


@kernel("symmetric_part")
def symmetric_part(matrix: Tensor) -> Tensor:
    """Half the sum of a matrix and its transpose."""
    return (matrix + matrix.mT) / 2


@kernel("cholesky")
def symmetric_cholesky(matrix: Tensor) -> Tensor:
    """The lower Cholesky factor of the symmetric part."""
    part = symmetric_part(matrix)
    if usable(part) and not (torch.is_grad_enabled() and part.requires_grad):
        columns, upper = part.mT, part.shape[-1] <= BY_ROWS  # overwritten, with no other copy
        cholesky(columns, upper=upper, out=columns)
        return part if upper else columns
    return cholesky(part)


def upper_cholesky(matrix: Tensor) -> Tensor:
    """The upper triangular U with ``U @ U.mT`` the symmetric part."""
    return symmetric_cholesky(matrix.flip((-2, -1))).flip((-2, -1))


def eye_like(matrix: Tensor) -> Tensor:
    """The identity of the matrix's size, dtype and device."""
    return torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)


def inverse_triangular(factor: Tensor, upper: bool = False) -> Tensor:
    """The inverse of a triangular matrix."""
    return solve_triangular(factor, eye_like(factor), upper=upper)


def factor_of_inverse(matrix: Tensor) -> Tensor:
    """The lower Cholesky factor of the inverse of a positive-definite matrix."""
    return inverse_triangular(upper_cholesky(matrix), upper=True).mT


def log_diagonal(factor: Tensor) -> Tensor:
    """The sum of the logarithms of the diagonal: half the log-determinant of ``square(factor)``."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def shrunk(value: Tensor, event_dim: int) -> Tensor:
    """``value`` with size one in place of every batch dimension along which it repeats.

    The copies in a variable that repeats have gradients of their own each, and stay.
    """
    if has_variable_copies(value):
        return value
    strides = value.stride()
    for dim in range(value.dim() - event_dim):
        if strides[dim] == 0 and value.shape[dim] > 1:
            value = value.narrow(dim, 0, 1)
    return value


def shared(factor: Tensor) -> bool:
    """Whether there is one matrix for the whole batch."""
    return factor.shape[:-2].numel() == 1


def serves_few(factor: Tensor, *vectors: Tensor) -> bool:
    """Whether each matrix meets so few vectors that reading it, row after row, is the work, and blocks do not pay."""
    few = max([each.numel() for each in vectors]) * factor.shape[-1] <= FEW * factor.numel()
    return few and factor.is_contiguous()


def apply(factor: Tensor, vectors: Tensor) -> Tensor:
    """``factor @ vector`` for each vector: one matrix product where the factor is shared.

    A vector is a row here: batches of products of a matrix by one column are several times slower.
    """
    if shared(factor):
        return product(vectors, factor.reshape(factor.shape[-2:]).mT)
    return product(vectors.unsqueeze(-2), factor.mT).squeeze(-2)


def solve(factor: Tensor, vectors: Tensor, upper: bool = False) -> Tensor:
    """``factor^-1 @ vector`` for each vector: one triangular solve where the factor is shared."""
    if shared(factor):
        matrix = factor.reshape(factor.shape[-2:])
        flat = vectors.reshape(-1, vectors.shape[-1])
        return solve_triangular(matrix, flat.mT, upper=upper).mT.reshape(vectors.shape)
    return solve_triangular(factor, vectors.unsqueeze(-1), upper=upper).squeeze(-1)
