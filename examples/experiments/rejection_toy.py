"""The toy problem of rejection-sampling gradients: how noisy is the gradient in a Dirichlet's concentrations?"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from itertools import islice

import torch
from numpy import ones
from numpy.random import RandomState
from torch import Generator, Tensor

from reparam import Dirichlet, Gamma
from reparam.cli.tour.part import Finding, Part, Plot, Tick
from reparam.plots.style import BLUE, GREEN, ORANGE, PINK, axes, legend, to_svg
from reparam.special import digamma, lgamma, log_gamma_quantile_grad, trigamma

from .command import main

CATEGORIES, TRIALS = 100, 100
DRAWS = 60_000
OTHERS = 500  # data sets besides the published one
GOAL = 0.5  # of the variance of the best rejection gradient
BEST = "rejection, raised by 10"

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
    BEST: rejection(10),
    "rejection, raised by 1": rejection(1),
    "score function": score,
}


def published() -> Tensor:
    """The counts of the paper's own program, which draws them from NumPy's generator with seed 0."""
    generator = RandomState(0)
    probabilities = generator.dirichlet(ones(CATEGORIES))
    return torch.from_numpy(generator.multinomial(TRIALS, probabilities)).double()


def others() -> Iterator[Tensor]:
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


def rule(a: Tensor, low: Tensor, high: Tensor, points: int) -> tuple[Tensor, Tensor]:
    """Logarithms of gamma(a) draws, evenly spaced, and the weights of the trapezoidal rule under their law."""
    y = low + (high - low) * torch.linspace(0.0, 1.0, points, dtype=a.dtype)
    return y, (a * y - y.exp() - lgamma(a)).exp() * (high - low) / (points - 1)


def exact_variance(alpha: Tensor, counts: Tensor) -> tuple[float, float]:
    r"""The total variance of the implicit gradient by quadrature, and the largest error of its mean by the same rule.

    A draw is :math:`z = g / \sum_k g_k` with independent :math:`g_k \sim \mathrm{Gamma}(\alpha_k, 1)`, so that
    coordinate :math:`j` of the gradient is

    .. math:: \frac{d \log g_j}{d \alpha_j} (x_j - n z_j), \qquad z_j = \frac{g_j}{g_j + r}, \qquad
              r \sim \mathrm{Gamma}\Big(\sum_{k \ne j} \alpha_k, 1\Big),

    whose moments are integrals over the plane. In the logarithms of :math:`g_j` and :math:`r` the integrands are
    analytic and vanish at either end, where the trapezoidal rule converges exponentially.

    Args:
        alpha: concentrations, not below 1.
        counts: how many trials fell into each category.
    """
    n, total = counts.sum(), alpha.sum()
    (a, x), times = torch.unique(torch.stack([alpha, counts]), dim=1, return_counts=True)
    rest = total - a
    y, p = rule(a[:, None], -45 / a[:, None], torch.full_like(a[:, None], 6.5), 300)
    middle, wide = rest.log()[:, None], 12 / rest.sqrt()[:, None]
    r, q = rule(rest[:, None], middle - wide, middle + wide, 61)
    pull = x[:, None, None] - n * torch.sigmoid(y[:, :, None] - r[:, None, :])
    slope = log_gamma_quantile_grad(a[:, None], y)
    mean = torch.einsum("jy, jyr, jr -> j", p * slope, pull, q)
    square = torch.einsum("jy, jyr, jr -> j", p * slope**2, pull**2, q)
    off = mean - x * trigamma(a) + n * trigamma(total)
    return (times * (square - mean**2)).sum().item(), off.abs().max().item()


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
    counts = published()
    measured = {}
    for i, (name, estimate) in enumerate(ESTIMATORS.items()):
        tick(i / 10, name)
        measured[name] = total_variance(estimate, counts + 1, counts, draws)
    most = GOAL * measured[BEST][0]
    for name, (variance, off) in measured.items():
        value = f"{variance:.4g} (mean off by {off:.1f} standard errors)"
        part.findings.append(Finding(f"total variance, {name}", value))
    exact = exact_variance(counts + 1, counts)[0]
    goal = f"at most {most:.4g}, half of that of {BEST}"
    part.findings.append(Finding("total variance, implicit, exact", f"{exact:.4f}", goal, exact <= most))
    tick(0.4, "other data sets")
    elsewhere = islice(others(), OTHERS // 50 if quick else OTHERS)
    spread = torch.tensor([exact_variance(x + 1, x)[0] for x in elsewhere])
    low, median, high = spread.quantile(torch.tensor([0.05, 0.5, 0.95])).tolist()
    value = f"median {median:.2f}, 5 to 95 %: {low:.2f} to {high:.2f}, all: {spread.min():.2f} to {spread.max():.2f}"
    part.findings.append(Finding(f"total variance, implicit, exact, {len(spread)} other data sets", value))
    part.plots.append(picture(counts, draws // 30, tick))
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
