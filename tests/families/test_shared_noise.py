"""Draws of the rows of a ``vmap`` that share their random numbers: of the right law each, and moving together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import reparam

N = 2000
# Kolmogorov's distance exceeds this with probability at most 1e-6 for each row, whatever the law (Massart 1990).
REACH = math.sqrt(math.log(2e6) / (2 * N))

LAWS: dict[str, tuple[Callable[[Tensor], Any], list[float]]] = {
    "Gamma": (lambda a: reparam.Gamma(a, 2.0), [0.05, 0.9, 30.0]),
    "Beta": (lambda a: reparam.Beta(a, 0.5), [0.3, 2.0, 40.0]),
    "StudentT": (lambda a: reparam.StudentT(a), [0.4, 3.0, 100.0]),
    "Poisson": (lambda a: reparam.Poisson(a), [0.1, 4.0, 2000.0]),
    "Binomial": (lambda a: reparam.Binomial(20, probs=a), [0.01, 0.5, 0.9]),
    "NegativeBinomial": (lambda a: reparam.NegativeBinomial(a, probs=0.7), [0.2, 3.0, 50.0]),
}


def draws(make: Callable[[Tensor], Any], parameters: list[float]) -> Tensor:
    at = torch.tensor(parameters, dtype=torch.float64)
    torch.manual_seed(0)
    x: Tensor = torch.vmap(lambda a: make(a).sample((N,)), randomness="same")(at)
    return x


@pytest.mark.parametrize("name", LAWS)
def test_each_row_follows_its_law(name: str) -> None:
    make, parameters = LAWS[name]
    for a, x in zip(parameters, draws(make, parameters), strict=True):
        law = make(torch.tensor(a, dtype=torch.float64))
        values, counts = x.unique(return_counts=True)
        at_most = counts.cumsum(0) / N
        below = at_most - counts / N
        if not law.support.is_discrete:
            assert (law.cdf(values) - below).abs().max() < REACH
        assert (law.cdf(values) - at_most).abs().max() < REACH


@pytest.mark.parametrize("name", ["Gamma", "Poisson", "Binomial", "NegativeBinomial"])
def test_rows_move_together(name: str) -> None:
    """Each of these grows with its parameter at every value of the shared numbers, as common random numbers should."""
    make, parameters = LAWS[name]
    x = draws(make, [parameters[1], parameters[1] * 1.05])
    assert (x[1] >= x[0]).all()
    assert (x[1] > x[0]).any()


def test_gradients_pass_through_shared_draws() -> None:
    """Of the mean of gamma draws in the concentration, 1 for each row: within 6 standard errors."""

    def mean(a: Tensor) -> Tensor:
        return reparam.Gamma(a, 1.0).rsample((N,)).mean()

    a = torch.tensor([0.5, 3.0], dtype=torch.float64)
    torch.manual_seed(0)
    slopes = torch.vmap(torch.func.grad(mean), randomness="same")(a)
    # dx/da has a variance below 2 from a = 1/2 on
    assert (slopes - 1).abs().max() < 6 * math.sqrt(2 / N)
