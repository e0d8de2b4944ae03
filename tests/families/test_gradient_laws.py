"""Draws of vectors too large for quadrature: their derivatives against the score, and point by point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from reparam import (
    Beta,
    Categorical,
    Dirichlet,
    Distribution,
    Gamma,
    Independent,
    Mixture,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    StudentT,
    VonMises,
    testing,
)

D = 4


def _positive(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.7 + torch.rand(shape, dtype=torch.float64, generator=generator)


def _real(*shape: int) -> Tensor:
    return 3 * (_positive(*shape, seed=1) - 1.2)


def _mixed(base: Distribution) -> Distribution:
    """Two products of four laws."""
    return MixtureSameFamily(Categorical(logits=torch.tensor([0.4, -0.2], dtype=torch.float64)), Independent(base, 1))


def _unlike() -> Distribution:
    laws = (
        Independent(Normal(_real(D), _positive(D)), 1),
        MultivariateNormal(_real(D), scale_tril=_factor()),
        Independent(Gamma(1 + _positive(D), _positive(D)), 1),
    )
    return Mixture(Categorical(logits=torch.tensor([0.4, -0.2, 0.1], dtype=torch.float64)), laws)


def _factor() -> Tensor:
    return torch.diag_embed(_positive(D)) + 0.4 * _real(D, D).tril(-1)


VECTORS: dict[str, Callable[[], Distribution]] = {
    "correlated normals": lambda: MultivariateNormal(_real(D), scale_tril=_factor()),
    "Dirichlet": lambda: Dirichlet(_positive(D + 1)),
    "a mixture": lambda: _mixed(Normal(_real(2, D), _positive(2, D))),
}
MIXTURES: dict[str, Callable[[], Distribution]] = {
    "normal": lambda: _mixed(Normal(_real(2, D), _positive(2, D))),
    "gamma": lambda: _mixed(Gamma(1 + _positive(2, D), _positive(2, D, seed=2))),
    "beta": lambda: _mixed(Beta(1 + _positive(2, D), 1 + _positive(2, D, seed=2))),
    "Student's": lambda: _mixed(StudentT(4 + _positive(2, D), _real(2, D), _positive(2, D))),
    "von Mises": lambda: _mixed(VonMises(_real(2, D), 1 + _positive(2, D))),
    "unlike": _unlike,
}


@pytest.mark.parametrize("name", VECTORS)
def test_draws_move_with_the_probability(name: str) -> None:
    _check(VECTORS[name](), "draws_move_with_the_probability")


@pytest.mark.parametrize("name", MIXTURES)
def test_mixtures_obey_the_continuity_equation(name: str) -> None:
    _check(MIXTURES[name](), "standardised_draws_obey_the_continuity_equation")


def _check(law: Distribution, name: str) -> None:
    """By each parameter alone and all together."""
    (family,) = testing.families(law)
    assert testing.LAWS[name].applies(family)
    testing.LAWS[name].check(replace(family, principal=False))
