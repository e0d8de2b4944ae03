"""Divergences between multivariate normal laws in unlike forms: by their factors, or in time linear in the size."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..combinators.independent import Independent
from ..core.distribution import Distribution
from ..core.double import double
from ..core.linear import product, shared, shrunk
from ..core.registry import register_kl
from ..families.low_rank_multivariate_normal import (
    LowRankMultivariateNormal,
    above_identity,
    log_size,
    root,
    roots_natively,
    stacked,
    triangle_of,
)
from ..families.multivariate_normal import MultivariateNormal, divergence_by_roots
from ..families.normal import Normal
from ..special import deviance

DENSE = 64  #: the most coordinates for which matrices of that size are made


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(MultivariateNormal, Independent)
@register_kl(Independent, MultivariateNormal)
def _by_factors(p: Distribution, q: Distribution) -> Tensor:
    """By their Cholesky factors, in sums of terms that are never negative: right also where p is near q."""
    from . import kl_divergence

    return kl_divergence(_dense(p), _dense(q))


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, Independent)
@register_kl(Independent, LowRankMultivariateNormal)
def _(p: Distribution, q: Distribution) -> Tensor:
    r"""By roots for up to 64 coordinates; beyond in time :math:`O(n k^2)`, right to about 1e-15 k in absolute terms.

    In float32 the second way, which is that in float64, serves fewer coordinates too where roots are slow to find.

    With the diagonals E and 1 and the factors V and U after division by the diagonal of q, and B B' the projection
    that an orthogonal factorisation of U above the identity gives, :math:`\Sigma_q^{-1} = 1 - B B^\top`, it is half of

    .. math:: \sum_i (E_i - 1 - \log E_i) + |\Delta|_q^2 + |V|_q^2 - \sum_i E_i |B_i|^2
        + \log\frac{|1 + U^\top U|}{|1 + V^\top E^{-1} V|},

    where each squared length :math:`|v|_q^2 = v^\top \Sigma_q^{-1} v` is a least-squares residual.
    """
    n, ranks = p.event_shape[0], _rank(p) + _rank(q)
    low = [law for law in (p, q) if isinstance(law, LowRankMultivariateNormal)]
    natively = all([roots_natively(law) for law in low])
    if n <= max(DENSE if natively or p.dtype is torch.float64 else 0, 2 * ranks):
        return _by_roots(p, q, natively) if _rank(p) and _rank(q) else _by_factors(p, q)
    first, second = _form(p), _form(q)
    basis, triangle = stacked(second.factor, second.scale)
    if shared(basis):
        basis = basis.reshape(basis.shape[-2:])
    top = basis.narrow(-2, 0, n)

    def length(vectors: Tensor) -> Tensor:
        """The sum of the squared lengths of rows: of what the range of the basis leaves of them beside zeros."""
        vectors = vectors / second.scale.unsqueeze(-2)
        inside = product(product(vectors, top), basis.mT)
        above, below = vectors - inside.narrow(-1, 0, n), inside.narrow(-1, n, basis.shape[-1])
        return (above * above).sum((-2, -1)) + (below * below).sum((-2, -1))

    shift, columns = (first.loc - second.loc).unsqueeze(-2), first.factor.mT
    if columns.shape[:-2] == shift.shape[:-2]:
        lengths = length(torch.cat([columns, shift], -2))
    else:
        lengths = length(columns) + length(shift)
    ratio = (first.scale / second.scale).square()
    spread = (deviance(torch.ones_like(ratio), ratio) - ratio * top.square().sum(-1)).sum(-1)
    sizes = log_size(triangle) - log_size(triangle_of(above_identity(first.factor, first.scale)))
    return (0.5 * (spread + lengths) + sizes).clamp(min=0).to(p.dtype)


def _rank(p: Distribution) -> int:
    """The number of columns of the factor."""
    return p.cov_factor.shape[-1] if isinstance(p, LowRankMultivariateNormal) else 0


def _by_roots(p: Any, q: Any, natively: bool) -> Tensor:
    """Between laws of low rank by roots of their covariances, whose signs do not count."""
    ours, theirs = (
        root(double(shrunk(law.cov_factor, 2)), double(shrunk(law.cov_diag, 1)), natively) for law in (p, q)
    )
    return divergence_by_roots(double(p.loc) - double(q.loc), ours, theirs).to(p.dtype)


class Form(NamedTuple):
    """A normal law of vectors in float64: mean, a factor of low rank (of no columns, perhaps), root of the diagonal."""

    loc: Tensor
    factor: Tensor
    scale: Tensor


def _form(p: Distribution) -> Form:
    if isinstance(p, LowRankMultivariateNormal):
        return Form(double(p.loc), double(shrunk(p.cov_factor, 2)), double(shrunk(p.cov_diag, 1)).sqrt())
    base = _entries(p)
    loc = double(base.loc)
    return Form(loc, loc.new_zeros((*loc.shape, 0)), double(base.scale))


def _entries(p: Distribution) -> Normal:
    """The law of the coordinates, if they are independent and normal."""
    if not isinstance(p, Independent) or p.reinterpreted_batch_ndims != 1 or not isinstance(p.base_dist, Normal):
        raise NotImplementedError(
            f"no KL divergence is known between a multivariate normal law and {p}; only Independent(Normal, 1)"
        )
    return p.base_dist


def _dense(p: Distribution) -> MultivariateNormal:
    """The same normal law by its Cholesky factor."""
    if isinstance(p, MultivariateNormal):
        return p
    if isinstance(p, LowRankMultivariateNormal):
        return MultivariateNormal(p.loc, scale_tril=p.scale_tril, validate_args=False)
    base = _entries(p)
    return MultivariateNormal(base.loc, scale_diag=base.scale, validate_args=False)
