"""Divergences that no rule knows, with the error they state."""

from __future__ import annotations

import math

import pytest
import torch
from mpmath import mp
from torch import Tensor

import reparam
from reparam import Gamma, Laplace, LogNormal, Normal, StudentT, kl_divergence
from reparam.kl.fallback import estimate

PAIRS = [
    (Normal(0.3, 2.0), Normal(-1.0, 1.5)),
    (Gamma(0.7, 2.0), Gamma(3.0, 1.0)),
    (Gamma(2.0, 1.0), LogNormal(0.2, 1.3)),
    (StudentT(5.0), Normal(0.0, 2.0)),
    (reparam.Poisson(3.0), reparam.Poisson(2.5)),
    (reparam.Binomial(20, 0.3), reparam.Binomial(20, 0.4)),
    (Normal(torch.tensor([0.0, 5.0]), 1.0), Normal(0.0, torch.tensor([[1.0], [2.0]]))),
]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_fallbacks_agree_with_rules(pair: tuple[reparam.Distribution, reparam.Distribution]) -> None:
    p, q = (law.to(torch.float64) for law in pair)
    known = kl_divergence(p, q)
    found = estimate(p, q, "quadrature", 0, None)
    assert found.value.shape == known.shape
    assert ((found.value - known).abs() <= found.error + 1e-9 * known).all()
    assert (found.error <= 1e-6).all()
    drawn = estimate(p, q, "monte_carlo", 20_000, torch.Generator().manual_seed(1))
    # 6 standard errors: a false alarm of 2e-9 each, were the means normal
    assert ((drawn.value - known).abs() <= 6 * drawn.error + 1e-12).all()


def test_mixtures_are_integrated_component_by_component() -> None:
    """Their own quantiles jump between the modes. The integral by mpmath; the error stated is that of rounding."""
    parts = [((0.25, 0.75), (-2.0, 3.0), (1.0, 0.5)), ((0.5, 0.5), (-1.0, 2.0), (1.0, 2.0))]

    def law(weights: tuple[float, ...], loc: tuple[float, ...], scale: tuple[float, ...]) -> reparam.Distribution:
        w, m, s = (torch.tensor(v, dtype=torch.float64) for v in (weights, loc, scale))
        return reparam.MixtureSameFamily(reparam.Categorical(w), Normal(m, s))

    def density(x: float, which: int) -> float:
        return mp.fsum(w * mp.npdf(x, m, s) for w, m, s in zip(*parts[which]))

    def term(x: float) -> float:
        return density(x, 0) * mp.log(density(x, 0) / density(x, 1))

    found = kl_divergence(law(*parts[0]), law(*parts[1]), fallback="quadrature")
    exact = mp.quad(term, [-14, -6, -4, -2, 0, 1, 2, 3, 4, 6, 14])
    assert found.value.item() == pytest.approx(float(exact), rel=1e-13)
    assert found.error.item() < 1e-12


def test_what_is_known_stays_exact() -> None:
    found = kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0), fallback="monte_carlo")
    assert found.method == "exact" and float(found.value) == 0.5 and float(found.error) == 0.0
    assert float(kl_divergence(Normal(0.0, 1.0), Gamma(1.0, 1.0), fallback="quadrature").value) == math.inf


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (reparam.Cauchy(0.0, 1.0), Laplace(0.0, 1.0)),  # E |X|
        (reparam.Exponential(0.04), reparam.InverseGamma(8.0, 2.5)),  # E 1 / X, which diverges as a logarithm
        (reparam.HalfNormal(40.0), reparam.InverseGamma(8.0, 0.05)),
        (reparam.Weibull(0.4, 0.4), reparam.InverseGamma(8.0, 0.8)),
    ],
    ids=str,
)
def test_a_divergent_integral_has_an_infinite_error(p: reparam.Distribution, q: reparam.Distribution) -> None:
    assert kl_divergence(p, q, fallback="quadrature").error == math.inf


@pytest.mark.parametrize(
    ("first", "second"),
    [((1.0, 0.3), (4.0, 1.0)), ((4.0, 0.3), (4.0, 4.0)), ((2.0, 0.2), (3.0, 2.0)), ((1.0, 1.0), (1.0, 2.0))],
)
def test_what_lies_at_an_end_that_quantiles_round_to_counts(
    first: tuple[float, float], second: tuple[float, float]
) -> None:
    """Of beta and Kumaraswamy laws, by mpmath in the distance from 1; what is stated is not exceeded."""
    (a, b), (c, d) = first, second
    f64 = torch.float64
    p = reparam.Beta(torch.tensor(a, dtype=f64), torch.tensor(b, dtype=f64))
    found = kl_divergence(p, reparam.Kumaraswamy(torch.tensor(c, dtype=f64), d), fallback="quadrature")
    with mp.workdps(60):

        def term(log_x: mp.mpf, log_rest: mp.mpf) -> mp.mpf:
            own = (a - 1) * log_x + (b - 1) * log_rest - mp.log(mp.beta(a, b))
            other = mp.log(c * d) + (c - 1) * log_x + (d - 1) * mp.log(-mp.expm1(c * log_x))
            return mp.exp(own) * (own - other)

        def lower(y: mp.mpf) -> mp.mpf:
            return term(y, mp.log1p(-mp.exp(y))) * mp.exp(y)

        def upper(y: mp.mpf) -> mp.mpf:
            return term(mp.log1p(-mp.exp(y)), y) * mp.exp(y)

        exact = sum(mp.quad(f, [-120, -60, -30, -10, -3, -mp.log(2)]) for f in (lower, upper))
    miss = abs(found.value.item() - exact)
    assert found.method == "quadrature" and miss <= found.error.item() < 1e-6 * (1 + exact)


def test_an_infinite_density_at_an_end_is_no_matter() -> None:
    """E log p - E log q with E X = m: quantiles that round to 0 or 1 are left out, which costs less than 1e-9."""
    p, q = reparam.ContinuousBernoulli(torch.tensor(0.9, dtype=torch.float64)), reparam.Beta(0.5, 1.0)
    # E log X of the density c (p / (1 - p))^x by its series: c sum of -l^k / (k! (k + 1)^2), with l the log-odds
    odds, c = math.log(9), math.exp(p.log_prob(0.0).item())
    mean_log = -c * sum(odds**k / math.factorial(k) / (k + 1) ** 2 for k in range(60))
    expected = -p.entropy().item() - (math.log(0.5) - 0.5 * mean_log)
    found = kl_divergence(p, q, fallback="quadrature")
    assert found.value.item() == pytest.approx(expected, abs=1e-9)
    assert found.error.item() < 1e-8


def test_an_infinite_estimate_has_an_infinite_error() -> None:
    """Of angles, which draw values that the other law has no density for."""
    for fallback in ("quadrature", "monte_carlo"):
        found = kl_divergence(reparam.VonMises(0.0, 1.0), reparam.Beta(2.0, 2.0), fallback=fallback)
        assert float(found.value) == float(found.error) == math.inf


def test_supports_decide_without_a_rule() -> None:
    """Where every law of the batch draws values beyond the support of the other."""
    wide, narrow = reparam.Uniform(-1.0, torch.tensor([3.0, 2.0])), reparam.Kumaraswamy(1.0, 2.0)
    assert kl_divergence(wide, narrow).tolist() == [math.inf, math.inf]
    assert kl_divergence(wide, narrow, fallback="quadrature").method == "exact"
    with pytest.raises(NotImplementedError, match="no KL divergence from Uniform to Kumaraswamy"):
        kl_divergence(reparam.Uniform(0.0, torch.tensor([0.5, 2.0])), narrow)


def test_sampling_gives_a_gradient() -> None:
    loc = torch.tensor(0.5, requires_grad=True)
    found = kl_divergence(Normal(loc, 1.0), StudentT(4.0), fallback="monte_carlo")
    assert found.method == "monte_carlo"
    (slope,) = torch.autograd.grad(found.value, loc)
    assert slope > 0


def test_sampling_of_counts_gives_a_gradient() -> None:
    """By the score: within five standard errors of the exact sum's, a false alarm in 1.7e6 for each of five numbers."""
    weights, n = torch.tensor([0.3, 0.7], dtype=torch.float64, requires_grad=True), 40_000
    rate = torch.tensor([1.0, 4.0], dtype=torch.float64, requires_grad=True)

    def divergence(fallback: str) -> Tensor:
        law = reparam.MixtureSameFamily(reparam.Categorical(weights), reparam.Poisson(rate))
        generator = torch.Generator().manual_seed(0)
        return kl_divergence(law, reparam.Poisson(2.0), fallback, samples=n, generator=generator).value

    estimated, exact = divergence("monte_carlo"), divergence("quadrature")
    # the deviations of the log-ratio and of each score times it are less than 1.1
    for found, expected in zip(*(torch.autograd.grad(v, (weights, rate)) for v in (estimated, exact)), strict=True):
        torch.testing.assert_close(found, expected, rtol=0.0, atol=5.5 / math.sqrt(n))
    assert estimated.item() == pytest.approx(exact.item(), abs=5.5 / math.sqrt(n))


def test_masses_of_zero_leave_gradients_finite() -> None:
    """The derivative of p log(p / a) + (1 - p) log((1 - p) / b) from below, without the outcome that p = 1 excludes."""
    p = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    q = reparam.MixtureSameFamily(reparam.Categorical(torch.ones(2)), reparam.Poisson(torch.tensor([1.0, 3.0])))
    found = kl_divergence(reparam.Bernoulli(p), q, fallback="quadrature").value
    assert torch.autograd.grad(found, p)[0].item() == pytest.approx(found.item() + 1, rel=1e-6)


def test_vectors_need_sampling_and_names_are_checked() -> None:
    p = reparam.Dirichlet(torch.ones(3))
    q = reparam.TransformedDistribution(p, [])
    with pytest.raises(NotImplementedError, match="fallback='monte_carlo'"):
        kl_divergence(p, q, fallback="quadrature")
    with pytest.raises(ValueError, match="fallback must be one of quadrature, monte_carlo, not 'guess'"):
        kl_divergence(p, q, fallback="guess")


@pytest.mark.parametrize("other", [reparam.Normal(0.0, 1.0), reparam.Uniform(-4.0, 4.0)])
def test_angles_are_not_compared_with_numbers(other: reparam.Distribution) -> None:
    """A density on the circle is periodic: only an estimate over the draws has a meaning."""
    angle = reparam.VonMises(0.3, 2.0)
    for pair in ((angle, other), (other, angle)):
        with pytest.raises(NotImplementedError, match="angles"):
            reparam.kl_divergence(*pair)


def test_a_count_of_one_choice_is_a_choice() -> None:
    """One trial has the divergence of its categories; more trials never give a one-hot vector."""
    p, q = torch.tensor([0.2, 0.8]), torch.tensor([0.5, 0.5])
    expected = reparam.kl_divergence(reparam.Categorical(p), reparam.Categorical(q))
    choice, counts = reparam.OneHotCategorical, reparam.Multinomial
    torch.testing.assert_close(reparam.kl_divergence(counts(1, p), choice(q)), expected)
    torch.testing.assert_close(reparam.kl_divergence(choice(p), counts(1, q)), expected)
    assert float(reparam.kl_divergence(counts(2, p), choice(q))) == torch.inf
    assert float(reparam.kl_divergence(choice(p), counts(2, q))) == torch.inf
