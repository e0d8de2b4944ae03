"""Derivatives of single doors under transforms and in corners that the laws of all families do not reach."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import jacrev, vmap

import reparam


def test_the_mode_of_a_dirichlet_law_has_its_derivative_under_vmap() -> None:
    """It is (a - 1) / (n - 3); at a corner it does not move."""

    def mode(a: Tensor) -> Tensor:
        return reparam.Dirichlet(a).mode

    a = torch.tensor([[2.0, 3.0, 4.0], [0.5, 0.7, 0.6]], dtype=torch.float64)
    inside, corner = vmap(jacrev(mode))(a)
    excess = a[0] - 1
    exact = torch.eye(3, dtype=torch.float64) / excess.sum() - excess[:, None] / excess.sum() ** 2
    torch.testing.assert_close(inside, exact)
    assert not corner.any()
