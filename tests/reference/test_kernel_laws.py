"""The native densities of laws in closed form and of rows of weights, and the native entropies, against mpmath."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from mpmath import mp, mpf

from reference.test_kernels import LIGHT, Case, gamma, grid
from reference.test_kernels import test_edges as check_edge
from reference.test_kernels import test_values_and_partial_derivatives as check_case
from reparam import kernels

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the native library was not built")
INF, NAN = math.inf, math.nan


def exponential(x: mpf, rate: mpf) -> mpf:
    return mp.log(rate) - rate * x


def laplace(x: mpf, loc: mpf, scale: mpf) -> mpf:
    return -abs(x - loc) / scale - mp.log(2 * scale)


def cauchy(x: mpf, loc: mpf, scale: mpf) -> mpf:
    return mp.log(scale / mp.pi) - mp.log((x - loc) ** 2 + scale**2)


def gumbel(x: mpf, loc: mpf, scale: mpf) -> mpf:
    y = (loc - x) / scale
    return y - mp.exp(y) - mp.log(scale)


def geometric(x: mpf, p: mpf) -> mpf:
    return mp.log(p) + mp.nint(x) * mp.log1p(-p)


def von_mises(x: mpf, loc: mpf, kappa: mpf) -> mpf:
    return kappa * mp.cos(x - loc) - mp.log(2 * mp.pi * mp.besseli(0, kappa))


def pareto(x: mpf, scale: mpf, alpha: mpf) -> mpf:
    return mp.log(alpha / x) - alpha * mp.log(x / scale)


def weibull(x: mpf, scale: mpf, k: mpf) -> mpf:
    return mp.log(k / scale) + (k - 1) * mp.log(x / scale) - (x / scale) ** k


def kumaraswamy(x: mpf, a: mpf, b: mpf) -> mpf:
    return mp.log(a * b) + (a - 1) * mp.log(x) + (b - 1) * mp.log(-mp.expm1(a * mp.log(x)))


def generalized_pareto(x: mpf, loc: mpf, scale: mpf, k: mpf) -> mpf:
    z = (x - loc) / scale
    return -(1 + k) * (mp.log1p(k * z) / k if k else z) - mp.log(scale)


def continuous_bernoulli_logits(x: mpf, logits: mpf) -> mpf:
    return mp.log(logits / mp.expm1(logits)) + logits * x if logits else mpf(0)


def continuous_bernoulli_probs(x: mpf, p: mpf) -> mpf:
    return continuous_bernoulli_logits(x, mp.log(p) - mp.log1p(-p))


def fisher_snedecor(x: mpf, df1: mpf, df2: mpf) -> mpf:
    a, b = df1 / 2, df2 / 2
    constant = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)
    return constant + a * mp.log(df1 / df2) + (a - 1) * mp.log(x) - (a + b) * mp.log1p(df1 / df2 * x)


def multinomial_probs(*values: mpf) -> mpf:
    k = len(values) // 2
    x, n, w = [mp.nint(v) for v in values[:k]], values[k], values[k + 1 :]
    ways = mp.loggamma(n + 1) - mp.fsum(mp.loggamma(v + 1) for v in x)
    return ways + mp.fsum(v * mp.log(c / mp.fsum(w)) for v, c in zip(x, w, strict=True))


def multinomial_logits(*values: mpf) -> mpf:
    k = len(values) // 2
    return multinomial_probs(*values[: k + 1], *map(mp.exp, values[k + 1 :]))


def relaxed_logits(*values: mpf) -> mpf:
    k = len(values) // 2
    logs, t, logits = [mp.log(v) for v in values[:k]], values[k], values[k + 1 :]
    scores = [s - t * v for s, v in zip(logits, logs, strict=True)]
    mass = mp.fsum(scores) - k * mp.log(mp.fsum(map(mp.exp, scores)))
    return mass - mp.fsum(logs) + mp.loggamma(k) + (k - 1) * mp.log(t)


def relaxed_probs(*values: mpf) -> mpf:
    k = len(values) // 2
    return relaxed_logits(*values[: k + 1], *map(mp.log, values[k + 1 :]))


def log_mixture_logits(*values: mpf) -> mpf:
    return log_mixture_probs(*(mp.exp(v) for v in values[:3]), *values[3:])


def log_mixture_probs(*values: mpf) -> mpf:
    weights, logs = values[:3], values[3:]
    return mp.log(mp.fsum(w * mp.exp(v) for w, v in zip(weights, logs, strict=True)) / mp.fsum(weights))


def gamma_entropy(a: mpf) -> mpf:
    return a + mp.loggamma(a) + (1 - a) * mp.digamma(a)


def beta_entropy(a: mpf, b: mpf) -> mpf:
    lbeta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)
    return lbeta - (a - 1) * mp.digamma(a) - (b - 1) * mp.digamma(b) + (a + b - 2) * mp.digamma(a + b)


def binary_entropy_probs(p: mpf) -> mpf:
    return -p * mp.log(p) - (1 - p) * mp.log1p(-p)


def binary_entropy_logits(logits: mpf) -> mpf:
    return binary_entropy_probs(1 / (1 + mp.exp(-logits)))


def chi2(x: mpf, df: mpf) -> mpf:
    return gamma(x, df / 2, mpf(1) / 2)


def chance(logits: mpf) -> tuple[mpf, mpf]:
    return 1 / (1 + mp.exp(-logits)), 1 / (1 + mp.exp(logits))


def geometric_logits(x: mpf, logits: mpf) -> mpf:
    p, q = chance(logits)
    return mp.log(p) + mp.nint(x) * mp.log(q)


def geometric_entropy_logits(logits: mpf) -> mpf:
    return mp.log1p(mp.exp(-logits)) + mp.exp(-logits) * mp.log1p(mp.exp(logits))


def geometric_divergence(p: mpf, q: mpf, r: mpf, s: mpf) -> mpf:
    with mp.extradps(60):
        return mp.log(p / r) + q / p * mp.log(q / s)


def geometric_probs_divergence(p: mpf, r: mpf) -> mpf:
    return geometric_divergence(p, 1 - p, r, 1 - r)


def geometric_logits_divergence(a: mpf, b: mpf) -> mpf:
    with mp.extradps(60):
        return geometric_divergence(*chance(a), *chance(b))


def normal_divergence(loc: mpf, scale: mpf, other_loc: mpf, other_scale: mpf) -> mpf:
    ratio = scale / other_scale
    return (ratio**2 - 1 + ((loc - other_loc) / other_scale) ** 2) / 2 - mp.log(ratio)


def log_tilt(slope: mpf) -> mpf:
    return mp.log(mp.expm1(slope) / slope) if slope else mpf(0)


def mean_of_tilt(slope: mpf) -> mpf:
    return 1 / (-mp.expm1(-slope)) - 1 / slope if slope else mpf(1) / 2


def continuous_bernoulli_entropy(slope: mpf) -> mpf:
    with mp.extradps(60):
        return log_tilt(slope) - slope * mean_of_tilt(slope)


def continuous_bernoulli_divergence(slope: mpf, other: mpf) -> mpf:
    with mp.extradps(60):
        return log_tilt(other) - log_tilt(slope) - (other - slope) * mean_of_tilt(slope)


def log_ratio(x: mpf, y: mpf) -> mpf:
    return mp.log(x / y)


def exp_remainder(x: mpf) -> mpf:
    return mp.expm1(x) - x


def exp_remainder_of_size(x: mpf) -> mpf:
    return mp.expm1(-abs(x)) + abs(x)


def expm1_quotient(k: mpf, x: mpf) -> mpf:
    return mp.expm1(k * x) / k if k else x


def log1p_quotient(k: mpf, x: mpf) -> mpf:
    return mp.log1p(k * x) / k if k else x


def sigmoid(x: mpf) -> mpf:
    return 1 / (1 + mp.exp(-x))


def log_logistic(x: mpf) -> mpf:
    return -2 * mp.log(2 * mp.cosh(x / 2))


def log_cosh(x: mpf) -> mpf:
    return mp.log(mp.cosh(x))


def log_inverse_cloglog(x: mpf) -> mpf:
    return mp.log(-mp.expm1(-mp.exp(x)))


RATES = (1e-5, 0.3, 1.0, 2.5, 1e4)
SHARES = (1e-9, 0.3, 0.5, 0.75, 0.999)
COUNTS = [(0, 3, 2, 5), (1, 0, 0, 1), (0, 0, 0, 0), (200, 300, 524, 1024), (500321, 499679, 0, 1000000)]
WEIGHTS = [(0.2, 0.3, 0.5), (1e-9, 3.0, 40.0), (0.25, 0.25, 0.5)]
LOGITS = [(0.1, -2.0, 3.0), (100.0, 99.0, 0.0), (-1e-9, 1e-9, -40.0)]
AVERAGED = [(-1e3, -1e3, -1001.5), (-0.3, 2.0, -5.0), (-1e-30, -3e-30, -2e-31), (1e-3, -2e-2, 5e-3)]
POINTS = [(0.2, 0.3, 0.5), (1e-30, 0.125, 0.875), (0.999, 0.0005, 0.0005)]
SLOPES = (-700.0, -3.0, -1.0, -0.125, 1e-9, 0.3, 0.999, 2.5, 40.0)
SATURATING = (-20.0, -9.0, -1.0, -1e-9, 1e-30, 0.3, 0.999, 1.001, 5.0, 30.0)
ENDS = (1e-9, 1e-3, 0.3, 0.999, 1.0, 1.7, 2.0, 8.5, 300.0, 1e8, 1e12)

CASES = [
    Case("exponential_log_prob", exponential, grid((1e-9, 0.3, 1.0, 50.0), RATES), (1, 1), (0, 1), LIGHT),
    Case("laplace_log_prob", laplace, grid((-1e5, 0.1, 3.0), (-2.0, 0.25, 7.5), (1e-10, 0.3, 1e8)),
         (1, 1, 1), (0, 1, 2)),
    Case("cauchy_log_prob", cauchy, grid((-1e30, 0.1, 3.0), (-2.0, 0.125, 7.5), (1e-10, 0.3, 1e30)),
         (1, 1, 1), (0, 1, 2), LIGHT),
    Case("gumbel_log_prob", gumbel, grid((-3.0, 0.1, 40.0), (-2.0, 0.125, 7.5), (0.3, 1.0, 1e6)),
         (1, 1, 1), (0, 1, 2), LIGHT),
    Case("geometric_probs_log_prob", geometric, grid((0.0, 1.0, 7.0, 1e6), (1e-9, 0.3, 0.5, 0.9999)),
         (1, 1), (1,), LIGHT),
    Case("von_mises_log_prob", von_mises, grid((-2.5, 0.1, 3.0, 40.0), (-2.0, 0.125, 3.0),
         (1e-9, 0.3, 2.0, 7.9999, 8.0, 8.5, 30.0, 1e3, 1e9)), (1, 1, 1), (0, 1, 2)),
    Case("pareto_log_prob", pareto, [(s * m, s, a) for s, m, a in grid(RATES, (1.0001, 1.7, 3.0, 1e9, 1e25), RATES)],
         (1, 1, 1), (0, 1, 2)),
    Case("weibull_log_prob", weibull,
         [(s * m, s, k) for s, m, k in grid(RATES, (1e-20, 0.3, 0.999, 1.7), (1e-3, 0.5, 1.0, 2.5, 30.0))],
         (1, 1, 1), (0, 1, 2)),
    Case("kumaraswamy_log_prob", kumaraswamy, grid((1e-30, *SHARES), RATES, RATES[:-1]), (1, 1, 1), (0, 1, 2)),
    Case("generalized_pareto_log_prob", generalized_pareto,
         grid((0.26, 0.5, 1.0), (0.25,), (0.5, 3.0), (-0.3, -1e-6, -1e-12, 0.0, 1e-30, 1e-9, 1e-3, 0.4, 7.0)),
         (1, 1, 1, 1), (0, 1, 2, 3)),
    Case("continuous_bernoulli_logits_log_prob", continuous_bernoulli_logits,
         grid(SHARES, (-700.0, -3.0, -1.0, -1e-3, 1e-9, 0.3, 0.999, 1.0, 2.0, 40.0)), (1, 1), (0, 1)),
    Case("continuous_bernoulli_probs_log_prob", continuous_bernoulli_probs,
         grid(SHARES, (1e-30, 0.01, 0.3, 0.49999, 0.51, 0.75, 0.9999)), (1, 1), (0, 1)),
    Case("fisher_snedecor_log_prob", fisher_snedecor,
         grid((1e-30, 1e-3, 0.5, 0.999, 1.0, 1.2, 1e5), (1e-3, 1.0, 2.0, 7.5, 1e6), (1e-2, 3.0, 200.0, 1e9)),
         (1, 1, 1), (0, 1, 2)),
    Case("multinomial_probs_log_prob", multinomial_probs, [(*c, *w) for c, w in grid(COUNTS, WEIGHTS)],
         (3, 1, 3), (4, 5, 6)),
    Case("multinomial_logits_log_prob", multinomial_logits, [(*c, *w) for c, w in grid(COUNTS, LOGITS)],
         (3, 1, 3), (4, 5, 6)),
    Case("relaxed_categorical_probs_log_prob", relaxed_probs,
         [(*x, t, *w) for x, t, w in grid(POINTS, (0.05, 1.0, 3.0), WEIGHTS)], (3, 1, 3), tuple(range(7))),
    Case("relaxed_categorical_logits_log_prob", relaxed_logits,
         [(*x, t, *w) for x, t, w in grid(POINTS, (0.05, 1.0, 3.0), LOGITS)], (3, 1, 3), tuple(range(7))),
    Case("log_mixture_logits", log_mixture_logits, [(*w, *v) for w, v in grid(LOGITS, AVERAGED)],
         (3, 3), tuple(range(6))),
    Case("log_mixture_probs", log_mixture_probs, [(*w, *v) for w, v in grid((*WEIGHTS, (0.0, 0.3, 0.7)), AVERAGED)],
         (3, 3), tuple(range(6))),
    Case("gamma_entropy", gamma_entropy, grid(ENDS), (1,), (0,)),
    Case("beta_entropy", beta_entropy, [p for p in grid(ENDS, ENDS) if p[0] + p[1] > 2.1 or min(p) < 0.5],
         (1, 1), (0, 1)),
    Case("binary_entropy_probs", binary_entropy_probs, grid((1e-30, *SHARES)), (1,), (0,)),
    Case("binary_entropy_logits", binary_entropy_logits, grid((-700.0, -3.0, -1e-9, 0.3, 50.0)), (1,), (0,)),
    Case("chi2_log_prob", chi2, grid((1e-30, 0.3, 1.0, 50.0), (1e-3, 1.0, 2.0, 5.0, 2e5)), (1, 1), (0, 1)),
    Case("geometric_logits_log_prob", geometric_logits, grid((0, 1, 7, 500321), (-40.0, -3.0, 1e-9, 0.3, 30.0)),
         (1, 1), (1,)),
    Case("geometric_entropy_logits", geometric_entropy_logits, grid((-700.0, -41.0, -3.0, 1e-9, 0.3, 50.0)),
         (1,), (0,)),
    Case("continuous_bernoulli_entropy", continuous_bernoulli_entropy, grid(SLOPES), (1,), (0,)),
    Case("normal_divergence", normal_divergence,
         grid((-2.0, 0.25), (1e-3, 0.3, 1.0), (0.125, 0.25), (0.3, 0.30078125, 40.0)), (1, 1, 1, 1), (0, 1, 2, 3)),
    Case("geometric_probs_divergence", geometric_probs_divergence, grid(SHARES, (1e-5, 0.30078125, 0.6, 0.99)),
         (1, 1), (0, 1)),
    Case("geometric_logits_divergence", geometric_logits_divergence,
         grid((-45.0, -12.0, -0.5, 0.75, 29.0), (-44.0, -12.125, -3.0, 0.5, 3.0, 30.0)), (1, 1), (0, 1)),
    Case("continuous_bernoulli_divergence", continuous_bernoulli_divergence,
         grid(SLOPES, (-60.0, -3.125, 0.25, 0.3125, 2.0, 39.0)), (1, 1), (0, 1)),
    Case("log_ratio", log_ratio, grid((1e-30, 0.3, 1.0000001, 1e30), (1e-30, 0.4, 1.0, 1e30)), (1, 1), (0, 1)),
    Case("exp_remainder", exp_remainder, grid((-50.0, -0.6, -0.4, 1e-10, 0.3, 0.5, 2.0, 40.0)), (1,), (0,)),
    Case("expm1_quotient", expm1_quotient, grid((-7.0, -0.3, -1e-9, 1e-12, 0.4, 2.0), (1e-12, 0.05, 0.5, 7.0)),
         (1, 1), (0, 1)),
    Case("log1p_quotient", log1p_quotient, grid((-0.13, -1e-9, 1e-12, 0.4, 2.0, 30.0), (1e-12, 0.05, 0.5, 7.0)),
         (1, 1), (0, 1)),
    Case("log_inverse_cloglog", log_inverse_cloglog, grid((-60.0, -3.1, -2.9, -0.5, 0.3, 3.0)), (1,), (0,)),
    Case("sigmoid", sigmoid, grid(SATURATING), (1,), (0,), LIGHT),
    Case("tanh", mp.tanh, grid(SATURATING), (1,), (0,), LIGHT),
    Case("log_logistic", log_logistic, grid(SATURATING), (1,), (0,), LIGHT),
    Case("log_cosh", log_cosh, grid(SATURATING), (1,), (0,)),
    Case("exp_remainder_of_size", exp_remainder_of_size, grid((-50.0, -0.6, -0.4, 1e-10, 0.5, 40.0)), (1,), (0,)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_laws(case: Case, dtype: torch.dtype) -> None:
    check_case(case, dtype)


EDGES: list[tuple[str, list[Any], float, dict[int, Any]]] = [
    ("exponential_log_prob", [0.0, 1.0], 0.0, {0: -1.0, 1: 1.0}),
    ("exponential_log_prob", [-1.0, 1.0], -INF, {0: 0.0, 1: 0.0}),
    ("exponential_log_prob", [NAN, 1.0], NAN, {}),
    ("laplace_log_prob", [0.0, 0.0, 0.5], 0.0, {0: 0.0, 1: 0.0, 2: -2.0}),
    ("laplace_log_prob", [NAN, 0.0, 0.5], NAN, {}),
    ("gumbel_log_prob", [INF, 0.0, 1.0], -INF, {}),
    ("gumbel_log_prob", [-INF, 0.0, 1.0], -INF, {}),
    ("gumbel_log_prob", [NAN, 0.0, 1.0], NAN, {}),
    ("von_mises_log_prob", [0.5, 0.5, 0.0], -math.log(2 * math.pi), {0: 0.0, 1: 0.0, 2: 1.0}),
    ("von_mises_log_prob", [NAN, 0.0, 1.0], NAN, {}),
    ("von_mises_log_prob", [INF, 0.0, 1.0], NAN, {}),
    ("cauchy_log_prob", [INF, 0.0, 1.0], -INF, {}),
    ("cauchy_log_prob", [NAN, 0.0, 1.0], NAN, {}),
    ("pareto_log_prob", [1.0, 1.0, 1.0], 0.0, {0: -2.0, 1: 1.0, 2: 1.0}),
    ("pareto_log_prob", [0.5, 1.0, 1.0], -INF, {0: 0.0, 1: 0.0, 2: 0.0}),
    ("pareto_log_prob", [NAN, 1.0, 1.0], NAN, {}),
    ("weibull_log_prob", [0.0, 2.0, 1.0], -math.log(2), {0: -0.5, 1: -0.5}),
    ("weibull_log_prob", [0.0, 2.0, 0.5], INF, {}),
    ("weibull_log_prob", [0.0, 2.0, 1.5], -INF, {}),
    ("weibull_log_prob", [INF, 2.0, 1.5], -INF, {0: 0.0, 1: 0.0, 2: 0.0}),
    ("weibull_log_prob", [NAN, 2.0, 1.5], NAN, {}),
    ("kumaraswamy_log_prob", [0.0, 1.0, 3.0], math.log(3), {0: -2.0, 2: 1 / 3}),
    ("kumaraswamy_log_prob", [1.0, 3.0, 1.0], math.log(3), {0: 2.0, 1: 1 / 3}),
    ("kumaraswamy_log_prob", [0.0, 0.5, 3.0], INF, {}),
    ("kumaraswamy_log_prob", [1.0, 0.5, 3.0], -INF, {}),
    ("kumaraswamy_log_prob", [1.5, 0.5, 3.0], -INF, {0: 0.0, 1: 0.0, 2: 0.0}),
    ("kumaraswamy_log_prob", [NAN, 0.5, 3.0], NAN, {}),
    ("generalized_pareto_log_prob", [2.0, 0.0, 2.0, -1.0], -math.log(2), {0: 0.0, 2: -0.5}),
    ("generalized_pareto_log_prob", [2.0, 0.0, 1.0, -0.5], -INF, {}),
    ("generalized_pareto_log_prob", [2.5, 0.0, 1.0, -0.5], -INF, {0: 0.0, 1: 0.0, 2: 0.0, 3: 0.0}),
    ("generalized_pareto_log_prob", [-0.5, 0.0, 1.0, 0.5], -INF, {0: 0.0, 1: 0.0, 2: 0.0, 3: 0.0}),
    ("generalized_pareto_log_prob", [NAN, 0.0, 1.0, 0.5], NAN, {}),
    ("continuous_bernoulli_logits_log_prob", [0.3, 0.0], 0.0, {0: 0.0}),
    ("continuous_bernoulli_logits_log_prob", [1.5, 0.0], -INF, {0: 0.0, 1: 0.0}),
    ("continuous_bernoulli_logits_log_prob", [NAN, 0.0], NAN, {}),
    ("continuous_bernoulli_probs_log_prob", [0.0, 0.0], math.log(1e30), {1: 0.0}),
    ("continuous_bernoulli_probs_log_prob", [-1.0, 0.5], -INF, {0: 0.0, 1: 0.0}),
    ("fisher_snedecor_log_prob", [0.0, 2.0, 4.0], 0.0, {0: -1.5}),
    ("fisher_snedecor_log_prob", [0.0, 1.0, 4.0], INF, {}),
    ("fisher_snedecor_log_prob", [0.0, 3.0, 4.0], -INF, {}),
    ("fisher_snedecor_log_prob", [INF, 3.0, 4.0], -INF, {0: 0.0, 1: 0.0, 2: 0.0}),
    ("fisher_snedecor_log_prob", [NAN, 3.0, 4.0], NAN, {}),
    ("chi2_log_prob", [0.0, 2.0], -math.log(2), {0: -0.5}),
    ("chi2_log_prob", [-1.0, 2.0], -INF, {0: 0.0, 1: 0.0}),
    ("chi2_log_prob", [NAN, 2.0], NAN, {}),
    ("geometric_logits_log_prob", [0.5, 0.0], -INF, {1: 0.0}),
    ("geometric_logits_log_prob", [-1.0, 0.0], -INF, {1: 0.0}),
    ("geometric_logits_log_prob", [0.0, INF], 0.0, {1: 0.0}),
    ("geometric_logits_log_prob", [NAN, 0.0], NAN, {}),
    ("geometric_probs_divergence", [1.0, 1.0], 0.0, {0: 0.0, 1: 0.0}),
    ("geometric_probs_divergence", [0.5, 1.0], INF, {}),
    ("geometric_logits_divergence", [-800.0, -800.0], 0.0, {0: 0.0, 1: 0.0}),
    ("continuous_bernoulli_divergence", [3.0, 3.0], 0.0, {0: 0.0, 1: 0.0}),
    ("normal_divergence", [1.0, 2.0, 1.0, 2.0], 0.0, {0: 0.0, 1: 0.0, 2: 0.0, 3: 0.0}),
    ("normal_divergence", [NAN, 2.0, 1.0, 2.0], NAN, {}),
    ("multinomial_probs_log_prob", [[1.0, 1.0], 3.0, [1.0, 1.0]], -INF, {2: [0.0, 0.0]}),
    ("multinomial_probs_log_prob", [[1.5, 0.5], 2.0, [1.0, 1.0]], -INF, {2: [0.0, 0.0]}),
    ("multinomial_probs_log_prob", [[-1.0, 3.0], 2.0, [1.0, 1.0]], -INF, {2: [0.0, 0.0]}),
    ("multinomial_probs_log_prob", [[2.0, 0.0], 2.0, [1.0, 0.0]], 0.0, {2: [0.0, -2.0]}),
    ("multinomial_probs_log_prob", [[NAN, 0.0], 2.0, [1.0, 1.0]], NAN, {}),
    ("multinomial_logits_log_prob", [[1.0, 1.0], 2.0, [0.0, -INF]], -INF, {2: [0.0, 0.0]}),
    ("multinomial_logits_log_prob", [[2.0, 0.0], 2.0, [0.0, -INF]], 0.0, {2: [0.0, 0.0]}),
    ("relaxed_categorical_probs_log_prob", [[0.0, 1.0], 1.0, [0.5, 0.5]], -INF,
     {0: [0.0, 0.0], 1: 0.0, 2: [0.0, 0.0]}),
    ("relaxed_categorical_logits_log_prob", [[0.5, 0.5], 1.0, [0.0, -INF]], -INF, {}),
    ("relaxed_categorical_logits_log_prob", [[NAN, 0.5], 1.0, [0.0, 0.0]], NAN, {}),
    ("log_mixture_logits", [[0.0, 0.0], [-INF, -INF]], -INF, {0: [0.0, 0.0], 1: [0.0, 0.0]}),
    ("log_mixture_logits", [[0.0, -INF], [0.5, 9.0]], 0.5, {0: [0.0, 0.0], 1: [1.0, 0.0]}),
    ("log_mixture_logits", [[0.0, -INF], [0.5, INF]], 0.5, {0: [0.0, 0.0], 1: [1.0, 0.0]}),
    ("log_mixture_logits", [[0.0, 0.0], [NAN, 1.0]], NAN, {}),
    ("log_mixture_probs", [[1.0, 3.0], [-INF, -INF]], -INF, {0: [0.0, 0.0], 1: [0.0, 0.0]}),
    ("log_mixture_probs", [[0.0, 2.0], [0.5, 0.5]], 0.5, {0: [0.0, 0.0], 1: [0.0, 1.0]}),
    ("log_mixture_probs", [[0.0, 2.0], [-INF, 0.5]], 0.5, {0: [-0.5, 0.0], 1: [0.0, 1.0]}),
    ("log_mixture_probs", [[0.0, 2.0], [INF, 0.5]], 0.5, {1: [0.0, 1.0]}),
    ("log_mixture_probs", [[1.0, 1.0], [NAN, 1.0]], NAN, {}),
    ("gamma_entropy", [1.0], 1.0, {0: 1.0}),
    ("beta_entropy", [1.0, 1.0], 0.0, {0: 0.0, 1: 0.0}),
    ("binary_entropy_probs", [0.0], 0.0, {0: 1.0}),
    ("binary_entropy_probs", [1.0], 0.0, {0: -1.0}),
    ("binary_entropy_probs", [NAN], NAN, {}),
    ("binary_entropy_logits", [0.0], math.log(2), {0: 0.0}),
    ("binary_entropy_logits", [-INF], 0.0, {0: 0.0}),
    ("binary_entropy_logits", [NAN], NAN, {}),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize(("name", "values", "expected", "partials"), EDGES)
def test_edges(name: str, values: list[Any], expected: float, partials: dict[int, Any], dtype: torch.dtype) -> None:
    check_edge(name, values, expected, partials, dtype)
