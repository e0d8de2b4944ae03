"""The laws that are timed: how to draw parameters for them, and how to build them with either library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributions
from torch import Tensor

import reparam

Draw = Callable[[int], Tensor]
OURS: Any = reparam
THEIRS: Any = torch.distributions
EVENT = 8
CATEGORIES = 10


@dataclass(frozen=True)
class Law:
    """A law to time.

    Args:
        name: as the tables show it.
        build: ``(library, validate_args, *parameters) -> distribution``, the same call for both libraries.
        draws: for each parameter, what draws a batch of it.
        size: how many numbers one parameter or value of the batch holds.
    """

    name: str
    build: Callable[..., Any]
    draws: tuple[Draw, ...]
    size: int = 1

    def parameters(self, batch: int) -> list[Tensor]:
        """One batch of every parameter."""
        return [draw(batch) for draw in self.draws]

    def value(self, parameters: list[Tensor]) -> Tensor:
        """A draw, contiguous, for both libraries to score."""
        value: Tensor = self.build(THEIRS, False, *parameters).sample().contiguous()
        return value

    def differentiable(self) -> bool:
        """Whether samples have a pathwise gradient."""
        return bool(self.build(THEIRS, False, *self.parameters(1)).has_rsample)


def real(batch: int) -> Tensor:
    return torch.randn(batch)


def positive(batch: int) -> Tensor:
    return 0.3 + 3 * torch.rand(batch)


def negative(batch: int) -> Tensor:
    return -positive(batch)


def unit(batch: int) -> Tensor:
    return 0.1 + 0.8 * torch.rand(batch)


def weights(batch: int) -> Tensor:
    return torch.randn(batch, CATEGORIES).softmax(-1)


def logits(batch: int) -> Tensor:
    return torch.randn(batch, CATEGORIES)


def concentrations(batch: int) -> Tensor:
    return 0.3 + 3 * torch.rand(batch, CATEGORIES)


def vector(batch: int) -> Tensor:
    return torch.randn(batch, EVENT)


def scales(batch: int) -> Tensor:
    return 0.3 + torch.rand(batch, EVENT)


def factor(batch: int) -> Tensor:
    return torch.diag_embed(scales(batch)) + 0.2 * torch.randn(batch, EVENT, EVENT).tril(-1)


def covariance(batch: int) -> Tensor:
    root = factor(batch)
    return root @ root.mT


def _independent_normal(d: Any, validate: bool, loc: Tensor, scale: Tensor) -> Any:
    return d.Independent(d.Normal(loc, scale, validate_args=validate), 1, validate_args=validate)


def _tanh_normal(d: Any, validate: bool, loc: Tensor, scale: Tensor) -> Any:
    base = d.Normal(loc, scale, validate_args=validate)
    tanh = d.transforms.TanhTransform(cache_size=1)
    return d.TransformedDistribution(base, [tanh], validate_args=validate)


def few_columns(batch: int) -> Tensor:
    return 0.5 * torch.randn(batch, EVENT, 2)


def degrees(batch: int) -> Tensor:
    return EVENT + positive(batch)


def _mixture(d: Any, validate: bool, weight: Tensor, loc: Tensor, scale: Tensor) -> Any:
    components = d.Normal(loc, scale, validate_args=validate)
    return d.MixtureSameFamily(d.Categorical(logits=weight, validate_args=validate), components, validate_args=validate)


def _relaxed_categorical(d: Any, validate: bool, x: Tensor) -> Any:
    return d.RelaxedOneHotCategorical(torch.tensor(0.5), logits=x, validate_args=validate)


LAWS = (
    Law("Normal", lambda d, v, loc, scale: d.Normal(loc, scale, validate_args=v), (real, positive)),
    Law("Uniform", lambda d, v, low, high: d.Uniform(low, high, validate_args=v), (negative, positive)),
    Law("Gamma", lambda d, v, a, rate: d.Gamma(a, rate, validate_args=v), (positive, positive)),
    Law("Beta", lambda d, v, a, b: d.Beta(a, b, validate_args=v), (positive, positive)),
    Law(
        "StudentT",
        lambda d, v, df, loc, scale: d.StudentT(df, loc, scale, validate_args=v),
        (positive, real, positive),
    ),
    Law("Bernoulli(probs)", lambda d, v, p: d.Bernoulli(probs=p, validate_args=v), (unit,)),
    Law("Bernoulli(logits)", lambda d, v, x: d.Bernoulli(logits=x, validate_args=v), (real,)),
    Law(
        "Categorical(10, probs)",
        lambda d, v, p: d.Categorical(probs=p, validate_args=v),
        (weights,),
        CATEGORIES,
    ),
    Law(
        "Categorical(10, logits)",
        lambda d, v, x: d.Categorical(logits=x, validate_args=v),
        (logits,),
        CATEGORIES,
    ),
    Law("Binomial(10, probs)", lambda d, v, p: d.Binomial(10, probs=p, validate_args=v), (unit,)),
    Law("Dirichlet(10)", lambda d, v, a: d.Dirichlet(a, validate_args=v), (concentrations,), CATEGORIES),
    Law(
        "MultivariateNormal(8, scale_tril)",
        lambda d, v, loc, tril: d.MultivariateNormal(loc, scale_tril=tril, validate_args=v),
        (vector, factor),
        EVENT,
    ),
    Law(
        "MultivariateNormal(8, covariance)",
        lambda d, v, loc, cov: d.MultivariateNormal(loc, covariance_matrix=cov, validate_args=v),
        (vector, covariance),
        EVENT,
    ),
    Law("Independent Normal(8)", _independent_normal, (vector, scales), EVENT),
    Law("LogNormal", lambda d, v, loc, scale: d.LogNormal(loc, scale, validate_args=v), (real, unit)),
    Law("Exponential", lambda d, v, rate: d.Exponential(rate, validate_args=v), (positive,)),
    Law("Laplace", lambda d, v, loc, scale: d.Laplace(loc, scale, validate_args=v), (real, positive)),
    Law("Cauchy", lambda d, v, loc, scale: d.Cauchy(loc, scale, validate_args=v), (real, positive)),
    Law("HalfCauchy", lambda d, v, scale: d.HalfCauchy(scale, validate_args=v), (positive,)),
    Law("HalfNormal", lambda d, v, scale: d.HalfNormal(scale, validate_args=v), (positive,)),
    Law("Gumbel", lambda d, v, loc, scale: d.Gumbel(loc, scale, validate_args=v), (real, positive)),
    Law("Weibull", lambda d, v, scale, k: d.Weibull(scale, k, validate_args=v), (positive, positive)),
    Law("Pareto", lambda d, v, scale, alpha: d.Pareto(scale, alpha, validate_args=v), (positive, positive)),
    Law("Kumaraswamy", lambda d, v, a, b: d.Kumaraswamy(a, b, validate_args=v), (positive, positive)),
    Law("InverseGamma", lambda d, v, a, rate: d.InverseGamma(a, rate, validate_args=v), (positive, positive)),
    Law("Chi2", lambda d, v, df: d.Chi2(df, validate_args=v), (positive,)),
    Law("ContinuousBernoulli(probs)", lambda d, v, p: d.ContinuousBernoulli(probs=p, validate_args=v), (unit,)),
    Law("ContinuousBernoulli(logits)", lambda d, v, x: d.ContinuousBernoulli(logits=x, validate_args=v), (real,)),
    Law(
        "GeneralizedPareto",
        lambda d, v, loc, scale, k: d.GeneralizedPareto(loc, scale, k, validate_args=v),
        (real, positive, unit),
    ),
    Law("FisherSnedecor", lambda d, v, df1, df2: d.FisherSnedecor(df1, df2, validate_args=v), (positive, positive)),
    Law("Poisson", lambda d, v, rate: d.Poisson(rate, validate_args=v), (positive,)),
    Law("Geometric(probs)", lambda d, v, p: d.Geometric(probs=p, validate_args=v), (unit,)),
    Law("Geometric(logits)", lambda d, v, x: d.Geometric(logits=x, validate_args=v), (real,)),
    Law(
        "NegativeBinomial(probs)",
        lambda d, v, r, p: d.NegativeBinomial(r, probs=p, validate_args=v),
        (positive, unit),
    ),
    Law(
        "NegativeBinomial(logits)",
        lambda d, v, r, x: d.NegativeBinomial(r, logits=x, validate_args=v),
        (positive, real),
    ),
    Law(
        "Multinomial(20 of 10)",
        lambda d, v, p: d.Multinomial(20, probs=p, validate_args=v),
        (weights,),
        CATEGORIES,
    ),
    Law(
        "OneHotCategorical(10)",
        lambda d, v, x: d.OneHotCategorical(logits=x, validate_args=v),
        (logits,),
        CATEGORIES,
    ),
    Law(
        "RelaxedBernoulli",
        lambda d, v, t, x: d.RelaxedBernoulli(t, logits=x, validate_args=v),
        (positive, real),
    ),
    Law("RelaxedOneHotCategorical(10)", _relaxed_categorical, (logits,), CATEGORIES),
    Law(
        "LogisticNormal(9)",
        lambda d, v, loc, scale: d.LogisticNormal(loc, scale, validate_args=v),
        (vector, scales),
        EVENT + 1,
    ),
    Law("TanhNormal", _tanh_normal, (real, unit)),
    Law("VonMises", lambda d, v, loc, k: d.VonMises(loc, k, validate_args=v), (real, positive)),
    Law("Mixture of 8 normals", _mixture, (vector, vector, scales)),
    Law(
        "LowRankMultivariateNormal(8)",
        lambda d, v, loc, cov, diag: d.LowRankMultivariateNormal(loc, cov, diag, validate_args=v),
        (vector, few_columns, scales),
        EVENT,
    ),
    Law(
        "Wishart(8)",
        lambda d, v, df, tril: d.Wishart(df, scale_tril=tril, validate_args=v),
        (degrees, factor),
        EVENT**2,
    ),
    Law("LKJCholesky(8)", lambda d, v, c: d.LKJCholesky(EVENT, c, validate_args=v), (positive,), EVENT**2),
)


def matching(part: str | None, laws: tuple[Law, ...] = LAWS) -> list[Law]:
    """The laws whose names contain a text, or all of them."""
    return [law for law in laws if (part or "").lower() in law.name.lower()]
