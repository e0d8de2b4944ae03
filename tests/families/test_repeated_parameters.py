"""Parameters that repeat along the batch: every copy in a variable has its own gradient, however it is reached."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from reparam import LowRankMultivariateNormal, MultivariateNormal, Wishart

Function = Callable[[Tensor], Tensor]

LOC = torch.zeros(2, dtype=torch.float64)
POINTS = torch.tensor([[[0.25, -1.0], [0.5, 2.0], [1.5, 0.0]], [[3.0, 1.0], [-0.5, -2.0], [0.0, 1.0]]]).double()
MATRIX = torch.tensor([[1.5, 0.0], [0.25, 2.0]], dtype=torch.float64)
SQUARE = MATRIX @ MATRIX.mT

LAWS: dict[str, tuple[Tensor, Callable[[Tensor, Tensor, Tensor], Tensor]]] = {
    **{
        form: (
            MATRIX if form.endswith("tril") else SQUARE,
            lambda loc, m, x, form=form: MultivariateNormal(loc, **{form: m}, validate_args=False).log_prob(x),
        )
        for form in ("covariance_matrix", "precision_matrix", "scale_tril", "precision_tril")
    },
    "cov_factor": (
        MATRIX[:, :1],
        lambda loc, m, x: LowRankMultivariateNormal(loc, m, torch.ones_like(x), validate_args=False).log_prob(x),
    ),
    "wishart": (
        MATRIX,
        lambda loc, m, x: Wishart(5 + loc.sum(), scale_tril=m, validate_args=False).log_prob(
            x[..., None] * x[..., None, :] + torch.eye(2)
        ),
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_every_copy_has_its_own_gradient(name: str) -> None:
    """Beside the gradients in a contiguous tensor of the same values, to a few hundred roundings of float64."""
    matrix, log_prob = LAWS[name]

    def total(loc: Tensor, m: Tensor, x: Tensor) -> Tensor:
        return log_prob(loc, m, x).sum()

    def slope(m: Tensor, x: Tensor) -> Tensor:
        return (torch.func.grad(total)(LOC, m, x) ** 2).sum()

    functions: dict[str, Function] = {
        "broadcast once more": lambda m: total(LOC, m, POINTS),
        "seen from a grad inside": lambda m: slope(m, POINTS),
        "shared by the rows of a vmap": lambda m: torch.vmap(total, (None, None, 0))(LOC, m, POINTS).sum(),
        "under grad within vmap": lambda m: torch.vmap(slope, (None, 0))(m, POINTS).sum(),
        "mapped over": lambda m: torch.vmap(total, (None, 0, 1))(LOC, m, POINTS).sum(),
        "mapped over, under grad": lambda m: torch.vmap(slope, (0, 1))(m, POINTS).sum(),
    }
    repeated = matrix.expand(3, *matrix.shape)
    for case, function in functions.items():
        want = torch.func.grad(function)(repeated.contiguous())
        leaf = repeated.detach().requires_grad_()
        for got in (torch.func.grad(function)(repeated), *torch.autograd.grad(function(leaf), leaf)):
            torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12, msg=lambda m, case=case: f"{case}: {m}")


def test_one_matrix_for_a_batch_is_still_factored_once() -> None:
    """Its gradient is the sum over the batch, and the density makes no copies of it."""
    leaf = SQUARE.clone().requires_grad_()
    law = MultivariateNormal(torch.zeros(1000, 2, dtype=torch.float64), precision_matrix=leaf)
    assert law._factor().shape == (1, 2, 2)
    torch.func.grad(lambda m: _factor_of(m).sum())(leaf.detach())


def _factor_of(matrix: Tensor) -> Tensor:
    factor = MultivariateNormal(
        torch.zeros(1000, 2, dtype=torch.float64), precision_matrix=matrix, validate_args=False
    )._factor()
    assert factor.shape == (1, 2, 2)
    return factor
