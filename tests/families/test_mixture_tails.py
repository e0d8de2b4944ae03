"""Mixtures in their tails: logarithms of masses next to 1, with their slopes, and moments that are infinite."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath as mp
import pytest
import torch
from torch import Tensor

from reparam import (
    Categorical,
    Cauchy,
    Distribution,
    Exponential,
    Gamma,
    HalfCauchy,
    Independent,
    Mixture,
    MixtureSameFamily,
    Pareto,
    StudentT,
)

RATES, WEIGHTS = [1.0, 2.0, 7.0], [0.25, 0.75, 0.0]
DIGITS = 60
INF, NAN = math.inf, math.nan


def _same(weights: Tensor, rates: Tensor, logits: bool) -> MixtureSameFamily:
    choice = Categorical(logits=weights.log()) if logits else Categorical(weights)
    return MixtureSameFamily(choice, Exponential(rates))


def _unlike(weights: Tensor, rates: Tensor, logits: bool) -> Mixture:
    first, second, third = rates.unbind(-1)
    choice = Categorical(logits=weights.log()) if logits else Categorical(weights)
    return Mixture(choice, [Exponential(first), Gamma(torch.ones_like(second), second), Exponential(third)])


def _truth(door: str, x: float) -> tuple[float, list[float], list[float]]:
    """The value, and its slopes in the weights (relative to their sum, which is 1) and in the rates."""
    with mp.workdps(DIGITS):
        at, sign = mp.mpf(x), -1 if door == "log_sf" else 1
        parts = [mp.exp(-r * at) if sign < 0 else -mp.expm1(-r * at) for r in RATES]
        whole = mp.fsum(w * p for w, p in zip(WEIGHTS, parts, strict=True))
        in_weights = [float(p / whole - 1) for p in parts]
        in_rates = [float(sign * w * at * mp.exp(-r * at) / whole) for r, w in zip(RATES, WEIGHTS, strict=True)]
        return float(mp.log(whole)), in_weights, in_rates


@pytest.mark.parametrize("native", [True, False], ids=["eager", "vmap"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("logits", [False, True], ids=["probs", "logits"])
@pytest.mark.parametrize("build", [_same, _unlike])
@pytest.mark.parametrize(
    ("door", "x"), [("log_sf", 2.0**-100), ("log_sf", 2.0**-30), ("log_sf", 0.25), ("log_cdf", 20.0), ("log_cdf", 3.0)]
)
def test_the_larger_tail_and_its_slopes(
    build: Callable[[Tensor, Tensor, bool], Mixture | MixtureSameFamily],
    door: str,
    x: float,
    logits: bool,
    dtype: torch.dtype,
    native: bool,
) -> None:
    """Every input is exact; the tails of the components have condition numbers of at most r x = 140 in x and r."""
    weights, rates = torch.tensor(WEIGHTS, dtype=dtype), torch.tensor(RATES, dtype=dtype)

    def tail(weights: Tensor, rates: Tensor, x: Tensor) -> Tensor:
        value: Tensor = getattr(build(weights, rates, logits), door)(x)
        return value

    at = torch.tensor(x, dtype=dtype)
    value, in_weights, in_rates = _truth(door, x)
    tolerance = 300 * torch.finfo(dtype).eps
    if native:
        leaves = [weights.requires_grad_(), rates.requires_grad_()]
        got = tail(*leaves, at)
        slopes = torch.autograd.grad(got, leaves)
    else:
        mapped = torch.func.vmap(torch.func.grad_and_value(tail, argnums=(0, 1)), (None, None, 0))
        (*slopes,), got = mapped(weights, rates, at[None])
        got, slopes = got[0], [s[0] for s in slopes]
    torch.testing.assert_close(got.double().item(), value, rtol=tolerance, atol=0)
    torch.testing.assert_close(slopes[1].double().tolist(), in_rates, rtol=tolerance, atol=0)
    if logits:  # the slope in a logarithm that is -inf does not show that in its weight
        torch.testing.assert_close(slopes[0][:2].double().tolist(), in_weights[:2], rtol=tolerance, atol=0)
    else:
        torch.testing.assert_close(slopes[0].double().tolist(), in_weights, rtol=tolerance, atol=0)


def _both(law: Distribution, weights: Tensor) -> list[Mixture | MixtureSameFamily]:
    choice = Categorical(weights)
    return [MixtureSameFamily(choice, law), Mixture(choice, [law[0], law[1]])]


HEAVY = [  # two components, and mean, variance, skewness and kurtosis of their mixture in equal parts
    (Cauchy(torch.tensor([0.0, 1.0]), 1.0), [NAN, INF, NAN, NAN]),
    (HalfCauchy(torch.tensor([1.0, 2.0])), [INF, INF, NAN, NAN]),
    (StudentT(1.5, torch.tensor([0.0, 1.0])), [0.5, INF, NAN, NAN]),
    (StudentT(torch.tensor([1.5, 8.0])), [0.0, INF, NAN, NAN]),
    (StudentT(torch.tensor([2.5, 8.0])), [0.0, (5 + 8 / 6) / 2, NAN, INF]),
    (StudentT(torch.tensor([3.5, 8.0])), [0.0, (3.5 / 1.5 + 8 / 6) / 2, 0.0, INF]),
    (Pareto(1.0, torch.tensor([0.5, 3.0])), [INF, INF, NAN, NAN]),
    (Pareto(1.0, torch.tensor([1.5, 3.0])), [2.25, INF, NAN, NAN]),
    (Pareto(1.0, torch.tensor([2.5, 3.0])), [19 / 12, (20 / 9 + 3 / 4) / 2 + 1 / 144, INF, INF]),
]
SUMMARIES = ("mean", "variance", "skewness", "kurtosis")


@pytest.mark.parametrize(("law", "expected"), HEAVY, ids=lambda v: type(v).__name__)
def test_moments_that_are_infinite_or_undefined(law: Distribution, expected: list[float]) -> None:
    """Sums of a few numbers of single precision; a component without weight has no part in them."""
    for mixture in _both(law, torch.tensor([1.0, 1.0])):
        found = [getattr(mixture, name).item() for name in SUMMARIES]
        assert found == pytest.approx(expected, rel=1e-5, nan_ok=True)
        assert mixture.stddev.item() == pytest.approx(expected[1] ** 0.5, rel=1e-5)
    for mixture in _both(law, torch.tensor([0.0, 2.0])):
        for name in SUMMARIES:
            alone = getattr(law[1], name).item()
            assert getattr(mixture, name).item() == pytest.approx(alone, rel=1e-5, abs=1e-6, nan_ok=True), name


def test_covariances_beside_infinite_variances() -> None:
    """The mean of the components' own, zero off the diagonal, and of the products of their shifts, 1 in both."""
    loc = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    law = MixtureSameFamily(Categorical(torch.ones(2)), Independent(StudentT(1.5, loc), 1))
    torch.testing.assert_close(law.covariance, torch.tensor([[INF, 1.0], [1.0, INF]]))


def test_slopes_of_moments_beside_infinite_ones() -> None:
    """Of the variance (v_1 + v_2) / 2 + (m_1 - m_2)^2 / 4: an infinite entry of the batch disturbs no other."""
    df = torch.tensor([[1.5, 3.0], [4.0, 6.0]], requires_grad=True)
    loc, weights = torch.tensor([0.0, 1.0], requires_grad=True), torch.ones(2, requires_grad=True)
    variance = MixtureSameFamily(Categorical(weights), StudentT(df, loc)).variance
    assert variance[0] == INF
    slopes = torch.autograd.grad(variance, (df, loc, weights), torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(slopes[0], torch.tensor([[0.0, 0.0], [-0.25, -1 / 16]]))  # d/dn n / (n - 2), halved
    torch.testing.assert_close(slopes[1], torch.tensor([-0.5, 0.5]))
    torch.testing.assert_close(slopes[2], torch.tensor([0.125, -0.125]))  # (v_k + 1/4 - the variance) / 2
