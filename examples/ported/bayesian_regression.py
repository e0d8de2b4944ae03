"""Bayesian linear regression with unknown noise, by stochastic variational inference; many fits side by side.

The guide is a normal law of the weights times a gamma law of the precision. ``run(D)`` works with
``torch.distributions`` as D and with ``reparam``.
"""

from __future__ import annotations

import sys
from types import ModuleType

import torch
from torch import Tensor
from torch.nn.functional import softplus

STEPS, DRAWS = 150, 8
WEIGHTS = (1.0, -2.0, 0.5)


def data(n: int) -> tuple[Tensor, Tensor]:
    """Inputs with a column of ones, and noisy outputs."""
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(n, len(WEIGHTS), generator=generator)
    x[:, 0] = 1
    return x, x @ torch.tensor(WEIGHTS) + 0.5 * torch.randn(n, generator=generator)


def run(D: ModuleType, fits: int = 32) -> dict[str, Tensor]:
    """Fit the guide, in several independent runs at once.

    Returns:
        For each run, the means and standard deviations of the weights, the mean precision, and the last bounds.
    """
    x, y = data(40)
    k = x.shape[1]
    prior = D.Independent(D.Normal(torch.zeros(fits, k), torch.full((fits, k), 3.0)), 1)
    prior_precision = D.Gamma(torch.ones(fits), torch.ones(fits))
    loc = torch.zeros(fits, k, requires_grad=True)
    free_scale = torch.zeros(fits, k, requires_grad=True)
    shape = torch.full((fits,), 2.0, requires_grad=True)
    rate = torch.full((fits,), 2.0, requires_grad=True)
    optimiser = torch.optim.Adam([loc, free_scale, shape, rate], 0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.98)
    bounds = []
    for _ in range(STEPS):
        weights = D.Independent(D.Normal(loc, softplus(free_scale)), 1)
        precision = D.Gamma(softplus(shape), softplus(rate))
        w, tau = weights.rsample((DRAWS,)), precision.rsample((DRAWS,))
        fit = D.Normal(w @ x.mT, tau.rsqrt()[..., None]).log_prob(y).sum(-1).mean(0)
        gap = D.kl_divergence(weights, prior) + D.kl_divergence(precision, prior_precision)
        optimiser.zero_grad()
        (gap - fit).sum().backward()
        optimiser.step()
        schedule.step()
        bounds.append((fit - gap).detach())
    return {
        "weights": loc.detach(),
        "spread": softplus(free_scale).detach(),
        "precision": D.Gamma(softplus(shape), softplus(rate)).mean.detach(),
        "bound": torch.stack(bounds[-20:]).mean(0),
    }


if __name__ == "__main__":
    import reparam

    torch.manual_seed(0)
    found = run(torch.distributions if "torch" in sys.argv else reparam)
    print("weights:", [round(w, 2) for w in found["weights"].mean(0).tolist()])
