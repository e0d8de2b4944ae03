"""The incomplete gamma functions and the gradient of gamma quantiles, against integrals in high precision."""

from __future__ import annotations

from functools import lru_cache

import pytest
import torch
from mpmath import mp, mpf
from oracle import gamma_tail, largest_error

from reparam import special

SHAPES = (1e-8, 1e-4, 0.01, 0.3, 0.9, 1.0, 1.5, 3.0, 8.0, 30.0, 1e3, 1e4, 1e6, 1e8, 1e10, 1e12)
# x as multiples of a, and as standard deviations from a
MULTIPLES = (1e-300, 1e-100, 1e-20, 1e-5, 0.01, 0.2, 0.6, 0.9, 0.99, 1.0, 1.02, 1.5, 3.0, 30.0)
DEVIATIONS = (-30.0, -8.0, -3.0, -1.0, -0.1, 0.1, 1.0, 3.0, 8.0, 30.0)
ABSOLUTE = (1e-300, 1e-30, 1e-3, 0.2, 0.7, 0.999, 1.0, 1.3, 5.0, 80.0, 600.0)


def _points() -> list[tuple[float, float]]:
    grid = {(a, a * m) for a in SHAPES for m in MULTIPLES}
    grid |= {(a, a + d * a**0.5) for a in SHAPES for d in DEVIATIONS}
    grid |= {(a, x) for a in SHAPES for x in ABSOLUTE}
    return sorted((a, x) for a, x in grid if x >= 1e-307)


Jet = dict[str, mpf]
# Every derivative in (a, x) up to the third: the third ones are for the conditions of the second.
ORDERS = ("", "a", "x", "aa", "ax", "xx", "aaa", "aax", "axx", "xxx")


def _lower_jet(a: mpf, y: mpf, x: mpf, integrals: list[mpf], sign: int) -> Jet:
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


@lru_cache(maxsize=None)
def _truths(a: float, x: float) -> dict[tuple[str, str], tuple[mpf, mpf]]:
    """Each function's derivatives up to the second at (a, x), with their condition numbers."""
    with mp.workdps(50):
        a, x = mpf(a), mpf(x)
        y = mp.log(x)
        upper, integrals = gamma_tail(a, y)
        small = _lower_jet(a, y, x, integrals, -1 if upper else 1)
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
                (abs(a * jet["".join(sorted(order + "a"))]) + abs(x * jet[order + "x"])) / abs(jet[order])
                if jet[order]
                else mp.inf,
            )
            for name, jet in jets.items()
            for order in ORDERS[:6]
        }


@lru_cache(maxsize=None)
def _quantile_truths(a: float, y: float) -> dict[str, tuple[mpf, mpf]]:
    """The gradient of the log-quantile and its two derivatives, with condition numbers (none for those)."""
    with mp.workdps(50):
        a, y = mpf(a), mpf(y)
        upper, integrals = gamma_tail(a, y)
        x, gap = mp.exp(y), y - mp.digamma(a)
        jet = _lower_jet(a, y, x, integrals, -1 if upper else 1)
        density = jet["x"] * x
        h = -jet["a"] / density
        h_a, h_y = -jet["aa"] / density - h * gap, -gap - h * (a - x)
        return {"": (h, (abs(a * h_a) + abs(y * h_y)) / h), "a": (h_a, mpf(0)), "y": (h_y, mpf(0))}


FUNCTIONS = {
    "P": special.gammainc,
    "Q": special.gammaincc,
    "logP": special.log_gammainc,
    "logQ": special.log_gammaincc,
}
