"""The multivariate normal law whose covariance is of low rank plus a diagonal."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from .. import kernels
from .._torch import is_ordinary_mode
from ..constraints import independent, positive, real, real_vector
from ..core.distribution import Distribution
from ..core.linear import apply, eye_like, inverse_triangular, shrunk, square
from ..core.noise import normal
from ..core.params import param
from ..core.shapes import joint
from ..kernels.library import ENTRIES

LOG_TWO_PI = math.log(2 * math.pi)
LARGEST_ROOT = ENTRIES["low_rank_root"].longest if "low_rank_root" in ENTRIES else 0
ROOM, LOOSE = 2**20, 4  # entries of square factors above which columns of zeros cost too much, if they are most


class LowRankMultivariateNormal(Distribution):
    r"""The normal law of a vector, with a covariance of rank k plus a diagonal.

    .. math:: p(x) = \frac{\exp\left(-\frac12 (x-\mu)^\top \Sigma^{-1} (x-\mu)\right)}{\sqrt{|2\pi\Sigma|}},
        \qquad \Sigma = W W^\top + D

    A density, or a divergence between two such laws, costs :math:`O(n k^2)`. The squared distance is the
    least-squares residual

    .. math:: \min_z\; |D^{-1/2}(x - \mu - W z)|^2 + |z|^2,

    a sum of squares found by an orthogonal factorisation, so that nothing cancels where W is much larger
    than D, as it does in Woodbury's identity.

    Args:
        loc: mean :math:`\mu`, ``[..., n]``.
        cov_factor: W, ``[..., n, k]``.
        cov_diag: the diagonal of D, positive, ``[..., n]``.

    Shapes:
        ``event_shape`` is ``[n]``; the other dimensions broadcast to ``batch_shape``. Support: real vectors.

    Raises:
        ValueError: if the numbers of coordinates differ.

    References:
        Golub and Van Loan, Matrix Computations, 2013, sections 5.3 and 2.1.4.

    Example:
        >>> d = LowRankMultivariateNormal(torch.zeros(2), torch.tensor([[1e4], [0.0]]), torch.ones(2))
        >>> d.log_prob(torch.tensor([1e4, 1.0]))
        tensor(-12.0482)
    """

    loc = param(real_vector, symbol=r"\mu", typical=(-2.0, 2.0))
    cov_factor = param(independent(real, 2), symbol="W", typical=(-1.0, 1.0))
    cov_diag = param(independent(positive, 1), symbol="D", typical=(0.3, 3.0))
    support = real_vector

    def _check(self) -> None:
        n = self.loc.shape[-1]
        for name, size in (("cov_factor", self.cov_factor.shape[-2]), ("cov_diag", self.cov_diag.shape[-1])):
            if size != n:
                raise ValueError(f"LowRankMultivariateNormal: loc has {n} coordinates, but {name} has {size}")

    def _parts(self) -> tuple[Tensor, Tensor]:
        """W and the square root of D, broadcast batch dimensions shrunk to size one."""
        return shrunk(self.cov_factor, 2), shrunk(self.cov_diag, 1).sqrt()

    def _log_prob(self, x: Tensor) -> Tensor:
        factor = shrunk(self.cov_factor, 2)
        n, k = factor.shape[-2:]
        small = 0 < k <= n <= LARGEST_ROOT and (n <= LOOSE * k or factor.numel() <= ROOM * k // n)
        if not (small and kernels.usable(factor)):
            return _log_density.formula(x, self.loc, factor, self.cov_diag)
        square = factor if k == n else pad(factor, (0, n - k))
        return _log_density(x, self.loc, square, shrunk(self.cov_diag, 1))

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        factor, scale = self._parts()
        common = normal(shape[:-1] + factor.shape[-1:], self.loc, generator)
        return self.loc + apply(factor, common) + scale * normal(shape, self.loc, generator)

    def _entropy(self) -> Tensor:
        factor, scale = self._parts()
        total = half_log_det(triangle_of(above_identity(factor, scale)), scale) + 0.5 * self.loc.shape[-1] * (
            1 + LOG_TWO_PI
        )
        return total.expand(self._batch_shape)

    def _mean(self) -> Tensor:
        return self.loc

    _mode = _median = _mean

    def _variance(self) -> Tensor:
        return (self.cov_factor.square().sum(-1) + self.cov_diag).expand(self.loc.shape)

    def _skewness(self) -> Tensor:
        return torch.zeros_like(self.loc)

    _kurtosis = _skewness

    def _covariance(self) -> Tensor:
        matrix = square(self.cov_factor) + torch.diag_embed(self.cov_diag)
        return matrix.expand(self._batch_shape + matrix.shape[-2:])

    @property
    def covariance_matrix(self) -> Tensor:
        r"""The covariance :math:`\Sigma`, ``[..., n, n]``."""
        return self.covariance

    @property
    def scale_tril(self) -> Tensor:
        """The lower Cholesky factor of the covariance, without forming the covariance."""
        law = self._resolved()
        return _factor(law).expand(law._batch_shape + 2 * law._event_shape)

    @property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        return square(inverse_triangular(self.scale_tril).mT)


@kernels.kernel("low_rank_normal_log_prob")
def _log_density(x: Tensor, loc: Tensor, factor: Tensor, diagonal: Tensor) -> Tensor:
    """The native function takes a square factor, with columns of zeros: they change nothing."""
    scale, shift = shrunk(diagonal, 1).sqrt(), x - loc
    basis, triangle = stacked(factor, scale)
    (n, k), white = factor.shape[-2:], shift / scale
    inside = apply(basis, apply(basis.narrow(-2, 0, n).mT, white))  # the part of it above zeros in the range
    rest, z = white - inside.narrow(-1, 0, n), inside.narrow(-1, n, k)
    constant = half_log_det(triangle, scale) + 0.5 * n * LOG_TWO_PI
    return torch.sub(-constant, (rest * rest).sum(-1) + (z * z).sum(-1), alpha=0.5)


def _orthogonal(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The reduced QR factorisation."""
    basis, triangle = torch.linalg.qr(matrix)
    return basis, triangle


def triangle_of(matrix: Tensor) -> Tensor:
    """The triangle of the reduced QR factorisation alone."""
    if is_ordinary_mode() and not (torch.is_grad_enabled() and matrix.requires_grad):
        triangle: Tensor = torch.linalg.qr(matrix, mode="r")[1]  # the basis serves the gradient alone
        return triangle
    return _orthogonal(matrix)[1]


def above_identity(factor: Tensor, scale: Tensor) -> Tensor:
    """D^-1/2 W above the identity."""
    white = factor / scale.unsqueeze(-1)
    eye = eye_like(white)
    return torch.cat([white, eye.expand(white.shape[:-2] + eye.shape)], -2)


def stacked(factor: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """The orthogonal factorisation of D^-1/2 W above the identity."""
    return _orthogonal(above_identity(factor, scale))


def log_size(triangle: Tensor) -> Tensor:
    """The logarithm of the absolute determinant of a triangular matrix."""
    return triangle.diagonal(dim1=-2, dim2=-1).abs().log().sum(-1)


def half_log_det(triangle: Tensor, scale: Tensor) -> Tensor:
    """Half the log-determinant of the covariance."""
    return scale.log().sum(-1) + log_size(triangle)


def roots_natively(law: LowRankMultivariateNormal) -> bool:
    """Whether a native function finds the root of the covariance, far faster than LAPACK for small matrices."""
    factor, diagonal = law.cov_factor, law.cov_diag
    tracked = torch.is_grad_enabled() and (factor.requires_grad or diagonal.requires_grad)
    n, k = factor.shape[-2:]
    return 0 < k <= n <= LARGEST_ROOT and not tracked and kernels.usable(factor)


def root(factor: Tensor, diagonal: Tensor, natively: bool) -> Tensor:
    """A lower triangular root of the covariance, of any signs."""
    if not natively:
        return _root.formula(factor, diagonal)
    n, k = factor.shape[-2:]
    return _root(pad(factor, (0, n - k)), diagonal)


@kernels.kernel("low_rank_root")
def _root(factor: Tensor, diagonal: Tensor) -> Tensor:
    """The triangle of W beside D^1/2; the native function takes a square factor, with columns of zeros."""
    batch = joint(factor.shape[:-2], diagonal.shape[:-1])
    columns = torch.diag_embed(diagonal.sqrt().expand(batch + diagonal.shape[-1:]))
    return triangle_of(torch.cat([factor.expand(batch + factor.shape[-2:]), columns], -1).mT).mT


def _factor(law: LowRankMultivariateNormal) -> Tensor:
    """The lower Cholesky factor: the root with a positive diagonal."""
    lower = root(shrunk(law.cov_factor, 2), shrunk(law.cov_diag, 1), roots_natively(law))
    diagonal = lower.diagonal(dim1=-2, dim2=-1)
    sign = torch.where(diagonal < 0, -torch.ones_like(diagonal), 1.0)
    return lower * sign[..., None, :]
