"""The incomplete gamma functions and the gradient of gamma quantiles, against integrals in high precision."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from mpmath import mp, mpf

from oracle import excess, gamma_tail, rounded
from reparam import special

SHAPES = (1e-8, 1e-4, 0.3, 0.9, 1.0, 1.5, 3.0, 30.0, 1e3, 1e4, 1e8, 1e12)
# x as multiples of a, as standard deviations from a, and as it is
MULTIPLES = (1e-300, 1e-20, 0.01, 0.6, 0.99, 1.0, 1.02, 3.0, 30.0)
DEVIATIONS = (-30.0, -3.0, -0.1, 0.1, 3.0, 30.0)
ABSOLUTE = (1e-300, 1e-30, 1e-3, 0.2, 0.7, 0.999, 1.0, 1.3, 5.0, 80.0, 600.0)


def _points(largest: float = math.inf) -> list[tuple[float, float]]:
    grid = {(a, a * m) for a in SHAPES for m in MULTIPLES}
    grid |= {(a, a + d * a**0.5) for a in SHAPES for d in DEVIATIONS}
    grid |= {(a, x) for a in SHAPES for x in ABSOLUTE}
    return sorted((a, x) for a, x in grid if x >= 1e-307 and a <= largest)


Jet = dict[str, mpf]
# Every derivative in (a, x) up to the third: the third ones are for the conditions of the second.
ORDERS = ("", "a", "x", "aa", "ax", "xx", "aaa", "aax", "axx", "xxx")


def _tail_jet(a: mpf, y: mpf, x: mpf, integrals: list[mpf], sign: int) -> Jet:
    """The derivatives of the integral over the lower (sign 1) or upper (-1) tail."""
    t0, t1, t2, t3 = integrals
    gap, trigamma, bend = y - mp.digamma(a), mp.psi(1, a), (a - 1 - x) / x
    p = sign * mp.exp(a * y - x - mp.loggamma(a)) / x
    return {
        "": t0,
        "a": t1,
        "x": p,
        "aa": t2 - trigamma * t0,
        "ax": gap * p,
        "xx": bend * p,
        "aaa": t3 - 3 * trigamma * t1 - mp.psi(2, a) * t0,
        "aax": (gap**2 - trigamma) * p,
        "axx": (1 / x + gap * bend) * p,
        "xxx": (bend**2 - (a - 1) / x**2) * p,
    }


def _log_jet(f: Jet, log_value: mpf) -> Jet:
    """The derivatives of log f."""
    g = {order: value / f[""] for order, value in f.items()}
    result = {"": log_value}
    for order in ORDERS[1:]:
        value = g[order]
        if len(order) == 2:
            value -= g[order[0]] * g[order[1]]
        if len(order) == 3:
            i, j, k = order
            value -= g[i + j] * g[k] + g[i + k] * g[j] + g[j + k] * g[i]
            value += 2 * g[i] * g[j] * g[k]
        result[order] = value
    return result


@cache
def _truths(a: float, x: float) -> dict[tuple[str, str], tuple[mpf, mpf]]:
    """Each function's derivatives up to the second at (a, x), with what the rounding of a and x moves."""
    with mp.workdps(50):
        a, x = mpf(a), mpf(x)
        y = mp.log(x)
        upper, integrals = gamma_tail(a, y)
        small = _tail_jet(a, y, x, integrals, -1 if upper else 1)
        large = {order: -value for order, value in small.items()} | {"": 1 - small[""]}
        own, other = ("Q", "P") if upper else ("P", "Q")
        jets = {
            own: small,
            other: large,
            "log" + own: _log_jet(small, mp.log(small[""])),
            "log" + other: _log_jet(large, mp.log1p(-small[""])),
        }
        return {
            (name, order): (
                jet[order],
                abs(a * jet["".join(sorted(order + "a"))]) + abs(x * jet[order + "x"]),
            )
            for name, jet in jets.items()
            for order in ORDERS[:6]
        }


@cache
def _quantile_truths(a: float, y: float) -> dict[str, tuple[mpf, mpf]]:
    """The gradient of the log-quantile, with what the rounding of a and y moves, and its two derivatives."""
    with mp.workdps(50):
        a, y = mpf(a), mpf(y)
        upper, integrals = gamma_tail(a, y)
        x, gap = mp.exp(y), y - mp.digamma(a)
        jet = _tail_jet(a, y, x, integrals, -1 if upper else 1)
        density = jet["x"] * x
        h = -jet["a"] / density
        h_a, h_y = -jet["aa"] / density - h * gap, -gap - h * (a - x)
        return {"": (h, abs(a * h_a) + abs(y * h_y)), "a": (h_a, mpf(0)), "y": (h_y, mpf(0))}


FUNCTIONS = {
    "P": special.gammainc,
    "Q": special.gammaincc,
    "logP": special.log_gammainc,
    "logQ": special.log_gammaincc,
}


def _leaves(points: list[tuple[float, float]], dtype: torch.dtype = torch.float64):
    return tuple(torch.tensor(column, dtype=dtype, requires_grad=True) for column in zip(*points, strict=True))


def _worst(got: torch.Tensor, truths: list[tuple[mpf, mpf]]) -> float:
    return max(excess(v, *t, got.dtype) for v, t in zip(got.tolist(), truths, strict=True))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients(name: str) -> None:
    points = _points()
    a, x = _leaves(points)
    value = FUNCTIONS[name](a, x)
    slopes = torch.autograd.grad(value.sum(), (a, x))
    for order, got, bound in (("", value, 100), ("a", slopes[0], 1000), ("x", slopes[1], 1000)):
        worst = _worst(got, [_truths(*p)[name, order] for p in points])
        assert worst <= bound, f"{name}_{order}: {worst:.3g} eps"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_derivatives(name: str) -> None:
    # Below a = 0.1 what cancels grows as 1/a; at a = 1 the second derivative of log Q in x is 0.
    points = [p for p in _points() if p[0] >= 0.1 and p[0] != 1 and p[1] > 1e-100]
    a, x = _leaves(points)
    value = FUNCTIONS[name](a, x)
    f_a, f_x = torch.autograd.grad(value.sum(), (a, x), create_graph=True)
    f_aa, f_ax = torch.autograd.grad(f_a.sum(), (a, x), retain_graph=True)
    (f_xx,) = torch.autograd.grad(f_x.sum(), x)
    for order, got in (("aa", f_aa), ("ax", f_ax), ("xx", f_xx)):
        worst = _worst(got, [_truths(*p)[name, order] for p in points])
        # The derivative of the hazard is small against the terms it is made of: up to four digits cancel.
        assert worst <= 1e4 if order == "xx" else 1000, f"{name}_{order}: {worst:.3g} eps"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_single_precision(name: str) -> None:
    points = rounded(_points(1e4)[::4], torch.float32)
    a, x = _leaves(points, torch.float32)
    value = FUNCTIONS[name](a, x)
    slopes = torch.autograd.grad(value.sum(), (a, x))
    for order, got in (("", value), ("a", slopes[0]), ("x", slopes[1])):
        worst = _worst(got, [_truths(*p)[name, order] for p in points])
        assert worst <= 4, f"{name}_{order}: {worst:.3g} eps"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_autograd_of_the_formula_agrees(name: str) -> None:
    # torch.compile differentiates the formula: its gradient is as good as the given one where a is not tiny.
    points = [p for p in _points() if p[0] >= 0.1 and p[1] > 1e-100]
    a, x = _leaves(points)
    slopes = torch.autograd.grad(FUNCTIONS[name].__wrapped__(a, x).sum(), (a, x))
    for order, got in zip("ax", slopes, strict=True):
        worst = _worst(got, [_truths(*p)[name, order] for p in points])
        assert worst <= 1000, f"{name}_{order}: {worst:.3g} eps"


def test_quantile_gradient() -> None:
    points = [(a, math.log(x)) for a, x in _points()[::2]] + [(a, -1000.0) for a in (1e-8, 1e-4, 0.1, 2.0)]
    a, y = _leaves(points)
    value = special.log_gamma_quantile_grad(a, y)
    slopes = torch.autograd.grad(value.sum(), (a, y))
    truths = [_quantile_truths(*p) for p in points]
    worst = _worst(value, [t[""] for t in truths])
    assert worst <= 100, f"{worst:.3g} eps"
    for order, got in zip("ay", slopes, strict=True):
        # Terms of the order of a^{-1/2} leave a derivative of the order of 1/a: they cancel to 1/sqrt(a).
        for p, g, t in zip(points, got.tolist(), truths, strict=True):
            error = excess(g, *t[order], got.dtype)
            assert error <= 100 * (1 + p[0] ** 0.5), f"{order} at {p}: {error:.3g} eps"


def test_quantile_gradient_single_precision() -> None:
    points = rounded([(a, math.log(x)) for a, x in _points(1e4)[1::4]], torch.float32)
    value = special.log_gamma_quantile_grad(*_leaves(points, torch.float32))
    assert _worst(value, [_quantile_truths(*p)[""] for p in points]) <= 4


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
