"""Logarithms of a mixture's larger tail, next to 0, and their slopes: all that is there is the difference from 1."""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import pytest
import torch
from torch import Tensor

from reparam import Categorical, Exponential, Gamma, Mixture, MixtureSameFamily

RATES, WEIGHTS = [1.0, 2.0, 7.0], [0.25, 0.75, 0.0]
DIGITS = 60


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
