"""The multivariate normal law."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from .._torch import can_read, unwrapped
from ..constraints import (
    independent,
    lower_cholesky,
    positive,
    positive_definite,
    positive_semidefinite,
    real_vector,
)
from ..core.linear import (
    apply,
    cholesky,
    factor_of_inverse,
    inverse_triangular,
    log_diagonal,
    serves_few,
    shrunk,
    solve,
    solve_triangular,
    square,
    symmetric_cholesky,
)
from ..core.noise import normal
from ..core.params import one_of, param
from ..core.registry import register_kl
from ..core.semidefinite import Semidefinite, decomposed, lengths, whole
from ..core.shapes import joint
from ..kernels import fused, kernel
from ..special import deviance
from .exponential_family import ExponentialFamily

LOG_TWO_PI = math.log(2 * math.pi)
SEMIDEFINITE = "semidefinite_covariance"  #: the form that may be singular


class MultivariateNormal(ExponentialFamily):
    r"""The normal law of a vector, with any covariance.

    .. math:: p(x) = \frac{\exp\left(-\frac12 (x-\mu)^\top \Sigma^{-1} (x-\mu)\right)}{\sqrt{|2\pi\Sigma|}}

    Give the spread in exactly one form. Covariance and precision matrices are symmetrised; a factor shared by
    the batch (given once and broadcast) is factored once.

    A covariance of any rank r is given as ``semidefinite_covariance``. Its eigenvalues count as zero below
    :math:`8 n \epsilon` of the largest. Draws then lie on the plane :math:`\mu + \operatorname{range} \Sigma`,
    and the density is that with respect to Lebesgue measure on the plane,

    .. math:: \log p(x) = -\tfrac12 \left(r \log 2\pi + \log \operatorname{pdet} \Sigma
        + (x-\mu)^\top \Sigma^+ (x-\mu)\right),

    with the product pdet of the positive eigenvalues and the pseudo-inverse; it is :math:`-\infty` at points off
    the plane by more than rounding in float32 or float64 (as draws are once they are rounded to half precision).
    A divergence is infinite between laws on different planes. Derivatives are those along the plane, and along
    covariances of the same rank. No branch depends on the rank, which may differ within a batch.

    Args:
        loc: mean :math:`\mu`, ``[..., n]``.
        covariance_matrix: :math:`\Sigma`, positive definite (for a singular one see below), ``[..., n, n]``.
        precision_matrix: :math:`\Sigma^{-1}`, positive definite, ``[..., n, n]``.
        scale_tril: lower triangular L with :math:`\Sigma = L L^\top`, ``[..., n, n]``.
        precision_tril: lower triangular M with :math:`\Sigma^{-1} = M M^\top`, ``[..., n, n]``.
        scale_diag: standard deviations of independent coordinates, ``[..., n]``.
        semidefinite_covariance: :math:`\Sigma`, positive semi-definite, perhaps singular, ``[..., n, n]``.

    Shapes:
        ``event_shape`` is ``[n]``; the other dimensions broadcast to ``batch_shape``. Support: real vectors.

    Raises:
        ValueError: if the sizes of the mean and the spread differ; when the precision or a factor of a singular
            law is read (it is ``nan`` in a compiled program, which raises no such error).

    References:
        Kotz, Balakrishnan and Johnson, Continuous Multivariate Distributions 1, 2000, chapter 45; Rao, Linear
        Statistical Inference and Its Applications, 1973, section 8a.4, for singular covariances.

    Example:
        >>> d = MultivariateNormal(torch.zeros(2), torch.tensor([[2.0, 1.0], [1.0, 2.0]]))
        >>> d.log_prob(torch.zeros(2))
        tensor(-2.3872)
        >>> line = MultivariateNormal(torch.zeros(2), semidefinite_covariance=torch.ones(2, 2))
        >>> line.log_prob(torch.tensor([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0]]))
        tensor([-1.2655, -1.7655,    -inf])
    """

    loc = param(real_vector, symbol=r"\mu", typical=(-2.0, 2.0))
    covariance_matrix, precision_matrix, scale_tril, precision_tril, scale_diag, semidefinite_covariance = one_of(
        covariance_matrix=param(positive_definite, symbol=r"\Sigma", derived=lambda d: d._full(d._square())),
        precision_matrix=param(positive_definite, derived=lambda d: d._full(d._precision())),
        scale_tril=param(lower_cholesky, symbol="L", derived=lambda d: d._full(d._factor())),
        precision_tril=param(lower_cholesky, derived=lambda d: d._full(cholesky(d._precision()))),
        scale_diag=param(
            independent(positive, 1),
            symbol=r"\sigma",
            typical=(0.3, 3.0),
            derived=lambda d: d._variance().sqrt(),
        ),
        semidefinite_covariance=param(positive_semidefinite, symbol=r"\Sigma", derived=lambda d: d.covariance_matrix),
    )
    support = real_vector

    def _check(self) -> None:
        n, name = self.loc.shape[-1], self._given[1]
        sizes = self.__dict__[name].shape[-1 if name == "scale_diag" else -2 :]
        if any(s != n for s in sizes):
            raise ValueError(f"MultivariateNormal: loc has {n} coordinates, but {name} has size {tuple(sizes)}")

    def _spread(self) -> tuple[str, Tensor]:
        """The given form and its tensor, with broadcast batch dimensions shrunk to size one."""
        name = self._given[1]
        return name, shrunk(self.__dict__[name], self._fields[name].event_dim)  # type: ignore[attr-defined]

    def _full(self, matrix: Tensor) -> Tensor:
        """A matrix for each law of the batch."""
        return matrix.expand(self.loc.shape[:-1] + matrix.shape[-2:])

    def _factor(self) -> Tensor:
        """The lower Cholesky factor of the covariance, one for all laws that share it."""
        name, value = self._spread()
        if name == "scale_tril":
            return value
        if name == "covariance_matrix":
            return symmetric_cholesky(value)
        if name == "scale_diag":
            return torch.diag_embed(value)
        if name == "precision_matrix":
            return factor_of_inverse(value)
        if name == SEMIDEFINITE:
            return self._regular_factor()
        return cholesky(square(inverse_triangular(value).mT))

    def _square(self) -> Tensor:
        """The covariance, one for all laws that share it."""
        return self._spread()[1] if self._given[1] == SEMIDEFINITE else square(self._factor())

    def _semidefinite(self) -> Semidefinite | None:
        """The covariance in parts, if it is of the form that may be singular."""
        return decomposed(self._spread()[1]) if self._given[1] == SEMIDEFINITE else None

    def _regular_factor(self) -> Tensor:
        """The Cholesky factor of a covariance that may be singular, and must not be here."""
        parts = decomposed(self._spread()[1])
        n = self.loc.shape[-1]
        singular = parts.rank < n
        if can_read() and not singular.is_meta and bool(unwrapped(singular).any()):
            rank = int(unwrapped(parts.rank).min())
            raise ValueError(
                f"MultivariateNormal: a covariance is singular (of rank {rank}, for {n} coordinates): it has no "
                "inverse and no Cholesky factor of positive diagonal"
            )
        return torch.where(singular[..., None, None], math.nan, parts.factor(parts.largest))

    def _precision(self) -> Tensor:
        name, value = self._spread()
        if name == "precision_tril":
            return square(value)
        if name == "scale_diag":
            return torch.diag_embed(value**-2)
        return torch.cholesky_inverse(self._factor())

    def _triangle(self) -> tuple[bool, Tensor]:
        """Whether it is of the precision, and the given or the cheapest factor (a vector if diagonal)."""
        name, value = self._spread()
        if name in ("precision_matrix", "precision_tril"):
            return True, symmetric_cholesky(value) if name == "precision_matrix" else value
        return False, value if name == "scale_diag" else self._factor()

    def _half_log_det(self, precision: bool, factor: Tensor) -> Tensor:
        """Half the log-determinant of the covariance."""
        if self._given[1] == "scale_diag":
            return factor.log().sum(-1)
        return -log_diagonal(factor) if precision else log_diagonal(factor)

    def _whiten(self, shift: Tensor) -> tuple[Tensor, Tensor]:
        """A whitened ``shift`` (of squared length the Mahalanobis distance) and half the log-determinant."""
        precision, factor = self._triangle()
        if self._given[1] == "scale_diag":
            white = shift / factor
        else:
            white = apply(factor.mT, shift) if precision else solve(factor, shift)
        return white, self._half_log_det(precision, factor)

    @fused("multivariate_normal_covariance_log_prob", "loc", "covariance_matrix")
    @fused("multivariate_normal_factor_log_prob", "loc", "scale_tril")
    def _log_prob(self, x: Tensor) -> Tensor:
        parts = self._semidefinite()
        if parts is not None:
            shift, factor = x - self.loc, parts.factor(parts.largest)
            density = density_at(parts.whiten(factor, shift), parts.half_log_det(factor), parts.rank)
            here = parts.holds(shift, lengths(x, self.loc)) | x.isnan().any(-1)
            return torch.where(here, density, -math.inf)
        if self._given[1] in ("scale_tril", "covariance_matrix"):
            factor = self._factor()
            density_of = _log_density if serves_few(factor, x, self.loc) else _log_density.formula
            return density_of(x, self.loc, factor)
        return density_at(*self._whiten(x - self.loc))

    def _coloured(self, noise: Tensor, precision: bool, factor: Tensor) -> Tensor:
        if self._given[1] == "scale_diag":
            return torch.addcmul(self.loc, noise, factor)
        if precision:
            return self.loc + solve(factor.mT, noise, upper=True)
        return (_draw_few if serves_few(factor, noise) else _draw)(noise, self.loc, factor)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        noise, parts = normal(shape, self.loc, generator), self._semidefinite()
        if parts is not None:
            return self.loc + parts.colour(parts.factor(parts.largest), noise)
        return self._coloured(noise, *self._triangle())

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        noise, parts = normal(shape, self.loc, generator), self._semidefinite()
        if parts is not None:
            factor = parts.factor(parts.largest)
            shift = parts.colour(factor, noise)
            white, half_log_det = parts.whiten(factor, shift), parts.half_log_det(factor)
            return self.loc + shift, density_at(white, half_log_det, parts.rank)
        triangle = self._triangle()
        return self._coloured(noise, *triangle), density_at(noise, self._half_log_det(*triangle))

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        precision = self._precision()
        return apply(precision, self.loc), self._full(-0.5 * precision)

    @staticmethod
    def _log_normalizer(a: Tensor, b: Tensor) -> Tensor:
        factor = symmetric_cholesky(-2 * b)
        white = solve(factor, a)
        return 0.5 * white.square().sum(-1) - log_diagonal(factor) + 0.5 * LOG_TWO_PI * a.shape[-1]

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return x, x[..., :, None] * x[..., None, :]

    @classmethod
    def _from_natural(cls, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        factor = factor_of_inverse(-2 * b)
        return {"loc": apply(square(factor), a), "scale_tril": factor}

    @classmethod
    def _from_mean(cls, mean: Tensor, second: Tensor) -> dict[str, Tensor]:
        return {"loc": mean, "covariance_matrix": second - mean[..., :, None] * mean[..., None, :]}

    def _entropy(self) -> Tensor:
        parts = self._semidefinite()
        if parts is not None:
            total = parts.half_log_det(parts.factor(parts.largest)) + 0.5 * parts.rank * (1 + LOG_TWO_PI)
        else:
            total = self._half_log_det(*self._triangle()) + 0.5 * self.loc.shape[-1] * (1 + LOG_TWO_PI)
        return total.expand(self._batch_shape)

    def _mean(self) -> Tensor:
        return self.loc

    _mode = _median = _mean

    def _variance(self) -> Tensor:
        name, value = self._spread()
        if name == "scale_diag":
            variance = value**2
        elif name in ("covariance_matrix", SEMIDEFINITE):
            variance = value.diagonal(dim1=-2, dim2=-1)
        else:
            variance = self._factor().square().sum(-1)
        return variance.expand(self.loc.shape)

    def _skewness(self) -> Tensor:
        return torch.zeros_like(self.loc)

    _kurtosis = _skewness

    def _covariance(self) -> Tensor:
        return self.covariance_matrix


@kernel("multivariate_normal_draw")
def _draw(noise: Tensor, loc: Tensor, factor: Tensor) -> Tensor:
    return loc + apply(factor.tril(), noise)  # no gradient above the diagonal


_draw_few = kernel("long_normal_draw")(_draw)


@kernel("long_normal_log_prob")
def _log_density(x: Tensor, loc: Tensor, factor: Tensor) -> Tensor:
    return density_at(solve(factor, x - loc), log_diagonal(factor))


def density_at(white: Tensor, half_log_det: Tensor, rank: Tensor | None = None) -> Tensor:
    """The log-density at a vector, from the same whitened."""
    constant = half_log_det + 0.5 * LOG_TWO_PI * (white.shape[-1] if rank is None else rank)
    return torch.sub(-constant, (white * white).sum(-1), alpha=0.5)


@register_kl(MultivariateNormal, MultivariateNormal)
def _(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    r"""A sum of terms that are never negative.

    .. math:: \tfrac12 \Big[|\Delta|^2 + \sum_i (R_{ii}^2 - 1 - \log R_{ii}^2) + \sum_{i>j} R_{ij}^2\Big]

    with :math:`R = L_q^{-1} L_p` and :math:`\Delta = L_q^{-1} (\mu_p - \mu_q)`.
    """
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"KL of MultivariateNormal laws of different sizes: {tuple(p.event_shape)}, {tuple(q.event_shape)}"
        )
    if SEMIDEFINITE in (p._given[1], q._given[1]):
        return _divergence_on_planes(p, q)
    ours, theirs, shift = p._factor(), q._factor(), p.loc - q.loc
    if q._given[1] in ("scale_tril", "covariance_matrix"):
        return divergence_by_roots(shift, ours, theirs)
    return _divergence(_ratio(ours, theirs), q._whiten(shift)[0])


@kernel("root_divergence")
def divergence_by_roots(shift: Tensor, ours: Tensor, theirs: Tensor) -> Tensor:
    """Between laws whose means differ by ``shift``, from lower triangular roots of their covariances, of any signs."""
    return _divergence(_ratio(ours, theirs), solve(theirs, shift))


def _ratio(ours: Tensor, theirs: Tensor) -> Tensor:
    """R, as above."""
    return solve_triangular(theirs, ours.expand(joint(ours.shape, theirs.shape)), upper=False)


def _divergence(ratio: Tensor, shift: Tensor) -> Tensor:
    """Between two laws, from R and the whitened shift of the mean, as above."""
    diagonal = ratio.diagonal(dim1=-2, dim2=-1)
    below = ratio.tril(-1).square().sum((-2, -1))
    trace = deviance(torch.ones_like(diagonal), diagonal.square()).sum(-1) + below
    return 0.5 * (shift.square().sum(-1) + trace)


def _divergence_on_planes(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    """As above after each null space is filled alike, if the laws are on one plane; else infinite."""
    ours, theirs = p._semidefinite() or whole(p._square()), q._semidefinite() or whole(q._square())
    first, second = (
        parts.factor(theirs.largest) if law._given[1] == SEMIDEFINITE else law._factor()
        for law, parts in ((p, ours), (q, theirs))
    )
    both = joint(first.shape, second.shape)
    shift, columns = p.loc - q.loc, ours.matrix.expand(both).movedim(-1, 0)
    alike = theirs.holds(columns, lengths(columns)).all(0) & (ours.rank == theirs.rank)
    alike = alike & theirs.holds(shift, lengths(p.loc, q.loc))
    return torch.where(alike, _divergence(_ratio(first, second), theirs.whiten(second, shift)), math.inf)
