"""Divergences between unlike laws of counts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..core.registry import register_kl
from ..families.bernoulli import Bernoulli
from ..families.binomial import Binomial
from ..families.geometric import Geometric
from ..families.multinomial import Multinomial
from ..families.negative_binomial import NegativeBinomial
from ..families.one_hot_categorical import OneHotCategorical
from ..families.poisson import Poisson
from ..families.shared.counts import summed_divergence
from ..families.shared.masses import mass_divergence


@register_kl(Bernoulli, Poisson)
def _(p: Bernoulli, q: Poisson) -> Tensor:
    """Deviances of the two outcomes, so that nothing cancels."""
    one = p.probs.new_ones(())
    return mass_divergence(p.probs, q.rate) + mass_divergence(p._failure(), one)


@register_kl(Binomial, Poisson)
def _(p: Binomial, q: Poisson) -> Tensor:
    return summed_divergence(p, q).clamp(min=0)


@register_kl(Poisson, Binomial)
@register_kl(Geometric, Binomial)
@register_kl(NegativeBinomial, Binomial)
def _(p: Any, q: Binomial) -> Tensor:
    """Infinite: the one has no largest count."""
    return torch.full_like(p._mean() + q._mean(), torch.inf)


@register_kl(Geometric, NegativeBinomial)
def _(p: Geometric, q: NegativeBinomial) -> Tensor:
    return _kl(_failures(p), q)


@register_kl(NegativeBinomial, Geometric)
def _(p: NegativeBinomial, q: Geometric) -> Tensor:
    return _kl(p, _failures(q))


@register_kl(Multinomial, OneHotCategorical)
def _(p: Multinomial, q: OneHotCategorical) -> Tensor:
    return _kl(_choices(p), q)


@register_kl(OneHotCategorical, Multinomial)
def _(p: OneHotCategorical, q: Multinomial) -> Tensor:
    """Infinite unless one choice is all that q counts."""
    return torch.where(q.total_count == 1, _kl(p, _choices(q)), torch.inf)


def _choices(law: Multinomial) -> OneHotCategorical:
    """The law of each of its choices."""
    return OneHotCategorical(**{n: getattr(law, n) for n in law._given if n != "total_count"}, validate_args=False)


def _failures(law: Geometric) -> NegativeBinomial:
    """The geometric law as a negative binomial one: it counts the failures until the first success."""
    ones = law.probs.new_ones(())
    if "logits" in law._given:
        return NegativeBinomial(ones, logits=-law.logits, validate_args=False)
    return NegativeBinomial(ones, probs=1 - law.probs, validate_args=False)


def _kl(p: Any, q: Any) -> Tensor:
    from . import kl_divergence

    return kl_divergence(p, q)
