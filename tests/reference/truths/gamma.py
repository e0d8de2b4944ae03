"""The incomplete gamma functions and their inverses: integrals of the density of log X in high precision."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
from mpmath import mp, mpf

from oracle import _gauss_legendre
from reparam import special

from . import Jet, Truth

DIGITS = 50
Orders = dict[str, mpf]
ORDERS = ("", "a", "g", "aa", "ag", "gg")

SHAPES = (1e-8, 1e-4, 0.3, 0.9, 1.0, 1.5, 3.0, 30.0, 60.0, 1e3, 1e4, 1e8, 1e12)
# x as multiples of a, as standard deviations from a, and as it is.
MULTIPLES = (1e-300, 1e-20, 0.01, 0.6, 0.99, 1.0, 1.02, 3.0, 30.0)
DEVIATIONS = (-30.0, -3.0, -0.1, 0.1, 3.0, 30.0)
ABSOLUTE = (1e-300, 1e-30, 1e-3, 0.2, 0.7, 0.999, 1.0, 1.3, 5.0, 80.0, 600.0)
FURTHER = (1e-6, 0.01, 0.1, 0.5, 0.7, 1.01, 2.0, 2.5, 5.0, 10.0, 100.0, 1e6, 1e10)
PROBABILITIES = (1e-300, 1e-100, 1e-20, 1e-6, 0.01, 0.15, 0.36, 0.4, 0.5, 0.6, 0.63, 0.9, 0.999, 1 - 1e-9, 1 - 2.0**-53)
LOGARITHMS = (-1e300, -1e40, -1e6, -2e3, -300.0, -40.0, -8.0, -1.4, -0.8, -0.6, -0.3, -0.01, -1e-6, -1e-30, -1e-300)


def points() -> list[tuple[float, float]]:
    """Pairs of a and x, deep tails and the borders of the methods among them."""
    grid = {(a, a * m) for a in SHAPES for m in MULTIPLES}
    grid |= {(a, a + d * a**0.5) for a in SHAPES for d in DEVIATIONS}
    grid |= {(a, x) for a in SHAPES for x in ABSOLUTE}
    grid |= {
        (a, max(a, 1.0) * (1 + t)) for a in (0.5, 1.0, 2.0, 15.99, 16.0, 47.9, 48.0) for t in (-0.3, -1e-6, 0.0, 0.2)
    }
    return sorted((a, x) for a, x in grid if x >= 1e-307)


def levels(given: Sequence[float]) -> list[tuple[float, float]]:
    """Pairs of a and what the quantile is asked for."""
    return [(a, g) for a in sorted(SHAPES + FURTHER) for g in given]


def moments(a: mpf, y: mpf, upper: bool) -> list[mpf]:
    r"""The integrals of :math:`v^k e^{a v - x (e^v - 1)}` over v > 0 or v < 0, x = exp(y), for k = 0 to 3.

    Piecewise, with 32 Gauss-Legendre nodes, to where the integrand has fallen by 35 decimal places.
    """
    x, sign = mp.exp(y), 1 if upper else -1
    reach = 1 / (mpf(10) ** 18 * (1 + x + a))
    while a * sign * reach - x * mp.expm1(sign * reach) > -80:
        reach *= 1.2
    cuts = {reach * t for t in (0, 0.003, 0.02, 0.06, 0.15, 0.3, 0.5, 0.75, 1)}
    cuts |= {sign * (c - y) for c in (-40, -10, -3, 0, 1, 2, 3, 4) if 0 < sign * (c - y) < reach}
    total = [mpf(0)] * 4
    for left, right in itertools.pairwise(sorted(cuts)):
        for node, weight in _gauss_legendre(32):
            v = sign * (left + (right - left) * node)
            exponent = a * v - x * mp.expm1(v)
            mass = weight * (right - left) * mp.exp(exponent) if exponent > -1e4 else mpf(0)
            for k in range(4):
                total[k] += mass
                mass *= v
    return total


@cache
def tail(a: mpf, y: mpf) -> tuple[bool, mpf, list[mpf]]:
    r"""Whether the smaller tail at y = log x is the upper one, log D, and the tail's log-moments over D.

    D is the density of log X at y, and the moments are those of :math:`\log s - \psi(a)`, of order 0 to 3.
    """
    psi = mp.digamma(a)
    upper, gap = bool(y > psi), y - psi
    plain = moments(a, y, upper)
    central = [sum(mp.binomial(k, j) * gap ** (k - j) * plain[j] for j in range(k + 1)) for k in range(4)]
    return upper, a * y - mp.exp(y) - mp.loggamma(a), central


def tail_orders(a: mpf, y: mpf) -> tuple[bool, Orders]:
    """The derivatives of the smaller tail in (a, x) up to the third order: those are for the conditions."""
    upper, log_density, central = tail(a, y)
    d, x = mp.exp(log_density), mp.exp(y)
    t0, t1, t2, t3 = (d * c for c in central)
    gap, trigamma, bend = y - mp.digamma(a), mp.psi(1, a), (a - 1 - x) / x
    p = (-d if upper else d) / x
    return upper, {
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


def log_orders(f: Orders, log_value: mpf) -> Orders:
    """The derivatives of log f."""
    g = {order: value / f[""] for order, value in f.items()}
    result = {"": log_value}
    for order in list(f)[1:]:
        value = g[order]
        if len(order) == 2:
            value -= g[order[0]] * g[order[1]]
        if len(order) == 3:
            i, j, k = order
            value -= g[i + j] * g[k] + g[i + k] * g[j] + g[j + k] * g[i]
            value += 2 * g[i] * g[j] * g[k]
        result[order] = value
    return result


def probability_orders(name: str, a: mpf, x: mpf) -> Orders:
    """The derivatives of P, Q, log P or log Q up to the third order."""
    y = mp.log(x)
    upper, small = tail_orders(a, y)
    if name.endswith("Q" if upper else "P"):
        log_value = tail(a, y)[1] + mp.log(tail(a, y)[2][0])
        return log_orders(small, log_value) if name.startswith("log") else small
    large = {order: -value for order, value in small.items()} | {"": 1 - small[""]}
    return log_orders(large, mp.log1p(-small[""])) if name.startswith("log") else large


def probability(name: str) -> Callable[[mpf, mpf], Jet]:
    """The jet of P, Q, log P or log Q."""

    def jet(a: mpf, x: mpf) -> Jet:
        with mp.workdps(DIGITS):
            f = probability_orders(name, a, x)
            return f[""], [f["a"], f["x"]], [abs(a * f["a" + i]) + abs(x * f["".join(sorted("x" + i))]) for i in "ax"]

    return jet


def gradient_orders(a: mpf, y: mpf) -> Orders:
    """The derivative in a of y, the logarithm of the quantile, and its own two derivatives in (a, y)."""
    upper, _, central = tail(a, y)
    gap, sign = y - mp.digamma(a), -1 if upper else 1
    slope = -sign * central[1]
    bend = central[2] - mp.psi(1, a) * central[0]
    return {"": slope, "a": -sign * bend - slope * gap, "y": -gap - slope * (a - mp.exp(y))}


def quantile_gradient(a: mpf, y: mpf) -> Jet:
    """The jet of that derivative.

    Its own derivatives, which autograd makes of the formula, are sums of terms that cancel: they are given a few
    roundings of each term, of which those with the hazard are the largest.
    """
    with mp.workdps(DIGITS):
        f, gap = gradient_orders(a, y), abs(y - mp.digamma(a))
        _, _, central = tail(a, y)
        in_a = abs(central[2]) + mp.psi(1, a) * central[0] + abs(f[""]) * gap
        in_y = gap + abs(f[""]) * (abs(a - mp.exp(y)) + 1 / central[0])
        return f[""], [f["a"], f["y"]], [16 * in_a, 16 * in_y]


@cache
def log_quantile(a: mpf, given: mpf, upper: bool, log: bool) -> mpf:
    """The logarithm of the quantile: Newton steps from the result in float64, to 25 digits."""
    name = "gamma" + ("incc" if upper else "inc") + "inv" + ("_exp" if log else "")
    own = given if log else mp.log(given)
    other = mp.log(-mp.expm1(own)) if own > -1e-5 else mp.log1p(-mp.exp(own))
    lower, higher = (other, own) if upper else (own, other)
    start = float(getattr(special, name)(torch.tensor(float(a), dtype=torch.float64), float(given)))
    y = mp.log(start) if start > 1e-300 else (lower + mp.loggamma(a + 1)) / a
    for _ in range(8):
        above, log_density, central = tail(a, y)
        gap = log_density + mp.log(central[0]) - (higher if above else lower)
        step = gap * central[0] * (-1 if above else 1)
        y -= step
        if abs(step) * (1 + mp.sqrt(a)) < mpf(10) ** -13 * (1 + abs(y)):
            return y
    raise ArithmeticError(f"{name}({a}, {given}) does not converge")


def quantile_orders(a: mpf, given: mpf, upper: bool, log: bool) -> tuple[Orders, Orders]:
    """The derivatives of the quantile in a and in what is given, and the sizes of the terms of the second ones."""
    y = log_quantile(a, given, upper, log)
    x = mp.exp(y)
    if x < mpf(10) ** -1000:
        return dict.fromkeys(ORDERS, mpf(0)), dict.fromkeys(ORDERS, mpf(1))
    above, log_density, central = tail(a, y)
    # The derivative of y in what is given is p/D or 1/D, with the sign of the tail.
    if log:
        rate = central[0] if above == upper else mp.exp(given - log_density)
    else:
        rate = central[0] / (given if above == upper else 1 - given)
    y_g = -rate if upper else rate
    f, psi = gradient_orders(a, y), mp.digamma(a)
    slope, x_g, bend = f[""], x * y_g, 1 - a + x
    turn, own = slope * bend - (y - psi), x_g if log else mpf(0)
    exact = {
        "": x,
        "a": x * slope,
        "g": x_g,
        "aa": x * (slope**2 + f["a"] + f["y"] * slope),
        "ag": x_g * turn,
        "gg": x_g * bend * y_g + own,
    }
    size = 1 + a + x
    terms = {
        "aa": x * (slope**2 + abs(f["a"]) + abs(slope) * (abs(y) + abs(psi) + abs(slope) * size)),
        "ag": abs(x_g) * (abs(slope) * size + abs(y) + abs(psi)),
        "gg": abs(x_g * y_g) * size + abs(own),
    }
    return exact, terms


def quantile(upper: bool, log: bool) -> Callable[[mpf, mpf], Jet]:
    """The jet of the quantile of a probability, lower or upper, or of its logarithm."""

    def jet(a: mpf, given: mpf) -> Jet:
        if not log and given == 1:
            return last_quantile(a, upper)
        with mp.workdps(DIGITS):
            f, _ = quantile_orders(a, given, upper, log)
            moved = [abs(a * f["aa"]) + abs(given * f["ag"]), abs(a * f["ag"]) + abs(given * f["gg"])]
            return f[""], [f["a"], f["g"]], moved

    return jet


def last_quantile(a: mpf, upper: bool) -> Jet:
    """The jet of the quantile of probability 1: infinity, or 0 where it is the upper one."""
    if upper:
        return mpf(0), [mpf(0), mpf(0) if a < 1 else mpf(-1) if a == 1 else -mp.inf], [mpf(0)] * 2
    return mp.inf, [mp.inf, mp.inf], [mpf(0)] * 2


def tail_region(a: float, x: float) -> str:
    """By which method the tail at x is computed."""
    if x >= max(a, 1):
        return "upper tail: integral"
    return "a, x < 1: series" if a < 1 else "lower tail, a < 48: series" if a < 48 else "lower tail, a >= 48: integral"


def given_region(log: bool) -> Callable[[float, float], str]:
    """By the size of a and of the probability."""

    def region(a: float, given: float) -> str:
        depth = "deep" if given < (-50 if log else 1e-20) else "central"
        return f"{'a < 1' if a < 1 else 'a >= 1'}, {depth}"

    return region


TAILS = (
    "The tail that begins at x: below max(a, 1) the lower one, otherwise the upper one. Gauss-Legendre quadrature of "
    "the density of log X over it, relative to its value at x, natively with 22 nodes (12 for float32); natively the "
    "power series (DLMF 8.7.1, 8.11.4) of the lower tail below a = 48 (16 for float32), by formula where a and x are "
    "below 1. The density at large a in Loader's saddle-point form (2000)."
)
INVERSES = (
    "A start from an approximate hazard, at a < 1 from the series; then two steps of the fourth order on the logarithm "
    "of the tail. The derivatives by the implicit function."
)
TABLE = points()
TRUTHS = [
    Truth("gammainc", probability("P"), TABLE, tail_region, TAILS),
    Truth("gammaincc", probability("Q"), TABLE, tail_region, TAILS),
    Truth("log_gammainc", probability("logP"), TABLE, tail_region, TAILS),
    Truth("log_gammaincc", probability("logQ"), TABLE, tail_region, TAILS),
    Truth(
        "log_gamma_quantile_grad",
        quantile_gradient,
        [(a, math.log(x)) for a, x in TABLE] + [(a, -1000.0) for a in SHAPES],
        lambda a, y: tail_region(a, math.exp(y)),
        TAILS,
    ),
    Truth("gammaincinv", quantile(False, False), levels(PROBABILITIES), given_region(False), INVERSES),
    Truth("gammainccinv", quantile(True, False), levels(PROBABILITIES), given_region(False), INVERSES),
    Truth("gammaincinv_exp", quantile(False, True), levels(LOGARITHMS), given_region(True), INVERSES),
    Truth("gammainccinv_exp", quantile(True, True), levels(LOGARITHMS), given_region(True), INVERSES),
]
