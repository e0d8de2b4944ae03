"""The incomplete gamma functions beyond their tables: second derivatives, autograd of the formula, inverses, edges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cache

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

from oracle import excess
from reparam import special
from truths.gamma import DIGITS, TABLE, Orders, gradient_orders, probability_orders, quantile_orders

Truths = list[tuple[mpf, mpf]]
FUNCTIONS = {
    "P": special.gammainc,
    "Q": special.gammaincc,
    "logP": special.log_gammainc,
    "logQ": special.log_gammaincc,
}
INVERSES = {
    (False, False): special.gammaincinv,
    (True, False): special.gammainccinv,
    (False, True): special.gammaincinv_exp,
    (True, True): special.gammainccinv_exp,
}
SECOND = ("aa", "ax", "xx")
POINTS = [(a, x) for a, x in TABLE if a >= 0.1 and x > 1e-100]


@cache
def _orders(name: str, point: tuple[float, float]) -> Orders:
    with mp.workdps(DIGITS):
        return probability_orders(name, *map(mpf, point))


def _truths(name: str, order: str, points: list[tuple[float, float]]) -> Truths:
    """The derivative at each point, and what the rounding of a and x moves it by."""

    def moved(f: Orders, point: tuple[float, float]) -> mpf:
        return sum(abs(v * f["".join(sorted(order + i))]) for v, i in zip(point, "ax", strict=True))

    return [(_orders(name, p)[order], moved(_orders(name, p), p)) for p in points]


def _leaves(points: list[tuple[float, float]]) -> tuple[Tensor, Tensor]:
    a, x = (torch.tensor(c, dtype=torch.float64, requires_grad=True) for c in zip(*points, strict=True))
    return a, x


def _second(f: Callable[[Tensor, Tensor], Tensor], points: list[tuple[float, float]]) -> tuple[Tensor, ...]:
    """The second derivatives aa, ax and xx."""
    a, x = _leaves(points)
    f_a, f_x = torch.autograd.grad(f(a, x).sum(), (a, x), create_graph=True)
    f_aa, f_ax = torch.autograd.grad(f_a.sum(), (a, x), retain_graph=True)
    return f_aa, f_ax, torch.autograd.grad(f_x.sum(), x)[0]


def _worst(got: Tensor, truths: Truths) -> float:
    return max(excess(v, *t, got.dtype) for v, t in zip(got.tolist(), truths, strict=True))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_derivatives(name: str) -> None:
    # Below a = 0.1 what cancels grows as 1/a; at a = 1 the second derivative of log Q in x is 0.
    points = [p for p in POINTS if p[0] != 1]
    for order, got in zip(SECOND, _second(FUNCTIONS[name], points), strict=True):
        worst = _worst(got, _truths(name, order, points))
        # The derivative of the hazard is small against the terms it is made of: up to four digits cancel.
        assert worst <= (1e4 if order == "xx" else 1000), f"{name}_{order}: {worst:.3g} eps"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_autograd_of_the_formula_agrees(name: str) -> None:
    # Transforms in a compiled function differentiate the formula: as good as what is given where a is not tiny.
    a, x = _leaves(POINTS)
    slopes = torch.autograd.grad(FUNCTIONS[name].__wrapped__(a, x).sum(), (a, x))
    for order, got in zip("ax", slopes, strict=True):
        worst = _worst(got, _truths(name, order, POINTS))
        assert worst <= 1000, f"{name}_{order}: {worst:.3g} eps"


# a, and the number of standard deviations from the median that a quantile is about
QUANTILES = [(a, d) for a in (0.1, 0.7, 1.0, 2.5, 40.0, 1e4) for d in (-6.0, -1.0, 0.0, 0.5, 5.0)]


@pytest.mark.parametrize(("upper", "log"), INVERSES)
def test_second_derivatives_of_inverses(upper: bool, log: bool) -> None:
    points = []
    for a, d in QUANTILES:
        p = special.ndtr(torch.tensor(-d if upper else d, dtype=torch.float64))
        points.append((a, float(p.log() if log else p)))
    found = _second(INVERSES[upper, log], points)
    for i, point in enumerate(points):
        with mp.workdps(DIGITS):
            exact, terms = quantile_orders(*map(mpf, point), upper, log)
        for order, got in zip(("aa", "ag", "gg"), found, strict=True):
            # Each is a sum of few terms, each of them good to 1000 eps.
            error = abs(float(got[i]) - exact[order]) / terms[order]
            assert error <= 1000 * torch.finfo(torch.float64).eps, f"{order} at {point}: {float(error):.3g}"


def test_quantile_gradient() -> None:
    points = [(a, math.log(x)) for a, x in TABLE[::2]] + [(a, -1000.0) for a in (1e-8, 1e-4, 0.1, 2.0)]
    a, y = _leaves(points)
    slopes = torch.autograd.grad(special.log_gamma_quantile_grad(a, y).sum(), (a, y))
    for order, got in zip("ay", slopes, strict=True):
        # Terms of the order of a^{-1/2} leave a derivative of the order of 1/a: they cancel to 1/sqrt(a). The least
        # bound is that of the derivatives of all special functions.
        for p, g in zip(points, got.tolist(), strict=True):
            with mp.workdps(DIGITS):
                exact = gradient_orders(*map(mpf, p))[order]
            error = excess(g, exact, mpf(0), got.dtype)
            assert error <= max(1000, 100 * p[0] ** 0.5), f"{order} at {p}: {error:.3g} eps"


def test_inverses_return_in_the_deep_tails() -> None:
    shapes = torch.tensor([1e-3, 0.4, 1.0, 7.0, 300.0, 1e7], dtype=torch.float64)
    levels = -torch.logspace(-250, 250, 401, dtype=torch.float64)
    a, log_p = torch.meshgrid(shapes, levels, indexing="ij")
    for inverse, f in (
        (special.gammaincinv_exp, special.log_gammainc),
        (special.gammainccinv_exp, special.log_gammaincc),
    ):
        x = inverse(a, log_p)
        assert (x.diff() * (x[:, 1:] - x[:, :1]).sign() >= 0).all(), "not monotone"
        back, slope = f(a, x), torch.autograd.functional.jvp(lambda v: f(a, v), x, torch.ones_like(x))[1]  # noqa: B023
        inside = (x > 1e-290) & (x < 1e290) & (back < 0)
        # x is right to 100 eps, and so log p to its condition: x times the hazard. |log p| adds its own rounding.
        bound = 100 * torch.finfo(x.dtype).eps * (x * slope.abs() + log_p.abs() + a * x.log().abs() * slope.abs() * x)
        assert ((back - log_p).abs() <= bound)[inside].all()
        assert inside.sum() > 500


def test_edges() -> None:
    a = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    zero, infinity = torch.zeros_like(a), torch.full_like(a, math.inf)
    for name, at_zero, at_infinity in (("P", 0, 1), ("Q", 1, 0), ("logP", -math.inf, 0), ("logQ", 0, -math.inf)):
        f = FUNCTIONS[name]
        assert torch.equal(f(a, zero), torch.full_like(a, at_zero))
        assert torch.equal(f(a, infinity), torch.full_like(a, at_infinity))
        assert f(a, -1.0).isnan().all() and f(a, math.nan).isnan().all() and f(math.nan, a).isnan().all()
    x = zero.requires_grad_()
    (slope,) = torch.autograd.grad(special.gammainc(a, x).sum(), x)
    assert slope.tolist() == [math.inf, 1.0, 0.0]


@pytest.mark.parametrize(("upper", "log"), INVERSES)
def test_edges_of_inverses(upper: bool, log: bool) -> None:
    a = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    ends = [-math.inf, 0.0] if log else [0.0, 1.0]
    first, last = reversed(ends) if upper else ends
    for f, formula in itertools.product([INVERSES[upper, log]], [False, True]):
        f = f.formula if formula else f
        assert torch.equal(f(a, first), torch.zeros_like(a))
        assert torch.equal(f(a, last), torch.full_like(a, math.inf))
        for outside in (math.nan, 0.1, math.inf) if log else (math.nan, -0.1, 1.1):
            assert f(a, outside).isnan().all()
        given = torch.full_like(a, first).requires_grad_()
        slopes = torch.autograd.grad(f(a, given).sum(), given)[0]
        sign = -1.0 if upper else 1.0
        assert slopes.tolist() == ([0.0] * 3 if log else [0.0, sign, sign * math.inf])
