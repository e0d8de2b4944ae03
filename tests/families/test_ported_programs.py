"""Whole programs in the styles of published ones, under torch.distributions and under reparam."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, distributions, nn

import reparam
from both_libraries import assert_same_answers

DOUBLE = torch.float64


def kalman_filter(D: ModuleType) -> list[Any]:
    """Filters a walk of two coordinates seen with noise, fits both noises by gradients, compares the posteriors."""
    steps, n = 12, 2
    transition = torch.tensor([[1.0, 0.2], [-0.1, 0.9]], dtype=DOUBLE)
    emission = torch.tensor([[1.0, 0.0], [0.5, 1.0], [0.0, 2.0]], dtype=DOUBLE)
    seen = torch.randn(steps, 3, dtype=DOUBLE, generator=torch.Generator().manual_seed(0)).cumsum(0)
    free = torch.zeros(2, dtype=DOUBLE, requires_grad=True)
    positive = D.transform_to(D.constraints.positive)

    def filtered() -> tuple[Tensor, list[Any]]:
        moving, seeing = positive(free)
        state = D.MultivariateNormal(torch.zeros(n, dtype=DOUBLE), torch.eye(n, dtype=DOUBLE))
        total, states = torch.zeros((), dtype=DOUBLE), []
        for y in seen:
            loc = transition @ state.mean
            spread = transition @ state.covariance_matrix @ transition.mT + moving * torch.eye(n, dtype=DOUBLE)
            innovation = D.LowRankMultivariateNormal(
                emission @ loc, emission @ torch.linalg.cholesky(spread), seeing.expand(3)
            )
            total = total + innovation.log_prob(y)
            gain = spread @ emission.mT @ innovation.precision_matrix
            state = D.MultivariateNormal(
                loc + gain @ (y - innovation.mean), covariance_matrix=spread - gain @ emission @ spread
            )
            states.append(state)
        return total, states

    optimiser, history = torch.optim.Adam([free], 0.1), []
    first = filtered()[1]
    for _ in range(6):
        loss = -filtered()[0]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(loss.detach())
    last = filtered()[1]
    joint = D.MultivariateNormal(
        torch.stack([s.mean for s in last]), scale_tril=torch.stack([s.scale_tril for s in last])
    )
    moved = [D.kl_divergence(a, b) for a, b in zip(first, last)]
    torch.manual_seed(1)
    paths = D.Independent(joint, 1).rsample((4,))
    return [torch.stack(history), free, torch.stack(moved), joint.entropy(), joint.precision_matrix, paths]


def proximal_policy(D: ModuleType) -> list[Any]:
    """PPO: a squashed normal policy that steers to the origin, an entropy bonus, and a stop on the divergence."""
    torch.manual_seed(0)
    policy = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2)).double()
    log_std = nn.Parameter(torch.full((2,), -0.5, dtype=DOUBLE))
    optimiser = torch.optim.Adam([*policy.parameters(), log_std], 0.01)

    def law(state: Tensor) -> tuple[Any, Any]:
        base = D.Independent(D.Normal(policy(state), log_std.exp().expand_as(state)), 1)
        squash = D.ComposeTransform([D.TanhTransform(cache_size=1), D.AffineTransform(0.0, 0.5, cache_size=1)])
        return base, D.TransformedDistribution(base, squash)

    returns, updates = [], 0
    for _ in range(4):
        state, states, actions, rewards = torch.full((64, 2), 0.7, dtype=DOUBLE), [], [], []
        with torch.no_grad():
            for _ in range(5):
                action = law(state)[1].sample()
                states.append(state)
                actions.append(action)
                state = state + action
                rewards.append(-state.square().sum(-1))
            seen, done = torch.cat(states), torch.cat(actions)
            gains = torch.stack(rewards).flip(0).cumsum(0).flip(0)
            advantage = ((gains - gains.mean(1, keepdim=True)) / (gains.std() + 1e-8)).flatten()
            old, squashed = law(seen)
            old_log_prob = squashed.log_prob(done)
        returns.append(gains[0].mean())
        for _ in range(6):
            new, squashed = law(seen)
            ratio = (squashed.log_prob(done) - old_log_prob).exp()
            clipped = torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
            loss = -clipped.mean() - 0.01 * new.entropy().mean()
            divergence = D.kl.kl_divergence(old, new).mean()
            if divergence > 0.02:
                break
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            updates += 1
    return [torch.stack(returns), updates, log_std, divergence, old_log_prob, squashed.base_dist.mean]


def hidden_markov_model(D: ModuleType) -> list[Any]:
    """Sites in the style of Pyro: plates by ``expand``, masks by a law of its own, sums over enumerated states."""

    class Masked(D.Distribution):
        arg_constraints: ClassVar[Any] = {}

        def __init__(self, base: Any, mask: Tensor) -> None:
            self.base_dist, self._mask = base, mask
            super().__init__(base.batch_shape, base.event_shape, validate_args=False)

        @property
        def support(self) -> Any:
            return self.base_dist.support

        def log_prob(self, value: Tensor) -> Tensor:
            return torch.where(self._mask, self.base_dist.log_prob(value), 0.0)

    sites: dict[str, tuple[Any, Tensor]] = {}

    def sample(name: str, law: Any, value: Tensor) -> Tensor:
        sites[name] = law, value
        return value

    k, lengths = 3, torch.tensor([4, 2])
    data = torch.tensor([[0.1, 1.9, 2.2, -0.3], [1.1, 0.4, 0.0, 0.0]], dtype=DOUBLE)
    free = torch.linspace(-1.0, 1.0, k * k, dtype=DOUBLE).reshape(k, k).requires_grad_()
    prior = D.Independent(D.Normal(torch.zeros((), dtype=DOUBLE), 2.0).expand((k,)), 1)
    means = sample("means", prior, torch.tensor([0.0, 1.0, 2.0], dtype=DOUBLE))
    rows = D.Dirichlet(torch.ones(k, dtype=DOUBLE)).expand((k,))
    table = sample("table", rows, D.biject_to(D.constraints.simplex)(free[:, : k - 1]))
    states = D.Categorical(logits=torch.zeros(k, dtype=DOUBLE)).enumerate_support()
    belief = torch.full((2, k), -math.log(k), dtype=DOUBLE)
    for t in range(4):
        moved = D.Categorical(table).log_prob(states[:, None])  # to a state, from a state
        belief = torch.logsumexp(belief[:, None, :] + moved, -1)
        mask = (t < lengths)[:, None].expand(2, k)
        emitted = Masked(D.Normal(means, 0.5).expand((2, k)), mask).log_prob(data[:, t, None])
        belief = belief + emitted
    evidence = belief.logsumexp(-1)
    joint = evidence.sum() + sum(law.log_prob(value).sum() for law, value in sites.values())
    (slope,) = torch.autograd.grad(joint, free)
    posterior = D.OneHotCategorical(logits=belief)
    return [evidence, joint, slope, posterior.entropy(), posterior.mean, posterior.enumerate_support().shape, table]


PROGRAMS = [kalman_filter, proximal_policy, hidden_markov_model]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_both_libraries_give_the_same(program: Any) -> None:
    assert_same_answers(program)


def discrete_autoencoder(D: ModuleType) -> tuple[list[Any], Tensor]:
    """Relaxed codes, hard ones with the relaxed gradient, and an exact divergence.

    Returns:
        What is exact, and the bound, moments of the codes and slopes, one row a draw.
    """
    images = torch.eye(6, dtype=DOUBLE)
    weights = torch.linspace(-1.0, 1.0, 6 * 8, dtype=DOUBLE).sin().reshape(6, 8).requires_grad_()
    decoder = torch.linspace(-2.0, 2.0, 8 * 6, dtype=DOUBLE).cos().reshape(8, 6).requires_grad_()
    logits = (images @ weights).unflatten(-1, (2, 4))
    prior = D.OneHotCategorical(logits=torch.zeros_like(logits))
    rows = []
    for draw in range(400):
        temperature = torch.tensor(1.0 if draw % 2 else 0.5, dtype=DOUBLE)
        posterior = D.Independent(D.RelaxedOneHotCategorical(temperature, logits=logits), 1)
        target = D.Independent(D.RelaxedOneHotCategorical(temperature, logits=torch.zeros_like(logits)), 1)
        code = posterior.rsample()
        pixels = D.Independent(D.Bernoulli(logits=code.flatten(-2) @ decoder), 1)
        bound = pixels.log_prob(images) + target.log_prob(code) - posterior.log_prob(code)
        slopes = torch.autograd.grad(bound.sum(), (weights, decoder), retain_graph=True)
        hard = D.OneHotCategoricalStraightThrough(logits=logits).rsample()
        through = torch.autograd.grad((hard.flatten(-2) @ decoder).square().sum(), weights, retain_graph=True)
        numbers = (bound, code.mean(0), code.square().mean(0), hard.mean(0), *slopes, *through)
        rows.append(torch.cat([n.detach().flatten() for n in numbers]))
    exact = D.Independent(D.OneHotCategorical(logits=logits), 1)
    known = [D.kl_divergence(exact, D.Independent(prior, 1)), exact.entropy(), exact.variance]
    return known, torch.stack(rows)


def test_a_discrete_autoencoder_gives_the_same() -> None:
    """The means of 400 draws, within 6 standard errors of their difference: false alarms below 1e-6."""
    torch.manual_seed(0)
    (known, rows), (ours, found) = (discrete_autoencoder(D) for D in (distributions, reparam))
    for a, b in zip(ours, known, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    error = ((rows.var(0) + found.var(0)) / len(rows)).sqrt()
    assert bool(((rows.mean(0) - found.mean(0)).abs() <= 6 * error + 1e-9).all())
