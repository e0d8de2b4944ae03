"""Second derivatives of log-densities, from the least to the largest points, against mpmath.

An error counts in units of eps, of the derivative and of what the rounding of the inputs moves it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from mpmath import mp

import reparam

from .oracle import truth

ULPS = 64
POINTS = [1e-20, 1e-10, 1e-5, 0.3, 3.0, 1e3, 1e10, 1e20]
SHARES = [1e-20, 1e-10, 1e-5, 0.3, 0.9999]


def gamma(x: Any, a: Any, b: Any) -> Any:
    return a * mp.log(b) - mp.loggamma(a) + (a - 1) * mp.log(x) - b * x


def chi2(x: Any, df: Any) -> Any:
    return gamma(x, df / 2, mp.mpf(1) / 2)


def inverse_gamma(x: Any, a: Any, b: Any) -> Any:
    return gamma(1 / x, a, b) - 2 * mp.log(x)


def beta(x: Any, a: Any, b: Any) -> Any:
    constant = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)
    return constant + (a - 1) * mp.log(x) + (b - 1) * mp.log1p(-x)


def fisher_snedecor(x: Any, first: Any, second: Any) -> Any:
    a, b = first / 2, second / 2
    constant = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b) + a * mp.log(a / b)
    return constant + (a - 1) * mp.log(x) - (a + b) * mp.log1p(a * x / b)


def weibull(x: Any, scale: Any, k: Any) -> Any:
    return mp.log(k / scale) + (k - 1) * mp.log(x / scale) - (x / scale) ** k


def student_t(x: Any, df: Any, loc: Any, scale: Any) -> Any:
    constant = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df) / 2 - mp.log(scale)
    return constant - (df + 1) / 2 * mp.log1p(((x - loc) / scale) ** 2 / df)


def gumbel(x: Any, loc: Any, scale: Any) -> Any:
    z = (x - loc) / scale
    return -mp.log(scale) - z - mp.exp(-z)


CASES = [
    (reparam.Gamma, gamma, (0.1, 1.0), POINTS),
    (reparam.Gamma, gamma, (1.0, 2.0), POINTS),
    (reparam.Gamma, gamma, (3.0, 1e-5), POINTS),
    (reparam.Gamma, gamma, (1e5, 10.0), POINTS),
    (reparam.Chi2, chi2, (0.2,), POINTS),
    (reparam.Chi2, chi2, (1e4,), POINTS),
    (reparam.InverseGamma, inverse_gamma, (0.1, 1.0), POINTS[1:]),
    (reparam.InverseGamma, inverse_gamma, (3.0, 1e-5), POINTS[1:]),
    (reparam.Beta, beta, (0.1, 0.2), SHARES),
    (reparam.Beta, beta, (50.0, 1e4), SHARES),
    (reparam.FisherSnedecor, fisher_snedecor, (0.3, 2.0), POINTS),
    (reparam.Weibull, weibull, (1.0, 0.3), POINTS),
    (reparam.StudentT, student_t, (1.5, 0.0, 1.0), [0.3, 3.0]),
    (reparam.Gumbel, gumbel, (0.0, 1.0), [x for x in POINTS if x < 1e10]),
]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(("cls", "density", "parameters", "points"), CASES)
def test_second_derivatives(
    cls: Any, density: Callable[..., Any], parameters: tuple[float, ...], points: list[float], dtype: torch.dtype
) -> None:
    info = torch.finfo(dtype)
    for x in points:
        inputs = tuple(torch.tensor(v, dtype=dtype, requires_grad=True) for v in (x, *parameters))
        value = cls(*inputs[1:], validate_args=False).log_prob(inputs[0])
        slopes = torch.autograd.grad(value, inputs, create_graph=True)
        exact = tuple(v.item() for v in inputs)
        for i, j in itertools.combinations_with_replacement(range(len(inputs)), 2):
            expected, moved = truth(density, (i, j), exact)
            if abs(expected) > info.max:
                continue
            (found,) = torch.autograd.grad(slopes[i], inputs[j], retain_graph=True, materialize_grads=True)
            allowed = ULPS * info.eps * (abs(expected) + moved) + 16 * info.tiny * info.eps
            assert abs(found.item() - expected) <= allowed, (x, i, j, found.item(), float(expected))
