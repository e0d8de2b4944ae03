"""Where users of distribution libraries come to grief: each number is the truth, to the digits given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, distributions
from torch.distributions import kl

import reparam
from reparam import kl_divergence
from reparam.core.registry import kl_rules
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


def _wide(build: Callable[..., Any], *arguments: float) -> Any:
    return build(*(torch.tensor(a, dtype=torch.float64) for a in arguments))


def _tanh_normal(loc: float) -> Any:
    return reparam.TransformedDistribution(_wide(reparam.Normal, loc, 1.0), reparam.transforms.TanhTransform())


RARE = torch.tensor([1e-20, 1.0])

# what is asked, the truth, and the relative error that the digits given and the dtype leave
NUMBERS: dict[str, tuple[Callable[[], Tensor], float, float]] = {
    # tails that would flush to zero
    "Normal tail": (lambda: _wide(reparam.Normal, 0.0, 1.0).cdf(-10.0), 7.61985302416e-24, 1e-11),
    "Normal far tail": (lambda: _wide(reparam.Normal, 0.0, 1.0).cdf(-37.0), 5.7255712225245768e-300, 1e-12),
    "Normal log tail": (lambda: reparam.Normal(0.0, 1.0).log_cdf(-40.0), -804.608442, 1e-6),
    "Normal log tail at 1e5": (lambda: reparam.Normal(0.0, 1.0).log_sf(1e5), -5000000012.43186, 1e-6),
    "Gamma log tail": (lambda: reparam.Gamma(2.0, 1.0).log_sf(50.0), -46.0681743, 1e-6),
    "Gamma lower tail": (lambda: _wide(reparam.Gamma, 1e-3, 1.0).log_cdf(1e-300), -0.69019913429993033, 1e-14),
    "Beta lower tail": (lambda: _wide(reparam.Beta, 2.0, 3.0).log_cdf(1e-200), -919.24227772839022, 1e-14),
    "StudentT log tail": (lambda: _wide(reparam.StudentT, 3.0).log_sf(1e50), -345.29004051006225, 1e-14),
    "Poisson log tail": (lambda: _wide(reparam.Poisson, 3.0).log_sf(200.0), -650.69926032470572, 1e-14),
    # quantiles of small probabilities in float32
    "Normal quantile": (lambda: reparam.Normal(0.0, 1.0).icdf(1e-10), -6.3613409, 1e-6),
    "Normal quantile of 1e-30": (lambda: reparam.Normal(0.0, 1.0).isf(1e-30), 11.4640247, 1e-6),
    "Laplace quantile": (lambda: reparam.Laplace(0.0, 1.0).icdf(1e-10), -22.3327037, 1e-6),
    "Cauchy quantile": (lambda: reparam.Cauchy(0.0, 1.0).icdf(1e-10), -3183098819.3, 1e-6),
    "Gumbel quantile": (lambda: reparam.Gumbel(0.0, 1.0).icdf(1e-10), -3.13661754, 1e-6),
    "Exponential cdf": (lambda: reparam.Exponential(1.0).cdf(1e-9), 1e-9, 1e-6),
    # probabilities that nobody clamps
    "Bernoulli": (lambda: reparam.Bernoulli(1e-10).log_prob(1.0), -23.0258509, 1e-6),
    "Binomial": (lambda: reparam.Binomial(1, 1e-20).log_prob(1.0), -46.0517019, 1e-6),
    "Geometric": (lambda: reparam.Geometric(1e-20).log_prob(0.0), -46.0517019, 1e-6),
    "NegativeBinomial": (lambda: reparam.NegativeBinomial(1.0, 1e-20).log_prob(1.0), -46.0517019, 1e-6),
    "Categorical": (lambda: reparam.Categorical(RARE).log_prob(0), -46.0517019, 1e-6),
    "OneHotCategorical": (
        lambda: reparam.OneHotCategorical(RARE).log_prob(torch.tensor([1.0, 0.0])),
        -46.0517019,
        1e-6,
    ),
    "Multinomial": (lambda: reparam.Multinomial(1, RARE).log_prob(torch.tensor([1.0, 0.0])), -46.0517019, 1e-6),
    # densities, entropies and divergences at large counts in float32
    "Poisson at its mode": (lambda: _float32(reparam.Poisson, 1e6).log_prob(1e6), -7.8266940, 1e-6),
    "Poisson off its mode": (lambda: _float32(reparam.Poisson, 1e7).log_prob(10001000.0), -9.0280347, 1e-6),
    "Binomial of a million": (lambda: reparam.Binomial(1000000, 0.3).log_prob(3e5), -7.04637025, 1e-6),
    "NegativeBinomial of a million": (
        lambda: _float32(reparam.NegativeBinomial, 1e6, 0.5).log_prob(1e6),
        -8.1732675,
        1e-6,
    ),
    "Multinomial of millions": (
        lambda: reparam.Multinomial(4000000, torch.tensor([0.25, 0.25, 0.5])).log_prob(torch.tensor([1e6, 1e6, 2e6])),
        -15.3068142,
        1e-6,
    ),
    "Gamma at its mean": (lambda: _float32(reparam.Gamma, 1e5, 1e5).log_prob(1.0), 4.8375233, 1e-6),
    "Beta at its mean": (lambda: _float32(reparam.Beta, 1e6, 1e6).log_prob(0.5), 7.0285374, 1e-6),
    "Dirichlet at its mean": (
        lambda: reparam.Dirichlet(torch.tensor([1e6, 1e6, 2e6])).log_prob(torch.tensor([0.25, 0.25, 0.5])),
        15.0967956,
        1e-6,
    ),
    "FisherSnedecor at 1": (lambda: _float32(reparam.FisherSnedecor, 1e6, 1e6).log_prob(1.0), 5.2956693, 1e-6),
    "StudentT near normal": (lambda: _float32(reparam.StudentT, 1e6).log_prob(0.0), -0.9189388, 1e-6),
    "StudentT nearer to normal": (lambda: _float32(reparam.StudentT, 1e8).log_prob(2.0), -2.9189385, 1e-6),
    "Gamma entropy": (lambda: _float32(reparam.Gamma, 1e6, 1.0).entropy(), 8.3266938, 1e-6),
    "Poisson entropy": (lambda: _float32(reparam.Poisson, 1e6).entropy(), 8.3266937, 1e-6),
    "Beta entropy": (lambda: _float32(reparam.Beta, 1e6, 1e6).entropy(), -6.5285378, 1e-6),
    "Gamma divergence": (
        lambda: kl_divergence(_float32(reparam.Gamma, 1e5, 1.0), _float32(reparam.Gamma, 100010.0, 1.0)),
        4.99985834e-4,
        1e-6,
    ),
    "Beta divergence": (
        lambda: kl_divergence(_float32(reparam.Beta, 1e5, 1e5), _float32(reparam.Beta, 100010.0, 1e5)),
        2.499893754e-4,
        1e-6,
    ),
    "Poisson divergence": (
        lambda: kl_divergence(_float32(reparam.Poisson, 1e6), _float32(reparam.Poisson, 1000010.0)),
        4.99996667e-5,
        1e-6,
    ),
    # entropies without a closed form
    "NegativeBinomial entropy": (
        lambda: _wide(reparam.NegativeBinomial, 3.0, 0.5).entropy(),
        2.1596024856308116,
        1e-14,
    ),
    "VonMises entropy": (lambda: _wide(reparam.VonMises, 0.0, 2.5).entropy(), 1.1162238686333487, 1e-14),
    "FisherSnedecor entropy": (lambda: _wide(reparam.FisherSnedecor, 3.0, 7.0).entropy(), 1.2975738670172068, 1e-14),
    "TanhNormal entropy": (lambda: _tanh_normal(0.5).entropy(), 0.52024215526689583, 1e-12),
    # single families
    "VonMises": (lambda: _wide(reparam.VonMises, 0.0, 3.7).log_prob(1.0), -2.0065105338405565, 1e-14),
    "VonMises at its mode": (lambda: _float32(reparam.VonMises, 0.0, 1e6).log_prob(0.0), 5.9888167, 1e-6),
    "VonMises at a sharp mode": (lambda: _float32(reparam.VonMises, 0.0, 1e8).log_prob(0.0), 8.2914018, 1e-6),
    "ContinuousBernoulli at 1/2": (lambda: _float32(reparam.ContinuousBernoulli, 0.5001).variance, 1 / 12, 1e-6),
    "ContinuousBernoulli near 1/2": (lambda: _float32(reparam.ContinuousBernoulli, 0.501).variance, 0.083333267, 1e-6),
    # divergences and deviations whose squares or quotients no number of float32 holds
    "Cauchy divergence afar": (
        lambda: kl_divergence(_float32(reparam.Cauchy, 0.0, 1e-15), _float32(reparam.Cauchy, 1e25, 1e-10)),
        171.307587509,
        1e-6,
    ),
    "HalfCauchy divergence afar": (
        lambda: kl_divergence(_float32(reparam.HalfCauchy, 1e-30), _float32(reparam.HalfCauchy, 1e30)),
        136.76881123,
        1e-6,
    ),
    "Laplace divergence afar": (
        lambda: kl_divergence(_float32(reparam.Laplace, 0.0, 1e-24), _float32(reparam.Laplace, 1e18, 1e13)),
        100084.195799,
        1e-6,
    ),
    "Gamma divergence afar": (
        lambda: kl_divergence(_float32(reparam.Gamma, 2.0, 1e25), _float32(reparam.Gamma, 3.0, 1e-25)),
        343.658126605,
        1e-6,
    ),
    "Gamma deviation": (lambda: _float32(reparam.Gamma, 2.0, 1e-25).stddev, 1.41421353474e25, 1e-6),
    "StudentT deviation": (lambda: _float32(reparam.StudentT, 4.0, 0.0, 1e25).stddev, 1.41421350043e25, 1e-6),
    "StudentT divergence of heavy tails": (
        lambda: kl_divergence(_wide(reparam.StudentT, 0.05, 1.0, 2.0), _wide(reparam.StudentT, 3.0)),
        50.16094941660667,
        1e-13,
    ),
    "StudentT divergence of heavier tails": (
        lambda: kl_divergence(_wide(reparam.StudentT, 0.02), _wide(reparam.StudentT, 0.04)),
        0.30074845831667,
        1e-9,
    ),
    "FisherSnedecor divergence": (
        lambda: kl_divergence(_wide(reparam.FisherSnedecor, 317.5, 336.0), _wide(reparam.FisherSnedecor, 428.0, 285.5)),
        0.00072360314358424722,
        1e-10,
    ),
    # modes at an end
    "Weibull mode": (lambda: reparam.Weibull(2.0, 0.25).mode, 0.0, 0.0),
    "Kumaraswamy mode": (lambda: reparam.Kumaraswamy(0.5, 2.0).mode, 0.0, 0.0),
    "Gamma mode": (lambda: reparam.Gamma(0.5, 2.0).mode, 0.0, 0.0),
    "Beta mode": (lambda: reparam.Beta(2.0, 0.5).mode, 1.0, 0.0),
    "FisherSnedecor mode": (lambda: reparam.FisherSnedecor(1.0, 5.0).mode, 0.0, 0.0),
}


@pytest.mark.parametrize("law", [reparam.Poisson(3.0), reparam.Geometric(0.3), reparam.NegativeBinomial(3.0, 0.3)])
def test_infinity_is_no_count(law: reparam.Distribution) -> None:
    infinite = torch.tensor(torch.inf)
    with pytest.raises(ValueError, match="integer"):
        law.log_prob(infinite)
    assert float(law.replace(validate_args=False).log_prob(infinite)) == -math.inf


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


# -- every law has what its mathematics allows ---------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_every_law_has_an_entropy(family: Family) -> None:
    assert family.example.entropy().isfinite()


COMBINED = {"Factorised", "Mixture", "MixtureSameFamily"}


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_every_family_has_its_divergence(family: Family) -> None:
    """In float32 too, never negative between neighbours and zero from itself."""
    if type(family.example).__name__ in COMBINED:
        with pytest.raises(NotImplementedError, match="fallback='monte_carlo'"):
            kl_divergence(family.law(), family.law())
        return
    p, q = (family.law(seed=seed).to(torch.float32) for seed in (0, 1))
    assert float(kl_divergence(p, q)) >= 0
    assert float(kl_divergence(p, p)) <= 1e-5


PAIRS = sorted((pair for pair in kl._KL_REGISTRY if distributions.ExponentialFamily not in pair), key=str)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-".join(cls.__name__ for cls in pair))
def test_every_pair_of_torch_has_its_divergence(pair: tuple[type, type]) -> None:
    """By a rule, or infinite by the supports, which needs none."""
    ours = [getattr(reparam, cls.__name__) for cls in pair]
    if kl_rules.dispatch(*ours) is None:
        p, q = (families(cls)[0].example for cls in ours)
        assert float(kl_divergence(p, q).flatten()[0]) == torch.inf


def test_entropies_of_binomials_with_unequal_counts() -> None:
    law = reparam.Binomial(torch.tensor([1, 5, 20]), torch.tensor(0.5, dtype=torch.float64))
    k = torch.arange(21, dtype=torch.float64)[:, None]
    mass = reparam.Binomial(law.total_count, law.probs, validate_args=False).log_prob(k)
    exact = -torch.where(mass > -torch.inf, mass.exp() * mass, 0.0).sum(0)
    torch.testing.assert_close(law.entropy(), exact, rtol=100 * torch.finfo(torch.float64).eps, atol=0)


def test_moments_pass_through_affine_maps() -> None:
    base = reparam.Gamma(torch.tensor([2.0, 0.5], dtype=torch.float64), 3.0)
    law = reparam.TransformedDistribution(base, reparam.transforms.AffineTransform(1.0, -2.0))
    for door, scale in (("mean", -2.0), ("variance", 4.0), ("stddev", 2.0), ("skewness", -1.0), ("kurtosis", 1.0)):
        expected = scale * getattr(base, door) + (1.0 if door == "mean" else 0.0)
        torch.testing.assert_close(getattr(law, door), expected, rtol=1e-14, atol=0)


VECTORS = torch.tensor([1.0, -0.5], dtype=torch.float64), torch.tensor([-2.0, 0.5], dtype=torch.float64)
AFFINE = {
    "of one event": reparam.AffineTransform(*VECTORS, event_dim=1),
    "of entries": reparam.AffineTransform(*VECTORS),
    "independent": reparam.IndependentTransform(reparam.AffineTransform(*VECTORS), 1),
    "inverse": reparam.AffineTransform(-VECTORS[0] / VECTORS[1], 1 / VECTORS[1], event_dim=1).inv,
    "composed": reparam.ComposeTransform(
        [reparam.AffineTransform(0.0, 2.0), reparam.AffineTransform(VECTORS[0], VECTORS[1] / 2)]
    ),
}


@pytest.mark.parametrize("name", AFFINE)
def test_moments_of_vectors_pass_through_affine_maps(name: str) -> None:
    """Those of the normal law with the moved mean and covariance; they are sums of three products: 10 eps."""
    loc, covariance = torch.tensor([0.3, 2.0]).double(), torch.tensor([[2.0, 0.5], [0.5, 1.0]]).double()
    law = reparam.TransformedDistribution(reparam.MultivariateNormal(loc, covariance), AFFINE[name])
    shift, scale = VECTORS
    moved = reparam.MultivariateNormal(shift + scale * loc, covariance * scale * scale[:, None])
    for door in ("mean", "mode", "median", "variance", "stddev", "skewness", "kurtosis", "covariance"):
        torch.testing.assert_close(getattr(law, door), getattr(moved, door), rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(law.entropy(), moved.entropy(), rtol=1e-14, atol=1e-14)
    skewed = reparam.TransformedDistribution(
        reparam.Dirichlet(torch.tensor([2.0, 7.0])), reparam.AffineTransform(0, -1)
    )
    torch.testing.assert_close(skewed.skewness, -skewed.base_dist.skewness)


# -- draws at small concentrations and low temperatures ------------------------------------------------------


def test_draws_at_small_concentrations_have_the_right_masses() -> None:
    """Shares and mean logarithms of 20,000 draws within 5.3 standard errors: false alarms of 1e-7 each."""
    n, generator = 20_000, torch.Generator().manual_seed(0)

    def near(values: Tensor, mean: float) -> bool:
        values = values.double()
        return abs(float(values.mean()) - mean) < 5.3 * float(values.std()) / n**0.5

    # E log X is digamma(a); through the log-density it is (E log p - constant + E X) / (a - 1)
    for a, mean_log in ((1e-3, -1000.57552443428323), (1e-2, -100.560887693405273), (0.1, -10.4237547892636849)):
        law = reparam.Gamma(torch.tensor(a), 1.0)
        x, log_p = law.rsample_and_log_prob(n, generator=generator)
        assert bool(log_p.isfinite().all())
        log_x = (log_p.double() + math.lgamma(law.concentration.item()) + x.double()) / (law.concentration.double() - 1)
        assert near(log_x, mean_log)
    beta = reparam.Beta(torch.tensor(1e-3), 1e-3)
    x = beta.sample(n, generator=generator)
    assert near((x > 0.5).float(), 0.5)
    # the mass between .4 and .6 is 4.05e-4; of n draws 8.1 are expected, more than 30 with probability 1e-9
    assert int(((x > 0.4) & (x < 0.6)).sum()) <= 30
    shares = reparam.Dirichlet(torch.full((3,), 1e-3)).sample(n, generator=generator)
    for k in range(3):
        assert near((shares[:, k] > 0.5).float(), 1 / 3)
    assert int((shares.amax(-1) < 0.9).sum()) <= 200  # 4.4 a thousand on each of three edges, of n draws 88


@pytest.mark.parametrize("temperature", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("k", [2, 10, 1000])
def test_cold_relaxed_laws_score_their_draws(temperature: float, k: int) -> None:
    logits = torch.randn(k, generator=torch.Generator().manual_seed(k))
    for law in (
        reparam.RelaxedOneHotCategorical(temperature, logits=logits),
        reparam.RelaxedBernoulli(temperature, logits=logits),
    ):
        x, log_p = law.rsample_and_log_prob(100, generator=torch.Generator().manual_seed(0))
        assert bool(x.isfinite().all()) and bool(log_p.isfinite().all())


def test_weights_of_half_precision_may_have_a_sum_beyond_it() -> None:
    weights = torch.tensor([3e4, 3e4, 6e4], dtype=torch.float16)
    for law in (reparam.Categorical(weights), reparam.OneHotCategorical(weights), reparam.Multinomial(2, weights)):
        assert law.probs.tolist() == [0.25, 0.25, 0.5]
        assert float(law.entropy()) == float(law.to(torch.float32).entropy().half())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_derived_parameters_of_half_precision_are_those_of_float32_rounded(dtype: torch.dtype) -> None:
    spread = torch.tensor([[4.0, 1.0], [1.0, 2.5]], dtype=dtype)
    laws = [
        reparam.MultivariateNormal(torch.zeros(2, dtype=dtype), spread),
        reparam.Wishart(torch.tensor(3.0, dtype=dtype), spread),
        reparam.Categorical(logits=torch.tensor([5.0, -5.0, 0.0], dtype=dtype)),
    ]
    for law in laws:
        single = law.to(torch.float32)
        for name, field in type(law)._fields.items():
            if getattr(field, "group", ()):
                assert torch.equal(getattr(law, name), getattr(single, name).to(dtype)), (law, name)
