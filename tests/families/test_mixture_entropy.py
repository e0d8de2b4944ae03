"""Entropies of mixtures whose densities jump or are infinite, against closed forms."""

from __future__ import annotations

import math

import pytest
import torch

import reparam

HALVES = torch.tensor([0.5, 0.5], dtype=torch.float64)


def doubles(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_overlapping_intervals() -> None:
    """Densities 1/4, 1/2 and 1/4 on three intervals: 1/4 log 4 + 1/2 log 2 + 1/4 log 4."""
    same = reparam.MixtureSameFamily(reparam.Categorical(HALVES), reparam.Uniform(doubles(0.0, 1.0), doubles(2.0, 3.0)))
    unlike = reparam.Mixture(
        reparam.Categorical(HALVES),
        [reparam.Uniform(*doubles(0.0, 2.0)), reparam.GeneralizedPareto(*doubles(1.0, 2.0, -1.0))],
    )
    for law in (same, unlike):
        torch.testing.assert_close(law.entropy(), doubles(1.5 * math.log(2.0))[0], rtol=1e-13, atol=0)


def test_a_jump_between_unlike_components() -> None:
    """The sign of a Laplace draw apart from its size: log 2 + 1, as the Laplace law of scale 1."""
    below = reparam.TransformedDistribution(
        reparam.Exponential(doubles(1.0)[0]), reparam.transforms.AffineTransform(0.0, -1.0)
    )
    law = reparam.Mixture(reparam.Categorical(HALVES), [below, reparam.Exponential(doubles(1.0)[0])])
    torch.testing.assert_close(law.entropy(), doubles(1.0 + math.log(2.0))[0], rtol=1e-13, atol=0)


@pytest.mark.parametrize("concentration", [0.5, 0.1, 0.01])
def test_quantiles_that_round_to_an_infinite_density(concentration: float) -> None:
    """A mixture of equal gamma laws is that law, with its first and second derivative in the concentration."""
    a = torch.tensor(concentration, dtype=torch.float64, requires_grad=True)
    law = reparam.Gamma(a, doubles(2.0)[0])
    found = reparam.Mixture(reparam.Categorical(HALVES), [law, law]).entropy()
    expected = law.entropy()
    for tolerance in (1e-12, 1e-10, 1e-8):
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=0)
        found, expected = (torch.autograd.grad(t, a, create_graph=True)[0] for t in (found, expected))


def test_quantiles_that_all_round_give_no_wrong_number() -> None:
    law = reparam.Gamma(doubles(1e-5)[0], doubles(1.0)[0])
    assert float(reparam.Mixture(reparam.Categorical(HALVES), [law, law]).entropy()) == -math.inf
