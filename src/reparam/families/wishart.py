"""The Wishart law of random covariance matrices, and what it shares with its inverse."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Generator, Tensor

from ..constraints import greater_than, lower_cholesky, positive_definite
from ..core.linear import (
    cholesky,
    eye_like,
    factor_of_inverse,
    log_diagonal,
    product,
    shrunk,
    solve_triangular,
    square,
    symmetric_cholesky,
    symmetric_part,
)
from ..core.noise import normal
from ..core.params import one_of, param
from ..core.registry import register_kl
from ..core.shapes import joint
from ..core.slopes import slope
from ..implicit.gamma import log_standard_gamma
from ..kernels import all_within, kernel
from ..kernels.checks import all_positive_definite
from ..special import deviance, digamma, log_minus_digamma, multigammaln, stirling_bregman, stirling_error
from .exponential_family import ExponentialFamily
from .normal import HALF_LOG_TWO_PI
from .shared.shares import share_fit

LOG_TWO = math.log(2)


class BartlettFamily(ExponentialFamily):
    """The base of laws of positive-definite matrices that Bartlett's triangle is drawn for."""

    df: Any
    support = positive_definite

    @property
    def lowest_df(self) -> Tensor:
        """The bound p - 1 of the degrees of freedom."""
        return torch.full_like(self.df, self._size() - 1)

    def _size(self) -> int:
        return self._event_shape[-1]  # type: ignore[no-any-return]

    def _derive_event_shape(self) -> torch.Size:
        shape: torch.Size = self.__dict__[self._given[-1]].shape
        return shape[-2:]


class Wishart(BartlettFamily):
    r"""The law of the sum of ``df`` outer products of normal vectors with covariance V; ``df`` need not be whole.

    .. math:: p(X) = \frac{|X|^{(\nu-p-1)/2} e^{-\operatorname{tr}(V^{-1} X)/2}}
        {2^{\nu p/2} |V|^{\nu/2} \Gamma_p(\nu/2)}

    The density is with respect to the entries of the lower triangle. With L the factor of V, a draw is
    :math:`L A A^\top L^\top` with Bartlett's triangular A, of independent normal numbers and the roots of
    chi-square ones (made in log space): exact, with exact gradients. The log-density is that of A, and so
    loses nothing at large ``df``.

    Args:
        df: degrees of freedom :math:`\nu > p - 1`.
        covariance_matrix: V, positive definite, ``[..., p, p]``; the mean is :math:`\nu V`.
        precision_matrix: its inverse.
        scale_tril: its lower Cholesky factor. Give exactly one of the three.

    Shapes:
        ``df`` and the matrix without its last two dimensions broadcast to ``batch_shape``; ``event_shape`` is
        ``[p, p]``. Support: positive-definite matrices.

    Raises:
        ValueError: if ``df`` is not above p - 1.

    References:
        Bartlett, On the theory of statistical regression, 1933.
        Muirhead, Aspects of Multivariate Statistical Theory, 1982, section 3.2.

    Example:
        >>> d = Wishart(torch.tensor(3.0), torch.eye(2))
        >>> d.log_prob(torch.eye(2))
        tensor(-3.5310)
    """

    df = param(greater_than("lowest_df"), symbol=r"\nu", typical=(3.5, 20.0))
    covariance_matrix, precision_matrix, scale_tril = one_of(
        covariance_matrix=param(positive_definite, symbol="V", derived=lambda d: d._full(square(d._factor()))),
        precision_matrix=param(positive_definite, derived=lambda d: d._full(torch.cholesky_inverse(d._factor()))),
        scale_tril=param(lower_cholesky, symbol="L", derived=lambda d: d._full(d._factor())),
    )

    def _full(self, matrix: Tensor) -> Tensor:
        """A matrix for each law of the batch."""
        return matrix.expand(self.df.shape + matrix.shape[-2:])

    def _factor(self) -> Tensor:
        """The lower Cholesky factor of V, one for all laws that share it."""
        name = self._given[-1]
        value = shrunk(self.__dict__[name], 2)
        if name == "scale_tril":
            return value
        return symmetric_cholesky(value) if name == "covariance_matrix" else factor_of_inverse(value)

    def _log_prob(self, x: Tensor) -> Tensor:
        return _log_density(x, self.df, self._factor())

    def _log_scale(self, factor: Tensor) -> Tensor:
        return (self._size() + 1) * log_diagonal(factor)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        triangle, _ = bartlett(half_freedom(self.df, self._size()), shape, generator)
        return definite_square(product(self._factor(), triangle))

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        factor, freedom = self._factor(), half_freedom(self.df, self._size())
        triangle, logs = bartlett(freedom, shape, generator)
        log_density = bartlett_log_density(triangle, logs, freedom) - self._log_scale(factor)
        return definite_square(product(factor, triangle)), log_density

    def _entropy(self) -> Tensor:
        return bartlett_entropy(self.df, self._size()) + self._log_scale(self._factor())

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -0.5 * self.precision_matrix, 0.5 * (self.df - self._size() - 1)

    @staticmethod
    def _log_normalizer(a: Tensor, b: Tensor) -> Tensor:
        p = a.shape[-1]
        half = b + 0.5 * (p + 1)
        return multigammaln(half, p) - 2 * half * log_diagonal(symmetric_cholesky(-a))

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return x, x.logdet()

    @classmethod
    def _from_natural(cls, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        return {"df": 2 * b + a.shape[-1] + 1, "precision_matrix": -2 * a}

    @classmethod
    def _from_mean(cls, mean: Tensor, log_det: Tensor) -> dict[str, Tensor]:
        df = freedom_of_mean(log_det - mean.logdet(), mean.shape[-1])
        return {"df": df, "covariance_matrix": mean / df[..., None, None]}

    def _mean(self) -> Tensor:
        return self.df[..., None, None] * self.covariance_matrix

    def _mode(self) -> Tensor:
        return (self.df - self._size() - 1).clamp(min=0)[..., None, None] * self.covariance_matrix

    def _variance(self) -> Tensor:
        v = self.covariance_matrix
        return self.df[..., None, None] * (v.square() + diagonal_products(v))

    # An entry is half a sum of df differences of squares of two normal numbers, with variances s + v and s - v for
    # s^2 the product of the diagonal entries: its n-th cumulant is df (n-1)!/2 [(v + s)^n + (v - s)^n].

    def _correlations(self) -> Tensor:
        v = self.covariance_matrix
        return v / diagonal_products(v).sqrt()

    def _skewness(self) -> Tensor:
        r = self._correlations()
        return 2 * r * (3 + r * r) / (self.df[..., None, None].sqrt() * (1 + r * r) ** 1.5)

    def _kurtosis(self) -> Tensor:
        share = self._correlations().square()
        return 6 * (1 + share * (6 + share)) / (self.df[..., None, None] * (1 + share) ** 2)


@kernel("wishart_factor_log_prob")
def _log_density(x: Tensor, df: Tensor, factor: Tensor) -> Tensor:
    """That of a Wishart law with the factor of V."""
    p, white = x.shape[-1], solve_triangular(*joined(factor, safe_cholesky(x)), upper=False)
    return bartlett_log_density(white, None, half_freedom(df, p)) - (p + 1) * log_diagonal(factor)


def half_freedom(df: Tensor, p: int) -> Tensor:
    """Half the degrees of freedom of Bartlett's chi-square numbers, from the first to the last."""
    return (df[..., None] - torch.arange(p, dtype=df.dtype, device=df.device)) / 2


def joined(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Two batches of matrices expanded to one shape."""
    shape = joint(first.shape, second.shape)
    return first.expand(shape), second.expand(shape)


def safe_cholesky(x: Tensor) -> Tensor:
    """The lower Cholesky factor of the symmetric part; where it has none, the identity."""
    if all_positive_definite(x, 1.0):
        return symmetric_cholesky(x)
    x = symmetric_part(x)
    fails = torch.linalg.cholesky_ex(x.detach()).info != 0
    return cholesky(torch.where(fails[..., None, None], eye_like(x), x))


def diagonal_products(v: Tensor) -> Tensor:
    """The matrix of products :math:`v_{ii} v_{jj}`."""
    d = v.diagonal(dim1=-2, dim2=-1)
    return d[..., :, None] * d[..., None, :]


def bartlett(freedom: Tensor, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
    """Bartlett's lower triangle for a unit scale, and the logarithms of its diagonal.

    Args:
        freedom: half the degrees of freedom of the squared diagonal, ``[..., p]``.
        shape: of the triangles.
        generator: draws from it instead of torch's default one.
    """
    below = normal(shape, freedom, generator).tril(-1)
    logs = 0.5 * (LOG_TWO + log_standard_gamma(freedom, shape[:-1], generator))
    return below + torch.diag_embed(logs.exp()), logs


def definite_square(root: Tensor) -> Tensor:
    """``root @ root.mT`` of a lower triangle, positive definite as rounded.

    Where rounding takes an eigenvalue, the diagonal is longer by as much as rounding may have changed the square.
    """
    x, p = square(root), root.shape[-1]
    lift = 8 * (p + 1) * torch.finfo(x.dtype).eps
    lengths = x.diagonal(dim1=-2, dim2=-1).detach()
    volume = (root.diagonal(dim1=-2, dim2=-1).detach().square() / lengths).prod(-1)
    if all_within(volume, 3 * lift, torch.inf):  # the least eigenvalue of the correlations is more than a third of it
        return x
    kept = torch.linalg.cholesky_ex(x.detach() - torch.diag_embed(0.5 * lift * lengths)).info == 0
    least = torch.finfo(x.dtype).tiny
    return x + torch.diag_embed(torch.where(kept[..., None], 0.0, lift * lengths + least))


def bartlett_log_density(triangle: Tensor, logs: Tensor | None, freedom: Tensor) -> Tensor:
    """The log-density of the square of a lower triangle with respect to the entries of that matrix.

    Args:
        triangle: ``[..., p, p]``, its squared diagonal chi-square numbers, the rest normal ones.
        logs: the logarithms of its diagonal, if they are known better than the diagonal.
        freedom: half the degrees of freedom of the squared diagonal.
    """
    diagonal = triangle.diagonal(dim1=-2, dim2=-1)
    logs = diagonal.log() if logs is None else logs
    p = diagonal.shape[-1]
    half = 0.5 * diagonal.square()
    fit = share_fit(freedom, torch.ones_like(half), half, 2 * logs - LOG_TWO)
    turns = torch.arange(p + 1, 1, -1, dtype=half.dtype, device=half.device)
    squares = fit - stirling_error(freedom) + 0.5 * freedom.log() - turns * logs
    below = triangle.tril(-1).square().sum((-2, -1))
    return torch.sub(squares.sum(-1) - p * (p + 1) / 2 * HALF_LOG_TWO_PI, below, alpha=0.5)


def bartlett_entropy(df: Tensor, p: int) -> Tensor:
    """The entropy of a Wishart law with unit scale."""
    a, step = half_freedom(df, p), torch.arange(p, dtype=df.dtype, device=df.device)
    gaps = 0.5 * (df - p - 1)[..., None] * log_minus_digamma(a) + 0.5 * (p - step) * a.log() + 0.5 * step
    terms = gaps + stirling_error(a) + HALF_LOG_TWO_PI
    return terms.sum(-1) + 0.5 * p * (p + 1) * LOG_TWO + 0.25 * p * (p - 1) * math.log(math.pi)


def mean_log_det(df: Tensor, p: int) -> Tensor:
    """The mean log-determinant under a Wishart law with unit scale."""
    return digamma(half_freedom(df, p)).sum(-1) + p * LOG_TWO


def freedom_of_mean(gap: Tensor, p: int) -> Tensor:
    r"""The degrees of freedom at which :math:`E \log|X| - \log|E X|` is ``gap``, by Newton's method.

    With u the logarithm of :math:`\nu - p + 1`, that of minus the gap is nearly -u, so that few steps do; the last
    two are differentiable, which gives derivatives up to the third.
    """

    def miss(u: Tensor) -> Tensor:
        df = p - 1 + u.exp()
        share = torch.log1p(-torch.arange(p, dtype=u.dtype, device=u.device) / df[..., None])
        return (log_minus_digamma(half_freedom(df, p)) - share).sum(-1).log() - (-gap).log()

    u = torch.zeros_like(gap)
    for i in range(14):
        u = u - miss(u) / slope(miss, u)
        u = u.detach() if i < 12 else u
    return p - 1 + u.exp()


def wishart_divergence(ours: Tensor, theirs: Tensor, ratio: Tensor) -> Tensor:
    r"""The divergence of Wishart laws, as a sum of terms that are never negative.

    .. math:: \sum_i \Big[D(b_i, a_i R_{ii}^2) + \tfrac{i-1}{2} D(1, R_{ii}^2) + B(b_i, a_i)\Big]
        + \tfrac{\nu_p}{2} \sum_{i \ne j} R_{ij}^2

    with half degrees of freedom a and b, :math:`R = L_q^{-1} L_p`, D the deviance and B the Bregman term of
    Stirling's formula.

    Args:
        ours: degrees of freedom of the law of the expectation.
        theirs: those of the other.
        ratio: R, triangular.
    """
    p = ratio.shape[-1]
    a, b, step = half_freedom(ours, p), half_freedom(theirs, p), torch.arange(p, dtype=ours.dtype, device=ours.device)
    squared = ratio.diagonal(dim1=-2, dim2=-1).square()
    sides = (ratio.tril(-1) + ratio.triu(1)).square().sum((-2, -1))
    spread = 0.5 * step * deviance(torch.ones_like(squared), squared)
    return (deviance(b, a * squared) + spread + stirling_bregman(b, a)).sum(-1) + 0.5 * ours * sides


@register_kl(Wishart, Wishart)
def _(p: Wishart, q: Wishart) -> Tensor:
    first, second = joined(p._factor(), q._factor())
    return wishart_divergence(p.df, q.df, solve_triangular(second, first, upper=False))
