"""Skewness and kurtosis of the entries of vectors and matrices against mpmath, and medians by their marginals.

Third and fourth moments of deviations from the mean are in units of the deviation: errors count relative to one more
than the truth, which has no cancellation of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

import reparam

F64 = torch.float64
EPS = torch.finfo(F64).eps
Pair = tuple[mpf, mpf]


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=F64)


def standardised(raw: list[mpf]) -> Pair:
    """Skewness and excess kurtosis from the raw moments of orders 0 to 4."""
    centre = raw[1]
    second, third, fourth = (
        mp.fsum(mp.binomial(n, j) * raw[j] * (-centre) ** (n - j) for j in range(n + 1)) for n in (2, 3, 4)
    )
    return third / mp.power(second, mpf(3) / 2), fourth / second**2 - 3


def close(found: Tensor, exact: mpf, eps: float) -> None:
    """Require the error to be within that many eps of ``1 + |exact|``."""
    assert abs(mpf(found.item()) - exact) <= eps * EPS * (1 + abs(exact)), (found.item(), float(exact))


def in_single(law: reparam.Distribution, bound: float) -> None:
    """Require float32 to give the float64 results at the same float32 parameters, up to the rounding of the result."""
    single = law.to(torch.float32)
    wide = single.to(F64)
    for door in ("skewness", "kurtosis"):
        found, exact = getattr(single, door), getattr(wide, door)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), exact, rtol=bound, atol=bound, equal_nan=True)


def slopes(make: Callable[[Tensor], reparam.Distribution], at: Tensor) -> None:
    """Require first and second derivatives that finite differences confirm, and the same through ``vmap``."""

    def both(x: Tensor) -> Tensor:
        law = make(x)
        values = torch.stack([law.skewness, law.kurtosis])
        return values[~values.isnan()]

    inputs = (at.clone().requires_grad_(),)
    assert torch.autograd.gradcheck(both, inputs)
    assert torch.autograd.gradgradcheck(both, inputs, atol=1e-4)


# -- correlation matrices ------------------------------------------------------------------------------------

CONCENTRATIONS = (1e-9, 1e-3, 0.3, 0.99, 1.0, 1.5, 7.0, 100.0, 1e4, 1e8)


def root_of_beta(a: mpf, b: mpf) -> Pair:
    """Of the root of a beta variable, whose raw moments are ratios of gamma functions."""
    logs = [mp.loggamma(a + t) - mp.loggamma(a) + mp.loggamma(a + b) - mp.loggamma(a + b + t) for t in _halves()]
    return standardised([mp.exp(v) for v in logs])


def _halves() -> list[mpf]:
    return [mpf(n) / 2 for n in range(5)]


@pytest.mark.parametrize("dim", [2, 3, 60])
def test_entries_of_correlation_factors(dim: int) -> None:
    """To 100 eps; below the diagonal those of a symmetric beta law; constants have neither."""
    for eta in CONCENTRATIONS:
        law = reparam.LKJCholesky(dim, doubles(eta)[0])
        skewness, kurtosis = law.skewness, law.kurtosis
        for row in {1, dim // 2, dim - 1}:
            with mp.workdps(80):
                exact = root_of_beta(mpf(eta) + mpf(dim - 1 - row) / 2, mpf(row) / 2)
            close(skewness[row, row], exact[0], 100)
            close(kurtosis[row, row], exact[1], 100)
        side = eta + (dim - 2) / 2
        beta = reparam.Beta(doubles(side)[0], side)
        assert skewness[1, 0] == 0
        torch.testing.assert_close(kurtosis[1, 0], beta.kurtosis, rtol=1e-14, atol=1e-15)
        constant = torch.ones(dim, dim).triu(1).bool()
        constant[0, 0] = True
        assert torch.equal(skewness.isnan(), constant) and torch.equal(kurtosis.isnan(), constant)
    in_single(reparam.LKJCholesky(dim, doubles(*CONCENTRATIONS)), 2e-7)


def test_slopes_of_correlation_factors() -> None:
    slopes(lambda eta: reparam.LKJCholesky(3, eta), doubles(0.3, 1.0, 4.0))


def test_medians_of_correlation_factors() -> None:
    """The squared diagonal has beta laws; the entries beside it are symmetric."""
    law = reparam.LKJCholesky(3, doubles(0.5, 2.0))
    for row in (1, 2):
        beta = reparam.Beta(law.concentration + (2 - row) / 2, row / 2)
        torch.testing.assert_close(beta.cdf(law.median[:, row, row] ** 2), doubles(0.5, 0.5), rtol=1e-13, atol=0)
    assert law.median[:, 0].tolist() == [[1.0, 0.0, 0.0]] * 2
    assert bool((law.median.tril(-1) == 0).all())


# -- inverse-Wishart matrices --------------------------------------------------------------------------------


def inverse_wishart(df: mpf, p: int, r: mpf) -> Pair:
    """Of an entry with correlation r, as a product of an inverse-gamma variable and a Student's t one."""
    m, t = df - p + 1, 1 - r * r
    sizes, total = [mpf(1)], mpf(1)
    for j in range(1, 5):
        total /= m - 2 * j
        sizes.append(total)
    second, fourth = t / (m - 1), 3 * t**2 / ((m - 1) * (m - 3))
    factors = [1, r, r**2 + second, r**3 + 3 * r * second, r**4 + 6 * r**2 * second + fourth]
    return standardised([a * b for a, b in zip(sizes, factors)])


@pytest.mark.parametrize("p", [2, 3])
def test_entries_of_inverse_wishart_matrices(p: int) -> None:
    """To 100 eps and what the rounding of df - p - 7, where the fourth moment ends, moves."""
    for df, r in itertools.product((7.0625, 8.0, 10.0, 25.0, 1e3, 1e6, 1e12), (-0.875, -0.25, 0.0, 0.5, 1.0)):
        df = df + p
        scale = torch.eye(p, dtype=F64)
        scale[0, 1] = scale[1, 0] = r if r < 1 else 0.0
        scale = scale * doubles(*(2.0**-k for k in range(p))) * doubles(*(2.0**-k for k in range(p)))[:, None]
        law = reparam.InverseWishart(doubles(df)[0], scale)
        at = (0, 0) if r == 1 else (0, 1)
        with mp.workdps(80):
            skewness, kurtosis = inverse_wishart(mpf(df), p, mpf(r))
        slack = 100 + df / (df - p - 7)
        close(law.skewness[at], skewness, slack)
        close(law.kurtosis[at], kurtosis, slack)
    in_single(law, 1e-6)


def test_the_diagonal_of_inverse_wishart_matrices_is_inverse_gamma() -> None:
    """Also where moments are infinite or there are none: a variance above df - p = 3, then one order each two."""
    for df in (4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 30.0):
        law = reparam.InverseWishart(doubles(df)[0], torch.eye(2, dtype=F64))
        diagonal = reparam.InverseGamma(doubles((df - 1) / 2)[0], 0.5)
        for door in ("skewness", "kurtosis"):
            found, expected = getattr(law, door), getattr(diagonal, door)
            torch.testing.assert_close(found[0, 0], expected, rtol=1e-13, atol=0, equal_nan=True)
            aside = found[0, 1]
            if not expected.isfinite():
                both = door == "kurtosis" and expected.isinf()
                assert aside.isinf() if both else aside.isnan()


def test_slopes_of_inverse_wishart_matrices() -> None:
    scale = torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=F64)
    slopes(lambda df: reparam.InverseWishart(df, scale), doubles(10.5, 14.0, 60.0))
    slopes(lambda v: reparam.InverseWishart(12.0, torch.stack([v, v.flip(0)])), doubles(2.0, 0.5))


# -- shares --------------------------------------------------------------------------------------------------


def share(x: mpf) -> mpf:
    return 1 / (1 + mp.exp(-x))


def raw_moments(x: Callable[[mpf], mpf], density: Callable[[mpf], mpf], points: list[float]) -> list[mpf]:
    both = cache(lambda z: (x(z), density(z)))  # the five integrals have their nodes in common

    def power(n: int) -> Callable[[mpf], mpf]:
        return lambda z: both(z)[0] ** n * both(z)[1]

    return [mp.quad(power(n), points) for n in range(5)]


STICKS = [
    ((0.0, 1.0, -1.0), (1.0, 0.5, 2.0)),
    ((-3.0, 2.0, 0.0), (0.015625, 0.125, 5.0)),
    ((-30.0, 3.0, 20.0), (1.0, 3.0, 1.5)),
    ((-60.0, 0.5), (0.25, 0.75)),
    ((0.5, 0.25), (2.0**-20, 2.0**-20)),
]


@pytest.mark.parametrize(("loc", "scale"), STICKS)
def test_pieces_of_logistic_normal_sticks(loc: tuple[float, ...], scale: tuple[float, ...]) -> None:
    """To 1000 eps: what is lost is a few roundings of the largest of the terms that a moment is a sum of."""
    law = reparam.LogisticNormal(doubles(*loc), doubles(*scale))
    with mp.workdps(42):
        n = len(loc)
        taken, left = [], []
        for k in range(n):
            middle, spread = mpf(loc[k]) - mp.log(n - k), mpf(scale[k])
            bends = {float(-middle / spread) + j for j in (-1, 0, 1)} if abs(middle / spread) < 14 else set()
            points = sorted({-20, -16, -12, -8, -6, -4, -2, 0, 2, 4, 6, 8, 12, 16, 20} | bends)
            for x, parts in ((middle, taken), (-middle, left)):
                unit = mp.exp(max(-x, 0))  # so that tiny shares count as much for the accuracy of the integrals
                parts.append(raw_moments(lambda z: unit * share(x + spread * z), mp.npdf, points))  # noqa: B023
        taken.append([mpf(1)] * 5)
        for i in range(n + 1):
            exact = standardised([taken[i][o] * mp.fprod(part[o] for part in left[:i]) for o in range(5)])
            close(law.skewness[i], exact[0], 1000)
            close(law.kurtosis[i], exact[1], 1000)
    in_single(law, 1e-4)  # the moments of a narrow share move by the rounding of a wide one's location


def test_slopes_of_logistic_normal_sticks() -> None:
    slopes(lambda loc: reparam.LogisticNormal(loc, doubles(0.5, 1.5)), doubles(0.0, -1.0))
    slopes(lambda scale: reparam.LogisticNormal(doubles(0.5, -1.0), scale), doubles(0.25, 3.0))


@pytest.mark.parametrize("temperature", [0.0625, 1.0, 5.0, 1024.0])
def test_shares_of_two_relaxed_categories(temperature: float) -> None:
    """To 1000 eps times the temperature, by which shares are narrower than the numbers that they are made of."""
    for logit in (1.0, -3.0, 30.0):
        law = reparam.RelaxedOneHotCategorical(doubles(temperature)[0], logits=doubles(0.0, logit))
        with mp.workdps(50):

            def density(z: mpf) -> mpf:
                fall = mp.exp(-abs(z))
                return fall / (1 + fall) ** 2

            bends = {logit + j * min(temperature, 1.0) for j in (-40, -20, -8, -4, -2, 0, 2, 4, 8, 20, 40)}
            points = sorted({-160, -120, -80, -40, -20, -10, -5, -2, 0, 2, 5, 10, 20, 40, 80, 120, 160} | bends)
            raw = raw_moments(lambda z: share((mpf(-logit) + z) / mpf(temperature)), density, points)  # noqa: B023
            exact = standardised(raw)
            variance = raw[2] - raw[1] ** 2
        bound = 1000 * max(1.0, temperature)
        assert abs(law.variance[0].item() / variance - 1) <= bound * EPS
        close(law.skewness[0], exact[0], bound)
        close(law.kurtosis[0], exact[1], bound)
        torch.testing.assert_close(law.skewness[1], -law.skewness[0], rtol=1e-13, atol=bound * EPS)
        in_single(law, 1e-5)


def test_shares_of_many_relaxed_categories() -> None:
    """At temperature 1, with equal weights of K categories, against 400,000 draws: five standard errors of a mean.

    Those of the third and fourth moments are estimated by the draws themselves (false alarms below 1e-5).
    """
    logits = doubles(0.5, -1.0, 0.0, 2.0)
    for temperature in (0.4, 1.6):
        law = reparam.RelaxedOneHotCategorical(doubles(temperature)[0], logits=logits)
        draws = law.sample(400_000, generator=torch.Generator().manual_seed(3))
        z = (draws - law.mean) / law.stddev
        for order, exact in ((2, torch.ones(4)), (3, law.skewness), (4, law.kurtosis + 3)):
            power = z**order
            error = power.std(0) / len(z) ** 0.5
            assert bool(((power.mean(0) - exact).abs() < 5 * error).all())


def test_slopes_of_relaxed_shares() -> None:
    slopes(lambda logits: reparam.RelaxedOneHotCategorical(0.75, logits=logits), doubles(0.0, 1.0, -0.5))
    slopes(lambda t: reparam.RelaxedOneHotCategorical(t, logits=doubles(0.0, 1.0, -0.5)), doubles(2.5)[0])


def test_medians_of_coordinates() -> None:
    """Those of the beta, binomial and Bernoulli marginals."""
    a = doubles(0.25, 2.0, 7.5)
    found = reparam.Dirichlet(a).median
    torch.testing.assert_close(reparam.Beta(a, a.sum() - a).cdf(found), doubles(0.5, 0.5, 0.5), rtol=1e-13, atol=0)
    p = doubles(0.125, 0.25, 0.625)
    assert torch.equal(reparam.Multinomial(7, p).median, reparam.Binomial(7, p).median)
    assert reparam.OneHotCategorical(p).median.tolist() == [0.0, 0.0, 1.0]


def test_shares_far_below_rounding() -> None:
    """Of a log-normal share far below 1, to 1e-12; of a relaxed variable of odds 1e13 the same from both ends."""
    for loc, scale in ((-45.0, 1.875), (-60.0, 1.0), (-80.0, 0.5)):
        law = reparam.LogisticNormal(doubles(loc), doubles(scale))
        same = reparam.LogNormal(doubles(loc), doubles(scale))
        for door in ("mean", "variance", "skewness", "kurtosis"):
            torch.testing.assert_close(getattr(law, door)[:1], getattr(same, door), rtol=1e-12, atol=0)
    for temperature in (0.9, 1.1):
        low, high = (
            reparam.RelaxedBernoulli(doubles(temperature)[0], logits=doubles(odds)[0]) for odds in (-30.0, 30.0)
        )
        pair = reparam.RelaxedOneHotCategorical(doubles(temperature)[0], logits=doubles(-30.0, 0.0))
        torch.testing.assert_close(low.mean, pair.mean[0], rtol=1e-12, atol=0)
        for law in (low, high):
            torch.testing.assert_close(law.variance, pair.variance[0], rtol=1e-12, atol=0)
