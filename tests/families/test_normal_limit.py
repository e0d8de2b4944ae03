"""Student's t law of infinite degrees of freedom is the normal law, natively and by the formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import vmap

from reparam import Normal, StudentT, kl_divergence

LOC, SCALE = 0.3, 1.7
POINTS = [-40.0, -1.5, 0.3, 0.4, 2.0, 1e5]
FUNCTIONS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "log_prob": lambda law, x: law.log_prob(x),
    "cdf": lambda law, x: law.cdf(x),
    "log_sf": lambda law, x: law.log_sf(x),
    "icdf": lambda law, x: law.icdf(torch.sigmoid(x / 8)),
    "entropy": lambda law, x: law.entropy() + 0 * x,
    "mean": lambda law, x: law.mean + 0 * x,
    "variance": lambda law, x: law.variance + 0 * x,
    "stddev": lambda law, x: law.stddev + 0 * x,
    "skewness": lambda law, x: law.skewness + 0 * x,
    "kurtosis": lambda law, x: law.kurtosis + 0 * x,
    "divergence": lambda law, x: kl_divergence(law, type(law)(*law_limit(law), 1.0 + 0 * x, 2.0)),
}


def law_limit(law: Any) -> list[Any]:
    """Infinite degrees of freedom, of a law that has them."""
    return [math.inf] if isinstance(law, StudentT) else []


def _with_slopes(value: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    if not value.requires_grad:
        return [value]
    return [value, *torch.autograd.grad(value.sum(), parameters, materialize_grads=True)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("in_rows", [False, True])
def test_functions_and_gradients(name: str, in_rows: bool, dtype: torch.dtype) -> None:
    """The same functions of the same numbers: to 16 eps, of a sum of slopes over the points too."""
    x = torch.tensor(POINTS, dtype=dtype)
    parameters = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in (math.inf, LOC, SCALE)]

    def student(x: Tensor) -> Tensor:
        return FUNCTIONS[name](StudentT(*parameters, validate_args=False), x)

    value = vmap(student)(x) if in_rows else student(x)
    expected = FUNCTIONS[name](Normal(*parameters[1:]), x)
    found, wanted = _with_slopes(value, parameters), _with_slopes(expected, parameters)
    eps = 16 * torch.finfo(dtype).eps
    if len(found) > 1:
        assert found[1].item() == 0
    for one, other in zip(found[:1] + found[2:], wanted[:1] + wanted[2:], strict=False):
        torch.testing.assert_close(one, other, rtol=eps, atol=eps)


def test_curvature_and_far_values() -> None:
    """The second derivatives of the log-density, and its values where a square is nearly infinite: to 8 eps."""
    x, law = torch.tensor([2.0, 1e150, -1e139], dtype=torch.float64), torch.tensor([math.inf, LOC, SCALE]).double()
    z = (x - law[1]) / law[2]
    torch.testing.assert_close(StudentT(*law).log_prob(x), Normal(*law[1:]).log_prob(x), rtol=2e-15, atol=0.0)
    found = torch.func.hessian(lambda v: StudentT(*v, validate_args=False).log_prob(x[0]))(law)
    expected = torch.zeros(3, 3, dtype=torch.float64)
    expected[1, 1], expected[1, 2], expected[2, 1], expected[2, 2] = -1, -2 * z[0], -2 * z[0], 1 - 3 * z[0] ** 2
    expected = expected / law[2] ** 2
    torch.testing.assert_close(found, expected, rtol=2e-15, atol=0.0)


@pytest.mark.parametrize("in_rows", [False, True])
@pytest.mark.parametrize("count", [400, 20_000])
def test_draws_and_their_gradients(count: int, in_rows: bool) -> None:
    """Kolmogorov's distance below 2.7 / sqrt(n), which it exceeds once in a million; slopes 0, 1 and z to 1e-15."""
    torch.manual_seed(17)
    df, loc, scale = (torch.full((count,), v, dtype=torch.float64, requires_grad=True) for v in (math.inf, LOC, SCALE))

    def draw(*row: Tensor) -> Tensor:
        return StudentT(*row, validate_args=False).rsample()

    x = vmap(draw, randomness="different")(df, loc, scale) if in_rows else draw(df, loc, scale)
    slopes = torch.autograd.grad(x.sum(), (df, loc, scale))
    z = (x - LOC).detach() / SCALE
    for found, expected in zip(slopes, (torch.zeros_like(z), torch.ones_like(z), z), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-15, atol=1e-15)
    levels, _ = Normal(loc, scale).cdf(x).detach().sort()
    steps = torch.arange(count + 1, dtype=torch.float64) / count
    assert max((levels - steps[:-1]).max(), (steps[1:] - levels).max()) < 2.7 / math.sqrt(count)


def test_divergences_from_and_to_the_normal_law() -> None:
    """Against the laws of 1e13 degrees of freedom, which are as near: to 1e-11; infinite where the variance is."""
    for df in (2.5, 7.0, 9.0, 30.0):
        law = StudentT(torch.tensor(df, dtype=torch.float64))
        for other in (1.0, 3.0):
            limit, near = (StudentT(torch.tensor(v, dtype=torch.float64), 0.5, other) for v in (math.inf, 1e13))
            torch.testing.assert_close(kl_divergence(limit, law), kl_divergence(near, law), rtol=1e-11, atol=0.0)
            if df > 6:  # the fourth moments are near too
                torch.testing.assert_close(kl_divergence(law, limit), kl_divergence(law, near), rtol=1e-11, atol=0.0)
    heavy = StudentT(torch.tensor(2.0, requires_grad=True))
    value = kl_divergence(heavy, StudentT(math.inf))
    assert value == math.inf
    assert torch.autograd.grad(value, heavy.df)[0] == 0
