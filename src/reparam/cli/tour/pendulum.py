"""Pathwise: a normal policy learns to swing a pendulum up, with gradients through its actions."""

from __future__ import annotations

import inspect
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ... import Normal
from ...plots.style import BLUE, GREEN, axes, to_svg
from .part import Finding, Part, Plot, Tick

UPDATES = 150
BATCH = 64
HORIZON = 100
LEARNING_RATE = 1e-2
STEP = 0.05  # seconds
TORQUE = 4.0  # newton metres; holding the rod level would take 5
GOAL = 0.95


def dynamics(angle: Tensor, speed: Tensor, torque: Tensor) -> tuple[Tensor, Tensor]:
    """A rod of 1 m and 1 kg on a hinge, ``angle`` from upright, g = 10 m/s², one `STEP` on."""
    speed = speed + STEP * (15 * angle.sin() + 3 * torque)
    return angle + STEP * speed, speed


def swing(policy: nn.Module, angle: Tensor, speed: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Mean reward of each pendulum, and its angles ``[time, pendulum]``."""
    total, angles = torch.zeros_like(angle), []
    for _ in range(steps):
        loc, spread = policy(torch.stack([angle.cos(), angle.sin(), speed / 8], -1)).unbind(-1)
        m = Normal(loc, softplus(spread) + 0.01)
        action = m.rsample()
        torque = TORQUE * action.tanh()
        angle, speed = dynamics(angle, speed, torque)
        reward = angle.cos() - 0.01 * speed**2 - 0.005 * torque**2
        total = total + reward / steps
        angles.append(angle)
    return total, torch.stack(angles)


def train(policy: nn.Module, updates: int, tick: Tick) -> list[float]:
    """The mean reward of each update."""
    optimiser = torch.optim.Adam(policy.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
    rewards: list[float] = []
    for update in range(updates):
        angle = 2 * math.pi * torch.rand(BATCH)
        speed = 2 * torch.rand(BATCH) - 1
        reward, _ = swing(policy, angle, speed, HORIZON)
        loss = -reward.mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        rewards.append(-loss.item())
        tick(update / updates, f"mean reward {rewards[-1]:.2f}")
    return rewards


def run(tick: Tick, quick: bool) -> Part:
    """Train, then release many pendulums that hang almost straight down."""
    policy = nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))
    with torch.no_grad():
        policy[-1].bias[1] = -1.0  # type: ignore[operator]  # begin with a small spread
    rewards = train(policy, 3 if quick else UPDATES, tick)
    with torch.no_grad():
        hanging = math.pi + 0.1 * torch.randn(256)
        _, angles = swing(policy, hanging, torch.zeros(256), 2 * HORIZON)
    last_two_seconds = angles[-int(2 / STEP) :]
    upright = (last_two_seconds.cos().mean(0) > 0.95).float().mean().item()
    return Part(
        title="Pathwise: a pendulum swings up",
        text=(
            "The reward is a differentiable function of the actions, and the actions of a Normal "
            "are differentiable functions of the policy, so the loss is simply minus the reward. "
            "The motor is too weak to hold the rod level: to get past that it has to gather speed."
        ),
        code=inspect.getsource(swing),
        findings=[
            Finding("mean reward of the last update", f"{rewards[-1]:.3f}"),
            Finding(
                "of 256 hanging pendulums, upright after 8 s",
                f"{upright:.1%}",
                f"at least {GOAL:.0%}",
                upright >= GOAL,
            ),
        ],
        plots=[picture(rewards, angles)],
    )


def picture(rewards: list[float], angles: Tensor) -> Plot:
    """Learning, and swings of the trained policy."""
    left, right = axes(2)
    left.plot(rewards, color=BLUE)
    left.set_xlabel("update")
    left.set_ylabel("mean reward")
    seconds = STEP * torch.arange(1, len(angles) + 1)
    right.plot(seconds.tolist(), angles[:, :24].cos().tolist(), color=GREEN, alpha=0.35, linewidth=1)
    right.set_xlabel("seconds")
    right.set_ylabel("height of the tip (m)")
    return Plot(to_svg(left, "pendulum"), "Left: training. Right: 24 swings from hanging to upright.")
