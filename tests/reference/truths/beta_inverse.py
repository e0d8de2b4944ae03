"""The truth about the quantiles of the beta law and of Student's: Newton's method in high precision."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
from mpmath import mp, mpf

from reparam import special

from . import Jet, Truth
from .beta import FREEDOMS, Matrix, beta_derivatives, jet_of, log_sigmoid, student_derivatives, student_tail


def implicit_jet(x: mpf, slopes: Sequence[mpf], second: Matrix, given: Sequence[mpf], value: mpf | None) -> Jet:
    """The jet of the x where F(..., x) is as given, from the derivatives of F in all its arguments.

    What is given comes last: F or, where a value is there, the logarithm of that value.
    """
    density, last, rate = slopes[-1], len(slopes) - 1, mpf(1) if value is None else value
    first = [-s / density for s in slopes[:last]] + [rate / density]

    def bend(i: int, j: int) -> mpf:
        here, there = (second[k][last] if k < last else mpf(0) for k in (i, j))
        own = second[i][j] if max(i, j) < last else mpf(0)
        own -= value if i == j == last and value is not None else 0
        return -(own + here * first[j] + there * first[i] + second[last][last] * first[i] * first[j]) / density

    table = [[bend(i, j) for j in range(last + 1)] for i in range(last + 1)]
    return jet_of(x, first, table, given)


@cache
def lower_logit(a: mpf, b: mpf, log_p: mpf) -> mpf:
    """The logit of the quantile of p <= 1/2: Newton steps from the result in float64, to 25 digits."""
    arguments = [torch.tensor(float(v), dtype=torch.float64) for v in (a, b, log_p)]
    start = mpf(float(special.betaincinv_exp(*arguments)))
    above = mpf(float(special.betainccinv_exp(arguments[1], arguments[0], arguments[2])))
    log_beta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)
    if min(start, above) > 1e-300:
        y = mp.log(start) - mp.log(above)
    elif start < above:
        y = (log_p + mp.log(a) + log_beta) / a
    else:
        y = -(mp.log1p(-mp.exp(log_p)) + mp.log(b) + log_beta) / b
    for _ in range(12):
        upper, tail, _, _ = beta_derivatives(a, b, mp.exp(y), mpf(1))
        value = 1 - tail if upper else tail
        log_density = a * log_sigmoid(y) + b * log_sigmoid(-y) - log_beta
        step = (mp.log(value) - log_p) * value / mp.exp(log_density)
        y -= step
        if abs(step) * (1 + mp.sqrt(a + b)) < mpf(10) ** -13:
            return y
    raise ArithmeticError(f"the quantile of {a}, {b} at {log_p} does not converge")


def beta_inverse_jet(logarithm: bool, complement: bool, odds: bool = False) -> Callable[..., Jet]:
    """The jet of the x, or of x / (1 - x), where I_x(a, b) or its complement is a given one, or its logarithm."""

    def jet(a: mpf, b: mpf, given: mpf) -> Jet:
        own = mp.exp(given) if logarithm else given
        other = -mp.expm1(given) if logarithm else 1 - given
        lower, upper = (other, own) if complement else (own, other)
        y = -lower_logit(b, a, mp.log(upper)) if upper < lower else lower_logit(a, b, mp.log(lower))
        above, _, slopes, second = beta_derivatives(a, b, mp.exp(y), mpf(1))
        sign = -1 if above != complement else 1
        slopes, second = [sign * s for s in slopes], [[sign * h for h in row] for row in second]
        x, z = 1 / (1 + mp.exp(-y)), 1 / (1 + mp.exp(y))
        if odds:
            # as a function of the odds, of which x has the derivatives z^2 and -2 z^3
            bend = second[2][2] * z**4 - 2 * z**3 * slopes[2]
            second = [[*row[:2], row[2] * z**2] for row in second[:2]] + [[h * z**2 for h in second[2][:2]] + [bend]]
            x, slopes = mp.exp(y), [*slopes[:2], slopes[2] * z**2]
        return implicit_jet(x, slopes, second, (a, b, given), own if logarithm else None)

    return jet


SIZES = (1e-8, 1e-3, 0.3, 1.0, 1.5, 25.0, 1e3, 1e6, 1e12)
PROBABILITIES = (1e-300, 1e-100, 1e-20, 1e-5, 0.02, 0.1, 0.3, 0.5, 0.6, 0.9, 0.999, 1 - 1e-6, 1 - 2.0**-20)
LOGARITHMS = (-1e5, -2e3, -300.0, -40.0, -4.0, -0.8, -0.6, -0.3, -0.01, -1e-6, -1e-30, -1e-290)


def _levels(values: Sequence[float], stride: int = 3) -> list[tuple[float, float, float]]:
    """Each pair of sizes with some of the values."""
    pairs = itertools.product(enumerate(SIZES), enumerate(SIZES))
    return [(a, b, value) for (i, a), (j, b) in pairs for value in values[(i + j) % stride :: stride]]


def _least(a: float, b: float, p: float) -> float:
    """A bound below the logit of the quantile, close to it where it is small."""
    return (math.log(p) + math.lgamma(a + 1) + math.lgamma(b) - math.lgamma(a + b)) / a


def _is_float(a: float, b: float, p: float) -> bool:
    """Whether the quantile is no subnormal, nor 0 while its derivative in p is not."""
    return not -800 + math.log(p) < _least(a, b, p) < -680


POINTS = [(a, b, p) for a, b, p in _levels(PROBABILITIES) if _is_float(a, b, p) and _is_float(b, a, p)]
ODDS_POINTS = [(a, b, p) for a, b, p in _levels(PROBABILITIES, 2) if _is_float(a, b, p) and _least(b, a, 1 - p) > -680]


def _level_region(a: float, b: float, given: float) -> str:
    if a < 1 or b < 1:
        return "an end of singular density"
    return "regular, few" if max(a, b) < 100 else "regular, many"


_INVERSE_METHOD = (
    "Steps of the fourth order on the logarithm of the tail in the logit of the quantile, on the side of the smaller "
    "probability; from Carter's expansion (Carter 1947) for a, b >= 1, else from the intersection with an asymptote. "
    "The last step is taken at the odds. Derivatives by the implicit function."
)


@cache
def student_quantile(df: mpf, tail: mpf) -> mpf:
    """The t >= 0 beyond which the tail, at most 1/2, lies: Newton steps from the result in float64, to 25 digits."""
    half = df / 2
    log_c = mp.loggamma(half + mpf(1) / 2) - mp.loggamma(half) - mp.log(mp.pi) / 2
    arguments = (torch.tensor(float(v), dtype=torch.float64) for v in (df, mp.log(tail)))
    start = -float(special.stdtrit_exp(*arguments))
    inner = mpf(1) / 2 - tail
    if inner < mpf(10) ** -5:
        start = float(inner * mp.sqrt(df) / mp.exp(log_c))
    w = mp.asinh(mpf(start) / mp.sqrt(df))
    for _ in range(12):
        value = student_tail(df, mp.sqrt(df) * mp.sinh(w))[0]
        step = (tail - value) / mp.exp(log_c - df * mp.log(mp.cosh(w)))
        w -= step
        if abs(step) * (1 + df * mp.tanh(w)) < mpf(10) ** -14 * min(w, 1):
            return mp.sqrt(df) * mp.sinh(w)
    raise ArithmeticError(f"the quantile of {df} at {tail} does not converge")


def student_inverse_jet(logarithm: bool) -> Callable[..., Jet]:
    """The jet of the t where P(T <= t) is a given one, or its logarithm."""

    def jet(df: mpf, given: mpf) -> Jet:
        own = mp.exp(given) if logarithm else given
        other = -mp.expm1(given) if logarithm else 1 - given
        sign = 1 if other < own else -1
        t = sign * student_quantile(df, min(own, other)) if own != other else mpf(0)
        slopes, second = student_derivatives(df, t)
        return implicit_jet(t, slopes, second, (df, given), own if logarithm else None)

    return jet


QUANTILES = [
    (df, p)
    for i, df in enumerate(FREEDOMS)
    for j, p in enumerate((*PROBABILITIES, 1e-3, 0.06, 0.1, 0.25, 0.4, 0.499, 0.5 - 1e-9, 0.5 + 2.0**-50, 0.75))
    # the quantile is a float
    if p > 0.5**1023 and -mp.log(min(p, 1 - p)) < 650 * df and (i + j) % 9 < 8
]
LOG_QUANTILES = [
    (df, g)
    for df in FREEDOMS
    for g in (*LOGARITHMS, -1e4, -690.0, -90.0, -8.0, -3.0, -1.4, -0.7, -0.6931, -0.69, -0.1)
    if -mp.log(min(mp.exp(g), -mp.expm1(g))) < 650 * df
]


def _quantile_region(df: float, given: float) -> str:
    return "df < 2" if df < 2 else "df >= 2"


_STUDENT_INVERSE = (
    "Steps of the fourth order on the logarithm of the tail in asinh(t / sqrt(df)), in the centre on the probability "
    "between 0 and t; from Wallace's normal approximation (Wallace 1959) or the intersection with the asymptote. "
    "The last step is taken at t. Derivatives by the implicit function."
)

TRUTHS = [
    Truth("betaincinv", beta_inverse_jet(False, False), POINTS, _level_region, _INVERSE_METHOD),
    Truth("betainccinv", beta_inverse_jet(False, True), POINTS, _level_region, _INVERSE_METHOD),
    Truth("betaincinv_odds", beta_inverse_jet(False, False, True), ODDS_POINTS, _level_region, _INVERSE_METHOD),
    Truth("betaincinv_exp", beta_inverse_jet(True, False), _levels(LOGARITHMS), _level_region, _INVERSE_METHOD),
    Truth("betainccinv_exp", beta_inverse_jet(True, True), _levels(LOGARITHMS), _level_region, _INVERSE_METHOD),
    Truth("stdtrit", student_inverse_jet(False), QUANTILES, _quantile_region, _STUDENT_INVERSE),
    Truth("stdtrit_exp", student_inverse_jet(True), LOG_QUANTILES, _quantile_region, _STUDENT_INVERSE),
]
