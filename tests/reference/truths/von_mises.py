"""The truth about the von Mises law: moments of the cosine over its tails by piecewise quadrature in high precision."""

from __future__ import annotations

import itertools
from functools import cache

from mpmath import mp, mpf

from . import Jet, Truth
from .beta import FALL, integrate, log_jet

KAPPAS = (0.0, 1e-8, 0.01, 0.3, 1.0, 2.5, 7.0, 18.0, 22.0, 60.0, 1e3, 1e5, 1e8, 1e12)
DISTANCES = (1e-12, 1e-9, 1e-3, 0.1, 0.4, 0.9, 1.2, 1.5, 1.6, 2.0, 2.8, 3.1, 3.1415, 3.1415925)
DEVIATIONS = (0.01, 0.5, 0.99, 1.02, 2.0, 5.0, 12.0, 36.0)
TAILS = (1e-300, 1e-200, 1e-80, 1e-30, 1e-16, 1e-8, 1e-4, 0.01, 0.1, 0.3, 0.4999, 0.5 - 1e-10)
Tail = tuple[mpf, ...]


@cache
def cosine(kappa: mpf) -> tuple[mpf, mpf, mpf, mpf]:
    """log(2 pi exp(-kappa) I_0), and the mean of the cosine with its first two derivatives in kappa."""
    with mp.workdps(110):
        zero, one = mp.besseli(0, kappa), mp.besseli(1, kappa)
        a = one / zero
        if kappa < mpf(10) ** -20:
            slope, bend = mpf(1) / 2, -mpf(3) / 8 * kappa
        else:
            slope = 1 - a * a - a / kappa
            bend = -2 * a * slope - slope / kappa + a / kappa**2
        return mp.log(2 * mp.pi * zero) - kappa, a, slope, bend


@cache
def tail(y: mpf, kappa: mpf) -> Tail:
    r"""The density f at y >= 0, and over f the integrals of :math:`(\cos s - A)^k f(s)` beyond y, k = 0 to 3."""
    with mp.workdps(50):
        log_total, a, _, _ = cosine(kappa)
        reach = mp.pi - y

        def fall(u: mpf) -> mpf:
            return 2 * kappa * mp.sin(y + u / 2) * mp.sin(u / 2)

        if fall(reach) > FALL:
            low, high = mpf(0), reach
            for _ in range(60):
                middle = (low + high) / 2
                low, high = (middle, high) if fall(middle) < FALL else (low, middle)
            reach = high

        def moments(u: mpf) -> list[mpf]:
            apart = mp.cos(y + u) - a
            mass = mp.exp(-fall(u))
            return [mass, mass * apart, mass * apart**2, mass * apart**3]

        width = integrate(moments, mpf(0), reach, ()) if reach > 0 else [mpf(0)] * 4
        return mp.exp(-2 * kappa * mp.sin(y / 2) ** 2 - log_total), *width


def _second(x: mpf, kappa: mpf) -> tuple[mpf, mpf, list[list[mpf]]]:
    """The density, the derivative in kappa of the cdf and the second derivatives, for any x."""
    _, a, slope, _ = cosine(kappa)
    f, t0, t1, t2, _ = tail(abs(x), kappa)
    sign = -1 if x > 0 else 1
    cross = f * (mp.cos(x) - a)
    return f, sign * f * t1, [[-kappa * mp.sin(x) * f, cross], [cross, sign * f * (t2 - slope * t0)]]


def _jet(x: mpf, kappa: mpf) -> Jet:
    f, by_kappa, second = _second(x, kappa)
    small = f * tail(abs(x), kappa)[1]
    moved = [sum(abs(v * h) for v, h in zip((x, kappa), row, strict=True)) for row in second]
    return 1 - small if x > 0 else small, [f, by_kappa], moved


def _log_jet(x: mpf, kappa: mpf) -> Jet:
    f, by_kappa, second = _second(x, kappa)
    small = f * tail(abs(x), kappa)[1]
    value, log_value = (1 - small, mp.log1p(-small)) if x > 0 else (small, mp.log(small))
    return log_jet(value, log_value, [f, by_kappa], second, (x, kappa))


def _quantile_grad_jet(x: mpf, kappa: mpf) -> Jet:
    """The slope s = -F_kappa / f, whose derivatives follow from those of f."""
    _, a, slope, bend = cosine(kappa)
    _, t0, t1, t2, t3 = tail(abs(x), kappa)
    sign = 1 if x > 0 else -1
    apart, sine = mp.cos(x) - a, mp.sin(x)
    s = sign * t1
    by_x = kappa * s * sine - apart
    by_kappa = sign * (t2 - slope * t0) - s * apart
    xx = sine + kappa * (s * mp.cos(x) + by_x * sine)
    cross = slope + s * sine + kappa * by_kappa * sine
    third = sign * (t3 - 3 * slope * t1 - bend * t0)
    bend_s = third - sign * (t2 - slope * t0) * apart - by_kappa * apart + s * slope
    return s, [by_x, by_kappa], [abs(x * xx) + abs(kappa * cross), abs(x * cross) + abs(kappa * bend_s)]


def _quantile(p: mpf, kappa: mpf) -> mpf:
    """Newton's method on the smaller tail or its logarithm, within a bracket that the tangent at pi begins."""
    small = min(p, 1 - p)
    goal = mp.log(small)
    low, high = max(mpf(0), mp.pi - small / tail(+mp.pi, kappa)[0]), +mp.pi
    y = mp.sqrt(-2 * goal / (kappa + 1))
    y = y if low < y < high else (low + high) / 2
    for _ in range(200):
        if high - low < mpf(10) ** -36 * high:
            break
        f, t0, *_ = tail(y, kappa)
        gap = mp.log(f * t0) - goal if t0 else mpf(-1)
        low, high = (y, high) if gap > 0 else (low, y)
        steps = (y + t0 * gap, y - t0 * mp.expm1(-gap))
        following = next((each for each in steps if low <= each < high), (low + high) / 2)
        step, y = abs(following - y), following
        if step < mpf(10) ** -36 * y:
            break
    return y if p > 0.5 else -y


def _quantile_jet(p: mpf, kappa: mpf) -> Jet:
    x = _quantile(p, kappa)
    f = tail(abs(x), kappa)[0]
    s, (s_x, s_kappa), _ = _quantile_grad_jet(x, kappa)
    by_p = 1 / f
    pp, cross, bend = kappa * mp.sin(x) / f**2, s_x / f, s_kappa + s_x * s
    return x, [by_p, s], [abs(p * pp) + abs(kappa * cross), abs(p * cross) + abs(kappa * bend)]


def _region(x: float, kappa: float) -> str:
    if kappa * x * x < 1:
        return "within a standard deviation"
    return "tail" if 2 * kappa < 80 else "deep tail"


def _points() -> list[tuple[float, float]]:
    found = {(d, k) for d in DISTANCES for k in KAPPAS}
    found |= {(d / k**0.5, k) for d in DEVIATIONS for k in KAPPAS if d / (k + 1) ** 0.5 < 3 and k > 20}
    return sorted((sign * y, k) for y, k in found for sign in (-1, 1))


METHOD = (
    "The density times a positive integral over the smaller tail, by 32 Gauss-Legendre nodes over the reach in which "
    "the integrand falls by exp(-40). The derivative in kappa is the integral of cos s - A over the side of x on which "
    "this has one sign, beyond a standard deviation the tail, by the same nodes, and else from 0 to x, by 12; the "
    "second derivatives are such integrals too."
)

TRUTHS = [
    Truth("von_mises_cdf", _jet, _points(), _region, METHOD),
    Truth("log_von_mises_cdf", _log_jet, _points(), _region, METHOD),
    Truth("von_mises_quantile_grad", _quantile_grad_jet, _points(), _region, METHOD),
    Truth(
        "von_mises_icdf",
        _quantile_jet,
        list(itertools.product((*TAILS, *(1 - t for t in TAILS[6:])), (*KAPPAS, 0.1, 0.7, 4.0, 30.0))),
        lambda p, kappa: "p < 1/2" if p < 0.5 else "p > 1/2",
        "Newton steps on the logarithm of the smaller tail, safeguarded by the tail's tangent at pi; in the middle "
        "the last ones on the integral from 0.",
    ),
]
