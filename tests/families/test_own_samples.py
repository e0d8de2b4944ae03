"""Draws lie in the support of their law and have a log-density, also where they round to its edge."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

import reparam
from reparam.families.wishart import definite_square

DRAWS = 4000
FULL = [torch.float32, torch.float64]
HALVES = [torch.bfloat16, torch.float16]
EVERY = [*FULL, *HALVES]


def number(value: float) -> Callable[[torch.dtype], Tensor]:
    return lambda dtype: torch.tensor(value, dtype=dtype)


LAWS: dict[str, tuple[Callable[[torch.dtype], Any], list[torch.dtype]]] = {
    "Wishart": (lambda t: reparam.Wishart(number(8.3)(t), scale_tril=torch.eye(8, dtype=t)), EVERY),
    "Wishart at its edge": (lambda t: reparam.Wishart(number(7.01)(t), scale_tril=torch.eye(8, dtype=t)), FULL),
    "Wishart of pairs": (lambda t: reparam.Wishart(number(1.05)(t), scale_tril=torch.eye(2, dtype=t)), EVERY),
    "large Wishart": (lambda t: reparam.Wishart(number(29.5)(t), scale_tril=torch.eye(30, dtype=t)), FULL),
    "stretched Wishart": (
        lambda t: reparam.Wishart(number(9.0)(t), scale_tril=torch.diag(torch.logspace(-6, 6, 5, dtype=t))),
        FULL,
    ),
    "InverseWishart": (lambda t: reparam.InverseWishart(number(8.1)(t), scale_tril=torch.eye(8, dtype=t)), EVERY),
    "LKJCholesky": (lambda t: reparam.LKJCholesky(5, number(0.01)(t)), EVERY),
    "large LKJCholesky": (lambda t: reparam.LKJCholesky(50, number(50.0)(t)), EVERY),
    "InverseWishart at its edge": (
        lambda t: reparam.InverseWishart(number(7.05)(t), scale_tril=torch.eye(8, dtype=t)),
        [*FULL, torch.bfloat16],  # the log-density exceeds float16
    ),
    "Gamma": (lambda t: reparam.Gamma(number(0.01)(t), number(1.0)(t)), HALVES),
    "Beta": (lambda t: reparam.Beta(number(0.01)(t), number(0.01)(t)), HALVES),
    "Cauchy": (lambda t: reparam.Cauchy(number(0.0)(t), number(1000.0)(t)), HALVES),
    "narrow Uniform": (lambda t: reparam.Uniform(number(1.0)(t), number(1.0)(t) + torch.finfo(t).eps), HALVES),
    "Poisson": (lambda t: reparam.Poisson(number(60000.0)(t)), HALVES),
    "squashed Normal": (
        lambda t: reparam.TransformedDistribution(
            reparam.Normal(number(0.0)(t), number(4.0)(t)), reparam.transforms.TanhTransform()
        ),
        HALVES,
    ),
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
    density = law.log_prob(x)
    assert density.isfinite().all() if dtype in HALVES else not density.isnan().any()


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_an_end_is_replaced_by_its_neighbour(dtype: torch.dtype) -> None:
    """Whatever the end: also a number that the coarser dtype does not have."""
    for end in (0.0, 1.0, -1.0, 1.5, 1.9999, math.pi, -math.pi, 1e-3, 700.3):
        bound = torch.tensor(end)
        above = reparam.constraints.greater_than_eq(end).cast(bound, dtype).float()
        below = reparam.constraints.less_than_eq(end).cast(bound, dtype).float()
        assert below < bound < above
        assert above - below <= 3 * torch.finfo(dtype).eps * bound.abs() + 2 * torch.finfo(dtype).tiny


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_rows_of_unit_length_are_so_in_a_finer_dtype(dtype: torch.dtype) -> None:
    """Before, the density of half-precision factors was taken at rows that were no longer of unit length: -inf."""
    x = reparam.LKJCholesky(4, torch.tensor(2.0, dtype=dtype)).sample(100, generator=Generator().manual_seed(0))
    finer = reparam.constraints.corr_cholesky.cast(x, torch.float32)
    assert (finer.square().sum(-1) - 1).abs().max() <= 8 * torch.finfo(torch.float32).eps
    assert torch.equal(reparam.constraints.corr_cholesky.cast(2 * x, torch.float32), 2 * x.float())
    law = reparam.LKJCholesky(4, 2.0)
    torch.testing.assert_close(law.log_prob(x), law.log_prob(finer))


def test_inverse_wishart_gradients_near_the_bound_are_finite() -> None:
    """A tenth of the draws exceeds the range of float32, and used to be infinite."""
    df = torch.tensor(1.05, requires_grad=True)
    x = reparam.InverseWishart(df, scale_tril=torch.eye(2)).rsample(2000, generator=Generator().manual_seed(0))
    x.diagonal(dim1=-2, dim2=-1).log().mean().backward()
    assert x.isfinite().all()
    assert df.grad is not None and df.grad.isfinite()


@pytest.mark.parametrize("dtype", FULL, ids=str)
def test_what_rounding_keeps_is_not_touched(dtype: torch.dtype) -> None:
    root = torch.tensor([[3.0, 0.0], [1.0, 2.0]], dtype=dtype)
    assert torch.equal(definite_square(root), root @ root.mT)
    lost = torch.tensor([[1.0, 0.0], [1.0, 1e-20]], dtype=dtype)
    square = definite_square(torch.stack([root, lost]))
    assert torch.equal(square[0], root @ root.mT)
    assert (torch.linalg.cholesky_ex(square).info == 0).all()
    torch.testing.assert_close(square[1], torch.ones(2, 2, dtype=dtype), rtol=32 * torch.finfo(dtype).eps, atol=0.0)


LOC = torch.tensor(10.0)


@pytest.mark.parametrize(
    "wrap", [lambda d: d, lambda d: d.expand(3).to_event(1), lambda d: d.mask(True)], ids=["alone", "vector", "masked"]
)
def test_draws_without_a_gradient_are_not_inverted(wrap: Callable[[Any], Any]) -> None:
    """Five of six draws of tanh(N(10, 1)) are 1 in single precision."""
    law = wrap(reparam.TransformedDistribution(reparam.Normal(LOC, 1.0), reparam.TanhTransform()))
    log_prob = law.sample_and_log_prob(DRAWS, generator=Generator().manual_seed(0))[1]
    same = law.rsample_and_log_prob(DRAWS, generator=Generator().manual_seed(0))[1]
    assert bool(log_prob.isfinite().all())
    torch.testing.assert_close(log_prob, same)


@pytest.mark.parametrize("learnt_last", [False, True])
def test_scores_of_draws_reach_the_parameters_of_transforms(learnt_last: bool) -> None:
    """As the density has them at a fixed value, whether the transform after a fixed one is learnt or not."""
    loc, scale, shift = leaves = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.25, 0.5, -0.25)]
    stages = [reparam.AffineTransform(shift, 2.0), reparam.TanhTransform()]
    stages.append(reparam.AffineTransform(0.5, scale if learnt_last else scale.detach()))
    law = reparam.TransformedDistribution(reparam.Normal(loc, scale), stages)
    x, log_prob = law.sample_and_log_prob(5, generator=Generator().manual_seed(0))
    assert not x.requires_grad
    found, expected = (torch.autograd.grad(v.sum(), leaves) for v in (log_prob, law.log_prob(x)))
    torch.testing.assert_close(found, expected)


def test_laws_written_by_hand_score_their_draws_themselves() -> None:
    class Doubled(reparam.TransformedDistribution):
        def log_prob(self, value: Tensor) -> Tensor:
            return 2 * super().log_prob(value)

    law = Doubled(reparam.Normal(0.0, 1.0), reparam.TanhTransform())
    x, log_prob = law.sample_and_log_prob(5)
    torch.testing.assert_close(log_prob, law.log_prob(x))
    x, log_prob = law.to_event(0).mask(True).sample_and_log_prob(5)
    torch.testing.assert_close(log_prob, law.log_prob(x))
