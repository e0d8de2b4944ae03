"""Score function: REINFORCE with a categorical policy balances the pole of CartPole-v1."""

from __future__ import annotations

import inspect

import gymnasium
import torch
from torch import Tensor, nn

from ... import Categorical
from ...plots.style import BLUE, GREEN, ORANGE, axes, legend, to_svg
from .part import Finding, Part, Plot, Tick

ENVIRONMENTS = 16  # played in lockstep
UPDATES = 120
DISCOUNT = 0.99
LEARNING_RATE = 1e-2
WINDOW = 100
ENOUGH = 440.0  # mean return of the last `WINDOW` training episodes at which training stops
GOAL = 195.0


def play(policy: nn.Module, env: gymnasium.vector.VectorEnv, seed: int) -> tuple[Tensor, Tensor]:
    """One episode in each environment: log-probabilities and rewards ``[time, env]``, 0 after its end."""
    state, _ = env.reset(seed=seed)
    alive = torch.ones(env.num_envs, dtype=torch.bool)
    log_probs, rewards = [], []
    while alive.any():
        probs = policy(torch.as_tensor(state))
        m = Categorical(probs)
        action = m.sample()
        state, reward, fallen, out_of_time, _ = env.step(action.numpy())
        log_probs.append(m.log_prob(action) * alive)
        rewards.append(torch.as_tensor(reward, dtype=torch.float32) * alive)
        alive = alive & ~torch.as_tensor(fallen | out_of_time)
    return torch.stack(log_probs), torch.stack(rewards)


def surrogate(log_prob: Tensor, reward: Tensor) -> Tensor:
    """``-m.log_prob(action) * reward``, with the discounted reward to go in units of its spread."""
    played = reward > 0
    to_go = torch.zeros_like(reward)
    total = torch.zeros_like(reward[0])
    for t in reversed(range(len(reward))):
        total = reward[t] + DISCOUNT * total
        to_go[t] = total
    centred = (to_go - to_go[played].mean()) / (to_go[played].std() + 1e-8)
    loss = -log_prob * centred
    return loss[played].mean()


def train(policy: nn.Module, env: gymnasium.vector.VectorEnv, updates: int, tick: Tick) -> list[float]:
    """The returns of the training episodes, in their order."""
    optimiser = torch.optim.Adam(policy.parameters(), LEARNING_RATE)
    returns: list[float] = []
    for update in range(updates):
        log_prob, reward = play(policy, env, seed=update * ENVIRONMENTS)
        optimiser.zero_grad()
        surrogate(log_prob, reward).backward()
        optimiser.step()
        returns += reward.sum(0).tolist()
        mean = recent(returns)
        tick(0.9 * max(update / updates, min(mean / ENOUGH, 1.0)), f"mean return {mean:.0f}")
        if len(returns) >= WINDOW and mean >= ENOUGH:
            break
    return returns


def recent(returns: list[float]) -> float:
    """The mean of the last `WINDOW` returns."""
    last = returns[-WINDOW:]
    return sum(last) / len(last)


def run(tick: Tick, quick: bool) -> Part:
    """Train, then play `WINDOW` fresh episodes one after another."""
    policy = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 2), nn.Softmax(-1))
    env = gymnasium.make_vec("CartPole-v1", num_envs=ENVIRONMENTS, vectorization_mode="sync")
    returns = train(policy, env, 3 if quick else UPDATES, tick)
    env.close()

    tick(0.9, "fresh episodes")
    env = gymnasium.make_vec("CartPole-v1", num_envs=1, vectorization_mode="sync")
    with torch.no_grad():
        episodes = 5 if quick else WINDOW
        fresh = [play(policy, env, seed=10**6 + i)[1].sum().item() for i in range(episodes)]
    env.close()

    mean = recent(fresh)
    return Part(
        title="Score function: CartPole-v1 by REINFORCE",
        text=(
            "A small network gives the probabilities of pushing left or right; actions are drawn from "
            "a Categorical, and the gradient reaches the network through their log-probabilities. "
            f"{ENVIRONMENTS} episodes are played in lockstep for each update."
        ),
        code=inspect.getsource(play),
        findings=[
            Finding("training episodes", f"{len(returns)}"),
            Finding("mean return of the last 100 training episodes", f"{recent(returns):.1f}"),
            Finding(
                f"mean return of {episodes} fresh consecutive episodes",
                f"{mean:.1f}",
                f"at least {GOAL:.0f}",
                mean >= GOAL,
            ),
        ],
        plots=[picture(returns)],
    )


def picture(returns: list[float]) -> Plot:
    """The returns as training goes on."""
    (ax,) = axes(width=6.4)
    means = [recent(returns[: i + 1]) for i in range(len(returns))]
    ax.plot(returns, ".", color=BLUE, alpha=0.35, markersize=3, label="one episode")
    ax.plot(means, color=ORANGE, label="mean of the last 100")
    ax.axhline(GOAL, color=GREEN, linewidth=1, linestyle="--", label=f"goal: {GOAL:.0f}")
    ax.set_xlabel("training episode")
    ax.set_ylabel("return")
    legend(ax)
    return Plot(to_svg(ax, "cartpole"), "Steps that the pole was held up, 500 at most.")
