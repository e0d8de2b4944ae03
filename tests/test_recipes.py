"""The code of the page of recipes runs, and does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

PAGE = (Path(__file__).parents[1] / "docs" / "recipes.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page() -> dict[str, object]:
    torch.manual_seed(0)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(block, names)
    return names


def test_fits_recover_the_parameters(page):
    """Within five standard errors; those of 1e4 draws relative to the parameters, from the Hessian at the truth."""
    gamma, x = page["fitted"], page["x"]
    moments = type(gamma.read()).from_mean_parameters(x.log().mean(), x.mean())
    torch.testing.assert_close(gamma.concentration.detach(), moments.concentration, rtol=1e-3, atol=0.0)
    for law, true, error in (
        (gamma, {"concentration": 0.3, "rate": 5.0}, 0.0215),
        (page["censored"], {"scale": 2.0, "concentration": 1.5}, 0.0100),
        (page["truncated"].base_distribution, {"scale": 2.0, "concentration": 1.5}, 0.0335),
    ):
        for name, value in true.items():
            assert abs(getattr(law, name).item() / value - 1) < 5 * error, (law, name)


def test_the_flow_follows_its_parameters(page):
    flow, shift = page["flow"], page["shift"]
    assert page["log_q"].shape == (100,)
    (slope,) = torch.autograd.grad(flow.log_prob(torch.full((2,), 0.25)), shift)
    torch.testing.assert_close(slope, torch.full((2,), 0.25).atanh())


def test_unconstrained_coordinates_have_the_transformed_density(page):
    z = torch.tensor([0.5, -0.5])
    log_density = page["posterior"].log_prob(z.exp()) + z.sum()
    torch.testing.assert_close(page["free"].log_prob(z), log_density)
    assert page["slope"](z).shape == page["z"].shape == (2,)


def test_the_copula_keeps_its_margins(page):
    """Means of 1e5 draws within five standard errors."""
    draws = page["copula"].sample((100_000,))
    laws = [margin.inv.distribution for margin in page["margins"]]
    for column, law in zip(draws.unbind(-1), laws, strict=True):
        assert abs(column.mean() - law.mean) < 5 * law.stddev / 100_000**0.5
    assert bool(page["copula"].log_prob(draws).isfinite().all())


def test_laws_are_mapped(page):
    torch.testing.assert_close(page["mapped"], page["laws"].log_prob(torch.ones(3)))
