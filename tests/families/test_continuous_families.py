"""What is particular to scalar continuous families, and the figures that users of other libraries complain about."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator

import reparam

POSITIVE = [
    reparam.Exponential(2.0),
    reparam.HalfNormal(1.0),
    reparam.HalfCauchy(1.0),
    reparam.Weibull(1.0, 2.0),
    reparam.Pareto(1.0, 2.0),
    reparam.InverseGamma(2.0, 1.0),
    reparam.Chi2(3.0),
    reparam.FisherSnedecor(3.0, 5.0),
    reparam.Kumaraswamy(2.0, 3.0),
    reparam.ContinuousBernoulli(0.3),
    reparam.GeneralizedPareto(0.0, 1.0, -0.5),
]


def unchecked(law: reparam.Distribution) -> reparam.Distribution:
    """The same law, which checks nothing."""
    return type(law)(**{name: getattr(law, name) for name in law._given}, validate_args=False)


@pytest.mark.parametrize("law", POSITIVE, ids=lambda law: type(law).__name__)
def test_below_the_support_there_is_nothing(law: reparam.Distribution) -> None:
    free, below = unchecked(law), torch.tensor([-5.0, -1e-30])
    assert (free.log_prob(below) == -torch.inf).all()
    assert (free.cdf(below) == 0).all() and (free.log_cdf(below) == -torch.inf).all()
    assert (free.sf(below) == 1).all() and (free.log_sf(below) == 0).all()
    with pytest.raises(ValueError, match=type(law).__name__):
        law.log_prob(below)


@pytest.mark.parametrize("law", POSITIVE[8:], ids=lambda law: type(law).__name__)
def test_above_a_bounded_support_there_is_nothing(law: reparam.Distribution) -> None:
    free, above = unchecked(law), torch.tensor([2.5, 1e30])
    assert (free.log_prob(above) == -torch.inf).all()
    assert (free.cdf(above) == 1).all() and (free.sf(above) == 0).all()


def test_closed_ends_belong_to_the_laws() -> None:
    zero, one = torch.tensor(0.0), torch.tensor(1.0)
    assert reparam.Exponential(2.0).log_prob(zero).item() == pytest.approx(math.log(2), rel=1e-6)
    assert reparam.HalfNormal(1.0).log_prob(zero).item() == pytest.approx(0.5 * math.log(2 / math.pi), rel=1e-6)
    assert reparam.Weibull(2.0, 1.0).log_prob(zero).item() == pytest.approx(-math.log(2), rel=1e-6)
    assert reparam.Pareto(2.0, 3.0).log_prob(torch.tensor(2.0)).exp().item() == pytest.approx(1.5, rel=1e-6)
    assert reparam.Kumaraswamy(1.0, 3.0).log_prob(zero).exp().item() == pytest.approx(3, rel=1e-6)
    assert reparam.Kumaraswamy(3.0, 1.0).log_prob(one).exp().item() == pytest.approx(3, rel=1e-6)
    assert reparam.FisherSnedecor(2.0, 5.0).log_prob(zero).item() == 0
    uniform = reparam.GeneralizedPareto(1.0, 2.0, -1.0)
    assert uniform.log_prob(torch.tensor([1.0, 3.0])).exp().tolist() == [0.5, 0.5]
    ends = reparam.ContinuousBernoulli(0.8).log_prob(torch.tensor([0.0, 1.0]))
    assert (ends[1] - ends[0]).item() == pytest.approx(math.log(4), rel=1e-5)


def test_modes_at_an_end() -> None:
    assert reparam.Weibull(2.0, torch.tensor([0.25, 1.0])).mode.tolist() == [0, 0]
    a, b = torch.tensor([0.5, 2.0, 1.0, 2.0, 0.5, 0.5]), torch.tensor([2.0, 0.5, 3.0, 1.0, 0.2, 0.5])
    for family in (reparam.Kumaraswamy, reparam.Beta):
        assert family(a, b).mode.tolist() == [0, 1, 0, 1, 1, 0]
    assert reparam.FisherSnedecor(torch.tensor([1.0, 2.0]), 5.0).mode.tolist() == [0, 0]
    assert reparam.GeneralizedPareto(1.0, 2.0, torch.tensor([-2.0, 0.5])).mode.tolist() == [2, 1]


def test_draws_of_kumaraswamy_that_round_to_one_have_their_density() -> None:
    """With b = 0.1 a sixth of the draws round to 1 in float32; the log-density is that of the draw before."""
    wide = reparam.Kumaraswamy(torch.tensor(1.0, dtype=torch.float64), 0.1)
    law = wide.to(torch.float32)
    x, log_p = law.rsample_and_log_prob(20_000, generator=torch.Generator().manual_seed(0))
    _, exact = wide.rsample_and_log_prob(20_000, generator=torch.Generator().manual_seed(0))
    assert int((x == 1).sum()) > 2000
    # log_p is 0.9 times up to 370 of noise, known to a few eps
    assert torch.allclose(log_p.double(), exact, rtol=1e-5, atol=1e-5)


def test_variances_are_not_negative() -> None:
    a = torch.logspace(-2, 6, 60)
    assert (reparam.Kumaraswamy(a[:, None], a).variance >= 0).all()
    assert (reparam.Weibull(1.0, a).variance > 0).all()


def test_continuous_bernoulli_has_no_seam() -> None:
    """Mean, variance and density rise evenly through one half, where a quotient would cancel."""
    p = torch.linspace(0.4985, 0.5015, 301)
    law = reparam.ContinuousBernoulli(probs=p, lims=(0.49, 0.51))
    assert torch.allclose(law.variance, torch.full_like(p, 1 / 12), atol=2e-7)
    # the mean is 1/2 + logit/12, and the logit 4 (p - 1/2), to 1e-8
    assert torch.allclose(law.mean, 0.5 + (p - 0.5) / 3, atol=2e-7)
    point_masses = reparam.ContinuousBernoulli(probs=torch.tensor([0.0, 1.0]))
    assert torch.allclose(point_masses.mean, torch.tensor([0.0, 1.0]))
    assert torch.allclose(point_masses.sample(), torch.tensor([0.0, 1.0]))


def test_generalised_pareto_in_double_precision() -> None:
    loc = torch.zeros(3, dtype=torch.float64)
    law = reparam.GeneralizedPareto(loc, 1.0, torch.tensor([-0.5, 0.0, 0.5], dtype=torch.float64))
    x = law.sample(100, generator=torch.Generator().manual_seed(0))
    assert x.dtype == torch.float64 and (x <= law.upper).all()
    assert law.log_prob(x).isfinite().all()


def test_special_cases_are_each_other() -> None:
    x = torch.tensor([0.1, 1.0, 5.0], dtype=torch.float64)
    two = torch.tensor(2.0, dtype=torch.float64)
    pairs = [
        (reparam.Weibull(1 / two, 1.0), reparam.Exponential(two)),
        (reparam.GeneralizedPareto(0.0, 1 / two, 0.0), reparam.Exponential(two)),
        (reparam.Chi2(two), reparam.Exponential(1 / two)),
        (reparam.Chi2(3 * two), reparam.Gamma(3.0, 1 / two)),
    ]
    for p, q in pairs:
        for door in ("log_prob", "log_cdf", "log_sf"):
            torch.testing.assert_close(getattr(p, door)(x), getattr(q, door)(x), rtol=1e-13, atol=1e-14)
        torch.testing.assert_close(p.entropy(), q.entropy())
    pareto = reparam.Pareto(two, 3.0)
    same = reparam.GeneralizedPareto(2.0, two / 3, 1 / torch.tensor(3.0, dtype=torch.float64))
    torch.testing.assert_close(pareto.log_prob(x + 2), same.log_prob(x + 2), rtol=1e-13, atol=1e-14)
    # a t number squared is F
    half = reparam.FisherSnedecor(1.0, 2 * two).log_prob(x) + x.log() / 2
    torch.testing.assert_close(half, reparam.StudentT(2 * two).log_prob(x.sqrt()), rtol=1e-13, atol=1e-14)


def test_chi_squared_laws_are_gamma_laws() -> None:
    law = reparam.Chi2(torch.tensor([1.0, 4.0]))
    assert isinstance(law, reparam.Gamma)
    assert law.rate.tolist() == [0.5, 0.5] and law.concentration.tolist() == [0.5, 2.0]
    assert reparam.kl_divergence(law, reparam.Gamma(law.concentration, law.rate)).tolist() == [0, 0]


def test_divergences_across_families() -> None:
    """Closed forms: Uniform || Pareto, Exponential || Gamma and what diverges."""
    uniform = reparam.Uniform(torch.tensor(2.0, dtype=torch.float64), 3.0)
    found = reparam.kl_divergence(uniform, reparam.Pareto(uniform.low / 2, 2.0))
    assert found.item() == pytest.approx(3 * (3 * math.log(3) - 2 * math.log(2) - 1) - math.log(2), rel=1e-14)
    assert reparam.kl_divergence(uniform, reparam.Pareto(2.5, 2.0)).item() == math.inf
    same = reparam.kl_divergence(reparam.Exponential(2.0), reparam.Gamma(1.0, 2.0))
    assert same.item() == pytest.approx(0, abs=1e-6)
    for heavy in (reparam.Cauchy(0.0, 1.0), reparam.Pareto(1.0, 1.5)):
        assert reparam.kl_divergence(heavy, reparam.Normal(0.0, 1.0)).item() == math.inf
    assert reparam.kl_divergence(reparam.Laplace(0.0, 2.0), reparam.Gumbel(0.0, 1.0)).item() == math.inf


@pytest.mark.parametrize(("dtype", "size"), [(torch.float32, 3e38), (torch.float64, 1.5e308)])
def test_a_uniform_law_wider_than_the_largest_number(dtype: torch.dtype, size: float) -> None:
    """Nothing that is representable overflows, natively, by formula and in draws."""
    low = torch.tensor([-size, 0.0], dtype=dtype, requires_grad=True)
    high = torch.tensor([size, 1.0], dtype=dtype)

    def check(found: torch.Tensor, expected: list[float]) -> None:
        exact = torch.tensor(expected, dtype=torch.float64).to(dtype)
        torch.testing.assert_close(found.detach(), exact, rtol=4 * torch.finfo(dtype).eps, atol=0.0)

    for law in (reparam.Uniform(low.detach(), high), reparam.Uniform(low, high)):
        x, log_width = torch.tensor([size / 2, 0.25], dtype=dtype), math.log(size) + math.log(2)
        check(law.log_prob(x), [-log_width, 0.0])
        check(law.entropy(), [log_width, 0.0])
        check(torch.stack([law.cdf(x), law.sf(x)]).flatten(), [0.75, 0.25, 0.25, 0.75])
        check(law.log_sf(x), [math.log(0.25), math.log(0.75)])
        check(law.icdf(torch.tensor(0.75, dtype=dtype)), [size / 2, 0.75])
        check(law.isf(torch.tensor(0.75, dtype=dtype)), [-size / 2, 0.25])
        check(law.mean, [0.0, 0.5])
        check(law.stddev, [size / 3**0.5, 12**-0.5])
        check(reparam.kl_divergence(reparam.Uniform(high[1:] - 1, high[1:]), law[0:1]), [log_width])
    draws = law.rsample((1000,), generator=Generator().manual_seed(1))[:, 0]
    assert draws.isfinite().all() and (draws > size / 2).any() and (draws < -size / 2).any()  # each share is 1/4
    assert torch.autograd.grad(law.log_prob(x)[0], low)[0][0] > 0


def test_summaries_that_overflow_do_not_move() -> None:
    """The fourth moment of a Kumaraswamy law in units of its deviation, where it exceeds the largest number."""
    a, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (1e-3, 1e3))
    kurtosis = reparam.Kumaraswamy(a, b).kurtosis
    assert kurtosis == math.inf
    assert [slope.item() for slope in torch.autograd.grad(kurtosis, (a, b))] == [0.0, 0.0]
    assert all(slope.isfinite() for slope in torch.autograd.grad(reparam.Kumaraswamy(a, b).skewness, (a, b)))


@pytest.mark.parametrize("chance", [1e-20, 1e-10, 0.3])
def test_the_slope_of_the_skewness_of_rare_events(chance: float) -> None:
    """Of (2 - p) / sqrt(1 - p): p/2 (1 - p)^(-3/2)."""
    p = torch.tensor(chance, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(reparam.Geometric(p).skewness, p)
    expected = torch.tensor(0.5 * chance * (1 - chance) ** -1.5, dtype=torch.float64)
    torch.testing.assert_close(slope, expected, rtol=8 * 2.0**-52, atol=0.0)
