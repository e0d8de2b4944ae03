"""Divergences between truncations of one family, and their gradients, against Gauss-Legendre panels in mpmath."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from mpmath import mp, mpf
from numpy.polynomial.legendre import leggauss
from torch import Tensor

from reparam import Exponential, Gamma, Laplace, Normal, Truncated, Uniform, kl_divergence

RULE = [tuple(map(mpf, pair)) for pair in zip(*leggauss(30), strict=True)]
FAMILIES: dict[str, Any] = {"Normal": Normal, "Exponential": Exponential, "Laplace": Laplace, "Gamma": Gamma}
# the logarithm of the density at x, but for what does not depend on it
SHAPES: dict[str, Callable[..., Any]] = {
    "Normal": lambda x, loc, scale: -(((x - loc) / scale) ** 2) / 2,
    "Exponential": lambda x, rate: -rate * x,
    "Laplace": lambda x, loc, scale: -abs(x - loc) / scale,
    "Gamma": lambda x, a, rate: (a - 1) * mp.log(x) - rate * x,
}
# the parameters of p and its bounds, and those of q
CASES = [
    ("Normal", (0.0, 1.0, -1.0, 2.0), (0.5, 1.25, -3.0, 2.5)),
    ("Normal", (0.0, 1.0, 30.0, 31.0), (0.5, 1.25, 29.5, 32.0)),
    ("Normal", (0.0, 1.0, -31.0, -30.0), (0.25, 2.0, -31.0, -30.0)),
    ("Normal", (0.0, 1.0, 30.0, math.inf), (-20.0, 3.0, 25.0, math.inf)),
    ("Normal", (1.0, 2.0, 0.5, 4.0), (1.0 + 2.0**-20, 2.0, 0.5, 4.0)),
    ("Normal", (0.0, 1.0, 1.0, 1.0 + 2.0**-19), (3.0, 1.0, 1.0, 2.0)),
    ("Exponential", (2.0, 30.0, math.inf), (3.0, 25.0, math.inf)),
    ("Exponential", (2.0, 500.0, 501.0), (1.5, 0.0, 501.0)),
    ("Exponential", (2.0, 0.0, 1.0), (2.0**-30, 0.0, 1.0)),
    ("Laplace", (0.1, 1.0, -1.0, 2.0), (0.5, 1.25, -3.0, 2.5)),
    ("Gamma", (2.0, 1.0, 30.0, 50.0), (3.0, 2.0, 20.0, 50.0)),
]


def _mean(weigh: Callable[[Any], Any], of: Callable[[Any], Any], low: Any, high: Any, corners: list[Any]) -> Any:
    """The integral of a density times a function, and of the density."""
    if high == mp.inf:
        ends = [low + mpf(2) ** k for k in range(-9, 7)]
    else:
        ends = sorted({low + (high - low) * k / 12 for k in range(1, 13)} | {c for c in corners if low < c < high})
    total = mass = mpf(0)
    for a, b in zip([low, *ends[:-1]], ends, strict=True):
        for x, w in RULE:
            at = a + (b - a) * (1 + x) / 2
            share = (b - a) / 2 * w * weigh(at)
            total, mass = total + share * of(at), mass + share
    return total / mass, mass


def _truth(family: str, first: tuple[Any, ...], second: tuple[Any, ...]) -> Any:
    (*p, a, b), (*q, c, d) = first, second
    log_p, log_q = (lambda x, own=own: SHAPES[family](x, *own) - SHAPES[family](a, *own) for own in (p, q))
    corners = [p[0], q[0]] if family == "Laplace" else []
    change, mass = _mean(lambda x: mp.exp(log_p(x)), lambda x: log_p(x) - log_q(x), a, b, corners)
    _, other = _mean(lambda x: mp.exp(log_q(x)), lambda x: 0, c, d, corners)
    return change - mp.log(mass) + mp.log(other)


def _divergence(family: str, first: list[Tensor], second: list[Tensor]) -> Tensor:
    (*p, a, b), (*q, c, d) = first, second
    return kl_divergence(Truncated(FAMILIES[family](*p), a, b), Truncated(FAMILIES[family](*q), c, d))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("family", "first", "second"), CASES)
def test_values(family: str, first: tuple[float, ...], second: tuple[float, ...], dtype: torch.dtype) -> None:
    """To 4 eps in float32; in float64 to 1e-12, for that of a log-density of -450 is 1e-13 off where all is exact."""
    ours, theirs = ([torch.tensor(v, dtype=dtype) for v in law] for law in (first, second))
    with mp.workdps(30):
        expected = _truth(family, *(tuple(mpf(v.item()) for v in law) for law in (ours, theirs)))
    rel = max(1e-12, 4 * torch.finfo(dtype).eps)
    assert _divergence(family, ours, theirs).item() == pytest.approx(float(expected), rel=rel)


@pytest.mark.parametrize(("family", "first", "second"), CASES)
def test_gradients(family: str, first: tuple[float, ...], second: tuple[float, ...]) -> None:
    """To 1e-9; of bounds that are finite, and inside the support of the untruncated law."""
    laws = [[torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in law] for law in (first, second)]
    slopes = torch.autograd.grad(_divergence(family, *laws), laws[0] + laws[1])
    given, split = [*first, *second], len(first)
    with mp.workdps(30):
        flat = list(map(mpf, given))
        for place, found in enumerate(slopes):
            if math.isinf(given[place]) or (family == "Exponential" and given[place] == 0):
                continue

            def moved(v: Any, place: int = place) -> Any:
                at = [*flat[:place], v, *flat[place + 1 :]]
                return _truth(family, tuple(at[:split]), tuple(at[split:]))

            expected = mp.diff(moved, flat[place], h=mpf(10) ** -10)
            assert found.item() == pytest.approx(float(expected), rel=1e-9, abs=1e-12)


def test_neighbours_and_equals() -> None:
    """At equal laws 0 with no slope; beside p, half the variance times the squared step in a location, to its cube."""
    t = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    p = Truncated(Normal(torch.zeros((), dtype=torch.float64), 1.0), 1.0, 3.0)
    same = kl_divergence(p, Truncated(Normal(t, 1.0), 1.0, 3.0))
    assert same == 0 and torch.autograd.grad(same, t)[0].abs() < 1e-15
    step = 1e-8
    near = kl_divergence(p, Truncated(Normal(t.detach() + step, 1.0), 1.0, 3.0))
    torch.testing.assert_close(near / step**2, p.variance / 2, rtol=1e-7, atol=0.0)


def test_beyond_the_bounds_it_is_infinite_and_constant() -> None:
    low = torch.tensor([0.0, 2.0], dtype=torch.float64, requires_grad=True)
    rate = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    value = kl_divergence(Truncated(Exponential(1.0), low, 4.0), Truncated(Exponential(rate), 1.0, 4.0))
    assert value[0] == torch.inf and value[1].isfinite()
    slopes = torch.autograd.grad(value[0], (low, rate), retain_graph=True)
    assert all((slope == 0).all() for slope in slopes)
    assert all(slope.isfinite().all() for slope in torch.autograd.grad(value[1], (low, rate)))


def test_uniform_laws_are_those_of_their_bounds() -> None:
    p, q = Truncated(Uniform(0.0, 1.0), 0.25, 0.5), Truncated(Uniform(-1.0, 1.5), 0.0, 1.0)
    torch.testing.assert_close(kl_divergence(p, q), torch.tensor(math.log(4.0)))


def test_other_pairs_have_the_fallback() -> None:
    p, q = Truncated(Normal(0.0, 1.0), 0.0, 1.0), Truncated(Laplace(0.0, 1.0), 0.0, 1.0)
    with pytest.raises(NotImplementedError, match="of one family and no mixtures, not from Normal to Laplace"):
        kl_divergence(p, q)
    assert kl_divergence(p, q, fallback="quadrature").error < 1e-6
