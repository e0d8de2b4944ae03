"""Logarithms and exponentials put together."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mpmath import mp, mpf

from . import Jet, Truth

Points = list[tuple[float, ...]]


def spaced(low: float, high: float, count: int) -> list[float]:
    """Numbers evenly spaced by logarithm, both ends included."""
    ratio = math.log(high / low) if high / low < math.inf else math.log(high) - math.log(low)
    return [
        min(low * math.exp(ratio * 0.5 * k / (count - 1)) * math.exp(ratio * 0.5 * k / (count - 1)), high)
        for k in range(count)
    ]


def product(a: Sequence[float], b: Sequence[float]) -> Points:
    """All pairs."""
    return [(x, y) for x in a for y in b]


def interleaved(doubles: Points, singles: Points) -> Points:
    """Points that float32 would round across a border at the even places, which are not rounded, others elsewhere."""
    pairs = [point for pair in zip(doubles, singles, strict=False) for point in pair]
    return pairs + singles[len(doubles) :]


# Exponents at which 1 - exp(-x) loses nothing, half of itself, nearly everything; and beyond.
GAPS = [*spaced(1e-300, 1e-8, 60), *spaced(1e-8, 0.5, 90), 0.69, math.log(2), 0.7, *spaced(0.51, 40, 110)]
GAPS += spaced(41, 700, 40)
LINE = [
    (sign * x,) for x in [*spaced(1e-300, 1e-8, 30), *spaced(1e-8, 40, 110), *spaced(41, 700, 20)] for sign in (1, -1)
]
LOWER = [(p,) for p in [*spaced(1e-300, 1e-8, 70), *spaced(1e-8, 0.5, 120), *(k / 64 for k in range(33, 64))]]
FACTORS = (1e-8, 0.3, 1.0, 2.0, -7.0, 1e5, 1e12)
DISTANCES = (*spaced(1e-3, 0.6, 19), 0.69, 0.7, *spaced(0.71, 60, 22), 300.0)
UPPER = [(1 - p,) for p in [*spaced(1e-15, 1e-7, 40), *spaced(1e-7, 0.4, 60)]]


def near_half(x: float) -> str:
    """By the logarithm of 2, where exp(-x) is a half."""
    return "|x| < log 2" if abs(x) < math.log(2) else "|x| >= log 2"


def beside_half(p: float) -> str:
    """The side of 1/2."""
    return "p < 1/2" if p < 0.5 else "p >= 1/2"


def _product_log(x: mpf, y: mpf, shift: int) -> Jet:
    log, z = (mp.log1p(y) if shift else mp.log(y)), y + shift
    return x * log, [log, x / z], [abs(y / z), abs(x / z) + abs(y * x / z**2)]


def _complement(x: mpf) -> mpf:
    """log(1 - exp(x))."""
    return mp.log(-mp.expm1(x)) if x > -1 else mp.log1p(-mp.exp(x))


def _log1mexp(x: mpf) -> Jet:
    slope = 1 / mp.expm1(-x)
    return _complement(x), [-slope], [abs(x * slope * (1 + slope))]


def _log_expm1(x: mpf) -> Jet:
    slope = -1 / mp.expm1(-x)
    return x + _complement(-x), [slope], [abs(x * slope * (slope - 1))]


def _logsubexp(x: mpf, y: mpf) -> Jet:
    slope = -1 / mp.expm1(y - x)
    fall = 1 / mp.expm1(x - y)
    moved = (abs(x) + abs(y)) * slope * fall
    return x + _complement(y - x), [slope, -fall], [moved, moved]


def _logit(p: mpf) -> Jet:
    return mp.log(p / (1 - p)), [1 / (p * (1 - p))], [p * abs((2 * p - 1) / (p * (1 - p)) ** 2)]


def _logit_complement(p: mpf) -> Jet:
    value, (slope,), moved = _logit(p)
    return -value, [-slope], moved


def _logit_exp(q: mpf) -> Jet:
    slope = -1 / mp.expm1(q)
    return q - _complement(q), [slope], [abs(q * slope * (slope - 1))]


def _log_sigmoid(x: mpf) -> Jet:
    slope = 1 / (1 + mp.exp(x))
    return -mp.log1p(mp.exp(-x)), [slope], [abs(x * slope * (1 - slope))]


EDGES = "-expm1 below log 2, log1p beyond (Maechler 2012)"
TRUTHS = [
    Truth(
        "xlogy",
        lambda x, y: _product_log(x, y, 0),
        product(FACTORS, [*spaced(1e-300, 0.99, 25), 1.0, *spaced(1.01, 1e300, 25)]),
        lambda x, y: "y < 1" if y < 1 else "y >= 1",
        "x log y, and 0 where x = 0.",
    ),
    Truth(
        "xlog1py",
        lambda x, y: _product_log(x, y, 1),
        product(FACTORS, [*spaced(1e-300, 1e300, 30), *(-x for x in spaced(1e-30, 0.99, 20))]),
        lambda x, y: "y < 0" if y < 0 else "y >= 0",
        "x log1p(y), and 0 where x = 0.",
    ),
    Truth("log1mexp", _log1mexp, [(-x,) for x in GAPS], near_half, f"The logarithm of {EDGES}."),
    Truth("log_expm1", _log_expm1, [(x,) for x in GAPS], near_half, f"x + log1mexp(-x): {EDGES}."),
    Truth("softplus_inverse", _log_expm1, [(x,) for x in GAPS], near_half, f"x + log1mexp(-x): {EDGES}."),
    Truth(
        "logsubexp",
        _logsubexp,
        [(x, x - d) for x in (-1e3, -30.0, -1.0, 0.0, 2.5, 70.0, 1e3) for d in DISTANCES],
        lambda x, y: near_half(x - y),
        f"x + log1mexp(y - x): {EDGES}.",
    ),
    Truth("logit", _logit, interleaved(UPPER, LOWER), beside_half, "log p - log1p(-p)."),
    Truth(
        "logit_complement",
        _logit_complement,
        interleaved(UPPER, LOWER),
        beside_half,
        "log1p(-p) - log p.",
    ),
    Truth("logit_exp", _logit_exp, [(-x,) for x in GAPS], near_half, f"q - log1mexp(q): {EDGES}."),
    Truth(
        "log_sigmoid",
        _log_sigmoid,
        LINE,
        lambda x: "x < 0" if x < 0 else "x >= 0",
        "min(x, 0) - log1p(exp(-|x|)).",
    ),
]
