"""The native divergences, entropies, quantiles and moments of whole laws against mpmath."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from mpmath import mp, mpf

from reference.test_kernels import Case, grid
from reference.test_kernels import test_edges as check_edge
from reference.test_kernels import test_values_and_partial_derivatives as check_case
from reparam import kernels

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the native library was not built")
INF, NAN = math.inf, math.nan


def laplace_divergence(loc: mpf, scale: mpf, other_loc: mpf, other_scale: mpf) -> mpf:
    gap = abs(loc - other_loc)
    return mp.log(other_scale / scale) + (scale * mp.exp(-gap / scale) + gap) / other_scale - 1


def cauchy_divergence(loc: mpf, scale: mpf, other_loc: mpf, other_scale: mpf) -> mpf:
    return mp.log(((scale + other_scale) ** 2 + (loc - other_loc) ** 2) / (4 * scale * other_scale))


def gamma_divergence(a: mpf, rate: mpf, b: mpf, other_rate: mpf) -> mpf:
    logs = b * mp.log(rate / other_rate) + a * (other_rate - rate) / rate
    return (a - b) * mp.digamma(a) - mp.loggamma(a) + mp.loggamma(b) + logs


def log_multivariate_beta(a: tuple[mpf, ...]) -> mpf:
    return mp.fsum(mp.loggamma(v) for v in a) - mp.loggamma(mp.fsum(a))


def dirichlet_entropy(*a: mpf) -> mpf:
    n = mp.fsum(a)
    inner = mp.fsum((v - 1) * mp.digamma(v) for v in a)
    return log_multivariate_beta(a) + (n - len(a)) * mp.digamma(n) - inner


def dirichlet_divergence(*values: mpf) -> mpf:
    k = len(values) // 2
    a, b = values[:k], values[k:]
    at_total = mp.digamma(mp.fsum(a))
    means = mp.fsum((v - w) * (mp.digamma(v) - at_total) for v, w in zip(a, b, strict=True))
    return log_multivariate_beta(b) - log_multivariate_beta(a) + means


def continuous_bernoulli_mean(slope: mpf) -> mpf:
    return 1 / (1 - mp.exp(-slope)) - 1 / slope


def continuous_bernoulli_variance(slope: mpf) -> mpf:
    return 1 / slope**2 - 1 / (4 * mp.sinh(slope / 2) ** 2)


def continuous_bernoulli_icdf(p: mpf, slope: mpf) -> mpf:
    return mp.log1p(p * mp.expm1(slope)) / slope


def laplace_cdf(z: mpf) -> mpf:
    return mp.exp(z) / 2 if z < 0 else 1 - mp.exp(-z) / 2


def laplace_icdf(p: mpf) -> mpf:
    return mp.log(2 * p) if p < 0.5 else -mp.log(2 * (1 - p))


def cauchy_icdf(p: mpf) -> mpf:
    return -mp.cot(mp.pi * p)


def categorical_logits_entropy(*logits: mpf) -> mpf:
    top = mp.log(mp.fsum(map(mp.exp, logits)))
    return mp.fsum((top - v) * mp.exp(v - top) for v in logits)


def generalized_pareto_noise(x: mpf, loc: mpf, scale: mpf, k: mpf) -> mpf:
    z = (x - loc) / scale
    return mp.log1p(k * z) / k if k else z


def weibull_log_spread(t: mpf) -> mpf:
    return mp.loggamma(1 + 2 * t) - 2 * mp.loggamma(1 + t)


def kumaraswamy_log_spread(t: mpf, b: mpf) -> mpf:
    rest = mp.loggamma(1 + 2 * t + b) - 2 * mp.loggamma(1 + t + b) + mp.loggamma(1 + b)
    return weibull_log_spread(t) - rest


PROBABILITIES = (1e-300, 1e-9, 0.1, 0.25, 0.375, 0.5, 0.5625, 0.75, 0.999)
LAWS = ((1.0, 1.0, 1.0), (1e-4, 2e-4, 3e-3), (0.5, 3.0, 40.0), (2e5, 3e5, 5e5), (0.5, 3.0, 40.03125))
CASES = [
    Case("laplace_divergence", laplace_divergence,
         grid((-2.0, 0.25, 0.2578125), (1e-3, 0.3, 1.0), (0.25,), (0.3, 0.30078125, 40.0)), (1, 1, 1, 1), (0, 1, 2, 3)),
    Case("cauchy_divergence", cauchy_divergence,
         [*grid((-2.0, 0.25), (1e-3, 0.3, 1.0), (0.125, 0.25), (0.3, 0.30078125, 40.0)),
          (0.0, 1e-30, 3e30, 1.0), (0.0, 1e-30, 0.0, 1e30)], (1, 1, 1, 1), (0, 1, 2, 3)),
    Case("gamma_divergence", gamma_divergence,
         grid((1e-4, 0.3, 1.0, 7.0, 1e5), (0.3, 2.5), (2e-4, 0.30078125, 1.0, 2e5), (0.3, 2.484375)),
         (1, 1, 1, 1), (0, 1, 2, 3)),
    Case("dirichlet_entropy", dirichlet_entropy, list(LAWS), (3,), (0, 1, 2)),
    Case("dirichlet_divergence", dirichlet_divergence, [(*a, *b) for a, b in grid(LAWS, LAWS) if a is not b], (3, 3),
         tuple(range(6))),
    Case("entropy_of_logits", categorical_logits_entropy,
         [(0.1, -2.0, 3.0, 0.5), (1000.0, 999.0, -1000.0, 0.0), (-1e-9, 1e-9, 0.0, -40.0), (50.0, 0.0, 7.0, 0.0)],
         (4,), (0, 1, 2, 3)),
    Case("generalized_pareto_noise", generalized_pareto_noise,
         grid((0.26, 0.5, 1.0), (0.25,), (0.5, 3.0), (-0.3, -1e-6, -1e-12, 0.0, 1e-30, 1e-9, 1e-3, 0.4, 7.0)),
         (1, 1, 1, 1), (0, 1, 2, 3)),
    Case("continuous_bernoulli_mean", continuous_bernoulli_mean,
         grid((-700.0, -3.0, -0.99, -1e-9, 1e-3, 0.5, 1.0, 40.0)), (1,), (0,)),
    Case("continuous_bernoulli_variance", continuous_bernoulli_variance,
         grid((-700.0, -3.0, -0.99, -0.01, 1e-3, 0.5, 1.0, 40.0)), (1,), (0,)),
    Case("continuous_bernoulli_icdf", continuous_bernoulli_icdf,
         grid(PROBABILITIES, (-600.0, -3.0, -0.5, 1e-9, 0.3, 1.5, 40.0)), (1, 1), (0, 1)),
    Case("asinh", lambda x: mp.asinh(x), grid((-1e200, -7.0, -0.3, 1e-300, 1e-9, 1.0, 30.0)), (1,), (0,)),
    Case("laplace_cdf", laplace_cdf, grid((-700.0, -1.5, -1e-9, 0.0, 0.25, 30.0)), (1,), (0,)),
    Case("laplace_icdf", laplace_icdf, grid(PROBABILITIES), (1,), (0,)),
    Case("cauchy_icdf", cauchy_icdf, grid(PROBABILITIES), (1,), (0,)),
    Case("weibull_log_spread", weibull_log_spread, grid((1e-9, 0.01, 0.3, 0.74, 0.75, 1.0, 5.0, 1e4)), (1,), (0,)),
    Case("kumaraswamy_log_spread", kumaraswamy_log_spread,
         grid((1e-6, 0.01, 0.7, 0.99, 1.0, 20.0), (1e-6, 0.3, 1.0, 30.0, 1e8)), (1, 1), (0, 1)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_summaries(case: Case, dtype: torch.dtype) -> None:
    check_case(case, dtype)


EDGES: list[tuple[str, list[Any], float, dict[int, Any]]] = [
    ("laplace_divergence", [1.0, 2.0, 1.0, 2.0], 0.0, {0: 0.0, 1: 0.0, 2: 0.0, 3: 0.0}),
    ("laplace_divergence", [NAN, 2.0, 1.0, 2.0], NAN, {}),
    ("cauchy_divergence", [1.0, 2.0, 1.0, 2.0], 0.0, {0: 0.0, 1: 0.0, 2: 0.0, 3: 0.0}),
    ("cauchy_divergence", [NAN, 2.0, 1.0, 2.0], NAN, {}),
    ("gamma_divergence", [0.25, 2.0, 0.25, 2.0], 0.0, {0: 0.0, 1: 0.0, 2: 0.0, 3: 0.0}),
    ("dirichlet_divergence", [[0.25, 2.0], [0.25, 2.0]], 0.0, {0: [0.0, 0.0], 1: [0.0, 0.0]}),
    ("dirichlet_entropy", [[1.0, 1.0]], 0.0, {}),
    ("entropy_of_logits", [[2.0, -INF]], 0.0, {0: [0.0, 0.0]}),
    ("entropy_of_logits", [[2.0, 2.0]], math.log(2), {0: [0.0, 0.0]}),
    ("entropy_of_logits", [[NAN, 2.0]], NAN, {}),
    ("generalized_pareto_noise", [2.0, 0.0, 2.0, -1.0], INF, {0: 0.0, 1: 0.0, 2: 0.0, 3: 0.0}),
    ("generalized_pareto_noise", [INF, 0.0, 2.0, 0.5], INF, {}),
    ("continuous_bernoulli_mean", [0.0], 0.5, {0: 1 / 12}),
    ("continuous_bernoulli_variance", [0.0], 1 / 12, {0: 0.0}),
    ("continuous_bernoulli_icdf", [0.0, 1e30], 0.0, {}),
    ("continuous_bernoulli_icdf", [1.0, -1e30], 1.0, {}),
    ("continuous_bernoulli_icdf", [0.25, 0.0], 0.25, {0: 1.0}),
    ("asinh", [0.0], 0.0, {0: 1.0}),
    ("asinh", [-INF], -INF, {0: 0.0}),
    ("asinh", [NAN], NAN, {}),
    ("laplace_cdf", [0.0], 0.5, {0: 0.5}),
    ("laplace_cdf", [NAN], NAN, {}),
    ("laplace_icdf", [0.0], -INF, {}),
    ("laplace_icdf", [1.0], INF, {}),
    ("cauchy_icdf", [0.0], -INF, {}),
    ("cauchy_icdf", [1.0], INF, {}),
    ("cauchy_icdf", [0.5], 0.0, {0: math.pi}),
    ("cauchy_icdf", [NAN], NAN, {}),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize(("name", "values", "expected", "partials"), EDGES)
def test_edges(name: str, values: list[Any], expected: float, partials: dict[int, Any], dtype: torch.dtype) -> None:
    check_edge(name, values, expected, partials, dtype)
