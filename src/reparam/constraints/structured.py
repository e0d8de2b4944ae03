"""Sets of vectors and matrices: the simplex and its relatives, triangular and definite matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from ..kernels.checks import all_positive_definite
from .base import Constraint, is_coarser, least
from .numeric import (
    Bound,
    IntegerInterval,
    Interval,
    as_bound,
    boolean,
    nonnegative_integer,
    real,
    unit_interval,
)


def rounding(value: Tensor, terms: int) -> float:
    r"""How far rounding may move a sum of ``terms`` entries: :math:`4 (\epsilon + k \epsilon_{32})`.

    Entries that are rounded once move a sum of one by half the :math:`\epsilon` of their dtype,
    however many they are, and so does the division by a rounded total; both totals, that which
    normalised and that which checks, are accumulated in float32 or better, with an error of up to
    :math:`k \epsilon_{32} / 2` each. A few more roundings of each entry are allowed for by the
    factor 4. Tensors in double precision are held to no more than float32, in which their values
    have often been computed.
    """
    single = torch.finfo(torch.float32).eps
    eps = torch.finfo(value.dtype).eps if value.is_floating_point() else 0.0
    return 4.0 * (eps + terms * single)


def row_squares(value: Tensor) -> Tensor:
    """The sum of squares of each row, in float32 or better."""
    return value.to(torch.promote_types(value.dtype, torch.float32)).square().sum(-1)


class Structured(Constraint):
    """A set of vectors or matrices whose entries all lie in one range."""

    entry_range: Constraint = real

    @property
    def entries(self) -> tuple[Constraint, ...]:
        """The range of every entry."""
        return (self.entry_range,)


class Simplex(Structured):
    """Vectors of nonnegative entries that sum to one, up to :func:`rounding`.

    Example:
        >>> import torch
        >>> Simplex().check(torch.tensor([[0.25, 0.75], [0.5, 0.6], [-0.1, 1.1]]))
        tensor([ True, False, False])
    """

    event_dim = 1
    entry_range = unit_interval
    _words = "in the simplex (entries >= 0 that sum to 1)"

    def check(self, value: Tensor) -> Tensor:
        """Which vectors along the last dimension lie in the simplex, up to rounding."""
        self._require_dims(value)
        total_is_one = (value.sum(-1) - 1).abs() <= rounding(value, value.shape[-1])
        return (value >= 0).all(-1) & total_is_one

    def cast(self, value: Tensor, dtype: torch.dtype) -> Tensor:
        """``value`` in another dtype, no entry rounded to zero."""
        rounded = value.to(dtype)
        return rounded.clamp(min=least(dtype)) if is_coarser(dtype, value) else rounded


class OneHot(Structured):
    """Vectors with a single entry 1, all others 0."""

    is_discrete = True
    event_dim = 1
    entry_range = boolean
    _words = "one-hot (a single 1, all other entries 0)"

    def check(self, value: Tensor) -> Tensor:
        """Which vectors along the last dimension are one-hot."""
        self._require_dims(value)
        return boolean.check(value).all(-1) & (value.sum(-1) == 1)


class Multinomial(Structured):
    r"""Vectors of nonnegative integers with a sum of at most ``upper_bound``.

    Sums below the bound belong to the set, so that one constraint serves rows of different totals. Counts that
    are too large for their dtype are known to half its :math:`\epsilon` each, as is the bound: a sum may
    exceed it by as much.
    """

    is_discrete = True
    event_dim = 1
    _fields = ("upper_bound",)

    def __init__(self, upper_bound: Bound) -> None:
        self.upper_bound = as_bound(upper_bound, "upper_bound")

    @property
    def entries(self) -> tuple[Constraint, ...]:
        """The integers up to the bound."""
        bound = self.upper_bound
        return (IntegerInterval(0, bound.unsqueeze(-1) if isinstance(bound, Tensor) else bound),)

    def check(self, value: Tensor) -> Tensor:
        """Which vectors along the last dimension are counts with a sum within the bound."""
        self._require_dims(value)
        if isinstance(self.upper_bound, str):
            raise self._unresolved()
        total = value.sum(-1, dtype=torch.float64)
        eps = torch.finfo(value.dtype).eps if value.is_floating_point() else 0.0
        return nonnegative_integer.check(value).all(-1) & (total - self.upper_bound <= eps * self.upper_bound)

    def describe(self) -> str:
        """The set in words that continue "must be ..."."""
        bound = "its bound" if isinstance(self.upper_bound, Tensor) else self.upper_bound
        return f"counts (integers >= 0) with a sum of at most {bound}"


class Matrix(Structured):
    """A set of square matrices; other matrices are never in it."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        """Which matrices in the last two dimensions belong to the set."""
        self._require_dims(value)
        if value.shape[-1] != value.shape[-2]:
            return torch.zeros(value.shape[:-2], dtype=torch.bool, device=value.device)
        return self._check(value)

    def _check(self, value: Tensor) -> Tensor:
        """Which square matrices belong to the set."""
        raise NotImplementedError


class Square(Matrix):
    """Square matrices without NaN."""

    _words = "a square matrix"

    def _check(self, value: Tensor) -> Tensor:
        return real.check(value).flatten(-2).all(-1)


class LowerTriangular(Matrix):
    """Square matrices with zeros above the diagonal."""

    _words = "a lower triangular matrix"

    def _check(self, value: Tensor) -> Tensor:
        return (value.tril() == value).flatten(-2).all(-1)


class LowerCholesky(Matrix):
    """Lower-triangular matrices with a positive diagonal."""

    _words = "a lower triangular matrix with a positive diagonal"

    def _check(self, value: Tensor) -> Tensor:
        positive_diagonal = (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)
        return lower_triangular._check(value) & positive_diagonal

    def cast(self, value: Tensor, dtype: torch.dtype) -> Tensor:
        """``value`` in another dtype, no diagonal entry rounded to zero."""
        rounded = value.to(dtype)
        if not is_coarser(dtype, value):
            return rounded
        diagonal = rounded.diagonal(dim1=-2, dim2=-1).clamp(min=least(dtype))
        return rounded.tril(-1) + torch.diag_embed(diagonal)

    def closure(self) -> Constraint:
        """The lower-triangular matrices."""
        return lower_triangular


class CorrCholesky(LowerCholesky):
    """Cholesky factors of correlation matrices: lower Cholesky, with rows of unit length."""

    entry_range = Interval(-1.0, 1.0)
    _words = "a lower triangular matrix with a positive diagonal and rows of length 1"

    def _check(self, value: Tensor) -> Tensor:
        return lower_cholesky._check(value) & self._is_unit(row_squares(value), value).all(-1)

    @staticmethod
    def _is_unit(squares: Tensor, value: Tensor) -> Tensor:
        """Which rows, of these squared lengths, have length 1 to the precision of ``value``."""
        return (squares - 1).abs() <= 2 * rounding(value, value.shape[-1])

    def cast(self, value: Tensor, dtype: torch.dtype) -> Tensor:
        """``value`` in another dtype, rows of length 1 having that length to the precision of the finer."""
        cast = super().cast(value, dtype)
        if value.dtype is dtype or is_coarser(dtype, value):
            return cast
        squares = row_squares(cast)
        unit = self._is_unit(squares, value)
        return cast / torch.where(unit, squares, 1.0).sqrt().unsqueeze(-1)


class Symmetric(Matrix):
    r"""Finite matrices that equal their transpose: :math:`|A - A^T| \le 8 \rho \max |A|`.

    Here :math:`\rho` is the :func:`rounding` of a sum of :math:`D` entries. The tolerance is
    relative to the matrix, whatever its scale, and leaves room for several such sums.
    """

    _words = "a symmetric matrix"

    def _check(self, value: Tensor) -> Tensor:
        if value.shape[-1] == 0:
            return square._check(value)
        scale = value.abs().amax((-2, -1), keepdim=True)
        gap = (value - value.mT).abs()
        return (gap <= self.tolerance(value) * scale).flatten(-2).all(-1)

    @staticmethod
    def tolerance(value: Tensor) -> float:
        """How far entries may differ from their mirror images, relative to the largest."""
        return 8 * rounding(value, value.shape[-1])


class PositiveSemidefinite(Matrix):
    r"""Symmetric matrices with eigenvalues :math:`\lambda \ge 0`, up to :func:`rounding`."""

    _words = "a positive-semidefinite matrix"

    def _check(self, value: Tensor) -> Tensor:
        matrix, is_symmetric = _symmetric_or_identity(value)
        if value.shape[-1] == 0:
            return is_symmetric
        eigenvalues: Tensor = torch.linalg.eigvalsh(matrix)
        lowest = -rounding(value, value.shape[-1]) * eigenvalues.abs().amax(-1)
        return is_symmetric & (eigenvalues[..., 0] >= lowest)


class PositiveDefinite(Matrix):
    """Symmetric matrices that have a Cholesky factor."""

    _words = "a symmetric positive-definite matrix"

    def _check(self, value: Tensor) -> Tensor:
        matrix, is_symmetric = _symmetric_or_identity(value)
        has_factor: Tensor = torch.linalg.cholesky_ex(matrix).info == 0
        return is_symmetric & has_factor

    def cast(self, value: Tensor, dtype: torch.dtype) -> Tensor:
        """``value`` in another dtype, its diagonal longer where rounding takes an eigenvalue.

        What exceeds the largest number of the dtype is scaled down as a whole.
        """
        if not is_coarser(dtype, value):
            return value.to(dtype)
        largest, info = value.detach().abs().amax((-2, -1), keepdim=True), torch.finfo(dtype)
        excess = largest > info.max / 4
        rounded = torch.where(excess, value * (info.max / 4 / largest), value).to(dtype)
        if all_positive_definite(rounded.detach().to(value.dtype), 1.0):
            return rounded
        x = rounded.to(value.dtype)
        longer = _definite_diagonal(x.detach(), dtype)
        return (x + torch.diag_embed(longer - x.detach().diagonal(dim1=-2, dim2=-1))).to(dtype)

    def closure(self) -> Constraint:
        """The positive-semidefinite matrices."""
        return positive_semidefinite


def _definite_diagonal(x: Tensor, dtype: torch.dtype) -> Tensor:
    """A diagonal with which a symmetric matrix is positive definite also after that is rounded to a dtype.

    Of the matrix scaled to ones on its diagonal, the eigenvalues grow by what is added there. Only where the least
    of them is below its rounding is anything added.
    """
    smallest, eps = least(dtype), torch.finfo(dtype).eps
    diagonal = x.diagonal(dim1=-2, dim2=-1).clamp(min=smallest)
    roots = diagonal.sqrt()
    scaled = x / (roots.unsqueeze(-1) * roots.unsqueeze(-2))
    finite = scaled.isfinite().flatten(-2).all(-1)[..., None, None]
    identity = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    lowest = torch.linalg.eigvalsh(torch.where(finite, scaled, identity))[..., :1]
    short = 8 * x.shape[-1] * torch.finfo(x.dtype).eps - lowest
    return torch.where(short > 0, diagonal * (1 + short) * (1 + eps) + smallest, diagonal)


def _symmetric_or_identity(value: Tensor) -> tuple[Tensor, Tensor]:
    """Each matrix, or the identity where it is not symmetric, in a dtype that LAPACK knows."""
    is_symmetric = symmetric._check(value)
    if value.dtype not in (torch.float32, torch.float64):
        value = value.to(torch.float32 if value.is_floating_point() else torch.get_default_dtype())
    identity = torch.eye(value.shape[-1], dtype=value.dtype, device=value.device)
    return torch.where(is_symmetric[..., None, None], value, identity), is_symmetric


simplex = Simplex()
one_hot = OneHot()
multinomial = Multinomial
square = Square()
lower_triangular = LowerTriangular()
lower_cholesky = LowerCholesky()
corr_cholesky = CorrCholesky()
symmetric = Symmetric()
positive_semidefinite = PositiveSemidefinite()
positive_definite = PositiveDefinite()
