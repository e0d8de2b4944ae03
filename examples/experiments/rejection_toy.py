"""The toy problem of rejection-sampling gradients: how noisy is the gradient in a Dirichlet's concentrations?"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from itertools import islice

import torch
from torch import Generator, Tensor

from reparam import Dirichlet, Gamma
from reparam.cli.tour.part import Finding, Part, Plot, Tick
from reparam.plots.style import BLUE, GREEN, ORANGE, PINK, axes, legend, to_svg
from reparam.special import digamma, trigamma

from .command import main

CATEGORIES, TRIALS = 100, 100
DRAWS = 20_000
OTHERS = 20  # data sets besides the first
GOAL = 0.5  # of the variance of the best rejection gradient

#: An estimate of the gradient of E[cost] from each row of concentrations.
Estimator = Callable[[Tensor, Tensor], Tensor]


def implicit(a: Tensor, counts: Tensor) -> Tensor:
    """Differentiate the draw."""
    a = a.requires_grad_()
    log_z = Dirichlet(a).rsample().log()
    return torch.autograd.grad((counts * log_z).sum(), a)[0]


def score(a: Tensor, counts: Tensor) -> Tensor:
    """Weigh the gradient of the log-density by the log-likelihood."""
    log_z = Dirichlet(a).sample().log()
    cost = (counts * log_z).sum(-1, keepdim=True)
    return cost * (log_z - digamma(a) + digamma(a.sum(-1, keepdim=True)))


def rejection(raised: int) -> Estimator:
    """Differentiate the proposal of Marsaglia and Tsang for concentrations raised by an integer."""

    def estimate(a: Tensor, counts: Tensor) -> Tensor:
        a = a.requires_grad_()
        top = a + raised
        b = top - 1 / 3
        accepted = Gamma(top.detach(), 1.0).sample()
        noise = ((accepted / b.detach()) ** (1 / 3) - 1) * (9 * b.detach()).sqrt()
        proposal = b * (1 + noise / (9 * b).sqrt()) ** 3
        # what accepting adds: the density of the draw in terms of the noise, against the noise's own
        slope = 2 / 3 * proposal.log() - b.log() / 6
        accepting = Gamma(top, 1.0).log_prob(proposal) + slope
        lowered = sum((torch.rand_like(a).log() / (a + i) for i in range(raised)), proposal.log())
        cost = (counts * lowered.log_softmax(-1)).sum(-1)
        return torch.autograd.grad((cost + cost.detach() * accepting.sum(-1)).sum(), a)[0]

    return estimate


ESTIMATORS: dict[str, Estimator] = {
    "implicit": implicit,
    "rejection, raised by 10": rejection(10),
    "rejection, raised by 1": rejection(1),
    "score function": score,
}


def data() -> Iterator[Tensor]:
    """Counts of `TRIALS` draws with probabilities from the prior, over and over, where the first count is one."""
    generator = Generator().manual_seed(0)
    while True:
        # from uniform numbers alone, so that a faster sampler does not change the data
        waits = -torch.rand(CATEGORIES, dtype=torch.float64, generator=generator).log()
        ends = waits.cumsum(0) / waits.sum()
        thrown = torch.searchsorted(ends[:-1], torch.rand(TRIALS, dtype=torch.float64, generator=generator))
        counts = torch.bincount(thrown, minlength=CATEGORIES).double()
        if counts[0] == 1:
            yield counts


def total_variance(estimate: Estimator, alpha: Tensor, counts: Tensor, draws: int) -> tuple[float, float]:
    """The variance of one draw's gradient, summed over coordinates, and the error of its mean in standard errors."""
    gradients = estimate(alpha.expand(draws, CATEGORIES).clone(), counts)
    exact = counts * trigamma(alpha) - counts.sum() * trigamma(alpha.sum())
    variance = gradients.var(0)
    off = (gradients.mean(0) - exact).square().sum() / (variance.sum() / draws)
    return variance.sum().item(), off.sqrt().item()


def run(tick: Tick, quick: bool) -> Part:
    """Measure the variance of four estimators of the gradient of the evidence lower bound in a Dirichlet."""
    draws = 200 if quick else DRAWS
    part = Part(
        title="Rejection toy: the variance of gradients in a Dirichlet",
        text=(
            f"{TRIALS} trials fall into {CATEGORIES} categories, the prior of whose probabilities is flat. The "
            "variational law is a Dirichlet at the exact posterior, where the first concentration is 2. The gradient "
            "is that of the mean log-likelihood in all concentrations; the rest of the bound is known in closed form "
            "and adds no variance. Rejection sampling differentiates the proposal and corrects for acceptance."
        ),
        code="\n\n".join(map(inspect.getsource, (implicit, score, rejection))),
    )
    first, *others = islice(data(), 1 + OTHERS)
    measured = {}
    for i, (name, estimate) in enumerate(ESTIMATORS.items()):
        tick(i / 10, name)
        measured[name] = total_variance(estimate, first + 1, first, draws)
    most = GOAL * measured["rejection, raised by 10"][0]
    for name, (variance, off) in measured.items():
        goal = f"at most {most:.4g}, half of the next" if name == "implicit" else ""
        value = f"{variance:.4g} (mean off by {off:.1f} standard errors)"
        part.findings.append(Finding(f"total variance, {name}", value, goal, not goal or variance <= most))
    tick(0.4, "other data sets")
    spread = sorted(total_variance(implicit, counts + 1, counts, draws // 4)[0] for counts in others)
    value = f"{spread[0]:.4g} to {spread[-1]:.4g}, median {spread[OTHERS // 2]:.4g}"
    part.findings.append(Finding(f"total variance, implicit, {OTHERS} other data sets", value))
    part.plots.append(picture(first, draws // 10, tick))
    return part


def picture(counts: Tensor, draws: int, tick: Tick) -> Plot:
    """The variances as the first concentration goes from 1 to 3."""
    (ax,) = axes(width=6.4, height=3.2)
    grid = torch.linspace(1.02, 3.0, 34, dtype=torch.float64)
    for i, ((name, estimate), colour) in enumerate(zip(ESTIMATORS.items(), (BLUE, GREEN, ORANGE, PINK), strict=True)):
        tick(0.5 + i / 8, name)
        alphas = [torch.cat([a.reshape(1), counts[1:] + 1]) for a in grid]
        curve = [total_variance(estimate, alpha, counts, draws)[0] for alpha in alphas]
        ax.semilogy(grid.tolist(), curve, color=colour, label=name)
    ax.set_xlabel(r"$\alpha_1$")
    ax.set_ylabel("total variance")
    legend(ax, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return Plot(to_svg(ax, "variance"), "The other concentrations are the posterior's, whose first is 2.")


if __name__ == "__main__":
    sys.exit(main("rejection_toy", run))
