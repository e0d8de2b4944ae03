"""Every native kernel and its partial derivatives against mpmath, at points where naive formulas fail."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

from reference.oracle import DIGITS, jet, rounded
from reparam import kernels
from reparam.kernels import kernel

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the native library was not built")

Points = list[tuple[float, ...]]
Reference = Callable[..., mpf]


def normal(x: mpf, loc: mpf, scale: mpf) -> mpf:
    return -(((x - loc) / scale) ** 2) / 2 - mp.log(scale) - mp.log(2 * mp.pi) / 2


def log_normal(x: mpf, loc: mpf, scale: mpf) -> mpf:
    return normal(mp.log(x), loc, scale) - mp.log(x)


def tanh_normal(x: mpf, loc: mpf, scale: mpf) -> mpf:
    return normal(mp.atanh(x), loc, scale) - mp.log((1 - x) * (1 + x))


def uniform(x: mpf, low: mpf, high: mpf) -> mpf:
    return -mp.log(high - low)


def gamma(x: mpf, a: mpf, rate: mpf) -> mpf:
    return a * mp.log(rate) + (a - 1) * mp.log(x) - rate * x - mp.loggamma(a)


def beta(x: mpf, a: mpf, b: mpf) -> mpf:
    constant = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)
    return (a - 1) * mp.log(x) + (b - 1) * mp.log(1 - x) + constant


def studentt(x: mpf, df: mpf, loc: mpf, scale: mpf) -> mpf:
    constant = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df * mp.pi) / 2
    return constant - mp.log(scale) - (df + 1) / 2 * mp.log(1 + ((x - loc) / scale) ** 2 / df)


def bernoulli_probs(x: mpf, p: mpf) -> mpf:
    return mp.log(p) if mp.nint(x) == 1 else mp.log1p(-p)


def bernoulli_logits(x: mpf, logits: mpf) -> mpf:
    return -mp.log1p(mp.exp((1 - 2 * mp.nint(x)) * logits))


def binomial_probs(x: mpf, n: mpf, p: mpf) -> mpf:
    ways = mp.loggamma(n + 1) - mp.loggamma(x + 1) - mp.loggamma(n - x + 1)
    return ways + x * mp.log(p) + (n - x) * mp.log(1 - p)


def binomial_logits(x: mpf, n: mpf, logits: mpf) -> mpf:
    ways = mp.loggamma(n + 1) - mp.loggamma(x + 1) - mp.loggamma(n - x + 1)
    return ways - x * mp.log1p(mp.exp(-logits)) - (n - x) * mp.log1p(mp.exp(logits))


def dirichlet(*values: mpf) -> mpf:
    k = len(values) // 2
    x, a = values[:k], values[k:]
    terms = [(c - 1) * mp.log(v) - mp.loggamma(c) for v, c in zip(x, a, strict=True)]
    # off the simplex, to first order the density at the normalised point
    return mp.loggamma(mp.fsum(a)) + mp.fsum(terms) - mp.fsum(a) * (mp.fsum(x) - 1)


def categorical_logits(index: mpf, *logits: mpf) -> mpf:
    return logits[int(mp.nint(index))] - mp.log(mp.fsum(map(mp.exp, logits)))


def categorical_probs(index: mpf, *weights: mpf) -> mpf:
    return mp.log(weights[int(mp.nint(index))] / mp.fsum(weights))


def log_ndtr(x: mpf) -> mpf:
    tail = mp.erfc(abs(x) / mp.sqrt(2)) / 2
    return mp.log1p(-tail) if x > 0 else mp.log(tail)


def stirling_error(a: mpf) -> mpf:
    with mp.extradps(40):
        return mp.loggamma(a) - (a - mpf(1) / 2) * mp.log(a) + a - mp.log(2 * mp.pi) / 2


def deviance(x: mpf, m: mpf) -> mpf:
    return x * mp.log(x / m) + m - x


@dataclass(frozen=True)
class Case:
    """A native entry, the truth, and where to look: columns hold one input each, or a row of inputs.

    In float32, the results of most entries are the rounding of double ones, which their bound says.
    """

    name: str
    truth: Callable[..., mpf]
    points: Points
    columns: tuple[int, ...]
    partials: tuple[int, ...]
    float32: float = 0.51


LIGHT = 4.0  # the float32 bound of entries that compute in float32 itself


def grid(*axes: tuple[float, ...]) -> Points:
    return list(itertools.product(*axes))


SHAPES = (1e-4, 0.3, 1.0, 1.5, 7.0, 300.0, 1e5, 1e10)
COUNTS = ((0, 5), (3, 5), (5, 5), (0, 0), (1, 2), (40, 1000), (500321, 1000000), (999999, 1000000))
# Gamma at multiples of its mean that are near, far and beyond the range of rate * x
GAMMA = [(a / rate * m, a, rate) for a, rate, m in grid(SHAPES, (1e-3, 2.5), (1e-12, 0.5, 0.999, 1.2, 3.0))]
GAMMA += [(1e-305, 1e-3, 1e-6), (4e-310, 0.7, 1e-3), (1e-300, 1.0, 3.0)]
BETA = grid((1e-290, 1e-9, 0.3, 0.5, 0.75, 0.999), (1e-4, 0.3, 1.0, 2.5, 1e5), (1e-3, 1.0, 5.0, 99999.0))
BETA += [(1e-10, 0.01, 1e8), (0.25, 2.5e9, 7.5e9)]
STUDENT = grid((-3.0, 1e-3, 0.25, 1.0, 40.0), (0.01, 1.0, 4.5, 300.0, 1e6, 1e12), (0.125,), (0.7, 3.0))
DIRICHLET = [
    (*x, *a)
    for x in ((0.2, 0.3, 0.5), (1e-200, 0.125, 0.875), (0.999, 0.0005, 0.0005))
    for a in ((1.0, 1.0, 1.0), (1e-4, 2e-4, 3e-3), (0.5, 3.0, 40.0), (2e5, 3e5, 5e5))
]
LOGITS = ((0.1, -2.0, 3.0, 0.5), (1000.0, 999.0, -1000.0, 0.0), (-1e-9, 1e-9, 0.0, -40.0))
WEIGHTS = ((0.1, 0.2, 0.3, 0.4), (1e-30, 1.0, 1.0, 1e-5), (5.0, 1e10, 2.0, 1.0))

CASES = [
    Case("normal_log_prob", normal, grid((-1e5, 0.1, 3.0), (-2.0, 0.1, 7.5), (1e-10, 0.3, 1e8)), (1, 1, 1), (0, 1, 2)),
    Case("log_normal_log_prob", log_normal,
         grid((1e-305, 0.1, 1.0, 3.0, 1e30), (-2.0, 0.1), (1e-3, 0.3, 1e8)), (1, 1, 1), (0, 1, 2)),
    Case("tanh_normal_log_prob", tanh_normal,
         grid((-1 + 2.0**-24, -0.5, 1e-9, 0.3, 0.9999), (-2.0, 0.1), (0.01, 0.3, 1e3)), (1, 1, 1), (0, 1, 2)),
    Case("uniform_log_prob", uniform, [(0.5, 0.0, 1.0), (2.0, 1.5, 1e20), (3.0, 2.9999, 3.0001)],
         (1, 1, 1), (0, 1, 2)),
    Case("gamma_log_prob", gamma, GAMMA, (1, 1, 1), (0, 1, 2)),
    Case("beta_log_prob", beta, BETA, (1, 1, 1), (0, 1, 2)),
    Case("studentt_log_prob", studentt, STUDENT, (1, 1, 1, 1), (0, 1, 2, 3)),
    Case("studentt_log_prob", studentt, grid((-1e200, 1e30), (0.01, 3.0, 1e6), (0.0,), (1e-3, 2.0)),
         (1, 1, 1, 1), (0, 1, 3)),
    Case("bernoulli_probs_log_prob", bernoulli_probs, grid((0.0, 1.0), (1e-310, 1e-10, 0.3, 0.5, 0.999999)),
         (1, 1), (1,)),
    Case("bernoulli_logits_log_prob", bernoulli_logits, grid((0.0, 1.0), (-800.0, -30.0, -0.1, 0.0, 2.0, 100.0)),
         (1, 1), (1,), LIGHT),
    Case("binomial_probs_log_prob", binomial_probs,
         [(*c, p) for c, p in grid(COUNTS, (1e-10, 0.3, 0.5, 0.9999))], (1, 1, 1), (2,)),
    Case("binomial_logits_log_prob", binomial_logits,
         [(*c, logit) for c, logit in grid(COUNTS, (-800.0, -1.0, 1e-3, 30.0))], (1, 1, 1), (2,)),
    Case("dirichlet_log_prob", dirichlet, DIRICHLET, (3, 3), tuple(range(6))),
    Case("categorical_logits_log_prob", categorical_logits,
         [(i, *row) for i, row in grid((0, 1, 3), LOGITS)], (1, 4), (1, 2, 3, 4)),
    Case("categorical_probs_log_prob", categorical_probs,
         [(i, *row) for i, row in grid((0, 1, 3), WEIGHTS)], (1, 4), (1, 2, 3, 4)),
    Case("log_ndtr", log_ndtr,
         grid((-1e150, -1e4, -38.0, -9.0, -1.0, -1e-3, 0.0, 0.3, 2.0, 6.0, 20.0, 38.0)), (1,), (0,)),
    Case("stirling_error", stirling_error,
         grid((1e-300, 1e-9, 0.01, 0.3, 0.999, 1.0, 1.3, 2.0, 9.0, 500.0, 1e8, 1e12)), (1,), (0,)),
    Case("deviance", deviance, grid((1e-9, 0.3, 1.0, 1e6), (1e-6, 0.29999, 1.3, 1000001.0)), (1, 1), (0, 1)),
]  # fmt: skip


def forbidden(*_: Tensor) -> Tensor:
    raise AssertionError("the formula ran in place of the kernel")


def inputs(case: Case, points: Points, dtype: torch.dtype) -> list[Tensor]:
    """The points as the tensors that the kernel takes: elements, or rows."""
    table = torch.tensor(points, dtype=torch.float64)
    columns = table.split(case.columns, dim=1)
    tensors = [c.to(dtype) if len(c[0]) > 1 else c[:, 0].to(dtype) for c in columns]
    if case.name.startswith("categorical"):
        tensors[0] = tensors[0].long()
    return tensors


@cache
def truths(f: Reference, point: tuple[float, ...]) -> list[tuple[mpf, mpf]]:
    """The value at the point and each partial derivative, and the absolute condition of each.

    That is how far it moves when every input moves by its own size.
    """
    with mp.workdps(DIGITS):
        value, slopes, moved = jet(f)(*map(mpf, point))
        condition = mp.fsum(abs(v * s) for v, s in zip(point, slopes, strict=True) if v)
        return list(zip((value, *slopes), (condition, *moved), strict=True))


def excess(got: Tensor, f: Reference, order: int, points: Points) -> tuple[float, tuple[float, ...]]:
    """The worst of |error| / (|truth| + condition) in units of eps, and where; order 0 is the value."""
    worst, where = 0.0, points[0]
    info = torch.finfo(got.dtype)
    for value, point in zip(got.tolist(), points, strict=True):
        exact, condition = truths(f, point)[order]
        if abs(exact) > info.max:
            error = 0.0 if abs(value) > info.max / 4 else math.inf
        else:
            allowed = (abs(exact) + condition) * info.eps + info.smallest_normal * info.eps
            error = float(abs(mpf(value) - exact) / allowed)
        if not error <= worst:
            worst, where = error, point
    return worst, where


# In units of eps * (|truth| + condition), where the condition counts every input as rounded. The sums of a saddle-point
# form have some ten terms, so a value is off by a few units; a derivative in a parameter is a difference of digammas,
# which may lose two or three digits. Most kernels compute in double, so that a float32 result is a rounding of it.
VALUE_BOUND, PARTIAL_BOUND = 8, 1000


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_values_and_partial_derivatives(case: Case, dtype: torch.dtype) -> None:
    points = case.points if dtype is torch.float64 else rounded(case.points, dtype)
    tensors = inputs(case, points, dtype)
    column = 0
    for tensor, width in zip(tensors, case.columns, strict=True):
        tensor.requires_grad_(column in case.partials)
        column += width
    value = kernel(case.name)(forbidden)(*tensors)
    value.sum().backward()
    gradients = [t.detach() if t.grad is None else t.grad for t in tensors]
    flat = torch.cat([g.reshape(len(points), -1) for g in gradients], dim=1)
    error, where = excess(value.detach(), case.truth, 0, points)
    assert error <= (VALUE_BOUND if dtype is torch.float64 else case.float32), where
    for i in case.partials:
        error, where = excess(flat[:, i], case.truth, i + 1, points)
        assert error <= (PARTIAL_BOUND if dtype is torch.float64 else case.float32), (i, where)


INF, NAN = math.inf, math.nan
# name, inputs, the value, and the partial derivatives that are offered and known without calculation
EDGES: list[tuple[str, list[Any], float, dict[int, Any]]] = [
    ("normal_log_prob", [INF, 0.0, 1.0], -INF, {}),
    ("normal_log_prob", [NAN, 0.0, 1.0], NAN, {}),
    ("normal_log_prob", [0.0, 0.0, NAN], NAN, {}),
    ("log_normal_log_prob", [0.0, 0.0, 1.0], -INF, {0: 0.0, 1: 0.0, 2: 0.0}),
    ("log_normal_log_prob", [-1.0, 0.0, 1.0], -INF, {0: 0.0, 1: 0.0, 2: 0.0}),
    ("log_normal_log_prob", [INF, 0.0, 1.0], -INF, {0: 0.0, 1: 0.0, 2: 0.0}),
    ("log_normal_log_prob", [NAN, 0.0, 1.0], NAN, {}),
    ("tanh_normal_log_prob", [1.0, 0.0, 1.0], -INF, {0: 0.0, 1: 0.0, 2: 0.0}),
    ("tanh_normal_log_prob", [-1.0, 0.0, 1.0], -INF, {0: 0.0, 1: 0.0, 2: 0.0}),
    ("tanh_normal_log_prob", [2.0, 0.0, 1.0], -INF, {0: 0.0, 1: 0.0, 2: 0.0}),
    ("tanh_normal_log_prob", [NAN, 0.0, 1.0], NAN, {}),
    ("uniform_log_prob", [0.0, 0.0, 2.0], -math.log(2), {0: 0.0, 1: 0.5, 2: -0.5}),
    ("uniform_log_prob", [2.0, 0.0, 2.0], -math.log(2), {}),
    ("uniform_log_prob", [2.5, 0.0, 2.0], -INF, {0: 0.0, 1: 0.0, 2: 0.0}),
    ("uniform_log_prob", [NAN, 0.0, 2.0], NAN, {}),
    ("gamma_log_prob", [0.0, 0.5, 2.0], INF, {}),
    ("gamma_log_prob", [0.0, 1.0, 2.0], math.log(2), {0: -2.0, 2: 0.5}),
    ("gamma_log_prob", [0.0, 2.0, 2.0], -INF, {}),
    ("gamma_log_prob", [-1.0, 2.0, 2.0], -INF, {0: 0.0, 1: 0.0, 2: 0.0}),
    ("gamma_log_prob", [INF, 2.0, 2.0], -INF, {}),
    ("gamma_log_prob", [NAN, 2.0, 2.0], NAN, {}),
    ("gamma_log_prob", [1.0, NAN, 2.0], NAN, {}),
    ("beta_log_prob", [0.0, 0.5, 2.0], INF, {}),
    ("beta_log_prob", [0.0, 1.0, 3.0], math.log(3), {0: -2.0}),
    ("beta_log_prob", [1.0, 3.0, 1.0], math.log(3), {0: 2.0}),
    ("beta_log_prob", [1.0, 3.0, 2.0], -INF, {}),
    ("beta_log_prob", [1.5, 3.0, 2.0], -INF, {0: 0.0, 1: 0.0, 2: 0.0}),
    ("beta_log_prob", [NAN, 3.0, 2.0], NAN, {}),
    ("studentt_log_prob", [INF, 3.0, 0.0, 1.0], -INF, {}),
    ("studentt_log_prob", [NAN, 3.0, 0.0, 1.0], NAN, {}),
    ("bernoulli_probs_log_prob", [1.0, 0.0], -INF, {}),
    ("bernoulli_probs_log_prob", [0.0, 0.0], 0.0, {1: -1.0}),
    ("bernoulli_probs_log_prob", [0.5, 0.25], -INF, {1: 0.0}),
    ("bernoulli_probs_log_prob", [NAN, 0.25], NAN, {}),
    ("bernoulli_logits_log_prob", [2.0, 0.25], -INF, {1: 0.0}),
    ("bernoulli_logits_log_prob", [1.0, NAN], NAN, {}),
    ("binomial_probs_log_prob", [0.0, 7.0, 0.0], 0.0, {2: -7.0}),
    ("binomial_probs_log_prob", [7.0, 7.0, 1.0], 0.0, {2: 7.0}),
    ("binomial_probs_log_prob", [1.0, 7.0, 0.0], -INF, {}),
    ("binomial_probs_log_prob", [8.0, 7.0, 0.5], -INF, {2: 0.0}),
    ("binomial_probs_log_prob", [1.5, 7.0, 0.5], -INF, {2: 0.0}),
    ("binomial_probs_log_prob", [NAN, 7.0, 0.5], NAN, {}),
    ("binomial_logits_log_prob", [-1.0, 7.0, 0.5], -INF, {2: 0.0}),
    ("dirichlet_log_prob", [[0.0, 1.0], [1.0, 1.0]], 0.0, {}),
    ("dirichlet_log_prob", [[0.0, 1.0], [0.5, 1.0]], INF, {}),
    ("dirichlet_log_prob", [[-0.5, 1.5], [1.5, 1.0]], -INF, {}),
    ("categorical_logits_log_prob", [1, [0.0, -INF, 0.0]], -INF, {1: [-0.5, 1.0, -0.5]}),
    ("categorical_logits_log_prob", [0, [0.0, -INF, 0.0]], -math.log(2), {1: [0.5, 0.0, -0.5]}),
    ("categorical_logits_log_prob", [3, [0.0, 1.0, 0.0]], -INF, {1: [0.0, 0.0, 0.0]}),
    ("categorical_logits_log_prob", [-1, [0.0, 1.0, 0.0]], -INF, {1: [0.0, 0.0, 0.0]}),
    ("categorical_logits_log_prob", [0, [0.0, NAN, 0.0]], NAN, {}),
    ("categorical_probs_log_prob", [1, [0.5, 0.0, 0.5]], -INF, {}),
    ("categorical_probs_log_prob", [0, [1.0, 0.0, 0.0]], 0.0, {1: [0.0, -1.0, -1.0]}),
    ("log_ndtr", [INF], 0.0, {0: 0.0}),
    ("log_ndtr", [-INF], -INF, {0: INF}),
    ("log_ndtr", [NAN], NAN, {}),
    ("stirling_error", [0.0], INF, {}),
    ("stirling_error", [INF], 0.0, {0: 0.0}),
    ("stirling_error", [-1.0], NAN, {}),
    ("deviance", [0.0, 3.0], 3.0, {0: -1.0, 1: 1.0}),
    ("deviance", [0.0, 0.0], 0.0, {0: -1.0, 1: 1.0}),
    ("deviance", [3.0, 0.0], INF, {}),
    ("deviance", [2.0, 2.0], 0.0, {0: 0.0, 1: 0.0}),
]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize(("name", "values", "expected", "partials"), EDGES)
def test_edges(name: str, values: list[Any], expected: float, partials: dict[int, Any], dtype: torch.dtype) -> None:
    tensors = [torch.tensor([v]) if isinstance(v, int) else torch.tensor([v], dtype=dtype) for v in values]
    for j in partials:
        tensors[j].requires_grad_()
    value = kernel(name)(forbidden)(*tensors)
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(
        value.detach(), torch.tensor([expected], dtype=dtype), rtol=2 * eps, atol=eps, equal_nan=True
    )
    if partials:
        value.sum().backward()
    for j, partial in partials.items():
        wanted = torch.tensor([partial], dtype=dtype)
        torch.testing.assert_close(tensors[j].grad, wanted, rtol=2 * eps, atol=eps)


LEVELS = {"baseline": 0, "avx2": 1, "avx512": 2}
PRINT_ALL = """
import json, torch
from reparam import kernels
from reference import test_kernels as tests
table = []
for case in tests.CASES:
    tensors = tests.inputs(case, case.points, torch.float64)
    table.append(kernels.kernel(case.name)(tests.forbidden)(*tensors).tolist())
print(json.dumps([kernels.info()["simd"], table]))
"""


def at_level(level: str) -> tuple[str, list[list[float]]]:
    """The instruction set really used, and the values of all cases with it."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    environment = {**os.environ, "REPARAM_SIMD": level, "PYTHONPATH": path}
    run = [sys.executable, "-c", PRINT_ALL]
    name, table = json.loads(subprocess.run(run, env=environment, check=True, capture_output=True).stdout)
    return name, table


def test_instruction_sets_agree() -> None:
    # They differ in fused multiply-adds alone, each of which moves one rounding.
    _, reference = at_level("baseline")
    seen = {"baseline"}
    for level in list(LEVELS)[1:]:
        used, table = at_level(level)
        assert LEVELS[used] <= LEVELS[level]
        if used in seen:
            continue  # this processor has nothing better
        seen.add(used)
        for case, got, want in zip(CASES, table, reference, strict=True):
            for point, left, right in zip(case.points, got, want, strict=True):
                value, condition = truths(case.truth, point)[0]
                assert abs(left - right) <= 4 * 2.0**-52 * float(abs(value) + condition), (case.name, used, point)
