"""The truth about the incomplete beta functions and Student's t law: their defining integrals in high precision."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import cache

from mpmath import mp, mpf

from oracle import _gauss_legendre

from . import Jet, Truth

PIECES = (0, "0.003", "0.02", "0.06", "0.15", "0.3", "0.5", "0.75", 1)
# log(1e35): where the integrands have fallen by so much
FALL = 82
Matrix = Sequence[Sequence[mpf]]


def integrate(f: Callable[[mpf], Sequence[mpf]], start: mpf, reach: mpf, marks: Sequence[mpf]) -> list[mpf]:
    """The integrals of several functions over [start, start + reach], piecewise, with cuts at marks inside."""
    cuts = {start + reach * mpf(p) for p in PIECES} | {m for m in marks if 0 < (m - start) / reach < 1}
    totals: list[mpf] = []
    for left, right in itertools.pairwise(sorted(cuts)):
        for node, weight in _gauss_legendre(32):
            terms = [abs(right - left) * weight * t for t in f(left + (right - left) * node)]
            totals = [a + b for a, b in zip(totals, terms, strict=True)] if totals else terms
    return totals


def reach_of(exponent: Callable[[mpf], mpf]) -> mpf:
    """Where an increasing function exceeds FALL."""
    reach = mpf(10) ** -9
    while exponent(reach) < FALL:
        reach *= mpf("1.25")
    return reach


def jet_of(value: mpf, slopes: Sequence[mpf], second: Matrix, x: Sequence[mpf]) -> Jet:
    """The jet from the first and second derivatives."""
    return value, slopes, [sum(abs(v * h) for v, h in zip(x, row, strict=True)) for row in second]


def log_jet(value: mpf, log_value: mpf, slopes: Sequence[mpf], second: Matrix, x: Sequence[mpf]) -> Jet:
    """The jet of the logarithm."""
    first = [s / value for s in slopes]
    bend = [[h / value - p * q for h, q in zip(row, first, strict=True)] for row, p in zip(second, first, strict=True)]
    return jet_of(log_value, first, bend, x)


# -- the beta law ----------------------------------------------------------------------------------------------


def log_sigmoid(t: mpf) -> mpf:
    # 1 + exp(-abs(t)) keeps as many digits after the point as there are: far more than the moments need
    return -mp.log(1 + mp.exp(-t)) if t > 0 else t - mp.log(1 + mp.exp(t))


@cache
def beta_tail(a: mpf, b: mpf, u: mpf, v: mpf) -> tuple[bool, list[mpf]]:
    r"""Whether the smaller tail at u : v is the upper one, and its moments.

    These are the integrals of 1, p, q, p^2, p q and q^2 over it, p = log s - E log S, q likewise for 1 - s; in the
    logit of s, where the density is log-concave.
    """
    y, n = mp.log(u) - mp.log(v), a + b
    mean_p, mean_q = mp.digamma(a) - mp.digamma(n), mp.digamma(b) - mp.digamma(n)
    log_beta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(n)

    def log_density(t: mpf) -> mpf:
        return a * log_sigmoid(t) + b * log_sigmoid(-t) - log_beta

    def terms(t: mpf) -> Sequence[mpf]:
        log_s = log_sigmoid(t)
        p, q, mass = log_s - mean_p, log_s - t - mean_q, mp.exp(a * log_s + b * (log_s - t) - log_beta)
        return [mass, mass * p, mass * q, mass * p * p, mass * p * q, mass * q * q]

    upper = y > mean_p - mean_q
    sign, top = (1 if upper else -1), log_density(y)
    reach = sign * reach_of(lambda d: top - log_density(y + sign * d))
    marks = [c + d for c in (0, mp.log(a / b), -mp.log(b), mp.log(a)) for d in (-20, -10, -5, -2.5, 0, 2.5, 5, 10, 20)]
    return upper, integrate(terms, y, reach, marks)


def beta_derivatives(a: mpf, b: mpf, u: mpf, v: mpf) -> tuple[bool, mpf, list[mpf], list[list[mpf]]]:
    """The smaller tail at the ratio u : v with its derivatives in a, b and x = u / (u + v), to the second order."""
    upper, (t0, tp, tq, tpp, tpq, tqq) = beta_tail(a, b, u, v)
    n, x, z = a + b, u / (u + v), v / (u + v)
    log_x, log_z = mp.log(x) - mp.digamma(a) + mp.digamma(n), mp.log(z) - mp.digamma(b) + mp.digamma(n)
    log_beta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(n)
    density = (-1 if upper else 1) * mp.exp((a - 1) * mp.log(x) + (b - 1) * mp.log(z) - log_beta)
    common = mp.psi(1, n)
    aa, bb = tpp - (mp.psi(1, a) - common) * t0, tqq - (mp.psi(1, b) - common) * t0
    ab, ax, bx = tpq + common * t0, density * log_x, density * log_z
    xx = density * ((a - 1) / x - (b - 1) / z)
    return upper, t0, [tp, tq, density], [[aa, ab, ax], [ab, bb, bx], [ax, bx, xx]]


def beta_jet(logarithm: bool, complement: bool) -> Callable[..., Jet]:
    """The jet of I_x(a, b), of its complement, or of the logarithm of one of them."""

    def jet(a: mpf, b: mpf, x: mpf) -> Jet:
        upper, tail, slopes, second = beta_derivatives(a, b, x, 1 - x)
        if upper == complement:
            value, log_value = tail, mp.log(tail)
        else:
            value, log_value = 1 - tail, mp.log1p(-tail)
            slopes, second = [-s for s in slopes], [[-h for h in row] for row in second]
        return (
            log_jet(value, log_value, slopes, second, (a, b, x))
            if logarithm
            else jet_of(value, slopes, second, (a, b, x))
        )

    return jet


def odds_jet(logarithm: bool) -> Callable[..., Jet]:
    """The jet of I at the share u : v, or of its logarithm."""

    def jet(a: mpf, b: mpf, u: mpf, v: mpf) -> Jet:
        upper, tail, (by_a, by_b, by_x), second = beta_derivatives(a, b, u, v)
        total, sign = u + v, -1 if upper else 1
        step = (v / total**2, -u / total**2)
        bend = ((-2 * v / total**3, (u - v) / total**3), ((u - v) / total**3, 2 * u / total**3))
        slopes = [sign * s for s in (by_a, by_b, by_x * step[0], by_x * step[1])]
        table = [[sign * second[i][j] for j in (0, 1)] + [sign * second[i][2] * s for s in step] for i in (0, 1)]
        for i in (0, 1):
            inner = [sign * (second[2][2] * step[i] * step[j] + by_x * bend[i][j]) for j in (0, 1)]
            table.append([table[0][2 + i], table[1][2 + i], *inner])
        value, log_value = (1 - tail, mp.log1p(-tail)) if upper else (tail, mp.log(tail))
        point = (a, b, u, v)
        return log_jet(value, log_value, slopes, table, point) if logarithm else jet_of(value, slopes, table, point)

    return jet


SHAPES = (1e-8, 1e-3, 0.3, 0.5, 1.0, 1.5, 3.0, 25.0, 1e3, 1e6, 1e12)


def _shares() -> list[tuple[float, float, float]]:
    points = []
    for i, (a, b) in enumerate(itertools.product(SHAPES, SHAPES)):
        mean, spread = a / (a + b), (a * b / (a + b) ** 2 / (a + b + 1)) ** 0.5
        near = [mean * f for f in (0.5, 0.99, 1.0, 1.01)] + [mean + d * spread for d in (-30, -3, -0.2, 0.2, 3, 30)]
        chosen = near[i % 2 :: 2] + [1e-300, 1e-5, 0.3, 0.5, 0.7, 0.99, 1 - 2**-20][i % 3 :: 3]
        points += [(a, b, x) for x in chosen if 1e-305 < x < 1 - 2**-23]
    return points


BETA_POINTS = _shares()
ODDS_POINTS = [(a, b, x * 3, (1 - x) * 3) for a, b, x in BETA_POINTS[::2] if x < 0.999] + [
    (a, b, u, v)
    for a, b in itertools.product((1e-3, 0.5, 2.0, 40.0), (1e-3, 0.7, 3.0, 1e3))
    for u, v in ((1e-200, 1.0), (1e200, 1e30), (7.0, 1e-100))
]


def _beta_region(a: float, b: float, x: float, v: float | None = None) -> str:
    v = 1 - x if v is None else v
    x, z = x / (x + v), v / (x + v)
    low = a < 1 and x * max(b, 2) <= 1
    if low or (b < 1 and z * max(a, 2) <= 1):
        return "near an end of singular density"
    return "below the mean" if a * z >= b * x else "above the mean"


_BETA_METHOD = (
    "Gauss-Legendre quadrature of the density of the logit, from the point outwards, on the side of the mean where "
    "the exponent grows; its normalisation is Loader's saddle-point form (Loader 2000). Near an end where the density "
    "is singular the power at infinity is taken off first (DLMF 8.17.1)."
)

# -- Student's t law -------------------------------------------------------------------------------------------


@cache
def student_tail(df: mpf, t: mpf) -> list[mpf]:
    r"""P(T > t) for t > 0 and its first two derivatives in df, with :math:`t = \sqrt\nu \sinh w`."""
    if t == 0:
        return [mpf(1) / 2, mpf(0), mpf(0)]
    half, w = df / 2, mp.asinh(t / mp.sqrt(df))
    log_c = mp.loggamma(half + mpf(1) / 2) - mp.loggamma(half) - mp.log(mp.pi) / 2

    def terms(x: mpf) -> Sequence[mpf]:
        first, second = student_drift(df, x)
        mass = mp.exp(log_c - df * mp.log(mp.cosh(x)))
        return [mass, mass * first, mass * (first**2 + second)]

    if w < mpf("0.5") and t < mpf("1.2"):
        centre = integrate(terms, mpf(0), w, [])
        return [mpf(1) / 2 - centre[0], -centre[1], -centre[2]]
    reach = reach_of(lambda u: df * mp.log1p(2 * mp.sinh(u / 2) ** 2 + mp.tanh(w) * mp.sinh(u)))
    return integrate(terms, w, reach, [mpf(c) for c in (1, 2.5, 5, 10, 20, 40, 60)])


@cache
def drift_constants(df: mpf) -> tuple[mpf, mpf]:
    """The part of the drift that depends on df alone, and its derivative."""
    half = df / 2
    constant = mp.digamma(half + mpf(1) / 2) / 2 - mp.digamma(half) / 2 - 1 / df / 2
    return constant, (mp.psi(1, half + mpf(1) / 2) - mp.psi(1, half)) / 4 + 1 / df**2 / 2


def student_drift(df: mpf, x: mpf) -> tuple[mpf, mpf]:
    """The derivative of the log-density in df at fixed t, and its derivative, in terms of x = asinh(t / sqrt(df))."""
    constant, bend = drift_constants(df)
    p = mp.sinh(x) ** 2
    share = p / (1 + p)
    first = constant + (share / df - mp.log1p(p) + share) / 2
    inner = ((1 + 1 / df) / (1 + p) ** 2 - 1 / (1 + p)) / 2
    return first, bend - share / df**2 / 2 - inner * p / df


def student_derivatives(df: mpf, t: mpf) -> tuple[list[mpf], list[list[mpf]]]:
    """The first and second derivatives of P(T <= t) in df and t."""
    _, by_df, by_df_df = student_tail(df, abs(t))
    half, w = df / 2, mp.asinh(abs(t) / mp.sqrt(df))
    log_c = mp.loggamma(half + mpf(1) / 2) - mp.loggamma(half) - mp.log(mp.pi * df) / 2
    density = mp.exp(log_c - (df + 1) * mp.log(mp.cosh(w)))
    sign = -1 if t > 0 else 1
    across, along = density * student_drift(df, w)[0], -density * (df + 1) * t / (df + t * t)
    return [sign * by_df, density], [[sign * by_df_df, across], [across, along]]


def student_jet(logarithm: bool) -> Callable[..., Jet]:
    """The jet of P(T <= t) or of its logarithm."""

    def jet(df: mpf, t: mpf) -> Jet:
        tail = student_tail(df, abs(t))[0]
        value, log_value = (1 - tail, mp.log1p(-tail)) if t > 0 else (tail, mp.log(tail))
        slopes, second = student_derivatives(df, t)
        return (
            log_jet(value, log_value, slopes, second, (df, t)) if logarithm else jet_of(value, slopes, second, (df, t))
        )

    return jet


FREEDOMS = (1e-3, 0.01, 0.1, 0.5, 0.99, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0, 10.0, 30.0, 100.0, 1e3, 1e5, 1e8, 1e12)
DISTANCES = (1e-100, 1e-8, 1e-3, 0.1, 0.5, 1.0, 1.4, 1.54, 1.56, 1.7, 2.0, 2.2, 3.0, 5.0, 10.0, 30.0, 38.0, 1e3, 1e30)
STUDENT_POINTS = [
    (df, sign * t)
    for i, df in enumerate(FREEDOMS)
    for j, t in enumerate(DISTANCES)
    for sign in ((1, -1) if (i + j) % 3 == 0 else (-1,))
    # beyond, the density and its derivatives fall below the least float
    if not (t >= 38 and df >= 1000) and (t > 1e-100 or df < 1e5)
]


def _student_region(df: float, t: float) -> str:
    if abs(t) < 1.55 + 0.5 / df:
        return "centre"
    return "tail, df < 2" if df < 2 else "tail"


_STUDENT_METHOD = (
    "Gauss-Legendre quadrature of a power of the hyperbolic cosine, over the tail or from the centre, where the "
    "derivative in df keeps its sign; below two degrees of freedom through the recurrence from df to df + 2."
)

TRUTHS = [
    Truth("betainc", beta_jet(False, False), BETA_POINTS, _beta_region, _BETA_METHOD),
    Truth("betaincc", beta_jet(False, True), BETA_POINTS, _beta_region, _BETA_METHOD),
    Truth("log_betainc", beta_jet(True, False), BETA_POINTS, _beta_region, _BETA_METHOD),
    Truth("log_betaincc", beta_jet(True, True), BETA_POINTS, _beta_region, _BETA_METHOD),
    Truth("betainc_odds", odds_jet(False), ODDS_POINTS, _beta_region, _BETA_METHOD),
    Truth("log_betainc_odds", odds_jet(True), ODDS_POINTS, _beta_region, _BETA_METHOD),
    Truth("stdtr", student_jet(False), STUDENT_POINTS, _student_region, _STUDENT_METHOD),
    Truth("log_stdtr", student_jet(True), STUDENT_POINTS, _student_region, _STUDENT_METHOD),
]
