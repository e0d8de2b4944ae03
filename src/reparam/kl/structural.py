"""Divergences of combinators: sums over independent entries, and invariance under a common transform."""

from __future__ import annotations

import torch
from torch import Tensor

from ..combinators.implicit import ImplicitReparam
from ..combinators.independent import Independent
from ..combinators.masked import Masked
from ..combinators.transformed import TransformedDistribution
from ..core.distribution import Distribution
from ..core.registry import kl_rules, register_kl
from ..core.shapes import joint
from ..families.log_normal import LogNormal


def _kl(p: Distribution, q: Distribution) -> Tensor:
    from . import kl_divergence

    return kl_divergence(p, q)


@register_kl(Independent, Independent)
def _(p: Independent, q: Independent) -> Tensor:
    """The sum over the entries; where the bases divide their dimensions differently, over the common ones."""
    m, n = p.reinterpreted_batch_ndims, q.reinterpreted_batch_ndims
    joint = min(m, n)
    first = p.base_dist if m == joint else Independent(p.base_dist, m - joint)
    second = q.base_dist if n == joint else Independent(q.base_dist, n - joint)
    entries = _kl(first, second)
    return entries.sum(tuple(range(-joint, 0))) if joint else entries


@register_kl(TransformedDistribution, LogNormal)
def _(p: TransformedDistribution, q: LogNormal) -> Tensor:
    """That of the bases, or else the cross-entropy less the entropy."""
    same = list(p.transforms) == list(q.transforms)
    rule = kl_rules.dispatch(*([TransformedDistribution] * 2 if same else [Distribution, LogNormal]))
    assert rule is not None
    value: Tensor = rule(p, q)
    return value


@register_kl(TransformedDistribution, TransformedDistribution)
def _(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    """That of the bases, where the transforms are equal."""
    if list(p.transforms) != list(q.transforms):
        raise NotImplementedError(
            "the KL divergence between transformed laws is known only where their transforms are equal"
        )
    inner = _kl(p.base_dist, q.base_dist)
    return inner.expand(joint(p.batch_shape, q.batch_shape))


@register_kl(ImplicitReparam, ImplicitReparam)
def _(p: ImplicitReparam, q: ImplicitReparam) -> Tensor:
    """That of the bases."""
    return _kl(p.base_dist, q.base_dist)


@register_kl(Masked, Masked)
def _(p: Masked, q: Masked) -> Tensor:
    """That of the inner laws where both masks are true."""
    both = (p.where > 0) & (q.where > 0)
    return torch.where(both, _kl(p.base_dist, q.base_dist), 0.0)
