"""Textbook formulas of the scalar continuous laws in mpmath, hard points for them, and how near is near."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from mpmath import mp, mpf

import reparam

DIGITS = 60
DTYPES = [torch.float64, torch.float32]
ALLOWED = {torch.float64: 100, torch.float32: 16}


class Truth(NamedTuple):
    """A law by its textbook formulas: the log-density and both tails at x, given the parameters."""

    log_prob: Callable[..., Any]
    cdf: Callable[..., Any]
    sf: Callable[..., Any]


def _exponential(rate):
    return Truth(
        lambda x: mp.log(rate) - rate * x,
        lambda x: -mp.expm1(-rate * x),
        lambda x: mp.exp(-rate * x),
    )


def _laplace(loc, scale):
    def below(z):
        return mp.exp(z) / 2 if z < 0 else 1 - mp.exp(-z) / 2

    return Truth(
        lambda x: -mp.log(2 * scale) - abs(x - loc) / scale,
        lambda x: below((x - loc) / scale),
        lambda x: below((loc - x) / scale),
    )


def _cauchy(loc, scale):
    def below(z):
        return mp.acot(-z) / mp.pi if z < 0 else 1 - mp.acot(z) / mp.pi if z > 0 else mpf(1) / 2

    return Truth(
        lambda x: mp.log(scale / mp.pi) - mp.log((x - loc) ** 2 + scale**2),
        lambda x: below((x - loc) / scale),
        lambda x: below((loc - x) / scale),
    )


def _half_cauchy(scale):
    return Truth(
        lambda x: mp.log(2 * scale / mp.pi) - mp.log(x**2 + scale**2),
        lambda x: 2 * mp.atan(x / scale) / mp.pi,
        lambda x: 2 * mp.atan(scale / x) / mp.pi,
    )


def _half_normal(scale):
    return Truth(
        lambda x: mp.log(2 / mp.pi) / 2 - mp.log(scale) - (x / scale) ** 2 / 2,
        lambda x: mp.erf(x / scale / mp.sqrt(2)),
        lambda x: mp.erfc(x / scale / mp.sqrt(2)),
    )


def _gumbel(loc, scale):
    def noise(x):
        return mp.exp((loc - x) / scale)

    return Truth(
        lambda x: (loc - x) / scale - noise(x) - mp.log(scale),
        lambda x: mp.exp(-noise(x)),
        lambda x: -mp.expm1(-noise(x)),
    )


def _weibull(scale, k):
    return Truth(
        lambda x: mp.log(k / scale) + (k - 1) * mp.log(x / scale) - (x / scale) ** k,
        lambda x: -mp.expm1(-((x / scale) ** k)),
        lambda x: mp.exp(-((x / scale) ** k)),
    )


def _pareto(scale, alpha):
    return Truth(
        lambda x: mp.log(alpha / x) + alpha * mp.log(scale / x),
        lambda x: -mp.expm1(alpha * mp.log(scale / x)),
        lambda x: (scale / x) ** alpha,
    )


def _kumaraswamy(a, b):
    def rest(x):
        return -mp.expm1(a * mp.log(x))

    return Truth(
        lambda x: mp.log(a * b) + (a - 1) * mp.log(x) + (b - 1) * mp.log(rest(x)),
        lambda x: -mp.expm1(b * mp.log1p(-(x**a))),
        lambda x: rest(x) ** b,
    )


def _inverse_gamma(a, b):
    return Truth(
        lambda x: a * mp.log(b) - mp.loggamma(a) - (a + 1) * mp.log(x) - b / x,
        lambda x: mp.gammainc(a, b / x, mp.inf, regularized=True),
        lambda x: mp.gammainc(a, 0, b / x, regularized=True),
    )


def _chi2(df):
    return Truth(
        lambda x: (df / 2 - 1) * mp.log(x) - x / 2 - df / 2 * mp.log(2) - mp.loggamma(df / 2),
        lambda x: mp.gammainc(df / 2, 0, x / 2, regularized=True),
        lambda x: mp.gammainc(df / 2, x / 2, mp.inf, regularized=True),
    )


def _continuous_bernoulli(slope):
    return Truth(
        lambda x: slope * x - mp.log(mp.expm1(slope) / slope),
        lambda x: mp.expm1(slope * x) / mp.expm1(slope),
        lambda x: mp.expm1(-slope * (1 - x)) / mp.expm1(-slope),
    )


def _generalized_pareto(loc, scale, k):
    def noise(x):
        z = (x - loc) / scale
        return mp.log1p(k * z) / k if k else z

    return Truth(
        lambda x: -mp.log(scale) - (1 + k) * noise(x),
        lambda x: -mp.expm1(-noise(x)),
        lambda x: mp.exp(-noise(x)),
    )


def fisher_snedecor(m, n):
    def below(a, b, u):
        return mp.betainc(a, b, 0, u, regularized=True)

    return Truth(
        lambda x: (
            m / 2 * mp.log(m * x / (n + m * x)) + n / 2 * mp.log(n / (n + m * x)) - mp.log(mp.beta(m / 2, n / 2) * x)
        ),
        lambda x: below(m / 2, n / 2, m * x / (n + m * x)),
        lambda x: below(n / 2, m / 2, n / (n + m * x)),
    )


LAWS = [
    (reparam.Exponential, _exponential, (2.0,), [1e-30, 1e-9, 0.5, 40.0, 1e4]),
    (reparam.Exponential, _exponential, (1e-12,), [1e-20, 1.0, 1e12, 1e14]),
    (reparam.Laplace, _laplace, (0.0, 1.0), [-1e4, -30.0, -1e-9, 0.0, 1e-9, 30.0, 1e4]),
    (reparam.Laplace, _laplace, (3.0, 1e-5), [2.999, 3.0, 3.001]),
    (reparam.Cauchy, _cauchy, (0.0, 1.0), [-1e30, -1e10, -1.0, 0.0, 1e-9, 1.0, 1e10, 1e30]),
    (reparam.Cauchy, _cauchy, (1.0, 1e10), [-1e12, 1.0, 1e9, 1e30]),
    (reparam.HalfCauchy, _half_cauchy, (2.0,), [1e-30, 1e-9, 2.0, 1e10, 1e30]),
    (reparam.HalfNormal, _half_normal, (2.0,), [1e-30, 1e-9, 0.5, 1.99, 2.01, 20.0, 200.0]),
    (reparam.HalfNormal, _half_normal, (1e-20,), [1e-25, 1e-20, 3e-19]),
    (reparam.Gumbel, _gumbel, (0.0, 1.0), [-6.0, -4.0, -1e-9, 0.0, 1.0, 19.0, 21.0, 40.0, 1e4]),
    (reparam.Gumbel, _gumbel, (5.0, 1e-3), [4.996, 5.0, 5.1]),
    (reparam.Weibull, _weibull, (2.0, 0.25), [1e-30, 1e-5, 1.0, 2.0, 1e3, 1e8]),
    (reparam.Weibull, _weibull, (2.0, 1.0), [1e-30, 1.0, 100.0]),
    (reparam.Weibull, _weibull, (1.0, 50.0), [0.125, 0.75, 1.0, 1.125]),
    (reparam.Weibull, _weibull, (1e-30, 0.01), [1e-20, 1.0, 1e30]),
    (reparam.Pareto, _pareto, (1.0, 2.0), [1.0000001, 1.5, 1e10, 1e30]),
    (reparam.Pareto, _pareto, (1e-30, 0.5), [1e-29, 1.0, 1e30]),
    (reparam.Pareto, _pareto, (1e30, 1e3), [1.001e30, 1.1e30]),
    (reparam.Kumaraswamy, _kumaraswamy, (0.5, 0.5), [1e-30, 1e-3, 0.5, 0.999]),
    (reparam.Kumaraswamy, _kumaraswamy, (2.0, 3.0), [1e-30, 1e-9, 0.25, 0.999]),
    (reparam.Kumaraswamy, _kumaraswamy, (1e-3, 1e3), [1e-30, 1e-10, 0.5]),
    (reparam.Kumaraswamy, _kumaraswamy, (1e3, 1e-3), [0.5, 0.99, 0.99999]),
    (reparam.InverseGamma, _inverse_gamma, (3.0, 2.0), [1e-3, 0.02, 0.5, 10.0, 1e10, 1e30]),
    (reparam.InverseGamma, _inverse_gamma, (0.01, 1.0), [1e-2, 1.0, 1e30]),
    (reparam.InverseGamma, _inverse_gamma, (1e5, 1e5), [0.99, 1.0, 1.01]),
    (reparam.Chi2, _chi2, (4.0,), [1e-30, 1e-3, 4.0, 100.0, 1e3]),
    (reparam.Chi2, _chi2, (0.02,), [1e-30, 1e-3, 1.0, 40.0]),
    (reparam.Chi2, _chi2, (1e5,), [0.99e5, 1e5, 1.01e5]),
    (reparam.ContinuousBernoulli, _continuous_bernoulli, (1e-9,), [1e-30, 1e-3, 0.5, 0.999]),
    (reparam.ContinuousBernoulli, _continuous_bernoulli, (-1e-3,), [1e-30, 0.25, 0.75]),
    (reparam.ContinuousBernoulli, _continuous_bernoulli, (0.99999,), [1e-3, 0.5, 0.999]),
    (reparam.ContinuousBernoulli, _continuous_bernoulli, (1.00001,), [1e-3, 0.5, 0.999]),
    (reparam.ContinuousBernoulli, _continuous_bernoulli, (-3.0,), [1e-30, 0.5, 0.999]),
    (reparam.ContinuousBernoulli, _continuous_bernoulli, (1e4,), [1e-30, 0.5, 0.999]),
    (reparam.ContinuousBernoulli, _continuous_bernoulli, (-1e4,), [1e-30, 1e-6, 1e-3]),
    (reparam.GeneralizedPareto, _generalized_pareto, (0.0, 1.0, 0.0), [1e-30, 1.0, 100.0]),
    (reparam.GeneralizedPareto, _generalized_pareto, (0.0, 1.0, 1e-9), [1e-30, 1.0, 100.0]),
    (reparam.GeneralizedPareto, _generalized_pareto, (0.0, 2.0, -1e-9), [1e-30, 1.0, 100.0]),
    (reparam.GeneralizedPareto, _generalized_pareto, (1.0, 2.0, 0.5), [1.25, 3.0, 1e10, 1e30]),
    (reparam.GeneralizedPareto, _generalized_pareto, (0.0, 1.0, -0.5), [1e-30, 1.0, 1.999]),
    (reparam.GeneralizedPareto, _generalized_pareto, (0.0, 1.0, -1.0), [1e-30, 0.5, 0.999]),
    (reparam.GeneralizedPareto, _generalized_pareto, (0.0, 1.0, -2.0), [1e-30, 0.25, 0.4999]),
    (reparam.FisherSnedecor, fisher_snedecor, (4.0, 10.0), [1e-20, 1e-3, 1.0, 50.0, 1e10]),
    (reparam.FisherSnedecor, fisher_snedecor, (0.02, 0.03), [1e-20, 1.0, 1e20]),
    (reparam.FisherSnedecor, fisher_snedecor, (200.0, 300.0), [0.5, 1.0, 1.5]),
    (reparam.FisherSnedecor, fisher_snedecor, (1.0, 300.0), [1e-20, 1.0, 30.0]),
]


def single(value: float) -> float:
    """The float32 number nearest to a number."""
    return torch.tensor(value, dtype=torch.float32).item()


def built(cls: Any, parameters: Any, dtype: torch.dtype) -> Any:
    tensors = [torch.tensor(single(v), dtype=dtype) for v in parameters]
    return cls(logits=tensors[0]) if cls is reparam.ContinuousBernoulli else cls(*tensors)


def exactly(truth: Any, door: str, x: float, parameters: Any, dtype: torch.dtype = torch.float32) -> tuple[Any, Any]:
    """The value of a door at an x of that dtype, and what relative roundings of its inputs change: sum |v df/dv|."""
    with mp.workdps(DIGITS):
        inputs = [mpf(torch.tensor(x, dtype=dtype).item()), *(mpf(single(v)) for v in parameters)]

        def f(*at: Any) -> Any:
            law = truth(*at[1:])
            if not door.startswith("log_") or door == "log_prob":
                return getattr(law, door)(at[0])
            small, large = getattr(law, door[4:]), law.sf if door == "log_cdf" else law.cdf
            other = large(at[0])
            return mp.log1p(-other) if other < 0.5 else mp.log(small(at[0]))

        moved = mpf(0)
        for i, v in enumerate(inputs):
            h = abs(v) * mpf(10) ** -20
            if h:
                up, down = (f(*inputs[:i], v + s, *inputs[i + 1 :]) for s in (h, -h))
                moved += abs(v * (up - down) / (2 * h))
        return f(*inputs), moved


def near(what: str, found: float, expected: Any, moved: Any, dtype: torch.dtype) -> None:
    info = torch.finfo(dtype)
    if abs(expected) > info.max:
        assert abs(found) == math.inf, f"{what} is {found!r}, mpmath has {mp.nstr(expected, 17)}"
        return
    k = ALLOWED[dtype]
    tolerance = k * info.eps * (abs(expected) + moved) + k * info.smallest_normal
    assert abs(mpf(found) - expected) <= tolerance, f"{what} is {found!r}, mpmath has {mp.nstr(expected, 17)}"
