"""Gaussian process regression: hyperparameters by maximum a posteriori, predictions, and a low-rank approximation.

``run(D)`` works with ``torch.distributions`` as D and with ``reparam``.
"""

from __future__ import annotations

import sys
from types import ModuleType

import torch
from torch import Tensor

STEPS = 40


def data(n: int) -> tuple[Tensor, Tensor]:
    """Noisy values of a wave."""
    generator = torch.Generator().manual_seed(6)
    x = torch.linspace(0, 4, n, dtype=torch.float64)
    noise = torch.randn(n, dtype=torch.float64, generator=generator)
    return x, torch.sin(2 * x) + 0.2 * noise


def kernel(a: Tensor, b: Tensor, length: Tensor, height: Tensor) -> Tensor:
    """The squared-exponential covariance."""
    return height**2 * torch.exp(-0.5 * ((a[:, None] - b) / length) ** 2)


def run(D: ModuleType) -> dict[str, Tensor]:
    """Fit the process and predict.

    Returns:
        The log-posteriors along the way, the fitted length, height and noise, the predictive mean and standard
        deviation, a joint draw, the approximate evidence, and its divergence from the exact one.
    """
    x, y = data(30)
    positive = D.transform_to(D.constraints.positive)
    free = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    prior = D.Independent(D.Gamma(torch.full((3,), 2.0, dtype=torch.float64), torch.ones(3, dtype=torch.float64)), 1)
    eye, zero = torch.eye(len(x), dtype=torch.float64), torch.zeros(len(x), dtype=torch.float64)

    def marginal(length: Tensor, height: Tensor, noise: Tensor):
        return D.MultivariateNormal(zero, covariance_matrix=kernel(x, x, length, height) + noise**2 * eye)

    optimiser, history = torch.optim.Adam([free], 0.1), []
    for _ in range(STEPS):
        values = positive(free)
        objective = marginal(*values).log_prob(y) + prior.log_prob(values)
        optimiser.zero_grad()
        (-objective).backward()
        optimiser.step()
        history.append(objective.detach())

    with torch.no_grad():
        length, height, noise = fitted = positive(free)
        exact = marginal(*fitted)
        new = torch.linspace(-0.5, 4.5, 7, dtype=torch.float64)
        cross = kernel(new, x, length, height)
        weights = torch.linalg.solve(exact.covariance_matrix, cross.mT).mT
        covariance = kernel(new, new, length, height) - weights @ cross.mT
        jitter = 1e-9 * torch.eye(len(new), dtype=torch.float64)
        predictive = D.MultivariateNormal(weights @ y, covariance_matrix=covariance + jitter)
        torch.manual_seed(4)
        draw = predictive.sample()

        inducing = torch.linspace(0, 4, 6, dtype=torch.float64)
        inner = torch.linalg.cholesky(kernel(inducing, inducing, length, height) + 1e-9 * torch.eye(6))
        factor = torch.linalg.solve_triangular(inner, kernel(inducing, x, length, height), upper=False).mT
        rest = (height**2 - factor.square().sum(-1)).clamp(min=0) + noise**2
        approximate = D.LowRankMultivariateNormal(zero, factor, rest)
        return {
            "posterior": torch.stack(history),
            "fitted": fitted,
            "mean": predictive.mean,
            "stddev": predictive.variance.sqrt(),
            "draw": draw,
            "approximate evidence": approximate.log_prob(y),
            "divergence": D.kl_divergence(exact, approximate),
        }


if __name__ == "__main__":
    import reparam

    found = run(torch.distributions if "torch" in sys.argv else reparam)
    length, height, noise = found["fitted"].tolist()
    print(f"length {length:.3f}, height {height:.3f}, noise {noise:.3f}")
