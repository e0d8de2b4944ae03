"""The elementary special functions and their derivatives against mpmath, at hard points."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest
import torch
from mpmath import mp, mpf

from oracle import Reference, derivatives, largest_error, rounded, truth
from reparam import special

Points = Sequence[tuple[float, ...]]


class Case(NamedTuple):
    """A function, its definition, the points, and the bound in eps on the value in float64."""

    function: Callable[..., torch.Tensor]
    reference: Reference
    points: Points
    bound: float = 100.0


def _product(a: Sequence[float], b: Sequence[float]) -> Points:
    return [(x, y) for x in a for y in b]


def _ncdf(x: mpf) -> mpf:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def _log_ncdf(x: mpf) -> mpf:
    return mp.log(_ncdf(x)) if x < 0 else mp.log1p(-_ncdf(-x))


def _quantile(log_p: mpf, p: mpf) -> mpf:
    """The root y of log Phi(y) = log p by Newton steps, from the side where they cannot overshoot."""
    if p > 0.5:
        return -_quantile(mp.log1p(-p), 1 - p)
    y = -mp.sqrt(-2 * log_p) if log_p < -3 else mpf(0)
    for _ in range(60):
        cdf = _ncdf(y)
        step = cdf / mp.npdf(y) * (mp.log(cdf) - log_p)
        y -= step
        if abs(step) < mpf(10) ** (10 - mp.dps):
            return y
    raise AssertionError(f"no quantile for log p = {mp.nstr(log_p)}")


def _stirling_error(a: mpf) -> mpf:
    return mp.loggamma(a + 1) - ((a + mpf(1) / 2) * mp.log(a) - a + mp.log(2 * mp.pi) / 2)


def _remainder(a: mpf) -> mpf:
    return mp.loggamma(a) - a * mp.log(a) + a


POSITIVE = (1e-100, 1e-20, 1e-8, 1e-4, 0.01, 0.1, 0.5, 0.99, 1.0, 1.01, 1.5, 2.0, 3.0, 4.5, 7.99, 8.0)
POSITIVE += (10.0, 20.0, 100.0, 1e3, 1e5, 1e8, 1e10, 1e12, 1e15)
SHAPES = (1e-20, 1e-8, 1e-3, 0.5, 1.0, 2.0, 8.0, 30.0, 1e3, 1e5, 1e8, 1e12)
COUNTS = [(n, k) for n in (1.0, 2.0, 5.0, 100.0, 1e6, 1e10) for k in (0.0, 1.0, 2.0, n // 2, n - 1, n) if k <= n]
REAL = (1e-8, 1e-3, 0.1, 0.3, 0.5, 0.69, 0.7, 0.9, 1.0, 1.3, 2.0, 2.8, 5.0, 10.0, 20.0, 26.0)
FAR = (30.0, 37.0, 40.0, 100.0, 1e3, 1e4, 1e8)
NEGATIVE = (1e-300, 1e-20, 1e-8, 1e-3, 0.1, 0.5, 0.69, 0.7, 1.0, 5.0, 30.0, 40.0, 100.0, 700.0)
RATIOS = (1e-20, 1e-5, 0.1, 0.3, 0.49, 0.5, 0.51, 0.9, 0.9999, 1 - 1e-8, 1 + 1e-12, 1 + 1e-6, 1.1, 2.0, 2.1, 1e3, 1e20)
PROBABILITIES = (1e-100, 1e-20, 1e-10, 1e-5, 0.01, 0.3, 0.49, 0.5, 0.7, 0.999, 1 - 1e-6)
LINE = [(s * x,) for x in REAL for s in (1.0, -1.0)] + [(-x,) for x in FAR]

CASES = {
    "xlogy": Case(special.xlogy, lambda x, y: x * mp.log(y), _product((1e-8, 2.0, 1e5), (1e-300, 0.1, 0.9, 1.1, 1e10))),
    "xlog1py": Case(
        special.xlog1py, lambda x, y: x * mp.log1p(y), _product((1e-8, 2.0, 1e5), (1e-300, 0.1, -0.9, 1e10))
    ),
    "log1mexp": Case(
        special.log1mexp,
        lambda x: mp.log(-mp.expm1(x)) if x > -1 else mp.log1p(-mp.exp(x)),
        [(-x,) for x in NEGATIVE],
    ),
    "log_expm1": Case(
        special.log_expm1,
        lambda x: mp.log(mp.expm1(x)) if x < 1 else x + mp.log1p(-mp.exp(-x)),
        [(x,) for x in NEGATIVE],
    ),
    "logsubexp": Case(
        special.logsubexp,
        lambda x, y: mp.log(mp.exp(x) - mp.exp(y)),
        [(x, x - d) for x in (-1e3, -5.0, 0.0, 3.0, 1e3) for d in (1e-3, 0.5, 0.7, 1.0, 10.0, 50.0)],
    ),
    "logit": Case(special.logit, lambda p: mp.log(p / (1 - p)), [(p,) for p in PROBABILITIES]),
    "ndtr": Case(special.ndtr, _ncdf, [(x,) for (x,) in LINE if x < 15]),
    "log_ndtr": Case(special.log_ndtr, _log_ncdf, [(x,) for (x,) in LINE if x < 15]),
    "erfcx": Case(special.erfcx, lambda x: mp.exp(x * x) * mp.erfc(x), [(-x,) for (x,) in LINE]),
    "ndtri": Case(special.ndtri, lambda p: _quantile(mp.log(p), p), [(p,) for p in PROBABILITIES]),
    "ndtri_exp": Case(
        special.ndtri_exp,
        lambda q: _quantile(q, mp.exp(q)),
        [(-q,) for q in (1e-10, 0.01, 0.3, 0.69, 0.7, 1.0, 10.0, 49.0, 51.0, 300.0, 1e3, 1e4)],
    ),
    "lgamma": Case(special.lgamma, mp.loggamma, [(a,) for a in POSITIVE]),
    "digamma": Case(special.digamma, mp.digamma, [(a,) for a in POSITIVE]),
    "trigamma": Case(special.trigamma, lambda a: mp.psi(1, a), [(a,) for a in POSITIVE]),
    "log_minus_digamma": Case(special.log_minus_digamma, lambda a: mp.log(a) - mp.digamma(a), [(a,) for a in POSITIVE]),
    "trigamma_excess": Case(special.trigamma_excess, lambda a: mp.psi(1, a) - 1 / a, [(a,) for a in POSITIVE]),
    "multigammaln": Case(
        lambda a: special.multigammaln(a, 3),
        lambda a: 1.5 * mp.log(mp.pi) + sum(mp.loggamma(a - mpf(j) / 2) for j in range(3)),
        [(a,) for a in POSITIVE if a > 1],
    ),
    "stirling_error": Case(special.stirling_error, _stirling_error, [(a,) for a in POSITIVE]),
    "deviance": Case(
        special.deviance,
        lambda x, m: x * mp.log(x / m) + m - x,
        [(x, x * r) for x in (1e-8, 0.1, 7.0, 1e5, 1e12) for r in RATIOS],
    ),
    "digamma_difference": Case(
        special.digamma_difference, lambda a, b: mp.digamma(a + b) - mp.digamma(a), _product(SHAPES, SHAPES)
    ),
    "log_gamma_ratio": Case(
        special.log_gamma_ratio, lambda a, b: mp.loggamma(a + b) - mp.loggamma(a), _product(SHAPES, SHAPES)
    ),
    "lbeta": Case(
        special.lbeta,
        lambda a, b: mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b),
        _product(SHAPES, SHAPES),
    ),
    "log_binomial": Case(
        special.log_binomial,
        lambda n, k: mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1),
        [*COUNTS, (10.5, 3.2), (1e5, 0.5)],
    ),
    "stirling_bregman": Case(
        special.stirling_bregman,
        lambda b, a: _remainder(b) - _remainder(a) - (b - a) * (mp.digamma(a) - mp.log(a)),
        [(a * r, a) for a in (1e-3, 0.1, 1.0, 10.0, 1e5, 1e10) for r in (1e-3, 0.1, 0.5, 0.99, 1.001, 1.5, 10.0, 1e3)],
    ),
}

# Where b is much smaller than a the second derivative in a is a difference of third derivatives of log Gamma.
ROUGH = {"digamma_difference"}


def _check(name: str, got: torch.Tensor, order: tuple[int, ...], points: Points, bound: float) -> None:
    truths = [truth(CASES[name].reference, order, p) for p in points]
    worst, where = largest_error(got, truths, points)
    assert worst <= bound, f"{name}, derivative {order}: {worst:.3g} eps at {where}"


@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives(name: str) -> None:
    points = CASES[name].points
    for order, got in derivatives(CASES[name].function, points, torch.float64).items():
        if len(order) < 2 or name not in ROUGH:
            _check(name, got, order, points, 1000 if order else CASES[name].bound)


@pytest.mark.parametrize("name", CASES)
def test_single_precision(name: str) -> None:
    points = rounded(CASES[name].points, torch.float32)
    for order, got in derivatives(CASES[name].function, points, torch.float32).items():
        if len(order) < 2:
            _check(name, got, order, points, 4)


@pytest.mark.parametrize("name", [name for name in CASES if name != "multigammaln"])
def test_autograd_of_the_formula_agrees(name: str) -> None:
    # What torch.compile differentiates, and what a native kernel stands for.
    formula = inspect.unwrap(CASES[name].function)
    points = CASES[name].points
    for order, got in derivatives(formula, points, torch.float64).items():
        if len(order) < 2:
            _check(name, got, order, points, 1000 if order else CASES[name].bound)
