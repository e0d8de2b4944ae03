"""Laws of counts and of categories at hard points: against mpmath, closed forms and sums.

Every input is a float32 number, so that both dtypes are asked the same question. A float64 result may be off by
1e-12 and a float32 one by 1e-5, relative to the result or, near its zeros, to one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from mpmath import mp, mpf

import reparam
from reparam import kl_divergence

DIGITS = 30
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
DTYPES = list(TOLERANCE)


def number(value: float) -> mpf:
    """The float32 number nearest to a value."""
    return mpf(torch.tensor(value, dtype=torch.float32).item())


def law(cls: Any, parameters: tuple[float, ...], dtype: torch.dtype) -> Any:
    """A law whose parameters are float32 numbers."""
    return cls(*(torch.tensor(v, dtype=torch.float32).to(dtype) for v in parameters))


def near(found: torch.Tensor, expected: list[Any], dtype: torch.dtype) -> None:
    truth = torch.tensor([float(v) for v in expected], dtype=torch.float64)
    assert found.dtype == dtype
    error = (found.double().flatten() - truth).abs() / truth.abs().clamp(min=1.0)
    assert bool((error <= TOLERANCE[dtype]).all()), (found.tolist(), truth.tolist())


# -- log-masses ----------------------------------------------------------------------------------------------


def poisson(k: mpf, rate: mpf) -> mpf:
    return k * mp.log(rate) - rate - mp.loggamma(k + 1)


def geometric(k: mpf, p: mpf) -> mpf:
    return k * mp.log1p(-p) + mp.log(p)


def negative_binomial(k: mpf, r: mpf, p: mpf) -> mpf:
    choose = mp.loggamma(k + r) - mp.loggamma(k + 1) - mp.loggamma(r)
    return choose + k * mp.log(p) + r * mp.log1p(-p)


Truth = Callable[..., mpf]
LOG_PROB: list[tuple[Any, Truth, tuple[float, ...], list[float]]] = [
    (reparam.Poisson, poisson, (1e-20,), [0.0, 1.0, 2.0]),
    (reparam.Poisson, poisson, (3.5,), [0.0, 1.0, 4.0, 100.0]),
    (reparam.Poisson, poisson, (1e6,), [0.0, 998000.0, 1e6, 1003000.0]),
    (reparam.Poisson, poisson, (1e8,), [99970000.0, 1e8]),
    (reparam.Geometric, geometric, (1e-10,), [0.0, 1.0, 1e10]),
    (reparam.Geometric, geometric, (0.999,), [0.0, 1.0, 5.0]),
    (reparam.NegativeBinomial, negative_binomial, (1e-6, 0.5), [0.0, 1.0, 30.0]),
    (reparam.NegativeBinomial, negative_binomial, (2.5, 0.9), [0.0, 1.0, 20.0, 200.0]),
    (reparam.NegativeBinomial, negative_binomial, (1e6, 0.5), [0.0, 998000.0, 1e6, 1002000.0]),
    (reparam.NegativeBinomial, negative_binomial, (1e8, 1e-6), [0.0, 90.0, 100.0, 130.0]),
    (reparam.NegativeBinomial, negative_binomial, (3.0, 1e-15), [0.0, 1.0, 2.0]),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("cls", "truth", "parameters", "points"), LOG_PROB)
def test_log_prob(cls: Any, truth: Truth, parameters: Any, points: list[float], dtype: torch.dtype) -> None:
    d, k = law(cls, parameters, dtype), torch.tensor(points, dtype=dtype)
    with mp.workdps(DIGITS + 20):
        expected = [truth(mpf(v), *map(number, parameters)) for v in points]
    near(d.log_prob(k), expected, dtype)
    free = d.replace(validate_args=False)
    near(torch.vmap(free.log_prob)(k), expected, dtype)


@pytest.mark.parametrize(("cls", "truth", "parameters", "points"), LOG_PROB)
def test_gradients_of_log_prob(cls: Any, truth: Truth, parameters: Any, points: list[float]) -> None:
    """To 1000 eps, relative or by what one rounding of the count changes: by kernel and by formula."""
    for i, k in itertools.product(range(len(parameters)), points):
        with mp.workdps(DIGITS + 20):
            at = [number(v) for v in parameters]
            expected = float(
                mp.diff(lambda v, i=i, k=k, at=at: truth(mpf(k), *at[:i], v, *at[i + 1 :]), at[i], h=at[i] * 1e-15)
            )
        values = [torch.tensor(float(v), dtype=torch.float64, requires_grad=True) for v in at]
        x = torch.tensor(k, dtype=torch.float64)
        (native,) = torch.autograd.grad(cls(*values).log_prob(x), values[i])
        fixed = [v.detach() for v in values]

        def formula(v: torch.Tensor, i: int = i, fixed: Any = fixed, x: torch.Tensor = x) -> torch.Tensor:
            return cls(*fixed[:i], v, *fixed[i + 1 :]).log_prob(x)

        size = max(1.0, abs(expected), k / float(at[-1]) if i == len(at) - 1 else 1.0)
        for found in (native, torch.func.grad(formula)(fixed[i])):
            assert abs(found.item() - expected) <= 1000 * torch.finfo(torch.float64).eps * size


@pytest.mark.parametrize(("count", "probs", "k"), [(1e6, 1e-6, 31.0), (1e6, 1e-6, 1.0), (1e10, 1e-9, 3.0)])
def test_slopes_of_many_rare_successes(count: float, probs: float, k: float) -> None:
    """In the count of failures, to 1000 eps and what its rounding explains: it is far below one."""
    given = torch.tensor(count, dtype=torch.float64, requires_grad=True)
    p = torch.tensor(probs, dtype=torch.float64)
    (found,) = torch.autograd.grad(reparam.NegativeBinomial(given, p).log_prob(torch.tensor(k).double()), given)
    with mp.workdps(DIGITS):
        r, rise = mpf(count), mp.log1p(-mpf(p.item()))
        gain = mp.digamma(r + k) - mp.digamma(r)
        bent = abs(r * (mp.psi(1, r + k) - mp.psi(1, r))) + abs(rise)
        allowed = torch.finfo(torch.float64).eps * (1000 * abs(gain + rise) + bent)
        assert abs(found.item() - (gain + rise)) <= allowed


def test_slopes_of_geometric_skewness() -> None:
    """Which is p / (2 q^1.5), at rare successes too."""
    p = torch.tensor([1e-30, 1e-9, 0.25, 0.75], dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(reparam.Geometric(p).skewness.sum(), p)
    torch.testing.assert_close(found, (p / (2 * (1 - p) ** 1.5)).detach(), rtol=1e-14, atol=0)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shift", [0.0, 500.0])
def test_log_prob_of_large_multinomial_counts(shift: float, dtype: torch.dtype) -> None:
    weights, x = [0.25, 0.25, 0.5], [250000.0 + shift, 250000.0, 500000.0 - shift]
    d = reparam.Multinomial(10**6, probs=torch.tensor(weights, dtype=dtype))
    with mp.workdps(DIGITS):
        terms = [v * mp.log(mpf(w)) - mp.loggamma(mpf(v) + 1) for v, w in zip(x, weights, strict=True)]
        expected = mp.loggamma(mpf(10) ** 6 + 1) + mp.fsum(terms)
    near(d.log_prob(torch.tensor(x, dtype=dtype)), [expected], dtype)
    logits = reparam.Multinomial(10**6, logits=torch.tensor(weights, dtype=dtype).log())
    near(logits.log_prob(torch.tensor(x, dtype=dtype)), [expected], dtype)


# -- entropies -----------------------------------------------------------------------------------------------


def summed_entropy(truth: Truth, ratio: Callable[[int], mpf], start: int, first: mpf) -> mpf:
    """The sum over all counts with a mass above 1e-25, outwards from one near the mode."""
    total = mpf(0)
    for step in (1, -1):
        k, log_p = (start, first) if step == 1 else (start - 1, first - mp.log(ratio(start - 1)) if start else None)
        while k >= 0 and log_p > -58:
            total -= mp.exp(log_p) * log_p
            log_p += mp.log(ratio(k)) if step == 1 else (-mp.log(ratio(k - 1)) if k else 0)
            k += step
    return total


def entropy_of_poisson(rate: mpf) -> mpf:
    start = int(rate)
    return summed_entropy(poisson, lambda k: rate / (k + 1), start, poisson(mpf(start), rate))


def entropy_of_negative_binomial(r: mpf, p: mpf) -> mpf:
    start = max(0, int((r - 1) * p / (1 - p)))
    first = negative_binomial(mpf(start), r, p)
    return summed_entropy(negative_binomial, lambda k: p * (k + r) / (k + 1), start, first)


ENTROPY: list[tuple[Any, Truth, tuple[float, ...]]] = [
    *((reparam.Poisson, entropy_of_poisson, (rate,)) for rate in (1e-8, 0.25, 20.0, 700.0, 750.0, 1e6)),
    *(
        (reparam.NegativeBinomial, entropy_of_negative_binomial, pair)
        for pair in [(1e-6, 0.5), (0.5, 0.99), (1.0, 0.999), (30.0, 0.98), (45.0, 0.98), (1e4, 0.5), (1e6, 1e-6)]
    ),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("cls", "truth", "parameters"), ENTROPY)
def test_entropy_is_the_sum_over_all_counts(cls: Any, truth: Truth, parameters: Any, dtype: torch.dtype) -> None:
    """Relative to the entropy itself: 1e-12, or in float32 four roundings of its inputs."""
    found = law(cls, parameters, dtype).entropy()
    with mp.workdps(DIGITS):
        expected = float(truth(*map(number, parameters)))
    assert found.dtype == dtype
    assert found.item() == pytest.approx(expected, rel=1e-12 if dtype is torch.float64 else 5e-7)


def test_entropy_of_large_rates_tends_to_the_normal_one() -> None:
    r"""Beyond, :math:`\frac12 \log(2\pi e\lambda) - \frac1{12\lambda}` is off by less than :math:`\lambda^{-2}`."""
    rate = torch.tensor([1e8, 1e12, 1e20], dtype=torch.float64)
    expected = 0.5 * (math.log(2 * math.pi) + 1 + rate.log()) - 1 / (12 * rate)
    torch.testing.assert_close(reparam.Poisson(rate).entropy(), expected, rtol=1e-13, atol=1e-15)


def test_entropy_of_multinomial_counts_is_their_sum() -> None:
    for n, weights in itertools.product((0, 1, 7), ([0.2, 0.3, 0.5], [1e-9, 0.5, 0.5], [0.0, 0.25, 0.75])):
        d = reparam.Multinomial(n, probs=torch.tensor(weights, dtype=torch.float64))
        log_p = d.log_prob(d.enumerate_support())
        expected = -torch.where(log_p > -torch.inf, log_p.exp() * log_p, 0.0).sum()
        torch.testing.assert_close(d.entropy(), expected, rtol=1e-13, atol=1e-14)


# -- probabilities and quantiles -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("rate", "points"), [(1e-3, [0, 3]), (30.0, [0, 5, 200]), (1e4, [8000, 10000, 13000])])
def test_tails_of_the_poisson_law(rate: float, points: list[int], dtype: torch.dtype) -> None:
    d, k = law(reparam.Poisson, (rate,), dtype), torch.tensor(points, dtype=dtype)
    with mp.workdps(DIGITS):
        m = number(rate)
        lower = [mp.log(mp.gammainc(v + 1, m, mp.inf, regularized=True)) for v in points]
        upper = [mp.log(mp.gammainc(v + 1, 0, m, regularized=True)) for v in points]
    near(d.log_cdf(k), lower, dtype)
    near(d.log_sf(k), upper, dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("r", "p", "points"), [(0.25, 0.75, [0, 3, 300]), (20.0, 0.5, [0, 19, 150])])
def test_tails_of_the_negative_binomial_law(r: float, p: float, points: list[int], dtype: torch.dtype) -> None:
    d, k = law(reparam.NegativeBinomial, (r, p), dtype), torch.tensor(points, dtype=dtype)
    with mp.workdps(DIGITS):
        lower = [mp.log(mp.betainc(mpf(r), v + 1, 0, 1 - mpf(p), regularized=True)) for v in points]
        upper = [mp.log(mp.betainc(v + 1, mpf(r), 0, mpf(p), regularized=True)) for v in points]
    near(d.log_cdf(k), lower, dtype)
    near(d.log_sf(k), upper, dtype)


@pytest.mark.parametrize(
    "d",
    [
        reparam.Poisson(torch.tensor([1e-8, 0.5, 40.0, 1e6, 1e10], dtype=torch.float64)),
        reparam.Geometric(torch.tensor([1e-8, 0.5, 0.999, 1.0], dtype=torch.float64)),
        reparam.NegativeBinomial(torch.tensor([1e-3, 0.5, 1e4], dtype=torch.float64), torch.tensor([0.9, 0.1, 0.5])),
    ],
    ids=lambda d: type(d).__name__,
)
def test_quantiles_are_the_least_counts_that_reach(d: Any) -> None:
    """Up to the rounding of the probability, which near one holds many counts."""
    eps = torch.finfo(torch.float64).eps
    for p in (0.0, 1e-200, 1e-9, 0.02, 0.5, 0.98, 1 - 1e-9):
        level = torch.tensor(p, dtype=torch.float64)
        k = d.icdf(level)
        assert bool((d.cdf(k) >= p).all())
        below = k > 0
        assert bool((d.cdf((k - 1).clamp(min=0))[below] < p + eps).all())
        k = d.isf(level) if p else torch.zeros_like(k)
        assert bool((d.sf(k) <= p).all()) or p == 0.0
        below = k > 0
        assert bool((d.sf((k - 1).clamp(min=0))[below] > p * (1 - 8 * eps)).all())
    endless = d.mean > 0
    assert bool((d.icdf(torch.tensor(1.0, dtype=torch.float64))[endless] == torch.inf).all())


def test_values_outside_the_support_have_no_mass() -> None:
    x = torch.tensor([-1.0, 0.5, -torch.inf])
    for d in (
        reparam.Poisson(2.0, validate_args=False),
        reparam.Geometric(0.5, validate_args=False),
        reparam.NegativeBinomial(2.0, 0.5, validate_args=False),
    ):
        assert d.log_prob(x).tolist() == [-math.inf] * 3
        assert d.cdf(torch.tensor(torch.inf)) == 1
        assert d.sf(torch.tensor(torch.inf)) == 0


# -- divergences ---------------------------------------------------------------------------------------------


def divergence_of_negative_binomials(r: mpf, p: mpf, s: mpf, q: mpf) -> mpf:
    """The sum of P log(P/Q) + Q - P, all positive, over the counts that matter to either."""
    total, k = mpf(0), mpf(0)
    log_p, log_q = r * mp.log1p(-p), s * mp.log1p(-q)
    while k < 40 or max(log_p, log_q) > -80:
        total += mp.exp(log_p) * (log_p - log_q) + mp.exp(log_q) - mp.exp(log_p)
        log_p += mp.log(p * (k + r) / (k + 1))
        log_q += mp.log(q * (k + s) / (k + 1))
        k += 1
    return total


KL = [
    ((2.0, 0.5), (3.0, 0.25)),
    ((2.0, 0.5), (2.0, 0.25)),
    ((0.25, 0.75), (0.2502, 0.7501)),
    ((5.0, 0.96875), (40.0, 0.5)),
    ((1e-3, 0.5), (1e-2, 0.25)),
    ((1e4, 0.0009765625), (2.0, 0.75)),
]


@pytest.mark.parametrize(("first", "second"), KL)
def test_divergence_of_negative_binomials(first: Any, second: Any) -> None:
    """Relative to the divergence, for laws as near as a relative gap g to 64 eps / g^2 (its square is what is left)."""
    p, q = (law(reparam.NegativeBinomial, v, torch.float64) for v in (first, second))
    with mp.workdps(DIGITS + 20):
        expected = float(divergence_of_negative_binomials(*map(number, (*first, *second))))
    gap = min(1.0, *(abs(a - b) / max(a, b) for a, b in zip(first, second, strict=True) if a != b))
    assert kl_divergence(p, q).item() == pytest.approx(expected, rel=64 * torch.finfo(torch.float64).eps / gap**2)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_divergence_between_near_laws_of_large_counts(dtype: torch.dtype) -> None:
    """Closed forms, of which nothing may cancel."""
    p, q = law(reparam.Poisson, (1e6,), dtype), law(reparam.Poisson, (1.001e6,), dtype)
    with mp.workdps(DIGITS):
        expected = float(1e6 * mp.log(mpf(1e6) / mpf(1.001e6)) + mpf(1e3))
    assert kl_divergence(p, q).item() == pytest.approx(expected, rel=64 * 1e3 * torch.finfo(dtype).eps)
    assert kl_divergence(p, p) == 0


def test_divergences_to_laws_of_fewer_counts_are_infinite() -> None:
    few = reparam.Binomial(5, probs=torch.tensor(0.5))
    for many in (reparam.Poisson(2.0), reparam.Geometric(0.5), reparam.NegativeBinomial(2.0, 0.5)):
        assert kl_divergence(many, few) == math.inf
        assert kl_divergence(many, reparam.Bernoulli(0.5)) == math.inf
    weights = torch.tensor([0.5, 0.5])
    assert kl_divergence(reparam.Multinomial(2, weights), reparam.Multinomial(3, weights)) == math.inf


def test_divergences_between_unlike_laws_are_their_sums() -> None:
    p = torch.tensor(0.3, dtype=torch.float64)
    k = torch.arange(200, dtype=torch.float64)
    for first, second, last in (
        (reparam.Bernoulli(p), reparam.Poisson(p + 0.1), 2),
        (reparam.Binomial(10, p), reparam.Poisson(10 * p), 11),
        (reparam.Geometric(p), reparam.NegativeBinomial(p + 1, p), 200),
        (reparam.NegativeBinomial(p + 1, p), reparam.Geometric(p), 200),
    ):
        log_p, log_q = first.log_prob(k[:last]), second.log_prob(k[:last])
        expected = (log_p.exp() * (log_p - log_q)).sum()
        torch.testing.assert_close(kl_divergence(first, second), expected, rtol=1e-12, atol=1e-14)


# -- draws ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1e-3, 5.0, 1e4, 1e8, 1e14, 1e18])
def test_poisson_draws_have_their_mean_and_variance(rate: float) -> None:
    """Within 5.3 standard errors: a false alarm in 1e-7 each, for a seed that never changes."""
    n = 100_000
    x = reparam.Poisson(torch.tensor(rate, dtype=torch.float64)).sample(n, generator=torch.Generator().manual_seed(1))
    z = (x - rate) / math.sqrt(rate)
    assert abs(float(z.mean())) < 5.3 / math.sqrt(n)
    assert abs(float((z**2).mean()) - 1) < 5.3 * math.sqrt((2 + 1 / rate) / n)
    assert bool((x == x.round()).all())


def test_multinomial_draws_of_unequal_counts() -> None:
    """The sums are the rows' counts; Pearson's chi-square of each row, a false alarm in 1e-7."""
    n = torch.tensor([0.0, 3.0, 10_000.0], dtype=torch.float64)
    weights = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0, 0.5, 0.25], dtype=torch.float64)
    d = reparam.Multinomial(n, probs=weights.expand(3, 7))
    x = d.sample(2000, generator=torch.Generator().manual_seed(2))
    assert bool((x.sum(-1) == n).all())
    assert not bool(x[..., 0].any())
    total, expected = x.sum(0)[1:, 1:], (2000 * n[1:, None] * d.probs[1:])[:, 1:]
    statistic = ((total - expected) ** 2 / expected).sum(-1)
    half = torch.tensor(5 / 2, dtype=torch.float64)
    assert bool((torch.special.gammaincc(half, statistic / 2) > 1e-7).all())


def test_modes_of_multinomial_counts_are_the_best_of_all() -> None:
    generator = torch.Generator().manual_seed(3)
    for n in (0, 1, 2, 6, 11):
        for weights in (torch.ones(4), torch.tensor([1.0, 0.0, 1.0, 2.0]), torch.rand(4, generator=generator)):
            d = reparam.Multinomial(n, probs=weights.double())
            best = d.log_prob(d.enumerate_support()).max()
            torch.testing.assert_close(d.log_prob(d.mode), best, rtol=1e-13, atol=1e-13)


def test_counts_with_another_sum_have_no_mass() -> None:
    d = reparam.Multinomial(5, probs=torch.tensor([0.5, 0.5]))
    assert d.log_prob(torch.tensor([1.0, 2.0])) == -math.inf
    with pytest.raises(ValueError, match="Multinomial"):
        d.log_prob(torch.tensor([4.0, 2.0]))


def test_negative_binomial_by_mean_and_dispersion() -> None:
    d = reparam.NegativeBinomial.from_mean(torch.tensor(10.0, dtype=torch.float64), 0.25)
    torch.testing.assert_close(d.mean.item(), 10.0, rtol=1e-14, atol=0.0)
    torch.testing.assert_close(d.variance.item(), 35.0, rtol=1e-14, atol=0.0)
    with pytest.raises(ValueError, match="mean and dispersion"):
        reparam.NegativeBinomial.from_mean(-1.0, 0.25)


def test_large_multinomial_counts_that_were_rounded_belong_to_the_support() -> None:
    """In float32 many counts above 2^24 may sum to more than their total; an excess beyond rounding is refused."""
    d = reparam.Multinomial(1e9, probs=torch.rand(50, generator=torch.Generator().manual_seed(9)))
    x = d.sample(200, generator=torch.Generator().manual_seed(10))
    assert bool((x.double().sum(-1) > 1e9).any())
    assert bool(d.log_prob(x).isfinite().all())
    x[0, 0] += 1024
    with pytest.raises(ValueError, match="value"):
        d.log_prob(x)
