"""The truth about the modified Bessel function: hypergeometric series, and Debye's expansion for large arguments."""

from __future__ import annotations

import itertools
from fractions import Fraction
from functools import cache

from mpmath import mp, mpf

from . import Jet, Truth

LARGE = 10**4
TERMS = 16
ORDERS = (0.0, 1e-8, 1e-3, 0.1, 0.3, 0.499, 0.5, 0.7, 1.0, 1.5, 2.0, 5.0, 20.0, 137.5, 1e3, 1e6, 1e12)
ARGUMENTS = (1e-300, 1e-30, 1e-8, 0.01, 0.5, 1.0, 1.99, 2.01, 3.0, 5.0, 8.0, 11.9, 12.1, 16.0, 25.0, 40.0, 130.0, 1e3)
ARGUMENTS += (1e5, 1e6, 1e9, 1e12)
RATIOS = (1e-300, 1e-20, 1e-8, 1e-3, 0.1, 0.25, 0.4, 0.499, 0.5, 0.501, 0.6, 0.75, 0.9, 0.97, 0.99, 0.999, 0.99999)
RATIOS += (1 - 2.0**-20, 1 - 2.0**-24)


@cache
def debye() -> list[list[Fraction]]:
    """The polynomials u_k(p) of DLMF 10.41.10 as coefficients of p^(k + 2j)."""
    rows, u = [], {0: Fraction(1)}
    for k in range(TERMS):
        rows.append([u.get(k + 2 * j, Fraction(0)) for j in range(k + 1)])
        following: dict[int, Fraction] = {}
        for n, c in u.items():
            for power, factor in ((n + 1, Fraction(n, 2) + Fraction(1, 8 * (n + 1))),
                                  (n + 3, -Fraction(n, 2) - Fraction(5, 8 * (n + 3)))):  # fmt: skip
                following[power] = following.get(power, Fraction(0)) + c * factor
        u = following
    return rows


@cache
def scaled(v: mpf, x: mpf) -> mpf:
    """exp(-x) I_v(x)."""
    h = mp.sqrt(v * v + x * x)
    if h < LARGE:
        return mp.besseli(v, x) * mp.exp(-x)
    square = (v / h) ** 2
    total = mpf(0)
    for k, row in enumerate(debye()):
        total += mp.polyval([mpf(c.numerator) / c.denominator for c in reversed(row)], square) / h**k
    excess = v * v / (h + x)
    return mp.exp(excess - v * mp.asinh(v / x)) / mp.sqrt(2 * mp.pi * h) * total


class Derivatives:
    """The ratio A to the next order, and derivatives of log I (L) and A, by recurrences in x and differences in v."""

    def __init__(self, v: mpf, x: mpf) -> None:
        h = mpf(10) ** -20 * max(v, 1)
        (low, self.log, high), (below, self.ratio, above) = (
            [f(v + k * h) for k in (-1, 0, 1)] for f in (lambda u: mp.log(scaled(u, x)), lambda u: _ratio(u, x))
        )
        a, span = self.ratio, 2 * v + 1
        self.v, self.vv = (high - low) / (2 * h), (high - 2 * self.log + low) / h**2
        self.ratio_v, self.ratio_vv = (above - below) / (2 * h), (above - 2 * a + below) / h**2
        self.ratio_x = 1 - a * a - span * a / x
        self.ratio_xx = -2 * a * self.ratio_x - span * (self.ratio_x / x - a / x**2)
        self.ratio_vx = -2 * a * self.ratio_v - (2 * a + span * self.ratio_v) / x


def _ratio(v: mpf, x: mpf) -> mpf:
    return scaled(v + 1, x) / scaled(v, x)


def _digits(x: mpf) -> int:
    """Enough for differences whose result is as small as exp(-2x), x^2 or x^-4."""
    return 800 if 50 < x < LARGE or x < 1e-20 else 240


def _log_jet(v: mpf, x: mpf, scale: int) -> Jet:
    with mp.workdps(_digits(x)):
        d = Derivatives(v, x)
        slope, vx, xx = v / x + d.ratio - scale, 1 / x + d.ratio_v, d.ratio_x - v / x**2
        moved = [abs(v * d.vv) + abs(x * vx), abs(v * vx) + abs(x * xx)]
        return d.log + (0 if scale else x), [d.v, slope], moved


def _ratio_jet(v: mpf, x: mpf) -> Jet:
    with mp.workdps(_digits(x)):
        d = Derivatives(v, x)
        moved = [abs(v * d.ratio_vv) + abs(x * d.ratio_vx), abs(v * d.ratio_vx) + abs(x * d.ratio_xx)]
        return d.ratio, [d.ratio_v, d.ratio_x], moved


def _inverse_jet(v: mpf, r: mpf) -> Jet:
    x = r * (2 * v + 2 - r * r) / (1 - r * r)
    with mp.workdps(60 + 2 * int(abs(mp.log10(x)))):
        for _ in range(40):
            a = _ratio(v, x)
            step = (a - r) / (1 - a * a - (2 * v + 1) * a / x)
            x = max(x - step, x / 4)
            if abs(step) < x * mpf(10) ** -40:
                break
        else:
            raise AssertionError(f"no argument of order {v} has the ratio {r}")
    with mp.workdps(_digits(x)):
        d = Derivatives(v, x)
        by_r, by_v = 1 / d.ratio_x, -d.ratio_v / d.ratio_x
        bend_v, bend_r = d.ratio_vx + d.ratio_xx * by_v, d.ratio_xx * by_r
        vv = -(d.ratio_vv + d.ratio_vx * by_v + bend_v * by_v) / d.ratio_x
        vr, rr = -bend_v * by_r / d.ratio_x, -bend_r * by_r / d.ratio_x
        return x, [by_v, by_r], [abs(v * vv) + abs(r * vr), abs(v * vr) + abs(r * rr)]


def _region(v: float, x: float) -> str:
    if x <= (2.0 if v < 0.5 else 12.0):
        return "power series"
    return "path by the corner (v < 1/2)" if v < 0.5 else "path of steepest descent"


METHOD = (
    "The power series (DLMF 10.25.2) for x <= 12, or 2 where v < 1/2. Beyond, Schlaefli's integral (DLMF 10.32.12) by "
    "32 Gauss-Legendre nodes on the path of steepest descent, where its integrand is positive; for v < 1/2 on the path "
    "from 0 to i pi and on to infinity. Derivatives are means, those of the ratio covariances, over the same nodes."
)
POINTS = list(itertools.product(ORDERS, ARGUMENTS))
# every other point is for float32, which knows no number so near to 1
FINE = [point for v in ORDERS for r in (1 - 1e-8, 1 - 1e-12, 1 - 2.0**-53) for point in ((v, r), (v, r - 0.2))]
INVERSE = "Newton's method on bessel_ratio, or on its complement above 1/2, from Banerjee's approximation."

TRUTHS = [
    Truth("log_iv", lambda v, x: _log_jet(v, x, 0), POINTS, _region, METHOD),
    Truth("log_ive", lambda v, x: _log_jet(v, x, 1), POINTS, _region, METHOD),
    Truth("bessel_ratio", _ratio_jet, POINTS, _region, METHOD),
    Truth(
        "bessel_ratio_inverse",
        _inverse_jet,
        FINE + list(itertools.product(ORDERS, RATIOS)),
        lambda v, r: "r < 1/2" if r < 0.5 else "r >= 1/2",
        INVERSE,
    ),
]
