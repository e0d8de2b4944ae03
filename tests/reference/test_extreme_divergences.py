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


@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@pytest.mark.parametrize("parameters", [(1e-10, 1e-10), (1e-30, 1e30), (3.0, 1e-5), (1e6, 1e6)])
def test_entropy_of_f_laws(parameters: tuple[float, float], dtype: torch.dtype) -> None:
    df = torch.tensor(parameters, dtype=torch.float32)
    found = reparam.FisherSnedecor(*df.to(dtype)).entropy().item()
    with mp.workdps(100):
        a, b = (mpf(v) / 2 for v in df.tolist())
        n = a + b
        log_beta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(n)
        gaps = (1 - a) * mp.digamma(a) - (1 + b) * mp.digamma(b) + n * mp.digamma(n)
        assert found == pytest.approx(float(mp.log(b / a) + log_beta + gaps), rel=TOLERANCE[dtype])


def test_no_trials_do_not_differ() -> None:
    for q in (0.0, 0.5, 1.0):
        assert kl_divergence(reparam.Binomial(0, 0.3), reparam.Binomial(0, q)) == 0
