"""Divergences between multivariate normal laws in unlike forms: by their factors, or in time linear in the size."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..combinators.independent import Independent
from ..core.distribution import Distribution
from ..core.double import in_double
from ..core.linear import apply, product, solve_triangular
from ..core.registry import register_kl
from ..core.shapes import joint
from ..families.low_rank_multivariate_normal import LowRankMultivariateNormal, log_size, root, stacked
from ..families.multivariate_normal import MultivariateNormal, divergence_of
from ..families.normal import Normal
from ..special import deviance

DENSE = 64  #: the most coordinates for which matrices of that size are made in any case


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
    r"""In time :math:`O(n k^2)` for n beyond 64 coordinates, right to about 1e-15 k in absolute terms.

    With the diagonals E and 1 and the factors V and U after division by the diagonal of q, and B B' the projection
    that an orthogonal factorisation of U above the identity gives, :math:`\Sigma_q^{-1} = 1 - B B^\top`, it is half of

    .. math:: \sum_i (E_i - 1 - \log E_i) + |\Delta|_q^2 + |V|_q^2 - \sum_i E_i |B_i|^2
        + \log\frac{|1 + U^\top U|}{|1 + V^\top E^{-1} V|},

    where each squared length :math:`|v|_q^2 = v^\top \Sigma_q^{-1} v` is a least-squares residual.
    """
    n = p.event_shape[0]
    if n <= max(DENSE, 2 * (_rank(p) + _rank(q))):
        return _by_roots(p, q) if _rank(p) and _rank(q) else _by_factors(p, q)
    first, second = _form(p), _form(q)
    basis, triangle = stacked(second.factor, second.scale)
    top = basis[..., :n, :]
    white = second.factor / second.scale.unsqueeze(-1)

    def length(columns: Tensor) -> Tensor:
        """The sum of their squared lengths."""
        columns = columns / second.scale.unsqueeze(-1)
        z = product(top.mT, columns)
        z = solve_triangular(triangle.expand(z.shape[:-2] + triangle.shape[-2:]), z, upper=True)
        return (columns - product(white, z)).square().sum((-2, -1)) + z.square().sum((-2, -1))

    ratio = (first.scale / second.scale).square()
    spread = deviance(torch.ones_like(ratio), ratio).sum(-1) - apply(top.square().mT, ratio).sum(-1)
    sizes = log_size(triangle) - log_size(stacked(first.factor, first.scale)[1])
    lengths = length(first.factor) + length((first.loc - second.loc).unsqueeze(-1))
    return (0.5 * (spread + lengths) + sizes).clamp(min=0).to(p.dtype)


def _rank(p: Distribution) -> int:
    """The number of columns of the factor."""
    return p.cov_factor.shape[-1] if isinstance(p, LowRankMultivariateNormal) else 0


def _by_roots(p: Any, q: Any) -> Tensor:
    """Between laws of low rank by roots of their covariances, whose signs do not count."""
    ours, theirs, shift = root(p), root(q), (p.loc - q.loc).unsqueeze(-1)
    batch = joint(ours.shape[:-2], theirs.shape[:-2], shift.shape[:-2])
    columns = torch.cat([t.expand(batch + t.shape[-2:]) for t in (ours, shift)], -1)
    ratio = solve_triangular(theirs, columns, upper=False)
    return divergence_of(ratio[..., :-1], ratio[..., -1])


class Form(NamedTuple):
    """A normal law of vectors in float64: mean, a factor of low rank (of no columns, perhaps), root of the diagonal."""

    loc: Tensor
    factor: Tensor
    scale: Tensor


def _form(p: Distribution) -> Form:
    wide = in_double(p)
    if isinstance(wide, LowRankMultivariateNormal):
        return Form(wide.loc, wide.cov_factor, wide.cov_diag.sqrt())
    base = _entries(wide)
    return Form(base.loc, base.loc.new_zeros((*base.loc.shape, 0)), base.scale)


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
