"""Draws lie in the support of their law and have a log-density, also where they round to its edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

import reparam
from reparam.families.wishart import definite_square

DRAWS = 4000
FULL = [torch.float32, torch.float64]


def number(value: float) -> Callable[[torch.dtype], Tensor]:
    return lambda dtype: torch.tensor(value, dtype=dtype)


LAWS: dict[str, tuple[Callable[[torch.dtype], Any], list[torch.dtype]]] = {
    "Wishart": (lambda t: reparam.Wishart(number(8.3)(t), scale_tril=torch.eye(8, dtype=t)), FULL),
    "Wishart at its edge": (lambda t: reparam.Wishart(number(7.01)(t), scale_tril=torch.eye(8, dtype=t)), FULL),
    "Wishart of pairs": (lambda t: reparam.Wishart(number(1.05)(t), scale_tril=torch.eye(2, dtype=t)), FULL),
    "large Wishart": (lambda t: reparam.Wishart(number(29.5)(t), scale_tril=torch.eye(30, dtype=t)), FULL),
    "stretched Wishart": (
        lambda t: reparam.Wishart(number(9.0)(t), scale_tril=torch.diag(torch.logspace(-6, 6, 5, dtype=t))),
        FULL,
    ),
    "InverseWishart": (lambda t: reparam.InverseWishart(number(8.1)(t), scale_tril=torch.eye(8, dtype=t)), FULL),
    "LKJCholesky": (lambda t: reparam.LKJCholesky(5, number(0.01)(t)), FULL),
    "LogNormal": (lambda t: reparam.LogNormal(number(0.0)(t), number(100.0)(t)), [torch.float32, torch.bfloat16]),
    "InverseGamma": (
        lambda t: reparam.InverseGamma(number(1e30)(t), number(1e-20)(t)),
        [torch.float32, torch.bfloat16],
    ),
    "Dirichlet": (lambda t: reparam.Dirichlet(torch.full((10,), 0.01, dtype=t)), [*FULL, torch.bfloat16]),
    "RelaxedOneHot": (
        lambda t: reparam.RelaxedOneHotCategorical(number(0.5)(t), logits=torch.arange(9, dtype=t)),
        [*FULL, torch.bfloat16],
    ),
}


@pytest.mark.parametrize(
    ("make", "dtype"), [pytest.param(make, t, id=f"{n} {t}") for n, (make, ts) in LAWS.items() for t in ts]
)
def test_draws_have_a_log_density(make: Callable[[torch.dtype], Any], dtype: torch.dtype) -> None:
    """Validation refuses none of them; before, from 1 in 60 to half of them were refused."""
    law = make(dtype)
    x = law.sample(DRAWS, generator=Generator().manual_seed(0))
    assert law.support.check(x).all()
    assert not law.log_prob(x).isnan().any()


@pytest.mark.parametrize("dtype", FULL, ids=str)
def test_what_rounding_keeps_is_not_touched(dtype: torch.dtype) -> None:
    root = torch.tensor([[3.0, 0.0], [1.0, 2.0]], dtype=dtype)
    assert torch.equal(definite_square(root), root @ root.mT)
    lost = torch.tensor([[1.0, 0.0], [1.0, 1e-20]], dtype=dtype)
    square = definite_square(torch.stack([root, lost]))
    assert torch.equal(square[0], root @ root.mT)
    assert (torch.linalg.cholesky_ex(square).info == 0).all()
    torch.testing.assert_close(square[1], torch.ones(2, 2, dtype=dtype), rtol=32 * torch.finfo(dtype).eps, atol=0.0)
