"""The gamma function's logarithm, its derivatives and differences."""

from __future__ import annotations

from mpmath import mp, mpf

from oracle import jet

from . import Jet, Truth
from .elementary import product, spaced

HALF = mpf(1) / 2
STIRLING = "Stirling's series as one polynomial in 1/a from a = 1 on, one step of the recurrence below (DLMF 5.5, 5.11)"
DIFFERENCE = (
    "the divided difference of a polynomial in 1/a for Stirling's series from a = 1 on, one step of the recurrence "
    "below, each a sum of terms of one sign (DLMF 5.5, 5.11)"
)

# Integers, halves, their neighbours, the zeros of digamma and log Gamma, and every size in between.
SPECIAL = (0.5, 0.99, 1.0, 1.0 + 1e-7, 1.01, 1.25, 1.46, 1.4616321449683623, 1.47, 1.5, 1.75, 1.99, 2.0, 2.0 + 2e-7)
SPECIAL += (2.01, 2.25, 2.49, 2.5, 2.51, 3.0, 3.5, 4.0, 4.5, 5.0, 7.5, 7.99, 8.0, 8.01, 10.0, 15.99, 16.0, 50.5, 100.0)
ONE = [(a,) for a in [*spaced(1e-300, 1e-8, 60), *spaced(1e-8, 1.0, 120), *SPECIAL, *spaced(1.01, 20, 80)]]
ONE += [(a,) for a in [*spaced(20, 1e12, 60), *spaced(1e12, 1e300, 20)]]
SIZES = (1e-8, 3e-5, 1e-3, 0.04, 0.3, 0.5, 0.97, 1.0, 1.02, 1.5, 2.0, 3.7, 8.0, 12.5, 70.0, 1e3, 1e5, 3e8, 1e12)
TWO = product(SIZES, SIZES)
RATIOS = (1e-12, 1e-6, 1e-3, 0.1, 0.4, 0.6, 0.9, 0.99, 1 - 1e-5, 1 + 1e-6, 1.02, 1.3, 1.9, 2.1, 4.5, 7.0, 19.0, 30.0)
RATIOS += (1e3, 1e6, 1e12)
STARTS = (1e-8, 1e-4, 0.02, 0.3, 0.5, 0.9, 1.0, 1.1, 2.0, 5.0, 7.9, 8.1, 30.0, 1e3, 1e6, 1e9, 1e12)
NEIGHBOURS = [(a * r, a) for a in STARTS for r in RATIOS]
TOTALS = (1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 16.0, 33.0, 100.0, 1001.0, 1e4, 1e5, 1e6, 123456789.0, 1e9, 1e10, 1e12)
SHARES = (0.003, 0.008, 0.02, 0.1, 0.25, 0.4, 0.499, 0.501, 0.6, 0.8, 0.95, 0.997)
COUNTS = [(n, k) for n in TOTALS for k in (0.0, 1.0, 2.0, 3.0, n // 3, n // 2, n - 1, n) if k <= n]
COUNTS += [(n, s * n) for n in TOTALS for s in SHARES]


def side(a: float) -> str:
    """On which side of 1."""
    return "a < 1" if a < 1 else "a >= 1"


def sides(a: float, b: float) -> str:
    """On which side of 1 the smaller argument is."""
    return "min < 1" if min(a, b) < 1 else "min >= 1"


def _at(first: int):
    """The jet of the polygamma function of this order, 0 for digamma and -1 for log Gamma."""

    def order(k: int, a: mpf) -> mpf:
        return mp.loggamma(a) if k < 0 else mp.psi(k, a)

    return lambda a: (order(first, a), [order(first + 1, a)], [abs(a * order(first + 2, a))])


def _lag(a: mpf) -> Jet:
    with mp.extradps(320 if a > 1e20 else 60):
        return mp.log(a) - mp.psi(0, a), [1 / a - mp.psi(1, a)], [abs(a * (1 / a**2 + mp.psi(2, a)))]


def _excess(a: mpf) -> Jet:
    with mp.extradps(320 if a > 1e20 else 60):
        bend = mp.psi(3, a) - 2 / a**3
        return mp.psi(1, a) - 1 / a, [mp.psi(2, a) + 1 / a**2], [abs(a * bend)]


def _factorial(n: mpf) -> Jet:
    with mp.extradps(320 if n < 1e-20 else 40):
        return mp.loggamma(n + 1), [mp.psi(0, n + 1)], [abs(n * mp.psi(1, n + 1))]


def _stirling(a: mpf) -> Jet:
    with mp.extradps(320 if a > 1e20 else 60):
        value = mp.loggamma(a) - (a - HALF) * mp.log(a) + a - mp.log(2 * mp.pi) / 2
        slope = mp.psi(0, a) - mp.log(a) + 1 / (2 * a)
        return value, [slope], [abs(a * (mp.psi(1, a) - 1 / a - 1 / (2 * a**2)))]


def _deviance(x: mpf, m: mpf) -> Jet:
    value = x * mp.log(x / m) + m - x if x else m
    return value, [mp.log(x / m), 1 - x / m], [2, 2 * x / m]


def _remainder(a: mpf) -> mpf:
    return mp.loggamma(a) - a * mp.log(a) + a


def euler_maclaurin(s: mpf, q: mpf) -> mpf:
    """The Hurwitz zeta function, by the Euler-Maclaurin formula at q + 40."""
    z = q + 40
    term, series = s / z, mpf(1) / 2
    for j in range(1, 31):
        series += mp.bernoulli(2 * j) / mp.factorial(2 * j) * term
        term *= (s + 2 * j - 1) * (s + 2 * j) / z**2
    return sum((q + k) ** -s for k in range(40)) + z**-s * (z / (s - 1) + series)


ZETA = product(
    (1.0 + 1e-6, 1.001, 1.03, 1.1, 1.5, 2.0, 2.5, 3.0, 4.0, 5.2, 6.5, 10.0, 20.0, 33.0, 60.0, 120.0),
    (1e-5, 1e-3, 0.1, 0.3, 0.5, 0.9, 1.0, 1.001, 1.5, 2.0, 3.7, 8.0, 9.99, 12.5, 33.0, 100.0, 1e3, 1e5, 1e8, 1e12),
)
ZETA += product((300.0, 1e3), (0.5, 0.9, 1.0, 1.1, 20.0, 100.0)) + product((1e3, 1e6), (1e4, 1e6, 1e9))
ZETA = [(s, q) for s, q in ZETA if abs((s + 1) * mp.log10(q)) < 250]

TRUTHS = [
    Truth("lgamma", _at(-1), ONE, side, f"{STIRLING}; on [1, 5/2] a polynomial times (a - 1)(a - 2)."),
    Truth("digamma", _at(0), ONE, side, f"{STIRLING}."),
    Truth("trigamma", _at(1), [(a,) for (a,) in ONE if a > 1e-100], side, f"{STIRLING}."),
    Truth("log_minus_digamma", _lag, [(a,) for (a,) in ONE if 1e-150 < a < 1e150], side, f"{STIRLING}."),
    Truth("trigamma_excess", _excess, [(a,) for (a,) in ONE if 1e-100 < a < 1e100], side, f"{STIRLING}."),
    Truth("stirling_error", _stirling, [(a,) for (a,) in ONE if 1e-300 < a < 1e150], side, f"{STIRLING}."),
    Truth(
        "log_factorial",
        _factorial,
        [*ONE, *((float(n),) for n in range(64))],
        lambda n: "n < 3/2" if n < 1.5 else "n >= 3/2",
        "A polynomial times n (n - 1) below 3/2, Stirling's series above (DLMF 5.11).",
    ),
    Truth(
        "multigammaln",
        jet(lambda a: mpf(3) / 2 * mp.log(mp.pi) + sum(mp.loggamma(a - mpf(j) / 2) for j in range(3))),
        [(1 + a,) for (a,) in [*ONE, *((x,) for x in spaced(0.011, 55, 100))] if 1e-6 < a < 1e100],
        lambda a: "p = 3",
        "A sum of lgamma (DLMF 35.3).",
        lambda function: lambda a: function(a, 3),
    ),
    Truth(
        "deviance",
        _deviance,
        [(x, x * r) for x in (1e-8, 1e-3, 0.1, 1.0, 7.0, 33.0, 1e3, 1e5, 1e8, 1e10, 1e12) for r in RATIOS]
        + product(
            (1e-8, 1e-5, 1e-3, 0.3, 1.0, 50.0, 1e4, 1e12), (1e-8, 1e-4, 0.1, 1.0, 3.0, 70.0, 2e3, 1e6, 1e9, 1e12)
        ),
        lambda x, m: "near" if abs(x - m) * 3 <= x + m else "far",
        "(x - m) v + 2x (atanh v - v) with v = (x - m)/(x + m) near the mean, the definition elsewhere (Loader 2000).",
    ),
    Truth("digamma_difference", jet(lambda a, b: mp.digamma(a + b) - mp.digamma(a)), TWO, sides, f"By {DIFFERENCE}."),
    Truth("log_gamma_ratio", jet(lambda a, b: mp.loggamma(a + b) - mp.loggamma(a)), TWO, sides, f"By {DIFFERENCE}."),
    Truth(
        "lbeta",
        jet(lambda a, b: mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)),
        TWO,
        sides,
        "Errors of Stirling's formula and logarithms of 1 + a/b and 1 + b/a (DiDonato and Morris 1992).",
    ),
    Truth(
        "log_binomial",
        jet(lambda n, k: mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1)),
        COUNTS,
        lambda n, k: "min(k, n - k) < 3/2" if min(k, n - k) < 1.5 else "min(k, n - k) >= 3/2",
        "With j = min(k, n - k): differences of log Gamma for j < 3/2, beyond Stirling's formula with its errors.",
    ),
    Truth(
        "stirling_bregman",
        jet(lambda b, a: _remainder(b) - _remainder(a) - (b - a) * (mp.digamma(a) - mp.log(a))),
        NEIGHBOURS,
        sides,
        "Second divided differences of a polynomial in 1/a for Stirling's series from 1 on; below, a recurrence while "
        "both arguments are below 8, and the definition beyond.",
    ),
    Truth(
        "zeta",
        jet(euler_maclaurin),
        ZETA,
        lambda s, q: "q < 10" if q < 10 else "q >= 10",
        "Euler-Maclaurin: ten terms, and ten of the asymptotic series at q + 10 (DLMF 25.11.28); natively, fewer terms "
        "where they are all that counts, and none for large q.",
    ),
    Truth(
        "polygamma",
        lambda x: _at(4)(x),
        [(a,) for (a,) in ONE if 1e-40 < a < 1e40],
        lambda x: "n = 4",
        "n! times the Hurwitz zeta function (DLMF 25.11.12); digamma and trigamma for n = 0 and 1.",
        lambda function: lambda x: function(4, x),
    ),
]
