"""Transforms onto triangular, symmetric and positive-definite matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ..constraints import (
    corr_cholesky,
    lower_cholesky,
    lower_triangular,
    positive_definite,
    real_vector,
    symmetric,
)
from ..core.linear import eye_like, product, square
from ..kernels import all_within, kernel
from ..special.hyperbolic import log_cosh
from .base import Transform


class LowerTriangularTransform(Transform):
    r"""The matrix with a vector of :math:`D (D + 1) / 2` entries as its lower triangle, by rows.

    Raises:
        ValueError: if the length of the vector is no such number.

    Example:
        >>> import torch
        >>> LowerTriangularTransform()(torch.tensor([1.0, 2.0, 3.0]))
        tensor([[1., 0.],
                [2., 3.]])
    """

    domain = real_vector
    codomain = lower_triangular
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        return _fill_triangle(x, 0)

    def _inverse(self, y: Tensor) -> Tensor:
        return _read_triangle(y, 0)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Zero for every event."""
        return x.new_zeros(x.shape[:-1])

    def forward_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape with its last dimension replaced by those of the matrix."""
        return _matrix_shape(shape, 0)

    def inverse_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape with its last two dimensions replaced by that of the vector."""
        return _triangle_shape(shape, 0)


class SymmetricTransform(Transform):
    """The symmetric matrix with a given lower triangle; what is above the diagonal is ignored.

    The log-determinant is that of the map between lower triangles: zero.

    Example:
        >>> import torch
        >>> SymmetricTransform()(torch.tensor([[1.0, 0.0], [2.0, 3.0]]))
        tensor([[1., 2.],
                [2., 3.]])
    """

    domain = lower_triangular
    codomain = symmetric
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        return x.tril() + x.tril(-1).mT

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Zero for every event."""
        return x.new_zeros(x.shape[:-2])


class LowerCholeskyTransform(Transform):
    r"""The lower-triangular matrix with the exponentials of the diagonal.

    What is above the diagonal of ``x`` is ignored, so any square matrix will do; as a bijection the
    transform acts on lower-triangular ones. The log-determinant is that of the map between lower
    triangles: :math:`\sum_i x_{ii}`.

    Example:
        >>> import torch
        >>> LowerCholeskyTransform()(torch.tensor([[0.0, 7.0], [2.0, 0.0]]))
        tensor([[1., 0.],
                [2., 1.]])
    """

    domain = lower_triangular
    codomain = lower_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + _diagonal(x).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + _diagonal(y).log().diag_embed()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The trace of ``x``."""
        return _diagonal(x).sum(-1)


class PositiveDefiniteTransform(Transform):
    r"""The positive-definite matrix :math:`y = L L^T` with :math:`L` as in the lower Cholesky map.

    What is above the diagonal of ``x`` is ignored, so any square matrix will do; as a bijection the
    transform acts on lower-triangular ones. The log-determinant is that of the map between lower
    triangles, with :math:`\log L_{ii} = x_{ii}`:

    .. math:: D \log 2 + \sum_{i=1}^{D} (D - i + 2) \, x_{ii} .

    References:
        Muirhead, "Aspects of Multivariate Statistical Theory", 1982, theorem 2.1.9.

    Example:
        >>> import torch
        >>> PositiveDefiniteTransform()(torch.tensor([[0.0, 0.0], [2.0, 0.0]]))
        tensor([[1., 2.],
                [2., 5.]])
    """

    domain = lower_triangular
    codomain = positive_definite
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        factor = x.tril(-1) + _diagonal(x).exp().diag_embed()
        return square(factor)

    def _inverse(self, y: Tensor) -> Tensor:
        has_kernel = y.dtype in (torch.float32, torch.float64)
        factor: Tensor = torch.linalg.cholesky(y if has_kernel else y.float()).to(y.dtype)
        return factor.tril(-1) + _diagonal(factor).log().diag_embed()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The log-determinant of the map between lower triangles."""
        size = x.shape[-1]
        weights = torch.arange(size + 1, 1, -1, dtype=x.dtype, device=x.device)
        return (_diagonal(x) * weights).sum(-1) + size * math.log(2.0)


class CorrCholeskyTransform(Transform):
    r"""The Cholesky factor of a correlation matrix from :math:`D (D - 1) / 2` real numbers.

    The vector fills the strictly lower triangle row by row; with :math:`r = \tanh x` there,

    .. math:: y_{ij} = r_{ij} \prod_{k<j} \sqrt{1 - r_{ik}^2}, \qquad
              y_{ii} = \prod_{k<i} \sqrt{1 - r_{ik}^2},

    so that every row has length one. As :math:`\sqrt{1 - \tanh^2 x} = 1 / \cosh x`, the products
    are sums of :math:`\log \cosh x`, and exact where :math:`\tanh x` rounds to one. The
    log-determinant is that of the map to the strictly lower triangle of ``y``:

    .. math:: -\sum_{i>j} (i - j + 1) \log \cosh x_{ij} .

    Raises:
        ValueError: if the length of the vector is no such number.

    References:
        Lewandowski, Kurowicka and Joe, "Generating random correlation matrices based on vines and
        extended onion method", Journal of Multivariate Analysis, 2009.

    Example:
        >>> import torch
        >>> CorrCholeskyTransform()(torch.tensor([0.0]))
        tensor([[1., 0.],
                [0., 1.]])
    """

    domain = real_vector
    codomain = corr_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        return self._rows(x, log_cosh(x))

    def _inverse(self, y: Tensor) -> Tensor:
        size = y.shape[-1]
        later = torch.ones((size, size), dtype=y.dtype, device=y.device).tril(-1)
        rest = _read_triangle(product(y.square(), later), 1)
        info = torch.finfo(y.dtype)
        least = info.tiny / info.eps
        if all_within(rest, least, math.inf):
            return _asinh(_read_triangle(y, 1) / rest.sqrt())
        # squares that underflow, of entries that are all small: those of larger numbers, which here may be capped
        held, scale, most = rest >= least, 2.0 ** round(-0.8 * math.log2(info.tiny)), 1e-3 * math.sqrt(info.max)
        scaled = _read_triangle(product((y * scale).clamp(-most, most).square(), later), 1)
        some = scaled > 0
        low = torch.where(some, torch.where(some, scaled, 1.0).sqrt(), 0.0) / scale
        return _asinh(_read_triangle(y, 1) / torch.where(held, torch.where(held, rest, 1.0).sqrt(), low))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The log-determinant of the map to the strictly lower triangle, from ``x`` alone."""
        return self._log_det(log_cosh(x))

    def forward_and_ldj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The value and the log-determinant, from the same logarithms."""
        falls = log_cosh(x)
        return self._rows(x, falls), self._log_det(falls)

    def _rows(self, x: Tensor, falls: Tensor) -> Tensor:
        along, log_across = _fill_triangle(x.tanh(), 1), _fill_triangle(falls, 1)
        log_left = functional.pad(-log_across.cumsum(-1)[..., :-1], (1, 0))
        return (along + eye_like(along)) * log_left.exp()

    def _log_det(self, falls: Tensor) -> Tensor:
        size = _matrix_shape(falls.shape, 1)[-1]
        rows, columns = torch.tril_indices(size, size, -1, device=falls.device)
        return -product(falls, (rows - columns + 1).to(falls.dtype))

    def forward_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape with its last dimension replaced by those of the matrix."""
        return _matrix_shape(shape, 1)

    def inverse_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape with its last two dimensions replaced by that of the vector."""
        return _triangle_shape(shape, 1)


@kernel("asinh")
def _asinh(x: Tensor) -> Tensor:
    return x.asinh()


def _diagonal(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1)


def _fill_triangle(vector: Tensor, below: int) -> Tensor:
    """The matrix with ``vector``, row by row, on and under its ``below``-th subdiagonal."""
    size = _matrix_shape(vector.shape, below)[-1]
    length, own = vector.shape[-1], torch.arange(vector.shape[-1], device=vector.device)
    none = torch.full((size * size,), length, device=vector.device)
    positions = none.index_copy(0, _places(vector, size, below), own)
    return functional.pad(vector, (0, 1)).index_select(-1, positions).reshape(*vector.shape[:-1], size, size)


def _places(like: Tensor, size: int, below: int) -> Tensor:
    """Where the entries of such a triangle stand in the matrix, flattened."""
    rows, columns = torch.tril_indices(size, size, -below, device=like.device)
    return torch.add(columns, rows, alpha=size)


def _read_triangle(matrix: Tensor, below: int) -> Tensor:
    """The entries on and under the ``below``-th subdiagonal, row by row."""
    size = matrix.shape[-1]
    _triangle_shape(matrix.shape, below)
    return matrix.flatten(-2).index_select(-1, _places(matrix, size, below))


def _matrix_shape(shape: Sequence[int], below: int) -> torch.Size:
    if len(shape) < 1:
        raise ValueError("a vector needs at least one dimension")
    length = shape[-1]
    rows = (math.isqrt(1 + 8 * length) - 1) // 2
    if rows * (rows + 1) // 2 != length:
        raise ValueError(f"{length} entries, of shape {tuple(shape)}, do not fill a triangle")
    return torch.Size((*shape[:-1], rows + below, rows + below))


def _triangle_shape(shape: Sequence[int], below: int) -> torch.Size:
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ValueError(f"shape {tuple(shape)} is not that of square matrices")
    rows = shape[-1] - below
    return torch.Size((*shape[:-2], rows * (rows + 1) // 2))
