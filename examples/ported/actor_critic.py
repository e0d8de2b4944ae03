"""Advantage actor-critic on a small corridor, with many agents that learn side by side.

An agent starts in the middle of a corridor, chooses a direction by a categorical policy and how fast to go by a
beta one; the right end pays 1, the left end 0.2, and speed costs. ``run(D)`` works with ``torch.distributions`` as D
and with ``reparam``.
"""

from __future__ import annotations

import sys
from types import ModuleType

import torch
from torch import Tensor

STATES, STEPS, UPDATES, DISCOUNT = 7, 6, 30, 0.95


def policy(D: ModuleType, logits: Tensor, speed: Tensor, state: Tensor):
    """The laws of the direction and of the speed in a state."""
    pick = state[:, None, None]
    direction = D.Categorical(logits=logits.gather(1, pick.expand(-1, 1, 2)).squeeze(1))
    concentration = torch.nn.functional.softplus(speed.gather(1, pick.expand(-1, 1, 2)).squeeze(1)) + 0.1
    return direction, D.Beta(concentration[:, 0], concentration[:, 1])


def step(state: Tensor, direction: Tensor, speed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The next state, the reward, and whether the episode goes on."""
    after = state + 2 * direction - 1
    reward = 1.0 * (after == STATES - 1) + 0.2 * (after == 0) - 0.05 * speed**2
    alive = (after > 0) & (after < STATES - 1)
    return after.clamp(0, STATES - 1), reward, alive


def run(D: ModuleType, agents: int = 64) -> dict[str, Tensor]:
    """Train the agents.

    Returns:
        For each agent, the discounted return of its last episodes, and the mean speed that it has learnt.
    """
    logits = torch.zeros(agents, STATES, 2, requires_grad=True)
    speed = torch.zeros(agents, STATES, 2, requires_grad=True)
    values = torch.zeros(agents, STATES, requires_grad=True)
    optimiser = torch.optim.Adam([logits, speed, values], 0.1)
    returns = []
    for _ in range(UPDATES):
        state = torch.full((agents,), STATES // 2)
        alive, total, loss = torch.ones(agents), torch.zeros(agents), torch.zeros(())
        for t in range(STEPS):
            direction, pace = policy(D, logits, speed, state)
            a, s = direction.sample(), pace.sample().clamp(1e-4, 1 - 1e-4)
            after, reward, goes_on = step(state, a, s)
            here = values.gather(1, state[:, None]).squeeze(1)
            there = values.gather(1, after[:, None]).squeeze(1).detach() * goes_on
            advantage = reward + DISCOUNT * there - here
            score = direction.log_prob(a) + pace.log_prob(s)
            bonus = 0.01 * (direction.entropy() + pace.entropy())
            loss = loss + (alive * (advantage**2 - advantage.detach() * score - bonus)).sum()
            total = total + DISCOUNT**t * alive * reward
            alive, state = alive * goes_on, after
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        returns.append(total)
    _, pace = policy(D, logits, speed, torch.full((agents,), STATES // 2))
    return {"return": torch.stack(returns[-10:]).mean(0), "speed": pace.mean.detach()}


if __name__ == "__main__":
    import reparam

    torch.manual_seed(0)
    chosen = torch.distributions if "torch" in sys.argv else reparam
    print({name: round(value.mean().item(), 3) for name, value in run(chosen).items()})
