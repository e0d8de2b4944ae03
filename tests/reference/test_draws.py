"""Draws and their derivatives where others lose them, against mpmath."""

from __future__ import annotations

from typing import Any

import mpmath
import pytest
import torch
from mpmath import mp, mpf

import reparam


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-11), (torch.float32, 5e-6)], ids=str)
def test_gamma_draws_have_the_exact_derivative(dtype: torch.dtype, bound: float) -> None:
    """The mean absolute error of dx/da on 300 draws, a from 1e-2 to 1e3."""
    a = torch.logspace(-2, 3, 300, dtype=dtype).requires_grad_()
    x = reparam.Gamma(a, torch.ones_like(a)).rsample(generator=torch.Generator().manual_seed(1))
    (slope,) = torch.autograd.grad(x.sum(), a)
    errors = [
        abs(float(_gamma_slope(ai, xi)) - si) for ai, xi, si in zip(a.tolist(), x.tolist(), slope.tolist(), strict=True)
    ]
    assert sum(errors) / len(errors) <= bound


def _gamma_slope(a: float, x: float) -> Any:
    """-(dP/da) / p, by a central difference whose error is below 1e-20."""
    if x == 0:
        return mpf(0)
    with mp.workdps(50):
        h = mpf(10) ** -13 * mpf(a)
        below, above = (mp.gammainc(mpf(a) + s * h, 0, mpf(x), regularized=True) for s in (-1, 1))
        density = mp.exp((mpf(a) - 1) * mp.log(x) - x - mp.loggamma(a))
        return -(above - below) / (2 * h) / density


@pytest.mark.parametrize(("alpha", "expected"), [(1e-2, 21.80), (1e-3, 221.8), (1e-4, 2221.8)])
def test_small_dirichlet_draws_have_the_right_gradient(alpha: float, expected: float) -> None:
    """E z0^2 and its derivative in a0 at alpha (1, 1, 1), float32, within 5 standard errors (false alarms 6e-7)."""
    n = 100_000
    a = torch.full((n, 3), alpha, requires_grad=True)
    z = reparam.Dirichlet(a).rsample(generator=torch.Generator().manual_seed(2))[:, 0]
    (slope,) = torch.autograd.grad((z * z).sum(), a)
    total = 3 * alpha
    second = alpha * (alpha + 1) / (total * (total + 1))
    exact_slope = second * (1 / alpha + 1 / (alpha + 1) - 1 / total - 1 / (total + 1))
    assert exact_slope == pytest.approx(expected, rel=1e-3)
    for draws, truth in ((z.double() ** 2, second), (slope[:, 0].double(), exact_slope)):
        error = draws.std().item() / n**0.5
        assert abs(draws.mean().item() - truth) < 5 * error


# -- draws at small concentrations ---------------------------------------------------------------------------


def test_draws_at_small_concentrations_have_the_right_masses() -> None:
    """Shares of 100,000 draws within 5 standard errors (false alarms 6e-7 each)."""
    n = 100_000
    generator = torch.Generator().manual_seed(3)
    small = torch.tensor(1e-3, dtype=torch.float64)
    beta_draws = reparam.Beta(small, small).sample(n, generator=generator)
    gamma_draws = reparam.Gamma(small, torch.ones_like(small)).sample(n, generator=generator)
    with mp.workdps(40):
        middle = mp.betainc(small.item(), small.item(), 0.4, 0.6, regularized=True)
        below = mp.gammainc(mpf(small.item()), 0, mpf("1e-300"), regularized=True)
    for share, truth in (
        (((beta_draws > 0.4) & (beta_draws < 0.6)).double().mean(), middle),
        ((gamma_draws < 1e-300).double().mean(), below),
    ):
        p = float(truth)
        assert abs(share.item() - p) < 5 * (p * (1 - p) / n) ** 0.5


def test_the_logarithm_of_small_gamma_draws_has_the_right_mean() -> None:
    """E log X = psi(a) at a = 0.05, where float64 reaches all draws, within 5 standard errors."""
    n = 100_000
    draws = reparam.Gamma(torch.tensor(0.05, dtype=torch.float64), 1.0).sample(
        n, generator=torch.Generator().manual_seed(4)
    )
    logs = draws.log()
    error = logs.std().item() / n**0.5
    assert abs(logs.mean().item() - float(mpmath.digamma(0.05))) < 5 * error
