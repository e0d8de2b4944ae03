"""The elementary special functions and their derivatives against mpmath, at hard points."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest
import torch
from mpmath import mp, mpf

from oracle import Reference, _gauss_legendre, derivatives, largest_error, rounded, truth
from reparam import special
from truths.polygamma import euler_maclaurin

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


def _owens_t(h: mpf, a: mpf) -> mpf:
    """By definition, in four pieces."""
    pieces = [(a * (k + node) / 4, a * weight / 4) for k in range(4) for node, weight in _gauss_legendre(32)]
    return sum(w * mp.exp(-h * h * (1 + x * x) / 2) / (1 + x * x) for x, w in pieces) / (2 * mp.pi)


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
    "log_factorial": Case(special.log_factorial, lambda n: mp.loggamma(n + 1), [(a,) for a in POSITIVE if a > 1e-30]),
    "logit_complement": Case(special.logit_complement, lambda p: mp.log((1 - p) / p), [(p,) for p in PROBABILITIES]),
    "logit_exp": Case(special.logit_exp, lambda q: q - mp.log(-mp.expm1(q)), [(-x,) for x in NEGATIVE if x < 99]),
    "log_sigmoid": Case(special.log_sigmoid, lambda x: -mp.log1p(mp.exp(-x)), LINE),
    "log_erfc": Case(
        special.log_erfc,
        lambda x: mp.log(mp.erfc(x)) if x > 1 else mp.log1p(-mp.erf(x)),
        [(x,) for (x,) in LINE if x > -7] + [(30.0,)],
    ),
    "log_ndtr_difference": Case(
        special.log_ndtr_difference,
        lambda a, b: mp.log(_ncdf(b) - _ncdf(a)) if b < 5 else mp.log(_ncdf(-a) - _ncdf(-b)),
        [(a, a + d) for a in (-12.0, -3.0, -0.5, 0.2, 2.0, 9.0) for d in (1e-4, 0.1, 0.9, 2.0, 4.0) if a + d < 15],
    ),
    "owens_t": Case(special.owens_t, _owens_t, _product((0.4, -2.0, 5.0), (1e-5, -0.9, 1.6))),
    "zeta": Case(special.zeta, euler_maclaurin, _product((1.01, 1.3, 2.0, 4.5, 17.0), (1e-3, 0.4, 1.0, 40.0))),
    "stirling_bregman": Case(
        special.stirling_bregman,
        lambda b, a: _remainder(b) - _remainder(a) - (b - a) * (mp.digamma(a) - mp.log(a)),
        [(a * r, a) for a in (1e-3, 0.1, 1.0, 10.0, 1e5, 1e10) for r in (1e-3, 0.1, 0.5, 0.99, 1.001, 1.5, 10.0, 1e3)],
    ),
}

NOT_ELEMENTWISE = {"multigammaln", "logit_complement"}
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


@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_ELEMENTWISE])
def test_autograd_of_the_formula_agrees(name: str) -> None:
    # What torch.compile differentiates, and what a native kernel stands for.
    formula = inspect.unwrap(CASES[name].function)
    points = CASES[name].points
    for order, got in derivatives(formula, points, torch.float64).items():
        if len(order) < 2:
            _check(name, got, order, points, 1000 if order else CASES[name].bound)


INF = math.inf
LIMITS = [
    (special.log_erfc, (INF,), -INF),
    (special.log_erfc, (-INF,), math.log(2)),
    (special.erfcx, (INF,), 0.0),
    (special.ndtri, (0.0,), -INF),
    (special.ndtri, (1.0,), INF),
    (special.ndtri_exp, (-INF,), -INF),
    (special.ndtri_exp, (0.0,), INF),
    (special.log_ndtr_difference, (-INF, INF), 0.0),
    (special.log_ndtr_difference, (-INF, 0.0), -math.log(2)),
    (special.log_ndtr_difference, (40.0, INF), -804.6084420137538),
    (special.log_ndtr_difference, (1.0, 1.0), -INF),
    (special.log_ndtr_difference, (2.0, 1.0), math.nan),
    (special.owens_t, (0.0, INF), 0.25),
    (special.owens_t, (0.0, -1.0), -0.125),
    (special.owens_t, (INF, 1.0), 0.0),
    (special.erfcx, (math.nan,), math.nan),
    (special.ndtri, (math.nan,), math.nan),
    (special.owens_t, (1.0, -INF), -0.07932762696572854),
    (special.zeta, (2.0, INF), 0.0),
    (special.zeta, (1.0, 2.0), math.nan),
    (special.lgamma, (0.0,), INF),
    (special.digamma, (INF,), INF),
    (special.log_factorial, (0.0,), 0.0),
    (special.xlogy, (0.0, 0.0), 0.0),
    (special.xlogy, (0.0, math.nan), math.nan),
    (special.log1mexp, (-INF,), 0.0),
    (special.log1mexp, (0.1,), math.nan),
    (special.logit_exp, (0.0,), INF),
    (special.log_sigmoid, (-INF,), -INF),
    (special.logsubexp, (-INF, -INF), -INF),
]


@pytest.mark.parametrize(("function", "point", "limit"), LIMITS)
def test_limits(function: Callable[..., torch.Tensor], point: tuple[float, ...], limit: float) -> None:
    # A few eps of rounding; natively and by formula.
    arguments = [torch.tensor(x, dtype=torch.float64) for x in point]
    for value in (function(*arguments), function.formula(*arguments)):
        assert value.item() == pytest.approx(limit, rel=1e-15, nan_ok=True)


@pytest.mark.parametrize("order", [0, 1, 2, 9])
def test_polygamma(order: int) -> None:
    x = torch.tensor([1e-8, 0.3, 1.0, 2.5, 40.0, 1e10], dtype=torch.float64)
    truths = [(mp.psi(order, v), abs(v * mp.psi(order + 1, v))) for v in map(mpf, x.tolist())]
    worst, where = largest_error(special.polygamma(order, x), truths, [(v,) for v in x.tolist()])
    assert worst <= 100, f"{worst:.3g} eps at {where}"


@pytest.mark.parametrize("order", [-1, 171, 1.5])
def test_polygamma_refuses_other_orders(order: int) -> None:
    with pytest.raises(ValueError, match="integer from 0 to 170"):
        special.polygamma(order, torch.tensor(1.0))
