"""Pathwise gradients through mixtures: normal components, moved and weighted together, cover a banana."""

from __future__ import annotations

import inspect

import torch

from ... import (
    Categorical,
    Distribution,
    Factorised,
    Learnable,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    learnable,
)
from ...plots import scatter
from ...plots.style import axes, to_svg
from .part import Finding, Part, Plot, Tick

COMPONENTS = (1, 2, 4, 8)
STEPS = 600
DRAWS = 256
GOAL = 0.1  #: nats that eight components may lose; a single normal loses about two thirds


def target() -> Distribution:
    """The banana: a normal coordinate, and another that follows its square."""
    return Factorised(Normal(0.0, 2.0), [lambda x: Normal(x[..., 0] ** 2 / 2, 0.8)])


def mixture(k: int) -> Learnable:
    """A learnable mixture of k normals of the plane: weights, means and factors."""
    loc = torch.stack([torch.linspace(-1.0, 1.0, k) if k > 1 else torch.zeros(1), torch.ones(k)], -1)
    return learnable(MixtureSameFamily(Categorical(logits=torch.zeros(k)), MultivariateNormal(loc, torch.eye(2))))


def divergence(q: Learnable, p: Distribution, n: int) -> torch.Tensor:
    """The divergence of q from p by n draws, with the pathwise gradient in all that q learns."""
    x = q.rsample((n,))
    gap: torch.Tensor = q.log_prob(x) - p.log_prob(x)
    return gap.mean()


def fit(q: Learnable, p: Distribution, steps: int) -> None:
    """Minimise the divergence."""
    optim = torch.optim.Adam(q.parameters(), 0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optim, steps)
    for _ in range(steps):
        optim.zero_grad()
        divergence(q, p, DRAWS).backward()
        optim.step()
        schedule.step()


def run(tick: Tick, quick: bool) -> Part:
    """Fit mixtures of more and more components."""
    steps = 20 if quick else STEPS
    part = Part(
        title="Mixtures: gradients in weights and components at once",
        text=(
            "A mixture's draw depends on its weights through a discrete choice, and yet has a pathwise "
            "gradient: differentiating one conditional cdf after another gives it exactly. Here mixtures of "
            "normals are fitted to a banana by that gradient alone. What is left is the divergence from the target."
        ),
        code="\n\n".join(inspect.getsource(step) for step in (target, mixture, divergence, fit)),
    )
    p = target()
    figures = axes(columns=2)
    left = []
    for i, k in enumerate(COMPONENTS):
        tick(i / len(COMPONENTS), f"{k} components, {steps} steps")
        q = mixture(k)
        fit(q, p, steps)
        with torch.no_grad():
            left.append(divergence(q, p, 50_000).item())
        last = k == COMPONENTS[-1]
        goal, met = (f"below {GOAL}", left[-1] < GOAL) if last else ("", True)
        part.findings.append(Finding(f"divergence with {k} component{'s' * (k > 1)}", f"{left[-1]:.3f}", goal, met))
    with torch.no_grad():
        for ax, law, title in zip(figures, (p, q.read()), ("target", f"{COMPONENTS[-1]} components"), strict=True):
            scatter(law, ax)
            ax.set_title(title)
    part.plots.append(Plot(to_svg(figures[0], "banana"), "Draws and contours of the target and of the fitted mixture."))
    return part
