"""Live parameters: one loop, untouched, moves a Normal and a Gamma onto their targets."""

from __future__ import annotations

import inspect
import math
from time import perf_counter

import torch
from torch import Tensor

from ... import Distribution, Gamma, Normal, kl_divergence, live
from ...plots.style import BLUE, GREEN, ORANGE, axes, legend, to_svg
from .part import Finding, Part, Plot, Tick

STEPS = 2000
EVERY = 20
LEARNING_RATE = 5e-3
GOAL = 1e-3


def fit(dist: Distribution, target: Distribution, optim: torch.optim.Optimizer, steps: int) -> list[float]:
    """The divergence of ``dist`` from its target at every `EVERY` th step, and at the end."""
    divergences = []
    for step in range(steps):
        if step % EVERY == 0:
            divergences.append(kl_divergence(dist, target).item())
        optim.zero_grad()
        samples = dist.rsample((1000,))
        cost = -(target.log_prob(samples) - dist.log_prob(samples)).mean()
        cost.backward()
        optim.step()
    return [*divergences, kl_divergence(dist, target).item()]


def build() -> list[tuple[Distribution, Distribution, list[Tensor]]]:
    """Each law over live parameters, its target, and the tensors that an optimiser moves."""
    loc, log_std, log_shape, log_rate = (torch.tensor(start, requires_grad=True) for start in (1.0, 1.0, 0.0, 0.0))
    normal = Normal(loc, live(torch.exp, log_std))
    gamma = Gamma(live(log_shape).exp(), live(log_rate).exp())
    return [
        (normal, Normal(5.0, 5.0), [loc, log_std]),
        (gamma, Gamma(5.0, 5.0), [log_shape, log_rate]),
    ]


def run(tick: Tick, quick: bool) -> Part:
    """Fit both laws with the same loop."""
    steps = 40 if quick else STEPS
    part = Part(
        title="Live parameters: build once, optimise",
        text=(
            "The law is built once, outside the loop, over live parameters. Every call reads their "
            "values of that moment, so the optimiser moves the law itself; nothing is rebuilt and "
            "nothing is stale. Family and parametrisation change without touching the loop."
        ),
        code=inspect.getsource(build) + "\n\n" + inspect.getsource(fit),
    )
    curves = {}
    for i, (dist, target, parameters) in enumerate(build()):
        name = type(dist).__name__
        tick(i / 2, f"{name}, {steps} steps")
        start = perf_counter()
        optim = torch.optim.Adam(parameters, LEARNING_RATE)
        curves[name] = fit(dist, target, optim, steps)
        micro = (perf_counter() - start) / steps * 1e6
        left = curves[name][-1]
        part.findings += [
            Finding(f"{name}: divergence from its target", f"{left:.1e}", f"below {GOAL:.0e}", left < GOAL),
            Finding(f"{name}: time of a step", f"{micro:.0f} µs"),
        ]
    part.plots.append(picture(curves))
    return part


def picture(curves: dict[str, list[float]]) -> Plot:
    """The divergences on a logarithmic scale."""
    (ax,) = axes(width=6.4)
    for (name, curve), colour in zip(curves.items(), (BLUE, ORANGE), strict=True):
        steps = [EVERY * i for i in range(len(curve))]
        ax.semilogy(steps, [max(k, math.ulp(1.0)) for k in curve], color=colour, label=name)
    ax.axhline(GOAL, color=GREEN, linewidth=1, linestyle="--", label="goal")
    ax.set_xlabel("step of Adam")
    ax.set_ylabel("divergence (nats)")
    legend(ax)
    return Plot(to_svg(ax, "fitting"), "Kullback–Leibler divergence of the fitted law from its target.")
