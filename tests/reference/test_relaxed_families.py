"""The relaxations of laws of categories: densities of cold draws, and summaries against quadrature by mpmath."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

import reparam
from reparam.families.relaxed_categorical import ExpRelaxedCategorical


def test_cold_relaxed_draws_of_many_categories_are_scored() -> None:
    """Temperature 0.05, a thousand categories, float32: the density of each draw, to the rounding of its logarithms."""
    logits = torch.randn(1000, generator=torch.Generator().manual_seed(4))
    draws = [torch.Generator().manual_seed(5) for _ in range(2)]
    x, log_p = reparam.RelaxedOneHotCategorical(0.05, logits=logits).rsample_and_log_prob(20, generator=draws[0])
    log_x = ExpRelaxedCategorical(0.05, logits=logits).rsample(20, generator=draws[1])
    torch.testing.assert_close(x, log_x.exp())
    assert bool(log_p.isfinite().all())
    y, t = log_x.double(), torch.tensor(0.05).double()
    scores = (logits.double() - t * y).log_softmax(-1)
    exact = (scores - y).sum(-1) + math.lgamma(1000) + 999 * t.log()
    eps = torch.finfo(torch.float32).eps
    size = scores.abs().sum(-1) + y.abs().sum(-1) + math.lgamma(1000) + 3000
    assert bool(((log_p.double() - exact).abs() <= 4 * eps * size).all())


def test_cold_relaxed_bernoulli_draws_are_scored() -> None:
    d = reparam.RelaxedBernoulli(0.05, logits=torch.tensor([-3.0, 0.0, 3.0]))
    x, log_p = d.rsample_and_log_prob(1000)
    assert bool(log_p.isfinite().all())
    assert bool(((x >= 0) & (x <= 1)).all())


def test_entropy_of_the_logarithms_is_the_mean_of_their_densities() -> None:
    """Within 5.3 standard errors of 20,000 draws."""
    d = ExpRelaxedCategorical(torch.tensor(0.5, dtype=torch.float64), logits=torch.tensor([0.0, 1.0, 3.0]).double())
    x = d.sample(20_000, generator=torch.Generator().manual_seed(6))
    log_p = d.log_prob(x)
    assert abs(float(log_p.mean() + d.entropy())) < 5.3 * float(log_p.std()) / math.sqrt(len(x))


@pytest.mark.parametrize(("temperature", "logit"), [(0.1, 1.0), (0.9, -2.0), (1.1, 0.5), (20.0, 3.0)])
def test_summaries_of_relaxed_bernoulli_are_integrals(temperature: float, logit: float) -> None:
    d = reparam.RelaxedBernoulli(torch.tensor(temperature).double(), logits=torch.tensor(logit).double())
    with mp.workdps(20):
        t, middle = mpf(torch.tensor(temperature).item()), mpf(logit)

        def density(z: mpf) -> mpf:
            return mp.exp(-abs(z)) / (1 + mp.exp(-abs(z))) ** 2

        def share(z: mpf) -> mpf:
            return 1 / (1 + mp.exp(-(middle + z) / t))

        edges = [-60, -20, -5, *sorted({-logit, 0.0}), 5, 20, 60]
        mean = mp.quad(lambda z: share(z) * density(z), edges)
        variance = mp.quad(lambda z: (share(z) - mean) ** 2 * density(z), edges)

        def bend(z: mpf) -> mpf:
            x = abs(middle + z) / t
            return x + 2 * mp.log1p(mp.exp(-x))

        entropy = 2 - mp.log(t) - mp.quad(lambda z: bend(z) * density(z), edges)
    assert d.mean.item() == pytest.approx(float(mean), rel=1e-12)
    assert d.variance.item() == pytest.approx(float(variance), rel=1e-11)
    assert d.entropy().item() == pytest.approx(float(entropy), rel=1e-12, abs=1e-12)


def test_straight_through_draws_are_one_hot_with_the_gradient_of_the_probabilities() -> None:
    logits = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    x = reparam.OneHotCategoricalStraightThrough(logits=logits).rsample(50)
    assert bool(((x == 0) | (x == 1)).all())
    assert bool((x.sum(-1) == 1).all())
    (found,) = torch.autograd.grad((x @ weights).mean(), logits)
    (expected,) = torch.autograd.grad(logits.softmax(-1) @ weights, logits)
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("temperature", [0.05, 1.0, 20.0])
def test_density_of_relaxed_bernoulli_and_its_gradients(temperature: float) -> None:
    """By kernel and by formula: to 1000 eps of the largest of the terms that are added."""
    for x, logit in ((1e-30, 0.5), (0.125, -3.0), (0.5, 0.0), (0.9375, 40.0), (1 - 2**-40, 1.0)):
        at = [mpf(v) for v in (x, torch.tensor(temperature).item(), logit)]

        def truth(y: mpf, t: mpf, middle: mpf) -> mpf:
            d = middle - t * (mp.log(y) - mp.log1p(-y))
            return mp.log(t) - abs(d) - 2 * mp.log1p(mp.exp(-abs(d))) - mp.log(y) - mp.log1p(-y)

        with mp.workdps(100):
            expected = [truth(*at)]
            step = at[0] * mpf(10) ** -20
            expected += [mp.diff(truth, tuple(at), n, h=step) for n in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
            size = float(1 + abs(at[2]) + (1 + at[1]) * (abs(mp.log(at[0])) + abs(mp.log1p(-at[0]))))
        values = [torch.tensor(float(v), dtype=torch.float64, requires_grad=True) for v in at]
        log_p = reparam.RelaxedBernoulli(values[1], logits=values[2]).log_prob(values[0])
        native = [log_p, *torch.autograd.grad(log_p, values)]

        def formula(y: torch.Tensor, t: torch.Tensor, middle: torch.Tensor) -> torch.Tensor:
            return reparam.RelaxedBernoulli(t, logits=middle).log_prob(y)

        fixed = [v.detach() for v in values]
        by_formula = [formula(*fixed), *torch.func.grad(formula, argnums=(0, 1, 2))(*fixed)]
        for found in (native, by_formula):
            for n, (value, exact) in enumerate(zip(found, expected, strict=True)):
                scale = max(size, abs(float(exact))) if n != 1 else abs(float(exact)) + size / min(x, 1 - x)
                assert abs(value.item() - float(exact)) <= 1000 * torch.finfo(torch.float64).eps * scale


def test_modes_of_relaxed_bernoulli_have_the_largest_density() -> None:
    """Of all points of a fine grid; their derivatives are those of the equation that they solve."""
    grid = torch.linspace(0, 1, 4001, dtype=torch.float64)[1:-1]
    for t, middle in itertools.product((1.001, 1.3, 5.0, 1e3), (-20.0, -1.0, 0.0, 0.5, 3.0)):
        d = reparam.RelaxedBernoulli(torch.tensor(t).double(), logits=torch.tensor(middle).double())
        assert bool((d.log_prob(grid) <= d.log_prob(d.mode) + 1e-12 * (t + abs(middle))).all())
    for middle, end in ((-1.0, 0.0), (0.0, 0.0), (1.0, 1.0)):
        assert reparam.RelaxedBernoulli(0.7, logits=torch.tensor(middle)).mode == end
    at = (torch.tensor([1.3, 5.0]).double().requires_grad_(), torch.tensor([0.7, -2.0]).double().requires_grad_())
    assert torch.autograd.gradcheck(_mode, at)
    assert torch.autograd.gradgradcheck(_mode, at)


def _mode(temperature: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    return reparam.RelaxedBernoulli(temperature, logits=logits).mode


@pytest.mark.parametrize("temperature", [0.05, 0.9, 1.0, 1.1, 20.0])
def test_relaxed_categories_are_relaxed_bernoulli_variables_where_there_are_two(temperature: float) -> None:
    """To 100 eps of the largest term: 1/4 in variances, 1/T in entropies, the ratio of temperatures in divergences."""
    t, s, l0, l1 = (torch.tensor(v, dtype=torch.float64) for v in (temperature, 0.7, 0.3, -2.0))
    first, second = (torch.stack([middle, torch.zeros_like(middle)]) for middle in (l0, l1))
    d, e = reparam.RelaxedOneHotCategorical(t, logits=first), reparam.RelaxedBernoulli(t, logits=l0)
    bound = 100 * torch.finfo(torch.float64).eps
    torch.testing.assert_close(d.mean[0], e.mean, rtol=bound, atol=0)
    torch.testing.assert_close(d.variance[0], e.variance, rtol=0, atol=bound / 4)
    assert float(d.covariance.sum(-1).abs().max()) <= bound
    torch.testing.assert_close(d.entropy(), e.entropy(), rtol=0, atol=bound * (1 + 1 / temperature))
    found = reparam.kl_divergence(d, reparam.RelaxedOneHotCategorical(s, logits=second))
    logs = [reparam.LogitRelaxedBernoulli(*law) for law in ((t, None, l0), (s, None, l1))]
    torch.testing.assert_close(found, reparam.kl_divergence(*logs), rtol=0, atol=bound * (3 + 0.7 / temperature))


def test_divergence_of_relaxed_categories() -> None:
    """Against the mean over 200,000 draws, within 5.3 standard errors; zero from itself."""
    logits = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    for t, s in ((0.5, 2.0), (2.0, 0.5), (1.0, 1.0), (0.1, 0.7)):
        p = reparam.RelaxedOneHotCategorical(torch.tensor(t).double(), logits=logits[0])
        q = reparam.RelaxedOneHotCategorical(torch.tensor(s).double(), logits=logits[1])
        log_x = ExpRelaxedCategorical(p.temperature, logits=logits[0]).sample(
            200_000, generator=torch.Generator().manual_seed(8)
        )
        gap = p._of_logarithms(log_x) - q._of_logarithms(log_x)
        assert abs(float(gap.mean() - reparam.kl_divergence(p, q))) < 5.3 * float(gap.std()) / math.sqrt(len(gap))
        assert float(reparam.kl_divergence(p, p)) < 1e-12
    certain = reparam.RelaxedOneHotCategorical(0.5, probs=torch.tensor([1.0, 0.0]))
    assert reparam.kl_divergence(certain, reparam.RelaxedOneHotCategorical(0.5, probs=torch.ones(2))) == math.inf
    assert reparam.kl_divergence(certain, certain) == 0


@pytest.mark.parametrize("logit", [-2.0, 0.0, 1.5])
@pytest.mark.parametrize("end", [0.0, 1.0])
def test_gradients_of_relaxed_bernoulli_at_the_ends(end: float, logit: float) -> None:
    """At temperature 1 those of -l - 2 log(1 + n (exp(-l) - 1)), n from the end; else infinite, with the limit's sign.

    That in the temperature, where the density jumps, is then the one of the other terms. Formula and kernel alike.
    """

    def log_prob(x: torch.Tensor, t: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        return reparam.RelaxedBernoulli(t, logits=logits, validate_args=False).log_prob(x)

    favour, way = (logit, 1.0) if end == 0 else (-logit, -1.0)
    for t in (0.5, 1.0, 2.0):
        inputs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (end, t, logit)]
        by_kernel = torch.stack(torch.autograd.grad(log_prob(*inputs), inputs))
        by_formula = torch.stack(torch.func.grad(log_prob, (0, 1, 2))(*(v.detach() for v in inputs)))
        rise = -2 * math.expm1(-favour) if t == 1 else math.copysign(math.inf, t - 1)
        exact = torch.tensor([way * rise, 1.0 if t == 1 else -math.inf, -way], dtype=torch.float64)
        torch.testing.assert_close(by_kernel, exact, rtol=1e-15, atol=1e-15)
        torch.testing.assert_close(by_formula, exact, rtol=1e-15, atol=1e-15)
        if t == 1:
            assert log_prob(*inputs).item() == pytest.approx(-favour, abs=1e-15)


@pytest.mark.parametrize("summary", ["variance", "skewness", "kurtosis"])
def test_slopes_of_relaxed_moments_in_single_precision(summary):
    """Those in float64 at the same numbers, rounded: 4 eps, of a moment that is computed in float64 throughout."""
    for temperature, logits in ((50.0, -2.0), (50.0, 1.0), (3.0, 0.5)):
        slopes = []
        for dtype in (torch.float32, torch.float64):
            given = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in (temperature, logits)]
            law = reparam.RelaxedBernoulli(given[0], logits=given[1])
            slopes.append(torch.stack(torch.autograd.grad(getattr(law, summary), given)).double())
        torch.testing.assert_close(*slopes, rtol=4 * torch.finfo(torch.float32).eps, atol=0)


SURE = {
    "RelaxedOneHotCategorical": torch.tensor([[0.2, 0.3, 0.5], [0.0, 0.4, 0.6], [0.0, 0.0, 1.0]]),
    "RelaxedBernoulli": torch.tensor([0.3, 0.0, 1.0]),
    "LogitRelaxedBernoulli": torch.tensor([0.3, 0.0, 1.0]),
}


@pytest.mark.parametrize("law", SURE)
@pytest.mark.parametrize("mapped", [False, True])
def test_zero_probabilities_leave_draws_and_gradients_numbers(mapped: bool, law: str) -> None:
    """What cannot happen is never drawn, has no density, and moves nothing that other outcomes share."""
    t, probs = torch.tensor(0.7, requires_grad=True), SURE[law].clone().requires_grad_()

    def draw() -> Tensor:
        d = getattr(reparam, law)(t, probs=probs, validate_args=False)
        x, log_prob = d.rsample_and_log_prob((5,), generator=torch.Generator().manual_seed(0))
        bounded = x.sigmoid() if law == "LogitRelaxedBernoulli" else x
        slopes = [torch.autograd.grad(v.sum(), (t, probs), retain_graph=True) for v in (bounded.square(), log_prob)]
        parts = [bounded, log_prob, *(s for pair in slopes for s in pair)]
        return torch.cat([part.detach().flatten() for part in parts])

    found = torch.vmap(lambda _: draw(), randomness="same")(torch.zeros(1))[0] if mapped else draw()
    size = 5 * SURE[law].numel()
    drawn, log_prob, slopes = found[:size], found[size : size + 15].reshape(5, 3), found[size + 15 :]
    drawn = drawn.reshape(5, *SURE[law].shape)
    assert (drawn[:, SURE[law] == 0] == 0).all() and (drawn[:, SURE[law] == 1] == 1).all()
    assert log_prob[:, 0].isfinite().all() and (log_prob[:, 1:] == -torch.inf).all()
    assert slopes.isfinite().all()


def test_zero_probabilities_leave_gradients_of_moments_finite() -> None:
    t, probs = torch.tensor(0.7, requires_grad=True), SURE["RelaxedOneHotCategorical"][:2].clone().requires_grad_()
    d = reparam.RelaxedOneHotCategorical(t, probs=probs)
    for value in (d.mean[..., 1], d.variance[..., 1]):
        assert all(slope.isfinite().all() for slope in torch.autograd.grad(value.sum(), (t, probs)))
