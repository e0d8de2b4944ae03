"""Derivatives of probabilities and quantiles in every argument far out in both tails, against mpmath.

There a probability next to 1 has a slope below eps, which is easily lost to rounding. By eager calls and under
``torch.func``. A slope may be off by 1000 eps beyond what the rounding of its inputs explains (64 eps in float32).
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

import reparam
from continuous_truths import LAWS as NAMED
from continuous_truths import Truth
from oracle import DIGITS, excess, slope

ALLOWED = {torch.float64: 1000.0, torch.float32: 64.0}
DOORS = ("cdf", "sf", "log_cdf", "log_sf")


def uniform(low: mpf, high: mpf) -> Truth:
    """The uniform law on an interval."""
    return Truth(lambda x: -mp.log(high - low), lambda x: (x - low) / (high - low), lambda x: (high - x) / (high - low))


def logit_relaxed(temperature: mpf, logits: mpf) -> Truth:
    """The logistic law of the log-odds of a relaxed Bernoulli draw."""

    def below(z: mpf) -> mpf:
        return 1 / (1 + mp.exp(-z))

    return Truth(
        lambda x: mp.log(temperature * below(temperature * x - logits) * below(logits - temperature * x)),
        lambda x: below(temperature * x - logits),
        lambda x: below(logits - temperature * x),
    )


TRUTHS = {cls: truth for cls, truth, _, _ in NAMED}
LAWS: list[tuple[Any, Any, tuple[float, ...], list[float]]] = [
    (reparam.Exponential, None, (2.0,), [1e-30, 0.5, 10.0, 40.0]),
    (reparam.Pareto, None, (2.0, 3.0), [2.5, 1e3, 1e8]),
    (reparam.GeneralizedPareto, None, (0.0, 1.0, 0.5), [1e-10, 0.5, 1e10]),
    (reparam.Weibull, None, (2.0, 1.5), [1e-10, 1.0, 15.0, 30.0]),
    (reparam.Gumbel, None, (0.0, 2.0), [-9.0, -7.0, 0.0, 60.0]),
    (reparam.Cauchy, None, (1.0, 2.0), [-1e30, -1e5, 0.5, 1.0, 1e5, 1e30]),
    (reparam.Cauchy, None, (1e-21, 1e-20), [-1e10, -1e-20, 3e-21, 1e15]),
    (reparam.Cauchy, None, (0.0, 1e25), [-1e25, 1e3, 1e30]),
    (reparam.HalfCauchy, None, (2.0,), [1e-10, 1.0, 2.5, 1e12, 1e30]),
    (reparam.HalfCauchy, None, (1e-25,), [1e-26, 1e-24, 1.0]),
    (reparam.Uniform, uniform, (-3.0, 1.0), [-2.999, -1.0, 0.5, 0.999]),
    (reparam.ContinuousBernoulli, None, (-0.5,), [1e-20, 1e-3, 0.5, 0.999]),
    (reparam.ContinuousBernoulli, None, (30.0,), [1e-20, 1e-3, 0.5, 0.999]),
    (reparam.LogitRelaxedBernoulli, logit_relaxed, (2.0, 1.0), [-20.0, -1.0, 0.0, 1.0, 20.0]),
]


def built(cls: Any, parameters: Any) -> Any:
    by_logits = cls in (reparam.ContinuousBernoulli, reparam.LogitRelaxedBernoulli, reparam.RelaxedBernoulli)
    return cls(*parameters[:-1], logits=parameters[-1], validate_args=False) if by_logits else cls(*parameters)


def exact(truth: Any, door: str, order: int, at: tuple[mpf, ...]) -> tuple[mpf, mpf]:
    """A derivative of a door, and what relative roundings of its inputs change."""

    def probability(x: mpf, *parameters: mpf) -> mpf:
        law = truth(*parameters)
        if not door.startswith("log_"):
            return getattr(law, door)(x)
        small, other = getattr(law, door[4:])(x), (law.sf if door == "log_cdf" else law.cdf)(x)
        return mp.log1p(-other) if other < 0.5 else mp.log(small)

    with mp.workdps(DIGITS):
        derivative = slope(probability, order)
        return derivative(*at), sum(abs(v * slope(derivative, i)(*at)) for i, v in enumerate(at) if v)


@pytest.mark.parametrize("dtype", ALLOWED, ids=str)
@pytest.mark.parametrize(("cls", "truth", "parameters", "points"), LAWS)
def test_slopes_of_probabilities(cls: Any, truth: Any, parameters: Any, points: list[float], dtype: Any) -> None:
    given = [torch.tensor(v, dtype=torch.float32).to(dtype) for v in parameters]
    for door, point in itertools.product(DOORS, points):
        inputs = (torch.tensor(point, dtype=torch.float32).to(dtype), *given)

        def probability(x: Tensor, *p: Tensor, door: str = door) -> Tensor:
            return getattr(built(cls, p), door)(x)

        tracked = [t.clone().requires_grad_() for t in inputs]
        eager = torch.autograd.grad(probability(*tracked), tracked)
        mapped = torch.func.grad(probability, argnums=tuple(range(len(inputs))))(*inputs)
        at = tuple(mpf(t.item()) for t in inputs)
        for i, found in itertools.product(range(len(inputs)), (eager, mapped)):
            value, moved = exact(truth or TRUTHS[cls], door, i, at)
            error = excess(found[i].item(), value, moved, dtype)
            assert error <= ALLOWED[dtype], (door, point, i, found[i].item(), float(value), error)


def flat_quantile(p: mpf, slope: mpf) -> mpf:
    """That of the continuous Bernoulli law, by its own tail where the exponential is too large for the digits."""
    if slope > 1000:
        return 1 + mp.log(p) / slope
    return mp.log1p(p * mp.expm1(slope)) / slope


def relaxed_quantile(p: mpf, temperature: mpf, logits: mpf) -> mpf:
    """That of the relaxed Bernoulli law."""
    return 1 / (1 + mp.exp(-(logits + mp.log(p) - mp.log1p(-p)) / temperature))


SLOPES = (-1e6, -300.0, -69.0, -3.0, -0.5, 1e-3, 50.0, 300.0, 1e6)
QUANTILES: list[tuple[Any, Any, tuple[float, ...]]] = [
    *(
        (reparam.ContinuousBernoulli, flat_quantile, (slope,))
        for slope in (-1e6, -300.0, -69.0, -3.0, -0.5, 1e-3, 50.0, 300.0, 1e6)
    ),
    (reparam.RelaxedBernoulli, relaxed_quantile, (1.0, 50.0)),
    (reparam.RelaxedBernoulli, relaxed_quantile, (0.5, 1.0)),
    (reparam.RelaxedBernoulli, relaxed_quantile, (2.0, -3.0)),
]


@pytest.mark.parametrize("upper", [False, True], ids=["icdf", "isf"])
@pytest.mark.parametrize(("cls", "truth", "parameters"), QUANTILES)
def test_slopes_of_quantiles(cls: Any, truth: Any, parameters: Any, upper: bool) -> None:
    """In float64, to 1000 eps. The rounding of the inputs counts twice: the quantile itself has its own."""

    def quantile(p: Tensor, *given: Tensor) -> Tensor:
        law = built(cls, given)
        return law.isf(p) if upper else law.icdf(p)

    def exactly(p: mpf, *given: mpf) -> mpf:
        return truth(1 - p if upper else p, *given)

    for level in (1e-30, 1e-7, 0.25, 0.75, 1 - 2.0**-20):
        inputs = tuple(torch.tensor(v, dtype=torch.float64) for v in (level, *parameters))
        tracked = [t.clone().requires_grad_() for t in inputs]
        eager = torch.autograd.grad(quantile(*tracked), tracked)
        mapped = torch.func.grad(quantile, argnums=tuple(range(len(inputs))))(*inputs)
        at = tuple(mpf(t.item()) for t in inputs)
        for i, found in itertools.product(range(len(inputs)), (eager, mapped)):
            with mp.workdps(DIGITS + 60):
                derivative = slope(exactly, i)
                value = derivative(*at)
                moved = sum(abs(v * slope(derivative, j)(*at)) for j, v in enumerate(at))
            error = excess(found[i].item(), value, 2 * moved, torch.float64)
            assert error <= ALLOWED[torch.float64], (level, i, found[i].item(), float(value), error)


def test_slopes_in_many_degrees_of_freedom() -> None:
    """Those of the F law in float32, small differences; with two in the numerator its tail is a power."""
    for df2, point in itertools.product((300.0, 1e5), (0.5, 3.0)):
        at = (mpf(point), mpf(df2))
        with mp.workdps(DIGITS):
            derivative = slope(lambda x, n: (1 + 2 * x / n) ** (-n / 2), 1)
            value, moved = derivative(*at), sum(abs(v * slope(derivative, i)(*at)) for i, v in enumerate(at))
        for door, sign in (("sf", 1), ("cdf", -1)):
            given = torch.tensor(df2, requires_grad=True)
            probability = getattr(reparam.FisherSnedecor(2.0, given), door)(torch.tensor(point))
            (found,) = torch.autograd.grad(probability, given)
            assert excess(sign * found.item(), value, moved, torch.float32) <= 16, (door, df2, point, found.item())


def power_of_gamma(p: mpf, concentration: mpf, rate: mpf) -> mpf:
    """The upper quantile of the inverse gamma law, so far out that one term of the series of its cdf is left."""
    return rate * (p * mp.gamma(concentration + 1)) ** (-1 / concentration)


def power_of_beta(p: mpf, df1: mpf, df2: mpf) -> mpf:
    """The same of the F law."""
    return df2 / df1 * (p * df2 / 2 * mp.beta(df1 / 2, df2 / 2)) ** (-2 / df2)


@pytest.mark.parametrize(
    ("cls", "truth", "parameters", "level", "dtype"),
    [
        (reparam.InverseGamma, power_of_gamma, (0.125, 1.5), 1e-4, torch.float32),
        (reparam.InverseGamma, power_of_gamma, (0.125, 1.5), 1e-35, torch.float64),
        (reparam.InverseGamma, power_of_gamma, (1.0, 1.5), 1e-32, torch.float32),
        (reparam.FisherSnedecor, power_of_beta, (0.125, 3.0), 1e-34, torch.float32),
        (reparam.FisherSnedecor, power_of_beta, (0.125, 3.0), 1e-300, torch.float64),
    ],
)
def test_slopes_of_quantiles_whose_squares_overflow(
    cls: Any, truth: Any, parameters: tuple[float, ...], level: float, dtype: torch.dtype
) -> None:
    inputs = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in (level, *parameters)]
    found = torch.autograd.grad(cls(*inputs[1:]).isf(inputs[0]), inputs)
    mapped = torch.func.grad(lambda p, *given: cls(*given).isf(p), argnums=(0, 1, 2))(*(t.detach() for t in inputs))
    at = tuple(mpf(t.item()) for t in inputs)
    for i, slopes in itertools.product(range(3), (found, mapped)):
        with mp.workdps(DIGITS):
            derivative = slope(truth, i)
            value, moved = derivative(*at), sum(abs(v * slope(derivative, j)(*at)) for j, v in enumerate(at))
        error = excess(slopes[i].item(), value, 2 * moved, dtype)
        assert error <= ALLOWED[dtype], (i, slopes[i].item(), float(value), error)


@pytest.mark.parametrize("dtype", ALLOWED, ids=str)
@pytest.mark.parametrize("logits", [-80.0, -20.0, 0.5, 20.0, 80.0])
def test_slopes_of_certain_counts(logits: float, dtype: torch.dtype) -> None:
    """The logarithms of the chances of no success and of no failure in ten trials, in the log-odds."""
    given = torch.tensor(logits, dtype=dtype, requires_grad=True)
    law = reparam.Binomial(10, logits=given)
    with mp.workdps(DIGITS):
        success, failure = (1 / (1 + mp.exp(sign * mpf(logits))) for sign in (-1, 1))
        expected = {"log_cdf": -10 * success, "log_sf": 10 * failure}
        for door, point in (("log_cdf", 0.0), ("log_sf", 9.0)):
            (found,) = torch.autograd.grad(getattr(law, door)(torch.tensor(point, dtype=dtype)), given)
            moved = abs(mpf(logits) * expected[door] * (failure if door == "log_cdf" else success))
            assert excess(found.item(), expected[door], moved, dtype) <= ALLOWED[dtype], (door, found.item())


def test_slopes_of_truncated_quantiles_at_an_end() -> None:
    """There the quantile is the end to rounding, but its slope in the probability is that of the density, to 1e-12."""
    p = torch.tensor([1e-200, 1e-30, 1e-12, 1e-3, 0.25], dtype=torch.float64)
    share, rate = -math.expm1(-6.0), torch.tensor(2.0, dtype=torch.float64)

    def quantile(p: Tensor, upper: bool) -> Tensor:
        law = reparam.Truncated(reparam.Exponential(rate), 5.0, 8.0)
        return law.isf(p) if upper else law.icdf(p)

    for upper, rest in ((False, 1 - p * share), (True, -(math.exp(-6.0) + p * share))):
        tracked = p.clone().requires_grad_()
        (eager,) = torch.autograd.grad(quantile(tracked, upper).sum(), tracked)
        mapped = torch.vmap(torch.func.grad(lambda p, upper=upper: quantile(p, upper)))(p)
        inner = p > 1e-16  # the others are the ends themselves, which are fixed
        for found in (eager, mapped):
            torch.testing.assert_close(found[inner], (share / (rate * rest))[inner], rtol=1e-12, atol=0)
            assert bool(found.isfinite().all()) and bool((found.abs() < 1e6).all())


def test_probabilities_of_mixtures_are_at_most_one() -> None:
    """Also where the weights sum to more, as rounded."""
    logits = torch.tensor([[0.0, 3.0], [0.0, 1.0], [0.5, 2.0]], dtype=torch.float64)
    rate = torch.tensor([1e3, 1e-3], dtype=torch.float64)
    law = reparam.MixtureSameFamily(reparam.Categorical(logits=logits), reparam.Exponential(rate))
    x = torch.logspace(-40, 6, 50, dtype=torch.float64).unsqueeze(-1)
    assert bool((law.mixture_distribution.probs.sum(-1) > 1).any())
    assert bool((law.sf(x) <= 1).all() and (law.cdf(x) <= 1).all())
