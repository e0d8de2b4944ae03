"""Entropies of mixtures of normal vectors, against those of laws that are known and of scalar mixtures."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import reparam
from reparam import Categorical, MixtureSameFamily, MultivariateNormal

F64 = torch.float64


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=F64)


HALVES = Categorical(doubles(0.5, 0.5))
TURN = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=F64)


@pytest.mark.parametrize(
    ("locs", "scales", "error"),
    [
        (((-1.0, 1.0), (0.0, 0.5)), ((1.0, 1.0), (0.5, 2.0)), 1e-12),
        (((-4.0, 4.0), (0.0, 0.5)), ((1.0, 1.0), (0.125, 2.0)), 1e-9),
        (((-2.0, 2.0), (0.0, 0.5)), ((1.0, 2.0**-7), (1.0, 1.0)), 1e-8),
        (((0.0, 0.0), (0.0, 3.0)), ((1.0, 2.0**-10), (1.0, 2.0**-10)), 1e-7),
    ],
)
def test_two_independent_scalar_mixtures(
    locs: tuple[tuple[float, float], ...], scales: tuple[tuple[float, float], ...], error: float
) -> None:
    """A pair of them is a mixture of four products, whose entropy is the sum."""
    weights = doubles(0.25, 0.75)
    sides = [reparam.Normal(doubles(*m), doubles(*s)) for m, s in zip(locs, scales, strict=True)]
    expected = sum(MixtureSameFamily(Categorical(weights), side).entropy() for side in sides)
    first, second = sides
    loc = torch.stack([first.loc.repeat_interleave(2), second.loc.repeat(2)], -1)
    scale = torch.stack([first.scale.repeat_interleave(2), second.scale.repeat(2)], -1)
    choice = Categorical((weights[:, None] * weights).flatten())
    forms = [
        reparam.Normal(loc, scale).to_event(1),
        MultivariateNormal(loc, scale_tril=scale.diag_embed()),
        reparam.LowRankMultivariateNormal(loc, torch.zeros(4, 2, 1, dtype=F64), scale.square()),
    ]
    for parts in forms:
        torch.testing.assert_close(MixtureSameFamily(choice, parts).entropy(), expected, rtol=0, atol=error)
    unlike = reparam.Mixture(choice, [forms[k % 3][k] for k in range(4)])
    torch.testing.assert_close(unlike.entropy(), expected, rtol=0, atol=error)
    single = unlike.to(torch.float32).entropy()
    assert single.dtype == torch.float32 and single.item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_rotation_changes_no_entropy() -> None:
    loc = torch.tensor([[0.0, 0.0], [0.5, 0.25]], dtype=F64)
    cov = torch.tensor([[[1.0, 0.75], [0.75, 1.0]], [[1.0, -0.5], [-0.5, 0.5]]], dtype=F64)
    plain, turned = (
        MixtureSameFamily(HALVES, MultivariateNormal(m, v)).entropy()
        for m, v in ((loc, cov), (loc @ TURN.T, TURN @ cov @ TURN.T))
    )
    torch.testing.assert_close(turned, plain, rtol=0, atol=1e-9)


def test_three_coordinates_of_which_one_stands_apart() -> None:
    loc = torch.tensor([[0.0, 0.0, 1.0], [1.0, 2.0, 1.0]], dtype=F64)
    law = MixtureSameFamily(HALVES, reparam.Normal(loc, doubles(1.0, 0.5, 0.25)).to_event(1))
    pair = MixtureSameFamily(HALVES, reparam.Normal(loc[:, :2], doubles(1.0, 0.5)).to_event(1))
    expected = pair.entropy() + reparam.Normal(1.0, doubles(0.25)[0]).entropy()
    torch.testing.assert_close(law.entropy(), expected, rtol=0, atol=1e-10)


def of_equals(loc: Tensor, factor: Tensor, logits: Tensor) -> Tensor:
    parts = MultivariateNormal(loc.expand(2, 2), scale_tril=factor.tril().expand(2, 2, 2))
    return MixtureSameFamily(Categorical(logits=logits), parts).entropy()


def test_gradients_of_a_mixture_of_equals() -> None:
    """Those of the one law: of the entropy the log-determinant of the factor, to second order."""
    factor = torch.tensor([[0.75, 0.0], [0.25, 0.5]], dtype=F64, requires_grad=True)
    loc, logits = doubles(1.0, -2.0).requires_grad_(), doubles(0.25, -0.5).requires_grad_()
    found = of_equals(loc, factor, logits)
    torch.testing.assert_close(found, 1 + math.log(2 * math.pi) + factor.diagonal().log().sum(), rtol=1e-12, atol=0)
    slopes = torch.autograd.grad(found, [loc, factor, logits], create_graph=True)
    expected = torch.diag(1 / factor.detach().diagonal())
    torch.testing.assert_close(slopes[1], expected, rtol=1e-10, atol=1e-10)
    assert max(float(slope.detach().abs().max()) for slope in (slopes[0], slopes[2])) < 1e-10
    (curvature,) = torch.autograd.grad(slopes[1][0, 0], factor)
    torch.testing.assert_close(curvature, torch.diag(doubles(-1 / 0.75**2, 0.0)), rtol=1e-8, atol=1e-8)


def test_gradients_and_batches() -> None:
    def entropy(loc: Tensor, logits: Tensor) -> Tensor:
        parts = reparam.Normal(loc, doubles(0.5, 1.0)).to_event(1)
        return MixtureSameFamily(Categorical(logits=logits), parts).entropy()

    point = (torch.tensor([[0.0, 1.0], [1.5, -0.5]], dtype=F64), doubles(0.25, -0.125))
    assert torch.autograd.gradcheck(entropy, tuple(t.clone().requires_grad_() for t in point))
    together = torch.vmap(entropy)(*(t.expand(3, *t.shape) for t in point))
    torch.testing.assert_close(together, entropy(*point).expand(3), rtol=1e-13, atol=0)
    several = entropy(torch.stack([point[0], 2 * point[0]]), point[1].expand(2, 2))
    torch.testing.assert_close(several[1], entropy(2 * point[0], point[1]), rtol=1e-13, atol=0)


def test_there_is_no_entropy_where_quadrature_fails() -> None:
    """Thin crossed components, of which a batch beside a wide one keeps the other's value; many; and other laws."""
    loc = torch.tensor([[0.0, 0.0], [0.5, 0.25]], dtype=F64)
    thin, wide = (torch.tensor([[[1.0, r], [r, 1.0]], [[1.0, -r], [-r, 1.0]]], dtype=F64) for r in (0.9999, 0.5))
    with pytest.raises(NotImplementedError, match="two rules of quadrature differ by"):
        MixtureSameFamily(HALVES, MultivariateNormal(loc, thin)).entropy()
    both = MixtureSameFamily(HALVES.expand(2), MultivariateNormal(loc.expand(2, 2, 2), torch.stack([thin, wide])))
    assert both.entropy().isnan().tolist() == [True, False]
    many = MixtureSameFamily(Categorical(torch.ones(3)), reparam.Normal(torch.zeros(3, 3), 1.0).to_event(1))
    with pytest.raises(NotImplementedError, match="3 components of 3 coordinates are too many"):
        many.entropy()
    other = MixtureSameFamily(Categorical(torch.ones(2)), reparam.Laplace(torch.zeros(2, 2), 1.0).to_event(1))
    with pytest.raises(NotImplementedError, match="minus the mean log_prob of draws estimates it"):
        other.entropy()
