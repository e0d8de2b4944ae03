"""The normal distribution function, the error functions, Owen's T function."""

from __future__ import annotations

from functools import lru_cache

from mpmath import mp, mpf

from . import Jet, Truth
from .elementary import GAPS, LINE, LOWER, UPPER, interleaved, product, spaced

ENDS = (-300.0, -40.0, -17.0, -8.0, -5.5, -3.0, -1.7, -1.0, -0.5, -0.1, -1e-4, 0.0, 1e-3, 0.3, 0.8, 1.5, 2.5, 6.0, 12.0)
GAPS_OF_ENDS = (1e-8, 1e-5, 1e-3, 0.02, 0.1, 0.3, 0.7, 1.0, 1.6, 2.2, 3.0, 3.8, 4.5, 7.0, 10.0, 25.0, 60.0)
DIFFERENCES = [(a, a + gap) for a in ENDS for gap in GAPS_OF_ENDS]
DIFFERENCES = [(a, b) for a, b in DIFFERENCES if b - a > 3e-7 * abs(a)]
HEIGHTS = (0.0, 1e-8, 1e-3, 0.05, 0.3, 0.7, 1.0, 1.6, 2.5, 4.0, -6.0, 9.0, 15.0, 26.0, 36.0)
SLOPES = (1e-300, 1e-20, 1e-8, 1e-3, 0.1, 0.3, -0.6, 0.9, 0.999, 1.0, 1.001, 1.2, 2.0, -3.3, 7.0, 20.0, 100.0, 1e4)
SLOPES += (1e8, 1e12, 1e30)


def half(x: float) -> str:
    """The side of 0."""
    return "x < 0" if x < 0 else "x >= 0"


def _density(x: mpf) -> mpf:
    return mp.npdf(x)


def _cdf(x: mpf) -> mpf:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def _ndtr(x: mpf) -> Jet:
    with mp.extradps(15):
        return _cdf(x), [_density(x)], [abs(x * x * _density(x))]


def _log_cdf(x: mpf) -> mpf:
    return mp.log(_cdf(x)) if x < 0 else mp.log1p(-_cdf(-x))


def _log_ndtr(x: mpf) -> Jet:
    with mp.extradps(15):
        slope = _density(x) / _cdf(x)
        return _log_cdf(x), [slope], [abs(x * slope * (x + slope))]


def _erfcx(x: mpf) -> Jet:
    with mp.extradps(30 if abs(x) < 1e5 else 700):
        value = mp.exp(x * x) * mp.erfc(x) if x < 1e4 else mp.nsum(
            lambda k: (-1) ** int(k) * mp.fac2(2 * int(k) - 1) / (2 * x * x) ** int(k), [0, 5]
        ) / (x * mp.sqrt(mp.pi))  # fmt: skip
        slope = 2 * x * value - 2 / mp.sqrt(mp.pi)
        return value, [slope], [abs(x * (2 * value + 2 * x * slope))]


def _log_erfc(x: mpf) -> Jet:
    with mp.extradps(330 if abs(x) < 1e-20 else 30):
        value = mp.log(mp.erfc(x)) if x > 0 else mp.log1p(-mp.erf(x))
        slope = -2 / mp.sqrt(mp.pi) * mp.exp(-x * x) / mp.erfc(x)
        return value, [slope], [abs(x * slope * (2 * x + slope))]


def _quantile(log_p: mpf, log_q: mpf) -> mpf:
    """The root y of log Phi(y) = log p, the smaller of p and q = 1 - p, by Newton steps that cannot overshoot."""
    if log_p > log_q:
        return -_quantile(log_q, log_p)
    y = -mp.sqrt(-2 * log_p) if log_p < -3 else mpf(0)
    for _ in range(60):
        cdf = _cdf(y)
        step = cdf / _density(y) * (mp.log(cdf) - log_p)
        y -= step
        if abs(step) < mpf(10) ** (12 - mp.dps):
            return y
    raise AssertionError(f"no quantile for log p = {mp.nstr(log_p)}")


def _ndtri(p: mpf) -> Jet:
    with mp.extradps(20):
        y = _quantile(mp.log(p), mp.log1p(-p))
        slope = 1 / _density(y)
        return y, [slope], [abs(p * y * slope**2)]


def _ndtri_exp(q: mpf) -> Jet:
    with mp.extradps(330 if q > -1e-20 else 20):
        y = _quantile(q, mp.log(-mp.expm1(q)))
        mills = _density(y) / mp.exp(q)
        return y, [1 / mills], [abs(q * (y + mills) / mills**2)]


def _difference(a: mpf, b: mpf) -> Jet:
    with mp.extradps(40):
        outside = _cdf(a) + _cdf(-b)
        mass = 1 - outside if a < 0 < b else _cdf(b) - _cdf(a) if b <= 0 else _cdf(-a) - _cdf(-b)
        value = mp.log1p(-outside) if a < 0 < b else mp.log(mass)
        left, right = _density(a) / mass, _density(b) / mass
        cross = left * right
        moved = [abs(a * left * (a - left)) + abs(b * cross), abs(a * cross) + abs(b * right * (b + right))]
        return value, [-left, right], moved


@lru_cache
def _owens(h: mpf, a: mpf) -> mpf:
    """By definition, between points that the Gaussian factor and the poles ask for."""
    if a > 1:
        high, far = _cdf(-h), _cdf(-a * h)
        return (high + far) / 2 - high * far - _owens(a * h, 1 / a)
    reach = min(a, 16 / h) if h else a
    body = mp.quad(
        lambda u: mp.exp(-((h * reach * u) ** 2) / 2) / (1 + (reach * u) ** 2), [mpf(k) / 8 for k in range(9)]
    )
    return mp.exp(-h * h / 2) * reach * body / (2 * mp.pi)


def _owens_t(h: mpf, a: mpf) -> Jet:
    with mp.workdps(45):
        value = mp.sign(a) * _owens(abs(h), abs(a))
        there, density = a * h, _density(h)
        in_h = -density * mp.erf(there / mp.sqrt(2)) / 2
        in_a = mp.exp(-h * h * (1 + a * a) / 2) / (2 * mp.pi * (1 + a * a))
        mixed = -density * _density(there) * h
        in_hh = -h * in_h - density * _density(there) * a
        in_aa = -in_a * (h * h * a + 2 * a / (1 + a * a))
        return value, [in_h, in_a], [abs(h * in_hh) + abs(a * mixed), abs(h * mixed) + abs(a * in_aa)]


TAIL = "a polynomial for (1 + 2y) erfcx(y) in (y - 11/4)/(y + 11/4)"
QUANTILE = "a polynomial around 1/2; in the tails a fit of y^2 and one of Halley's steps on the logarithm of the tail"
SHORT = [(x,) for (x,) in LINE if abs(x) < 41]
TRUTHS = [
    Truth("ndtr", _ndtr, [(x,) for (x,) in LINE if x > -38] + SHORT[-60:], half, f"By {TAIL}."),
    Truth("log_ndtr", _log_ndtr, [*((x,) for (x,) in LINE if x < 38), *((-x,) for x in spaced(1e3, 1e8, 30))], half,
          f"By {TAIL}."),
    Truth(
        "erfcx",
        _erfcx,
        [*((x,) for (x,) in LINE if x > -26), *((x,) for x in spaced(1e3, 1e12, 60))],
        half,
        f"By {TAIL}, and another for the derivative.",
    ),
    Truth(
        "log_erfc",
        _log_erfc,
        [(x,) for (x,) in LINE if x > -26] + [(x,) for x in spaced(0.9, 1.1, 40)],
        lambda x: "|x| < 1" if abs(x) < 1 else "|x| >= 1",
        f"log1p(-erf(x)) in (-1, 1); beyond by {TAIL}.",
    ),
    Truth("ndtri", _ndtri, interleaved(UPPER, LOWER), lambda p: "|p - 1/2| < 0.3" if abs(p - 0.5) < 0.3 else "tails",
          f"By {QUANTILE}."),
    Truth("ndtri_exp", _ndtri_exp, [(-x,) for x in [*GAPS[30:], *spaced(700, 1e12, 40)]],
          lambda q: "lower tail" if q < -1.6 else "upper tail" if q > -0.2231 else "centre", f"By {QUANTILE}."),
    Truth(
        "log_ndtr_difference",
        _difference,
        DIFFERENCES,
        lambda a, b: "both sides of 0" if a < 0 < b else "one side of 0",
        "On one side of 0 the density at the closer end times an integral, by Gauss-Legendre or scaled tails; on both "
        "sides by error functions or tails.",
    ),
    Truth(
        "owens_t",
        _owens_t,
        product(HEIGHTS, SLOPES),
        lambda h, a: "|a| <= 1" if abs(a) <= 1 else "|a| > 1",
        "Gauss-Legendre over the definition for |a| <= 1, natively with as many nodes as they ask for, else the "
        "reflection to 1/a (Patefield and Tandy 2000).",
    ),
]  # fmt: skip
