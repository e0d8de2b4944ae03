"""Exponential families: their parameters both ways, and closed forms against those by the log-normaliser."""

from __future__ import annotations

import inspect
from itertools import permutations
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

import reparam
from reparam import testing

FAMILIES = [
    family
    for cls in testing.classes_in(reparam)
    if issubclass(cls, reparam.ExponentialFamily)
    for family in testing.families(cls)
]
EACH = pytest.mark.parametrize("family", FAMILIES, ids=str)


def known(law: Any) -> dict[str, Tensor]:
    """The parameters that are none of the exponential family."""
    arguments = inspect.signature(law._from_natural).parameters.values()
    return {a.name: getattr(law, a.name) for a in arguments if a.default is not a.empty}


def laws(family: testing.Family) -> list[Any]:
    """Laws with the same known parameters."""
    found = [family.law((2,), seed) for seed in range(3)]
    return [law.replace(**known(found[0])) if known(law) else law for law in found]


def test_the_families_that_everyone_knows() -> None:
    found = {type(family.example).__name__ for family in FAMILIES}
    theirs = (getattr(torch.distributions, name) for name in torch.distributions.__all__)
    theirs = (t for t in theirs if isinstance(t, type) and issubclass(t, torch.distributions.ExponentialFamily))
    assert found >= {cls.__name__ for cls in theirs} - {"ExponentialFamily"}
    assert found >= {"Binomial", "Categorical", "Geometric", "Multinomial", "MultivariateNormal", "VonMises"}
    assert found >= {"Laplace", "LogNormal", "LogisticNormal", "NegativeBinomial", "Pareto", "Weibull"}


@EACH
def test_densities_follow_from_natural_parameters(family: testing.Family) -> None:
    """The log-ratio of two laws is linear in T(x), with the difference of their natural parameters.

    The densities are right to 100 eps and their conditions are below 1e4: 1e-10.
    """
    p, q, _ = laws(family)
    x = p.sample(4, generator=Generator().manual_seed(0))
    ratio = p.log_prob(x) - q.log_prob(x)
    inner = torch.zeros_like(ratio)
    for t, a, b in zip(p.sufficient_statistics(x), p.natural_parameters, q.natural_parameters, strict=True):
        inner = inner + (t * (a - b)).flatten(ratio.dim()).sum(-1) if t.dim() > ratio.dim() else inner + t * (a - b)
    exact = inner - p.log_normalizer + q.log_normalizer
    torch.testing.assert_close(ratio, exact, rtol=1e-10, atol=1e-10)


@EACH
def test_closed_forms_are_those_of_the_log_normalizer(family: testing.Family) -> None:
    """Entropies and divergences; of terms up to 100 that cancel, so to 1e-11."""
    for p, q in permutations(laws(family), 2):
        torch.testing.assert_close(p.entropy(), p.bregman_entropy(), rtol=1e-11, atol=1e-11)
        torch.testing.assert_close(reparam.kl_divergence(p, q), p.bregman_divergence(q), rtol=1e-10, atol=1e-10)


@EACH
def test_mean_parameters_are_means(family: testing.Family) -> None:
    """Of 40,000 draws, within 5.5 standard errors: with fewer than 200 numbers, false alarms are below 1e-5."""
    for p in laws(family)[:1]:
        x = p.sample(40_000, generator=Generator().manual_seed(1))
        for t, mean in zip(p.sufficient_statistics(x), p.mean_parameters, strict=True):
            error = t.std(0) / 200
            assert bool(((t.mean(0) - mean).abs() <= 5.5 * error + 1e-12).all())


@EACH
def test_parameters_go_both_ways(family: testing.Family) -> None:
    """Natural parameters to rounding; mean parameters to the condition of their inverse, below 1e5: 1e-9."""
    for law in laws(family)[:1]:
        natural, mean, cls = law.natural_parameters, law.mean_parameters, type(law)
        back = cls.from_natural_parameters(*natural, **known(law)).natural_parameters
        torch.testing.assert_close(back, natural, rtol=1e-12, atol=1e-12)
        back = cls.from_mean_parameters(*mean, **known(law)).mean_parameters
        torch.testing.assert_close(back, mean, rtol=1e-9, atol=1e-9)
        assert cls.from_natural_parameters(*natural, **known(law), validate_args=False)._validate_args is False


@EACH
def test_numbers_of_constant_laws_are_constants(family: testing.Family) -> None:
    law = family.law()
    found = [*law.natural_parameters, *law.mean_parameters, law.log_normalizer, law.bregman_entropy(), law.entropy()]
    assert not any(t.requires_grad for t in found)


def test_maximum_likelihood_is_differentiable() -> None:
    """The law of given mean parameters, found by Newton's method, to second order."""
    mean = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (-1.0, 0.6)]

    def fit(*values: Tensor) -> Tensor:
        return reparam.Gamma.from_mean_parameters(*values).concentration

    assert torch.autograd.gradcheck(fit, mean, fast_mode=True)
    assert torch.autograd.gradgradcheck(fit, mean, fast_mode=True)


@pytest.mark.parametrize("concentration", [1e-6, 1e-3, 1e3, 1e6])
def test_extreme_laws_are_found_again(concentration: float) -> None:
    """E log X - log E X is about -1/(2a) for large a: a relative error of eps there is one of 2 a eps in a."""
    law = reparam.Gamma(torch.tensor(concentration, dtype=torch.float64), torch.tensor(3.0, dtype=torch.float64))
    found = reparam.Gamma.from_mean_parameters(*law.mean_parameters).concentration.item()
    slack = 1e-10 + 200 * torch.finfo(torch.float64).eps * concentration
    assert found == pytest.approx(concentration, rel=slack)


class Rayleigh(reparam.ExponentialFamily):
    """A family that has no entropy and no divergence of its own."""

    scale = reparam.param(reparam.constraints.positive)
    support = reparam.constraints.nonnegative

    def _log_prob(self, x: Tensor) -> Tensor:
        return x.log() - 2 * self.scale.log() - 0.5 * (x / self.scale) ** 2

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (-0.5 * self.scale**-2,)

    @staticmethod
    def _log_normalizer(a: Tensor) -> Tensor:
        return -(-2 * a).log()

    @property
    def _mean_carrier_measure(self) -> Tensor:
        """E log X, by the mean of the logarithm of an exponential number, minus Euler's constant."""
        return self.scale.log() + 0.5 * (torch.log(torch.tensor(2.0)) + torch.digamma(torch.tensor(1.0)))


def test_entropy_and_divergence_follow_for_a_new_family() -> None:
    """Rayleigh's are 1 + log(s / sqrt 2) + gamma / 2 and r - 1 - log r with r the ratio of squared scales."""
    p, q = Rayleigh(2.0), Rayleigh(3.0)
    entropy = 1 + torch.log(p.scale / 2**0.5) - torch.digamma(torch.tensor(1.0)) / 2
    torch.testing.assert_close(p.entropy(), entropy)
    ratio = (p.scale / q.scale) ** 2
    torch.testing.assert_close(reparam.kl_divergence(p, q), ratio - 1 - ratio.log())


def test_what_is_no_common_family_is_refused() -> None:
    with pytest.raises(TypeError, match="no exponential family"):
        reparam.Normal(0.0, 1.0).bregman_divergence(reparam.Gamma(1.0, 1.0))
    with pytest.raises(TypeError, match="2 mean parameters are needed; got 1"):
        reparam.Gamma.from_mean_parameters(torch.tensor(1.0))
    with pytest.raises(NotImplementedError, match="natural parameters"):
        Rayleigh.from_natural_parameters(torch.tensor(-1.0))
