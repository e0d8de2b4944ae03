"""Where users of distribution libraries come to grief: each number is the truth, to the digits given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import reparam
from reparam import kl_divergence
from reparam.testing.draws import Family, classes_in
from reparam.testing.recipes import families

FAMILIES = [family for cls in classes_in(reparam) for family in families(cls)]
SCALAR = [family for family in FAMILIES if family.scalar]


@pytest.mark.parametrize("family", SCALAR, ids=str)
def test_every_scalar_law_has_all_its_probabilities(family: Family) -> None:
    law = family.law()
    x = law.sample()
    total = law.cdf(x) + law.sf(x)
    assert abs(float(total) - 1) < 1e-5
    assert float(law.log_cdf(x)) <= 0 and float(law.log_sf(x)) <= 0
    p = torch.tensor(0.3, dtype=law.dtype)
    assert law.icdf(p) <= law.isf(p)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_every_sampler_takes_a_generator(family: Family) -> None:
    law = family.law()
    state = torch.get_rng_state()
    draws = [law.sample(3, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(draws[0], draws[1])
    assert law.support.is_discrete or not torch.equal(draws[0], draws[2])


def _float32(build: Callable[..., Any], *arguments: float) -> Any:
    return build(*(torch.tensor(a, dtype=torch.float32) for a in arguments))


NUMBERS: dict[str, tuple[Callable[[], Tensor], float, float]] = {
    # what is asked, the truth, and the relative error that the digits given and the dtype leave
    "Normal tail": (lambda: reparam.Normal(0.0, 1.0).to(torch.float64).cdf(-10.0), 7.61985302416e-24, 1e-11),
    "Normal log tail": (lambda: reparam.Normal(0.0, 1.0).log_cdf(-40.0), -804.608442, 1e-6),
    "Gamma log tail": (lambda: reparam.Gamma(2.0, 1.0).log_sf(50.0), -46.0681743, 1e-6),
    "Normal quantile": (lambda: reparam.Normal(0.0, 1.0).icdf(1e-10), -6.3613409, 1e-6),
    "Exponential cdf": (lambda: reparam.Exponential(1.0).cdf(1e-9), 1e-9, 1e-6),
    "Bernoulli": (lambda: reparam.Bernoulli(1e-10).log_prob(1.0), -23.0258509, 1e-6),
    "Poisson at its mode": (lambda: _float32(reparam.Poisson, 1e6).log_prob(1e6), -7.8266940, 1e-6),
    "Gamma at its mean": (lambda: _float32(reparam.Gamma, 1e5, 1e5).log_prob(1.0), 4.8375233, 1e-6),
    "StudentT near normal": (lambda: _float32(reparam.StudentT, 1e6).log_prob(0.0), -0.9189388, 1e-6),
    "Gamma entropy": (lambda: _float32(reparam.Gamma, 1e6, 1.0).entropy(), 8.3266938, 1e-6),
    "Gamma divergence": (
        lambda: kl_divergence(_float32(reparam.Gamma, 1e5, 1.0), _float32(reparam.Gamma, 100010.0, 1.0)),
        4.99985834e-4,
        1e-6,
    ),
    "VonMises at its mode": (lambda: _float32(reparam.VonMises, 0.0, 1e6).log_prob(0.0), 5.9888167, 1e-6),
    "ContinuousBernoulli at 1/2": (lambda: _float32(reparam.ContinuousBernoulli, 0.5001).variance, 1 / 12, 1e-6),
    "Weibull mode": (lambda: reparam.Weibull(2.0, 0.25).mode, 0.0, 0.0),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(name: str) -> None:
    ask, truth, error = NUMBERS[name]
    assert float(ask()) == pytest.approx(truth, rel=error, abs=0.0)


def test_compiling_leaves_validation_on() -> None:
    torch.compile(lambda x: reparam.Normal(x, 1.0).log_prob(x), fullgraph=True, backend="eager")(torch.zeros(2))
    with pytest.raises(ValueError, match="scale must be positive"):
        reparam.Normal(0.0, -1.0)


def test_the_error_names_the_entry_and_not_the_whole_tensor() -> None:
    scale = torch.ones(1000)
    scale[417] = -3.5
    with pytest.raises(ValueError, match=r"1 of 1000 .*\(417,\): -3.5") as caught:
        reparam.Normal(0.0, scale)
    assert len(str(caught.value)) < 200


def test_the_constructor_of_a_large_categorical_costs_no_memory() -> None:
    logits = torch.randn(4, 1000)
    assert reparam.Categorical(logits=logits, validate_args=False).__dict__["logits"] is logits
