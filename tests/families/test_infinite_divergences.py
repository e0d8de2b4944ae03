"""Infinite divergences are constants: beside one, the finite ones of the batch keep their gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import reparam
from reparam import Distribution

Pair = Callable[[Tensor, Tensor], tuple[Distribution, Distribution]]

CASES: dict[str, tuple[Pair, object, object]] = {  # of the second law's parameter there is one for both divergences
    "Categorical": (
        lambda p, q: (reparam.Categorical(p), reparam.Categorical(q)),
        [[0.3, 0.3, 0.4], [0.0, 0.5, 0.5]],
        [0.0, 0.25, 0.75],
    ),
    "Categorical(logits)": (
        lambda p, q: (reparam.Categorical(logits=p), reparam.Categorical(logits=q)),
        [[0.5, 0.0, 1.0], [-torch.inf, 0.5, 1.5]],
        [-torch.inf, 0.25, 2.0],
    ),
    "OneHotCategorical": (
        lambda p, q: (reparam.OneHotCategorical(p), reparam.OneHotCategorical(q)),
        [[0.3, 0.3, 0.4], [0.0, 0.5, 0.5]],
        [0.0, 0.25, 0.75],
    ),
    "Multinomial": (
        lambda p, q: (reparam.Multinomial(3, p), reparam.Multinomial(3, q)),
        [[0.3, 0.3, 0.4], [0.0, 0.5, 0.5]],
        [0.0, 0.25, 0.75],
    ),
    "Bernoulli": (lambda p, q: (reparam.Bernoulli(p), reparam.Bernoulli(q)), [0.5, 0.0], 0.0),
    "Binomial": (lambda p, q: (reparam.Binomial(5, p), reparam.Binomial(5, q)), [0.5, 1.0], 1.0),
    "Binomial of fewer trials": (lambda p, q: (reparam.Binomial(3, p), reparam.Binomial(5, q)), [0.5, 0.0], 0.0),
    "Binomial, Poisson": (lambda p, q: (reparam.Binomial(3, p), reparam.Poisson(q)), [0.5, 0.0], 0.0),
    "NegativeBinomial": (
        lambda p, q: (reparam.NegativeBinomial(2, p), reparam.NegativeBinomial(2, q)),
        [0.5, 0.0],
        0.0,
    ),
    "Geometric": (lambda p, q: (reparam.Geometric(p), reparam.Geometric(q)), [0.5, 1.0], 1.0),
    "Poisson": (lambda p, q: (reparam.Poisson(p), reparam.Poisson(q)), [1.5, 0.0], 0.0),
    "Bernoulli, Poisson": (lambda p, q: (reparam.Bernoulli(p), reparam.Poisson(q)), [0.5, 0.0], 0.0),
    "StudentT, Normal": (lambda p, q: (reparam.StudentT(p), reparam.Normal(0.25, q)), [1.5, 5.0], 2.0),
    "location of a Normal": (lambda p, q: (reparam.StudentT(p), reparam.Normal(q, 2.0)), [0.5, 5.0], 0.25),
    "Pareto, Exponential": (lambda p, q: (reparam.Pareto(1.0, p), reparam.Exponential(q)), [0.5, 3.0], 2.0),
    "Pareto, Gamma": (lambda p, q: (reparam.Pareto(1.0, p), reparam.Gamma(2.0, q)), [0.5, 3.0], 2.0),
    "InverseGamma, HalfNormal": (lambda p, q: (reparam.InverseGamma(p, 1.0), reparam.HalfNormal(q)), [1.5, 3.0], 2.0),
    "Laplace, Gumbel": (lambda p, q: (reparam.Laplace(0.0, p), reparam.Gumbel(0.25, q)), [2.0, 0.5], 1.0),
}


@pytest.mark.parametrize("name", CASES)
def test_finite_divergences_keep_their_gradients(name: str) -> None:
    """Those of the finite one alone: the same operations on the same numbers, but for the rounding of a sum with 0."""
    pair, first, second = CASES[name]
    p, q = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (first, second))
    both = reparam.kl_divergence(*pair(p, q))
    finite = both < torch.inf
    assert sorted(finite.tolist()) == [False, True]
    slopes = torch.autograd.grad(torch.where(finite, both, 0.0).sum(), (p, q))
    alone = reparam.kl_divergence(*pair(p[finite], q)).sum()
    want = torch.autograd.grad(alone, (p, q))
    assert all(slope.isfinite().all() for slope in want)
    for found, expected in zip(slopes, want, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_an_infinite_divergence_has_a_gradient_without_nan(name: str) -> None:
    pair, first, second = CASES[name]
    p, q = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (first, second))
    both = reparam.kl_divergence(*pair(p, q))
    for slope in torch.autograd.grad(both[both == torch.inf].sum(), (p, q)):
        assert slope.isfinite().all()


@pytest.mark.parametrize("trials", [5, 3000])
def test_more_trials_than_the_other_law_has(trials: int) -> None:
    """Beside laws of as few: the slopes are those of the finite divergence alone, to the rounding of a sum with 0."""
    p, q = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in ([0.3, 0.3], 0.4))
    both = reparam.kl_divergence(reparam.Binomial(torch.tensor([trials, 2]), p), reparam.Binomial(3, q))
    assert both[0] == torch.inf
    assert all((slope == 0).all() for slope in torch.autograd.grad(both[0], (p, q), retain_graph=True))
    found = torch.autograd.grad(both[1], (p, q))
    alone = torch.autograd.grad(reparam.kl_divergence(reparam.Binomial(2, p[1]), reparam.Binomial(3, q)), (p, q))
    for slope, expected in zip(found, alone, strict=True):
        torch.testing.assert_close(slope, expected, rtol=1e-14, atol=1e-14)
