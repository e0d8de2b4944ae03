"""Distributions as modules: unconstrained parameters, state, freezing, nesting."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import reparam
from reparam import (
    Beta,
    Binomial,
    Categorical,
    Dirichlet,
    Gamma,
    Independent,
    InverseWishart,
    LogNormal,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    StudentT,
    TransformedDistribution,
    Uniform,
    Wishart,
    learnable,
)
from reparam.transforms import AffineTransform, TanhTransform

LAWS = {
    "Normal": lambda: Normal(torch.tensor([1.0, -1.0]), 2.0),
    "Gamma": lambda: Gamma(2.0, 3.0),
    "Beta": lambda: Beta(2.0, 3.0),
    "StudentT": lambda: StudentT(5.0),
    "Uniform": lambda: Uniform(-1.0, 2.0),
    "LogNormal": lambda: LogNormal(0.5, 0.3),
    "Dirichlet": lambda: Dirichlet(torch.tensor([1.0, 2.0])),
    "Categorical": lambda: Categorical(logits=torch.tensor([1.0, 2.0, 0.0])),
    "Binomial": lambda: Binomial(5, probs=torch.tensor([0.2, 0.7])),
    "MultivariateNormal": lambda: MultivariateNormal(torch.zeros(2), torch.eye(2) + 0.3),
    "Wishart": lambda: Wishart(torch.tensor([3.0, 4.0]), scale_tril=torch.eye(2) + 0.3 * torch.ones(2, 2).tril(-1)),
    "InverseWishart": lambda: InverseWishart(5.0, torch.eye(2) + 0.3),
    "Independent": lambda: Independent(Normal(torch.zeros(3), 1.0), 1),
    "Transformed": lambda: TransformedDistribution(
        Normal(0.0, 1.0), [TanhTransform(), AffineTransform(torch.tensor(1.0), torch.tensor(2.0))]
    ),
    "Mixture": lambda: MixtureSameFamily(Categorical(torch.ones(2)), Normal(torch.tensor([-1.0, 1.0]), 1.0)),
}


@pytest.mark.parametrize("make", LAWS.values(), ids=LAWS)
def test_a_learnable_law_is_the_law_and_a_module(make):
    law = make()
    module = learnable(law)
    x = law.sample((3,), generator=torch.Generator().manual_seed(0))
    # a round trip through the bijections costs a few roundings of each parameter
    torch.testing.assert_close(module.log_prob(x), law.log_prob(x), rtol=1e-4, atol=1e-5)
    assert module.batch_shape == law.batch_shape and module.event_shape == law.event_shape

    parameters = list(module.parameters())
    assert parameters and all(p.requires_grad and p.is_leaf for p in parameters)
    module.log_prob(x).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters)

    other = learnable(make())
    with torch.no_grad():
        for p in other.parameters():
            p.add_(0.1)
    assert not torch.equal(other.log_prob(x), module.log_prob(x))
    other.load_state_dict(module.state_dict())
    assert torch.equal(other.log_prob(x), module.log_prob(x))

    twin = copy.deepcopy(module)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.1)
    assert torch.equal(twin.log_prob(x), other.log_prob(x))
    assert not torch.equal(module.log_prob(x), twin.log_prob(x))

    double = copy.deepcopy(twin).to(torch.float64)
    y = x.double() if x.is_floating_point() else x
    assert double.log_prob(y).dtype == torch.float64


def test_a_class_and_its_arguments():
    torch.testing.assert_close(learnable(Gamma, concentration=2.0, rate=3.0).mean, torch.tensor(2 / 3))
    with pytest.raises(TypeError, match="arguments go with a class"):
        learnable(Gamma(2.0, 3.0), rate=1.0)
    with pytest.raises(TypeError, match="not float"):
        learnable(1.0)


def test_an_optimiser_moves_it_without_touching_the_loop():
    torch.manual_seed(0)
    dist, target = learnable(Gamma(2.0, 3.0)), Gamma(5.0, 5.0)
    optimiser = torch.optim.Adam(dist.parameters(), lr=0.05)
    before = float(reparam.kl_divergence(dist, target).detach())
    for _ in range(100):
        samples = dist.rsample((1000,))
        cost = -(target.log_prob(samples) - dist.log_prob(samples)).mean()
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()
    assert float(reparam.kl_divergence(dist, target).detach()) < before / 4


def test_freezing_single_parameters():
    dist = learnable(Gamma(2.0, 3.0)).freeze("rate")
    dist.log_prob(torch.tensor(1.0)).backward()
    assert dist.unconstrained["rate"].grad is None and dist.unconstrained["concentration"].grad is not None
    assert not any(p.requires_grad for p in dist.freeze().parameters())
    assert all(p.requires_grad for p in dist.unfreeze().parameters())
    with pytest.raises(ValueError, match="learns no parameter 'scale'; it learns concentration, rate"):
        dist.freeze("scale")


@pytest.mark.parametrize("keep", [True, False], ids=["zeros", "leftovers"])
def test_what_is_frozen_does_not_move(keep):
    dist = learnable(reparam.Gamma(2.0, 3.0))
    optimiser = torch.optim.Adam(dist.parameters(), lr=0.1)
    for frozen in (False, True):
        if frozen:
            dist.freeze("rate")
            concentration, rate = dist.concentration.detach(), dist.rate.detach()
        if keep:
            optimiser.zero_grad(set_to_none=False)  # Adam would move a parameter whose gradient is zero
        dist.log_prob(torch.tensor(4.0)).backward()
        optimiser.step()
    assert torch.equal(dist.rate, rate) and not torch.equal(dist.concentration, concentration)


def test_a_submodule_of_a_model():
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.prior = learnable(Independent(Normal(torch.zeros(2), 1.0), 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.prior.log_prob(x)

    model = Model()
    assert sorted(model.state_dict()) == [
        "prior.base_distribution.unconstrained.loc",
        "prior.base_distribution.unconstrained.scale",
    ]
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(torch.ones(2)), model(torch.ones(2)))
    torch.testing.assert_close(
        torch.func.functional_call(
            model, {"prior.base_distribution.unconstrained.loc": torch.ones(2)}, (torch.ones(2),)
        ),
        Independent(Normal(torch.ones(2), 1.0), 1).log_prob(torch.ones(2)),
    )


def test_views_of_it_stay_live():
    dist = learnable(Normal(torch.zeros(2), 1.0))
    first, wide = dist[0], dist.expand((3, 2))
    with torch.no_grad():
        dist.unconstrained["loc"].fill_(4.0)
    assert first.mean == 4.0 and bool((wide.mean == 4.0).all())


def test_a_start_on_the_boundary_is_refused():
    with pytest.raises(ValueError, match="probs starts on the boundary"):
        learnable(reparam.Bernoulli(probs=0.0))
    with pytest.raises(ValueError, match="semidefinite_covariance starts on the boundary"):
        learnable(MultivariateNormal(torch.zeros(2), semidefinite_covariance=torch.ones(2, 2)))
