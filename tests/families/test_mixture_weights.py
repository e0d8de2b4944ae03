"""Weights of mixtures that are zero: every gradient is finite and the limit of those of small weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from reparam import (
    Categorical,
    Distribution,
    Exponential,
    Independent,
    Mixture,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    Uniform,
    kl_divergence,
)
from reparam.combinators import mixing
from reparam.implicit.law import reparameterised

WEIGHTS = ([0.0, 0.3, 0.7], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [5.0, 0.0, 0.25])
LOC, SCALE = [-1.0, 0.5, 4.0], [0.5, 1.5, 1.0]
X = [-2.0, 0.3, 3.0]
DOORS = ("log_prob", "log_cdf", "log_sf")
Sampled = Callable[[Tensor], Tensor]


def _normals(weights: Tensor) -> MixtureSameFamily:
    loc, scale = (torch.tensor(v, dtype=weights.dtype) for v in (LOC, SCALE))
    return MixtureSameFamily(Categorical(weights), Normal(loc, scale))


def _unlike(weights: Tensor) -> Mixture:
    one = torch.ones((), dtype=weights.dtype)
    return Mixture(Categorical(weights), [Normal(-one, one), Exponential(one), Uniform(2 * one, 5 * one)])


def _vectors(weights: Tensor) -> MixtureSameFamily:
    loc, scale = (torch.tensor(v, dtype=weights.dtype)[:, None] for v in (LOC, SCALE))
    side = torch.tensor([1.0, 0.8, 1.3], dtype=weights.dtype)
    return MixtureSameFamily(Categorical(weights), Independent(Normal(loc * side, scale / side), 1))


def _correlated(weights: Tensor) -> MixtureSameFamily:
    loc = torch.tensor(LOC, dtype=weights.dtype)[:, None].expand(3, 2)
    factor = torch.tensor([[1.0, 0.0], [0.6, 0.8]], dtype=weights.dtype)
    return MixtureSameFamily(Categorical(weights), MultivariateNormal(loc, scale_tril=factor.expand(3, 2, 2)))


def _components(law: MixtureSameFamily | Mixture, door: str, x: Tensor) -> Tensor:
    return law._each(lambda part: getattr(part._unchecked(), door)(law._spread(x)), 0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("build", [_normals, _unlike])
@pytest.mark.parametrize("given", WEIGHTS, ids=str)
def test_gradients_and_hessians_in_every_weight(
    build: Callable[[Tensor], Mixture | MixtureSameFamily], given: list[float], door: str, dtype: torch.dtype
) -> None:
    r"""With q_k the component's value over the mixture's, and W the sum of the weights: (q_k - 1) / W.

    The second derivatives are :math:`(1 - q_j q_k) / W^2`. The logarithms lose eps times their size, of up to 20.
    """
    x, exact = torch.tensor(X, dtype=dtype), torch.tensor(given, dtype=torch.float64)
    law = build(exact)
    values, log_mean = _components(law, door, x.double()), getattr(law._unchecked(), door)(x.double())
    possible = log_mean > -torch.inf
    ratio = torch.where(possible[:, None], (values - log_mean[:, None]).exp(), 1.0)
    first, total = (ratio - 1) / exact.sum(), exact.sum()
    second = (1 - ratio[:, :, None] * ratio[:, None, :]) / total**2

    def found(weights: Tensor) -> Tensor:
        return getattr(build(weights)._unchecked(), door)(x)

    weights = exact.to(dtype).requires_grad_()
    tolerance = 200 * torch.finfo(dtype).eps
    slopes = torch.stack([torch.autograd.grad(v, weights, create_graph=True)[0] for v in found(weights)])
    curves = [[torch.autograd.grad(s, weights, retain_graph=True)[0] for s in row] for row in slopes]
    by_func = torch.func.jacrev(found)(weights.detach())
    for got in (slopes.detach(), by_func, torch.func.jacfwd(found)(weights.detach())):
        torch.testing.assert_close(got.double(), first, rtol=tolerance, atol=tolerance)
    hessian = torch.stack([torch.stack(row) for row in curves]).double()
    torch.testing.assert_close(hessian, second, rtol=2 * tolerance, atol=2 * tolerance)


@pytest.mark.parametrize("door", [*DOORS, "cdf"])
def test_compiled_gradients_in_weights_of_zero(door: str) -> None:
    def total(weights: Tensor) -> Tensor:
        return getattr(_normals(weights), door)(torch.tensor(X, dtype=torch.float64)).sum()

    weights = torch.tensor(WEIGHTS[0], dtype=torch.float64, requires_grad=True)
    compiled = torch.compile(total, fullgraph=True, backend="aot_eager")
    want, got = (torch.autograd.grad(f(weights), weights)[0] for f in (total, compiled))
    assert want.isfinite().all()
    torch.testing.assert_close(got, want)


def test_logits_of_minus_infinity_and_densities_of_zero_give_no_nan() -> None:
    logits = torch.tensor([0.0, -torch.inf, 1.0], requires_grad=True)
    high = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    law = MixtureSameFamily(Categorical(logits=logits), Uniform(high.detach() - 1, high), validate_args=False)
    x = torch.tensor([0.5, 1.5, 2.5, 7.0])  # one component, the one without weight, one component, none
    for door in DOORS:
        value = getattr(law, door)(x)
        slopes = torch.autograd.grad(value[value > -torch.inf].sum(), (logits, high), retain_graph=True)
        assert all(s.isfinite().all() for s in slopes), door
        assert all(s.isfinite().all() for s in torch.autograd.grad(value.sum(), (logits, high))), door
    share = torch.tensor([1.0, 0.0, 0.0]) - torch.softmax(logits, -1)
    torch.testing.assert_close(torch.autograd.grad(law.log_prob(x[0]), logits)[0], share.detach())


def test_a_component_far_denser_than_the_mixture_leaves_the_value() -> None:
    """Where the slope in a weight of zero exceeds the dtype, it is the largest number, and times zero it is zero."""
    weights = torch.tensor([0.0, 1.0], requires_grad=True)
    law = MixtureSameFamily(Categorical(weights), Normal(torch.tensor([30.0, 0.0]), 1.0))
    value = law.log_prob(torch.tensor(30.0))
    torch.testing.assert_close(value.detach(), Normal(0.0, 1.0).log_prob(torch.tensor(30.0)))
    slope, none = (torch.autograd.grad(value * s, weights, retain_graph=True)[0] for s in (1.0, 0.0))
    assert slope[0] > 1e38 and slope.isfinite().all() and (none == 0).all()


def _moved(build: Callable[[Tensor], Distribution], x: Tensor) -> Sampled:
    return lambda weights: reparameterised(build(weights), x).cos().sum()


@pytest.mark.parametrize("build", [_normals, _unlike, _vectors, _correlated])
@pytest.mark.parametrize("given", WEIGHTS, ids=str)
def test_pathwise_gradients_in_a_weight_of_zero_are_limits(
    build: Callable[[Tensor], Distribution], given: list[float]
) -> None:
    """At weights of 1e-9 the derivatives differ by 1e-9 times those of the next order, which stay below 1e3 here."""
    zero = torch.tensor(given, dtype=torch.float64)
    torch.manual_seed(4)
    f = _moved(build, build(zero).sample((5,)))
    slopes, curves = [], []
    for weights in (zero, torch.where(zero == 0, 1e-9, zero)):
        weights.requires_grad_()
        value = f(weights)
        quick = torch.autograd.grad(value, weights, retain_graph=True)[0]
        slope = torch.autograd.grad(value, weights, create_graph=True)[0]
        torch.testing.assert_close(quick, slope.detach(), rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(torch.func.grad(f)(weights.detach()), quick, rtol=1e-10, atol=1e-10)
        slopes.append(quick)
        curves.append(torch.stack([torch.autograd.grad(s, weights, retain_graph=True)[0] for s in slope]))
    torch.testing.assert_close(slopes[0], slopes[1], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(curves[0], curves[1], rtol=1e-5, atol=1e-5)


def test_compiled_pathwise_gradients_in_a_weight_of_zero() -> None:
    weights = torch.tensor(WEIGHTS[0], dtype=torch.float64)
    f = _moved(_vectors, _vectors(weights).sample((5,)))
    compiled = torch.compile(f, fullgraph=True, backend="aot_eager")
    want, got = (torch.autograd.grad(g(weights.requires_grad_()), weights)[0] for g in (f, compiled))
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("fallback", ["quadrature", "monte_carlo"])
def test_divergences_by_fallback_have_gradients_in_weights_of_zero(fallback: str) -> None:
    torch.manual_seed(5)
    for place in (0, 1):
        weights = torch.tensor(WEIGHTS[0], dtype=torch.float64, requires_grad=True)
        laws = [_normals(weights), Normal(torch.tensor(0.5, dtype=torch.float64), 2.0)]
        value = kl_divergence(*(laws if place == 0 else laws[::-1]), fallback=fallback).value
        slope = torch.autograd.grad(value, weights)[0]
        assert slope.isfinite().all() and (slope != 0).all()


@pytest.mark.parametrize("shape", [(), (3, 200)])
def test_gradients_come_in_pieces_that_add_up(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]) -> None:
    weights = torch.tensor(WEIGHTS[3], dtype=torch.float64, requires_grad=True)
    x = _vectors(weights).sample(shape)
    whole = torch.autograd.grad(_moved(_vectors, x)(weights), weights)[0]
    monkeypatch.setattr(mixing, "ENTRIES", 64)
    pieces = torch.autograd.grad(_moved(_vectors, x)(weights), weights)[0]
    torch.testing.assert_close(pieces, whole, rtol=1e-11, atol=1e-11)


def test_draws_far_from_a_component_have_finite_gradients_in_single_precision() -> None:
    loc = torch.tensor([[0.0, 0.0], [0.0, 30.0]], requires_grad=True)
    logits = torch.zeros(2, requires_grad=True)
    law = MixtureSameFamily(Categorical(logits=logits), MultivariateNormal(loc, torch.eye(2)))
    torch.manual_seed(0)
    slopes = torch.autograd.grad(law.rsample((100,)).sum(), [loc, logits])
    assert all(slope.isfinite().all() for slope in slopes)
