"""Covariances that may be singular: their range, a triangular factor on it, and what lies on it to rounding."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .linear import apply, eye_like, log_diagonal, product, solve, square, symmetric_cholesky, symmetric_part

ROUNDINGS = 8  #: of size n eps, below which an eigenvalue, relative to the largest, is taken to be zero


class Semidefinite(NamedTuple):
    r"""A symmetric positive-semidefinite S, with what makes it definite without a change on its range.

    With the projector Q onto its null space, :math:`S + c Q` is positive definite, has the determinant
    :math:`c^{n-r}` times the product of the positive eigenvalues of S, and on the range of S its inverse is
    the pseudo-inverse. Derivatives are those along matrices of the same rank, to any order.
    """

    matrix: Tensor
    null: Tensor  #: Q
    inverse: Tensor  #: the pseudo-inverse, a constant
    largest: Tensor  #: the largest eigenvalue, or 1 for a matrix of zeros, a constant: c
    rank: Tensor  #: r, a constant

    def factor(self, filling: Tensor) -> Tensor:
        """The lower Cholesky factor of S + c Q, for the number c given."""
        kept = eye_like(self.null) - self.null
        return symmetric_cholesky(product(product(kept, self.matrix), kept) + filling[..., None, None] * self.null)

    def half_log_det(self, factor: Tensor) -> Tensor:
        """Half the logarithm of the product of the positive eigenvalues, from the factor for c."""
        return log_diagonal(factor) - 0.5 * (self.matrix.shape[-1] - self.rank) * self.largest.log()

    def projected(self, vectors: Tensor) -> Tensor:
        """The part of each vector in the range."""
        return vectors - apply(self.null, vectors)

    def colour(self, factor: Tensor, noise: Tensor) -> Tensor:
        """Vectors with the covariance S, of standard normal noise."""
        return self.projected(apply(factor.tril(), noise))

    def whiten(self, factor: Tensor, vectors: Tensor) -> Tensor:
        """Vectors whose squared lengths are those of ``vectors`` by the pseudo-inverse."""
        return solve(factor, self.projected(vectors))

    def holds(self, vectors: Tensor, size: Tensor) -> Tensor:
        """Whether each vector is in the range of a matrix as near as rounding to S.

        Args:
            vectors: ``[..., n]``, each a difference of two of lengths about ``size``.
            size: ``[...]``.
        """
        turned = self.largest * _length(apply(self.inverse, vectors))  # how far a change of S turns them out of it
        spread = torch.where(self.rank > 0, self.largest.sqrt(), 0.0)
        return _length(apply(self.null, vectors)) <= _rounding(self.matrix) * (turned + spread + size)


def decomposed(matrix: Tensor) -> Semidefinite:
    """The symmetric part of a matrix without its eigenvalues that are negative, or zero but for rounding."""
    matrix = symmetric_part(matrix)
    fixed = matrix.detach()
    values, vectors = torch.linalg.eigh(fixed)
    kept = values > _rounding(matrix) * values[..., -1:]
    null = square(vectors * torch.where(kept, 0.0, 1.0).to(matrix.dtype).unsqueeze(-2))
    inverse = product(vectors * torch.where(kept, 1 / values, 0.0).unsqueeze(-2), vectors.mT)
    largest = torch.where(kept[..., -1], values[..., -1], 1.0)
    rank = kept.sum(-1).to(matrix.dtype)
    return Semidefinite(matrix, _following(null, inverse, matrix - fixed), inverse, largest, rank)


def whole(matrix: Tensor) -> Semidefinite:
    """A matrix that is known to be definite."""
    zeros, one = torch.zeros_like(matrix), torch.ones_like(matrix[..., 0, 0])
    return Semidefinite(matrix, zeros, zeros, one, matrix.shape[-1] * one)


def lengths(*vectors: Tensor) -> Tensor:
    """The sum of the lengths."""
    total = _length(vectors[0])
    for other in vectors[1:]:
        total = total + _length(other)
    return total


def _length(vectors: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(vectors.detach(), dim=-1)
    return length


def _rounding(matrix: Tensor) -> float:
    return ROUNDINGS * matrix.shape[-1] * torch.finfo(matrix.dtype).eps


def _following(null: Tensor, inverse: Tensor, change: Tensor) -> Tensor:
    """The projector onto the null space as it turns with a change of the matrix, which is zero and has derivatives.

    The columns of ``(1 + inverse change)^-1 null`` span the null space of a changed matrix of the same rank.
    """
    identity = eye_like(null)
    basis = torch.linalg.solve(identity + product(inverse, change), null)
    return product(basis, torch.linalg.solve(product(basis.mT, basis) + identity - null, basis.mT))
