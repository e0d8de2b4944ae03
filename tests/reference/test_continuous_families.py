"""The scalar continuous laws at hard points, against their textbook formulas in mpmath with 60 digits.

Every parameter is a float32 number, so that both dtypes are asked the same question. A result may be off by 100 eps in
float64 and 16 in float32, relative to itself and to what relative roundings of its inputs change: its formula rounds
each of its steps once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from mpmath import mp, mpf

import reparam
from continuous_truths import DIGITS, DTYPES, LAWS, built, exactly, fisher_snedecor, near, single

DOORS = ("log_prob", "cdf", "sf", "log_cdf", "log_sf")
IDS = [f"{cls.__name__}{parameters}" for cls, _, parameters, _ in LAWS]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("cls", "truth", "parameters", "points"), LAWS, ids=IDS)
def test_densities_and_tails(cls: Any, truth: Any, parameters: Any, points: list[float], dtype: torch.dtype) -> None:
    law = built(cls, parameters, dtype)
    x = torch.tensor([single(v) for v in points], dtype=dtype)
    for door in DOORS:
        found = getattr(law, door)(x)
        assert found.dtype == dtype
        for point, value in zip(points, found.tolist(), strict=True):
            near(f"{law}.{door}({point})", value, *exactly(truth, door, point, parameters), dtype)


def test_densities_at_large_degrees_of_freedom() -> None:
    """The logarithms of gamma functions that cancel are those of Stirling errors: float32 is right to 1e-5."""
    for m, n in ((1e6, 1e6), (1e6, 3.0), (1.0, 1e8)):
        for x in (0.998, 1.0, 1.002):
            expected, moved = exactly(fisher_snedecor, "log_prob", x, (m, n))
            for dtype in DTYPES:
                law = built(reparam.FisherSnedecor, (m, n), dtype)
                found = law.log_prob(torch.tensor(single(x), dtype=dtype)).item()
                near(f"{law}.log_prob({x})", found, expected, moved, dtype)


# -- quantiles -----------------------------------------------------------------------------------------------

SEARCHED = (reparam.InverseGamma, reparam.Chi2, reparam.FisherSnedecor)
UNDERFLOWN = ((1e-3, 1e3), (1e3, 1e-3))  # most quantiles round to 0 or to 1
CLOSED = [
    pytest.param(cls, truth, parameters, id=name)
    for (cls, truth, parameters, _), name in zip(LAWS, IDS, strict=True)
    if cls not in SEARCHED and parameters not in UNDERFLOWN
]
LEVELS = (1e-300, 1e-30, 1e-10, 0.1, 0.3, 0.5, 0.7, 0.9, 1 - 1e-10)


@pytest.mark.parametrize("door", ["icdf", "isf"])
@pytest.mark.parametrize(("cls", "truth", "parameters"), CLOSED)
def test_quantiles(cls: Any, truth: Any, parameters: Any, door: str) -> None:
    """The tail at the quantile of p is p in mpmath, as far as 16 roundings of p, x and the parameters allow."""
    law, eps = built(cls, parameters, torch.float64), torch.finfo(torch.float64).eps
    tail = "cdf" if door == "icdf" else "sf"
    quantiles = getattr(law, door)(torch.tensor(LEVELS, dtype=torch.float64))
    ends = (quantiles.abs() < 1e-300) | quantiles.isinf() | (law.cdf(quantiles) == 0) | (law.sf(quantiles) == 0)
    for p, x, at_end in zip(LEVELS, quantiles, ends, strict=True):
        if not at_end:
            found, moved = exactly(truth, tail, x.item(), parameters, torch.float64)
            assert abs(found - mpf(p)) <= 16 * eps * (p + moved), f"{law}.{door}({p}) = {x!r} has tail {found}"
    assert int(ends.sum()) < len(LEVELS) - 1


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_quantiles_of_small_probabilities_in_single_precision(dtype: torch.dtype) -> None:
    p = torch.tensor(1e-10, dtype=dtype)
    one = torch.ones((), dtype=dtype)
    with mp.workdps(DIGITS):
        q = mpf(p.item())
        expected = {
            reparam.Laplace: mp.log(2 * q),
            reparam.Cauchy: -mp.cot(mp.pi * q),
            reparam.Gumbel: -mp.log(-mp.log(q)),
            reparam.Exponential: -mp.log1p(-q),
            reparam.HalfCauchy: mp.tan(mp.pi * q / 2),
            reparam.HalfNormal: mp.sqrt(2) * mp.erfinv(q),
        }
    for cls, quantile in expected.items():
        law = cls(one) if len(cls._fields) == 1 else cls(0 * one, one)
        near(f"{law}.icdf(1e-10)", law.icdf(p).item(), quantile, abs(quantile), dtype)


# -- moments -------------------------------------------------------------------------------------------------


def standardised(moment: Callable[[int], Any]) -> tuple[Any, ...]:
    """Mean, variance, skewness and excess kurtosis from raw moments."""
    one, two, three, four = (moment(n) for n in (1, 2, 3, 4))
    variance = two - one**2
    third = three - 3 * one * two + 2 * one**3
    fourth = four - 4 * one * three + 6 * one**2 * two - 3 * one**4
    return one, variance, third / variance**1.5, fourth / variance**2 - 3


def check_moments(law: Any, moment: Callable[..., Any], parameters: Any, least: Any) -> None:
    """Compare with ``moment(n, *parameters)``; a sum of terms up to ``least`` is known only to so much of eps."""
    with mp.workdps(150):
        at = [mpf(single(v)) for v in parameters]
        expected = standardised(lambda n: moment(n, *at))
        moved = [mpf(0)] * 4
        for i, v in enumerate(at):
            sides = [
                standardised(lambda n, w=[*at[:i], v + s, *at[i + 1 :]]: moment(n, *w)) for s in (v * 1e-25, -v * 1e-25)
            ]
            moved = [m + abs(a - b) / mpf(2e-25) for m, a, b in zip(moved, *sides, strict=True)]
    for name, value, change in zip(("mean", "variance", "skewness", "kurtosis"), expected, moved, strict=True):
        slack = change + (least if name in ("skewness", "kurtosis") else 0)
        near(f"{law}.{name}", getattr(law, name).item(), value, slack, law.dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [0.1, 0.5, 0.99, 1.0, 1.01, 3.6, 50.0, 1e4, 1e7])
def test_moments_of_the_weibull_law(shape: float, dtype: torch.dtype) -> None:
    law = built(reparam.Weibull, (2.0, shape), dtype)
    check_moments(law, lambda n, s, k: s**n * mp.gamma(1 + n / k), (2.0, shape), least=10)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("a", [0.05, 0.5, 1.0, 7.0, 1e4])
@pytest.mark.parametrize("b", [1e-5, 1e-3, 0.04, 0.1, 1.0, 7.0, 1e5])
def test_moments_of_the_kumaraswamy_law(a: float, b: float, dtype: torch.dtype) -> None:
    law = built(reparam.Kumaraswamy, (a, b), dtype)
    check_moments(law, lambda n, p, q: q * mp.beta(1 + n / p, q), (a, b), least=10)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("slope", [1e-12, 1e-6, 4e-6, 4e-3, 0.0041, 0.99, 1.01, -5.0, 60.0, -1e4])
def test_moments_of_the_continuous_bernoulli_law(slope: float, dtype: torch.dtype) -> None:
    """Mean, variance, entropy and their derivatives near and far from the uniform law."""
    logits = torch.tensor(single(slope), dtype=dtype, requires_grad=True)
    law = reparam.ContinuousBernoulli(logits=logits)
    with mp.workdps(90):
        t = mpf(single(slope))

        def normaliser(v: Any) -> Any:
            return mp.log(mp.expm1(v) / v)

        h = abs(t) * mpf(10) ** -12
        mean = -1 / mp.expm1(-t) - 1 / t
        variance = 1 / t**2 - 1 / (4 * mp.sinh(t / 2) ** 2)
        third = (normaliser(t + 2 * h) - 2 * normaliser(t + h) + 2 * normaliser(t - h) - normaliser(t - 2 * h)) / 2
        entropy = normaliser(t) - t * mean
    near(f"{law}.mean", law.mean.item(), mean, mean, dtype)
    near(f"{law}.variance", law.variance.item(), variance, variance, dtype)
    near(f"{law}.entropy", law.entropy().item(), entropy, 1, dtype)
    (slope_of_mean,) = torch.autograd.grad(law.mean, logits)
    near(f"d {law}.mean", slope_of_mean.item(), variance, 4 * variance, dtype)
    (slope_of_variance,) = torch.autograd.grad(law.variance, logits)
    near(f"d {law}.variance", slope_of_variance.item(), third / h**3, 4 * variance, dtype)
    (slope_of_entropy,) = torch.autograd.grad(law.entropy(), logits)
    near(f"d {law}.entropy", slope_of_entropy.item(), -t * variance, 4 * abs(t) * variance, dtype)


@pytest.mark.parametrize("concentration", [0.0, 1e-12, -1e-9, 1e-4, -0.3, 0.24])
def test_the_generalised_pareto_law_is_smooth_through_zero(concentration: float) -> None:
    """First and second derivatives in the shape of density and quantile, by mpmath: 1000 eps of the largest terms."""
    k = torch.tensor(single(concentration), dtype=torch.float64, requires_grad=True)
    law = reparam.GeneralizedPareto(torch.zeros_like(k.detach()), 1.0, k)
    with mp.workdps(90):
        x, p, t, h = mpf(1.5), mpf(0.25), mpf(single(concentration)), mpf(10) ** -25
        curves = {
            "log_prob": lambda v: -(1 + v) * (mp.log1p(v * x) / v if v else x),
            "icdf": lambda v: mp.expm1(-v * mp.log1p(-p)) / v if v else -mp.log1p(-p),
        }
        for door, f in curves.items():
            value = getattr(law, door)(1.5 if door == "log_prob" else torch.tensor(0.25, dtype=torch.float64))
            (first,) = torch.autograd.grad(value, k, create_graph=True)
            (second,) = torch.autograd.grad(first, k)
            once, twice = (f(t + h) - f(t - h)) / (2 * h), (f(t + h) - 2 * f(t) + f(t - h)) / h**2
            assert first.item() == pytest.approx(float(once), rel=1e-12)
            assert second.item() == pytest.approx(float(twice), rel=1e-12)
