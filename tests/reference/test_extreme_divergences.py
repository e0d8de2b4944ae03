"""Divergences and entropies at parameters near both ends of float32, against mpmath, in both dtypes.

The inputs are float32 numbers. What float32 holds is right to 1e-5, in float64 to 1e-12; what no dtype holds is
infinite.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from mpmath import mp, mpf

import reparam
from oracle import excess, jet
from reparam import kl_divergence

SIZES = [1e-30, 1e-10, 1.0, 30.0, 1e10, 1e30]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def gamma_kl(a: Any, rate: Any, b: Any, other: Any) -> Any:
    mean = a * other / rate
    return (a - b) * mp.digamma(a) - mp.loggamma(a) + mp.loggamma(b) + b * mp.log(rate / other) + mean - a


def beta_kl(a: Any, b: Any, c: Any, d: Any) -> Any:
    def log_beta(x: Any, y: Any) -> Any:
        return mp.loggamma(x) + mp.loggamma(y) - mp.loggamma(x + y)

    gaps = (a - c) * mp.digamma(a) + (b - d) * mp.digamma(b) + (c + d - a - b) * mp.digamma(a + b)
    return log_beta(c, d) - log_beta(a, b) + gaps


def gumbel_kl(loc: Any, scale: Any, other_loc: Any, other: Any) -> Any:
    ratio, shift = scale / other, (other_loc - loc) / other
    power = shift + mp.loggamma(1 + ratio)
    exponential = mp.exp(power) if power < 1e4 else mp.inf
    return mp.log(other / scale) + mp.euler * (ratio - 1) + exponential - 1 - shift


CASES = [
    (reparam.Gamma, gamma_kl, SIZES, lambda a, r, b, s: 1e-37),
    (reparam.Beta, beta_kl, SIZES, lambda a, b, c, d: 1 + c / a + d / b),
    (reparam.Gumbel, gumbel_kl, [0.0, 1e10], lambda *_: 1e-20),
]


@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@pytest.mark.parametrize(("cls", "truth", "first", "parts"), CASES)
def test_divergences(cls: Any, truth: Any, first: list[float], parts: Any, dtype: torch.dtype) -> None:
    """To the tolerance relative to the divergence, or to the parts that it is the difference of."""
    laws = list(itertools.product(first, SIZES))
    table = torch.tensor([[*p, *q] for p in laws for q in laws], dtype=torch.float32)
    columns = table.to(dtype).unbind(-1)
    found = kl_divergence(cls(*columns[:2]), cls(*columns[2:]))
    largest = torch.finfo(dtype).max
    with mp.workdps(200):
        for row, value in zip(table.tolist(), found.tolist(), strict=True):
            expected = truth(*map(mpf, row))
            if expected > largest:
                assert value == torch.inf, row
            else:
                size = max(abs(expected), parts(*row))
                assert value >= 0 and abs(value - expected) <= TOLERANCE[dtype] * size, (row, value, float(expected))


def laplace_kl(loc: Any, scale: Any, other_loc: Any, other: Any) -> Any:
    gap = abs(loc - other_loc)
    return mp.log(other / scale) + (scale * mp.exp(-gap / scale) + gap) / other - 1


def von_mises_kl(loc: Any, kappa: Any, other_loc: Any, other: Any) -> Any:
    ratio = mp.besseli(1, kappa) / mp.besseli(0, kappa)
    normalisers = mp.log(mp.besseli(0, other)) - mp.log(mp.besseli(0, kappa))
    return normalisers + ratio * (kappa - other * mp.cos(loc - other_loc))


SLOPES = [
    (reparam.Laplace, laplace_kl, (-1000.0, 1.0, 1.0, 1e-6)),
    (reparam.Laplace, laplace_kl, (0.0, 1.0, 1.0, 3.0)),
    (reparam.Laplace, laplace_kl, (0.0, 1.0, 0.5, 1e4)),
    (reparam.Laplace, laplace_kl, (0.0, 1.0, 150.0, 2.0)),
    (reparam.VonMises, von_mises_kl, (0.0, 1e-8, 1.0, 1e-8)),
    (reparam.VonMises, von_mises_kl, (3.0, 1e-3, 0.0, 2.0)),
    (reparam.VonMises, von_mises_kl, (0.5, 3.0, 0.0, 300.0)),
]


@pytest.mark.parametrize(("cls", "truth", "given"), SLOPES)
def test_slopes_of_divergences(cls: Any, truth: Any, given: tuple[float, ...]) -> None:
    """Values to 100 eps, derivatives to 1000, natively and by formula, beyond what the inputs' rounding explains."""

    def divergence(*at: torch.Tensor) -> torch.Tensor:
        return kl_divergence(cls(*at[:2]), cls(*at[2:]))

    inputs = torch.tensor(given, dtype=torch.float64).unbind()
    tracked = [t.clone().requires_grad_() for t in inputs]
    value = divergence(*tracked)
    eager = torch.autograd.grad(value, tracked)
    mapped = torch.func.grad(divergence, argnums=(0, 1, 2, 3))(*inputs)
    exact, slopes, moved = jet(truth)(*map(mpf, given))
    least = sum(abs(mpf(v) * s) for v, s in zip(given, slopes, strict=True))
    assert excess(value.item(), exact, least, torch.float64) <= 100
    for i, found in itertools.product(range(4), (eager, mapped)):
        assert excess(found[i].item(), slopes[i], moved[i], torch.float64) <= 1000, (i, found[i].item())


@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@pytest.mark.parametrize(
    "parameters", [(1e-10, 1e-10), (1e-30, 1e30), (3.0, 1e-5), (1e-6, 0.3), (1e3, 40.0), (1e6, 1e6)]
)
def test_entropy_of_f_laws(parameters: tuple[float, float], dtype: torch.dtype) -> None:
    """Its value, and its derivatives where they are no smaller than 1e-6 of it."""

    def entropy(first: Any, second: Any) -> Any:
        a, b = first / 2, second / 2
        n = a + b
        log_beta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(n)
        gaps = (1 - a) * mp.digamma(a) - (1 + b) * mp.digamma(b) + n * mp.digamma(n)
        return mp.log(b / a) + log_beta + gaps

    df = torch.tensor(parameters, dtype=torch.float32)
    given = [v.clone().requires_grad_() for v in df.to(dtype)]
    found = reparam.FisherSnedecor(*given).entropy()
    exact, slopes, _ = jet(entropy)(*map(mpf, df.tolist()))
    assert found.item() == pytest.approx(float(exact), rel=TOLERANCE[dtype])
    for mine, slope in zip(torch.autograd.grad(found, given), slopes, strict=True):
        if 1e-6 < abs(slope) < 1e30:
            assert mine.item() == pytest.approx(float(slope), rel=TOLERANCE[dtype])


def test_no_trials_do_not_differ() -> None:
    for q in (0.0, 0.5, 1.0):
        assert kl_divergence(reparam.Binomial(0, 0.3), reparam.Binomial(0, q)) == 0
