"""Pathwise gradients of mixtures: at fixed noise, of expectations in closed form, and in every mode of torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

import reparam
from reparam import Categorical, Gamma, Independent, Mixture, MixtureSameFamily, MultivariateNormal, Normal
from reparam.implicit.law import reparameterised, standardisation

K, D = 3, 4
Build = Callable[..., Mixture | MixtureSameFamily]


def _scalar(logits: Tensor, loc: Tensor, log_scale: Tensor) -> MixtureSameFamily:
    return MixtureSameFamily(Categorical(logits=logits), Normal(loc, log_scale.exp()))


def _normals(logits: Tensor, loc: Tensor, log_scale: Tensor) -> MixtureSameFamily:
    return MixtureSameFamily(Categorical(logits=logits), Independent(Normal(loc, log_scale.exp()), 1))


def _gammas(logits: Tensor, log_shape: Tensor, log_rate: Tensor) -> MixtureSameFamily:
    return MixtureSameFamily(Categorical(logits=logits), Independent(Gamma(log_shape.exp(), log_rate.exp()), 1))


def _matrices(logits: Tensor, log_shape: Tensor, log_rate: Tensor) -> MixtureSameFamily:
    return MixtureSameFamily(Categorical(logits=logits), Independent(Gamma(log_shape.exp(), log_rate.exp()), 2))


def _correlated(logits: Tensor, loc: Tensor, raw: Tensor) -> MixtureSameFamily:
    factor = raw.tril(-1) + torch.diag_embed(raw.diagonal(dim1=-2, dim2=-1).exp())
    return MixtureSameFamily(Categorical(logits=logits), MultivariateNormal(loc, scale_tril=factor))


def _unlike(logits: Tensor, loc: Tensor, log_scale: Tensor) -> Mixture:
    laws = (
        Independent(Normal(loc[0], log_scale[0].exp()), 1),
        MultivariateNormal(loc[1], scale_diag=log_scale[1].exp()),
        Independent(Gamma(loc[2].exp(), log_scale[2].exp()), 1),
    )
    return Mixture(Categorical(logits=logits), laws)


CASES: dict[str, tuple[Build, tuple[tuple[int, ...], ...]]] = {
    "scalar": (_scalar, ((K,), (K,), (K,))),
    "normals": (_normals, ((K,), (K, D), (K, D))),
    "batch": (_normals, ((2, K), (2, K, D), (2, K, D))),
    "gammas": (_gammas, ((K,), (K, D), (K, D))),
    "matrices": (_matrices, ((K,), (K, 2, 2), (K, 2, 2))),
    "unlike": (_unlike, ((K,), (K, D), (K, D))),
    "correlated": (_correlated, ((K,), (K, D), (K, D, D))),
}


def _case(name: str) -> tuple[Build, list[Tensor], list[Tensor], Tensor]:
    """A mixture, its parameters, a direction to move them in, and samples."""
    build, shapes = CASES[name]
    torch.manual_seed(1)
    parameters = [0.5 * torch.randn(shape, dtype=torch.float64) for shape in shapes]
    direction = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    return build, parameters, direction, build(*parameters).sample((6,))


def _inner(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    return torch.stack([(x * y).sum() for x, y in zip(a, b, strict=True)]).sum()


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_at_fixed_noise(name: str) -> None:
    build, start, direction, sample = _case(name)

    def moved(step: float) -> Tensor:
        """The sum of cosines of the samples at the same noise, by Newton steps, for moved parameters."""
        law = build(*(p + step * d for p, d in zip(start, direction, strict=True)))
        noise, x = standardisation(build(*start), sample)[0], sample
        for _ in range(12):
            now, jacobian = standardisation(law, x)
            x = x - jacobian().solve(now - noise, False)
        return x.cos().sum()

    parameters = [p.clone().requires_grad_() for p in start]
    value = reparameterised(build(*parameters), sample).cos().sum()
    first = _inner(torch.autograd.grad(value, parameters, create_graph=True), direction)
    second = _inner(torch.autograd.grad(first, parameters), direction)
    # central differences: errors of h^2 f''' / 6 and of eps f / h, of h^2 f'''' / 12 and of 4 eps f / h^2
    difference = (moved(1e-5) - moved(-1e-5)) / 2e-5
    curvature = (moved(2e-4) - 2 * moved(0.0) + moved(-2e-4)) / 4e-8
    torch.testing.assert_close(first.detach(), difference, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(second, curvature, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", CASES)
def test_every_mode_gives_the_same_gradient(name: str) -> None:
    build, start, direction, sample = _case(name)

    def value(*parameters: Tensor) -> Tensor:
        return reparameterised(build(*parameters), sample).cos().sum()

    parameters = [p.clone().requires_grad_() for p in start]
    want = torch.autograd.grad(value(*parameters), parameters)
    found = torch.func.grad(value, argnums=(0, 1, 2))(*start)
    by_vmap = torch.func.vmap(torch.func.grad(value))(*(torch.stack([p, p]) for p in start))
    _, forward = torch.func.jvp(value, tuple(start), tuple(direction))
    for a, b in zip(want, found, strict=True):
        torch.testing.assert_close(b, a)
    torch.testing.assert_close(by_vmap, torch.stack([want[0], want[0]]))
    torch.testing.assert_close(forward, _inner(want, direction))


@pytest.mark.parametrize("name", ["scalar", "batch", "correlated"])
def test_compiled_programs_give_the_same_gradient(name: str) -> None:
    """Of each way to standardise: a gamma law takes half a minute to trace, and one stands for all."""
    build, start, _, sample = _case(name)

    def value(*parameters: Tensor) -> Tensor:
        return reparameterised(build(*parameters), sample).cos().sum()

    parameters = [p.clone().requires_grad_() for p in start]
    torch.compiler.reset()
    compiled = torch.compile(value, fullgraph=True, backend="aot_eager")
    want, found = (torch.autograd.grad(f(*parameters), parameters) for f in (value, compiled))
    for a, b in zip(want, found, strict=True):
        torch.testing.assert_close(b, a)


@pytest.mark.parametrize("name", ["normals", "correlated"])
def test_gradients_of_an_expectation_that_no_sum_over_coordinates_gives(name: str) -> None:
    """E cos(x_1 + ... + x_D) is the real part of the characteristic function: in closed form for normals.

    The mean of n gradients is within 5 standard errors of the exact one, but for a false alarm of 6e-7 each.
    """
    build, start, _, _ = _case(name)
    parameters = [p.clone().requires_grad_() for p in start]
    law = build(*parameters)
    parts = law.component_distribution
    spread = parts.covariance_matrix.sum((-2, -1)) if name == "correlated" else parts.variance.sum(-1)
    exact = (law.mixture_distribution.probs * parts.mean.sum(-1).cos() * torch.exp(-spread / 2)).sum()
    want = torch.autograd.grad(exact, parameters)
    batches = 200
    draws = torch.func.vmap(
        torch.func.grad(lambda *p: build(*p).rsample((500,)).sum(-1).cos().mean(), argnums=(0, 1, 2)),
        randomness="different",
    )(*(p.expand(batches, *p.shape) for p in start))
    for got, exactly in zip(draws, want, strict=True):
        error = got.std(0) / batches**0.5
        assert ((got.mean(0) - exactly).abs() <= 5 * error + 1e-12).all()


def test_a_mixture_of_discrete_laws_says_that_it_has_no_pathwise_gradient() -> None:
    law = MixtureSameFamily(Categorical(torch.ones(2)), reparam.Bernoulli(torch.tensor([0.1, 0.9])))
    assert not law.has_rsample
    with pytest.raises(NotImplementedError, match="MixtureSameFamily of Bernoulli has no rsample"):
        law.rsample()
