"""Densities, probabilities, entropies and divergences at hard points, against mpmath with 40 digits.

Every input is a float32 number, so that both dtypes are asked the same question. A float64 result may be off by
1e-12 and a float32 one by 1e-5, relative to the result or, near its zeros, to one; where a formula rounds its
argument once, by what four such roundings change.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from mpmath import mp, mpf

import reparam
from reparam import kl_divergence

DIGITS = 40
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
DTYPES = list(TOLERANCE)


def exact(function: Callable[..., Any]) -> Callable[..., float]:
    """Runs a formula of mpmath with enough digits, on the float32 numbers nearest to its arguments."""

    @functools.wraps(function)
    def evaluated(*args: Any) -> Any:
        with mp.workdps(DIGITS):
            return function(*(_number(a) for a in args))

    return evaluated


def _number(value: Any) -> Any:
    if isinstance(value, list):
        return [_number(v) for v in value]
    return mpf(torch.tensor(value, dtype=torch.float32).item())


# -- the laws, written once more -----------------------------------------------------------------------------


@exact
def normal(x, loc, scale):
    return -(((x - loc) / scale) ** 2) / 2 - mp.log(scale) - mp.log(2 * mp.pi) / 2


@exact
def log_normal(x, loc, scale):
    z = (mp.log(x) - loc) / scale
    return -(z**2) / 2 - mp.log(scale * x) - mp.log(2 * mp.pi) / 2


@exact
def gamma(x, a, b):
    return a * mp.log(b) - mp.loggamma(a) + (a - 1) * mp.log(x) - b * x


def _lbeta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


@exact
def beta(x, a, b):
    return (a - 1) * mp.log(x) + (b - 1) * mp.log(1 - x) - _lbeta(a, b)


@exact
def student_t(x, df, loc, scale):
    z = (x - loc) / scale
    constant = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df * mp.pi) / 2
    return constant - mp.log(scale) - (df + 1) / 2 * mp.log(1 + z**2 / df)


def _binomial(k, n, p):
    choose = mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1)
    return choose + k * mp.log(p) + (n - k) * mp.log(1 - p)


binomial = exact(_binomial)


@exact
def dirichlet(x, a):
    shares = [v / mp.fsum(x) for v in x]
    total = mp.fsum((ai - 1) * mp.log(v) for ai, v in zip(a, shares, strict=True))
    return total + mp.loggamma(mp.fsum(a)) - mp.fsum(mp.loggamma(ai) for ai in a)


LOG_PROB = [
    (reparam.Normal, normal, (1.0, 0.5), [-20.0, 1.0, 1e4]),
    (reparam.Normal, normal, (0.0, 1e-20), [0.0, 1e-19]),
    (reparam.LogNormal, log_normal, (0.5, 0.25), [1e-30, 1.0, 1e30]),
    (reparam.Gamma, gamma, (1e-3, 1.0), [1e-30, 1e-3, 1.0, 50.0]),
    (reparam.Gamma, gamma, (2.5, 0.125), [1e-30, 1.0, 1e4]),
    (reparam.Gamma, gamma, (1e5, 1e5), [0.98, 1.0, 1.01]),
    (reparam.Gamma, gamma, (1e6, 1.0), [0.99e6, 1e6, 1.02e6]),
    (reparam.Gamma, gamma, (1e8, 1e8), [1.0, 1.0001]),
    (reparam.Beta, beta, (1e-3, 1e-3), [1e-30, 0.5, 0.999]),
    (reparam.Beta, beta, (0.3, 4.0), [1e-20, 0.25, 0.75]),
    (reparam.Beta, beta, (1e5, 1e5), [0.495, 0.5, 0.501]),
    (reparam.Beta, beta, (1e-3, 1e5), [1e-30, 1e-6, 1e-4]),
    (reparam.StudentT, student_t, (1.0, 0.0, 1.0), [0.0, 1.0, 1e10, 1e30]),
    (reparam.StudentT, student_t, (2.5, -1.0, 3.0), [0.0, 100.0]),
    (reparam.StudentT, student_t, (1e6, 0.0, 1.0), [0.0, 3.0, 50.0]),
    (reparam.StudentT, student_t, (1e-3, 0.0, 1.0), [0.0, 1e-3, 1e20]),
    (reparam.Binomial, binomial, (1e6, 0.5), [0.0, 499000.0, 5e5, 500100.0, 1e6]),
    (reparam.Binomial, binomial, (1e6, 1e-7), [0.0, 1.0, 3.0]),
    (reparam.Binomial, binomial, (20.0, 0.9), [0.0, 1.0, 19.0, 20.0]),
]


def _near(what: str, found: torch.Tensor, expected: Any, dtype: torch.dtype, steepness: Any = 0.0) -> None:
    truth = torch.tensor([float(v) for v in expected], dtype=torch.float64)
    assert found.dtype == dtype
    error = (found.double().flatten() - truth).abs() / truth.abs().clamp(min=1.0)
    allowed = TOLERANCE[dtype] + 4 * torch.finfo(dtype).eps * torch.as_tensor(steepness)
    worst = int((error - allowed).nan_to_num(torch.inf).argmax())
    assert error[worst] <= allowed.expand(error.shape)[worst], (
        f"{what}[{worst}] = {found.flatten()[worst].item()!r}, mpmath has {truth[worst].item()!r}"
    )


def _law(cls: Any, parameters: Any, dtype: torch.dtype) -> Any:
    single = (torch.tensor(v, dtype=torch.float32) for v in parameters)
    return cls(*(v.to(dtype) for v in single))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("cls", "truth", "parameters", "points"), LOG_PROB)
def test_log_prob(cls: Any, truth: Any, parameters: Any, points: list[float], dtype: torch.dtype) -> None:
    x = torch.tensor(points, dtype=torch.float32).to(dtype)
    law = _law(cls, parameters, dtype)
    expected = [truth(v, *parameters) for v in points]
    _near(f"{law}.log_prob", law.log_prob(x), expected, dtype)
    # and by the formula, which is what compiled programs and other devices run
    by_formula = torch.vmap(lambda v: law.replace(validate_args=False).log_prob(v))(x)
    steepness = [
        abs(_steepness(truth, v, parameters)) / max(1.0, abs(float(e))) for v, e in zip(points, expected, strict=True)
    ]
    _near(f"{law}.log_prob by its formula", by_formula, expected, dtype, steepness)


def _steepness(truth: Any, x: float, parameters: Any) -> float:
    """X d/dx of a log-density: its change with a relative change of x."""
    if x == 0 or truth is binomial:
        return 0.0
    with mp.workdps(DIGITS):
        at = [_number(p) for p in parameters]
        return float(_number(x) * mp.diff(lambda v: truth.__wrapped__(v, *at), _number(x)))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("concentration", [[1e5, 2e5, 1e5], [0.3, 0.4, 0.5], [1e-3, 1e-3, 1e-3]])
def test_log_prob_of_dirichlet(concentration: list[float], dtype: torch.dtype) -> None:
    points = [[0.25, 0.5, 0.25], [0.251, 0.5, 0.249], [1e-6, 0.5, 0.499999]]
    law = _law(reparam.Dirichlet, (concentration,), torch.float32).to(dtype)
    x = torch.tensor(points, dtype=torch.float32).double()
    x = (x / x.sum(-1, keepdim=True)).to(dtype)
    expected = [dirichlet(v, concentration) for v in points]
    _near(f"{law}.log_prob", law.log_prob(x), expected, dtype)
    by_formula = torch.vmap(lambda v: law.replace(validate_args=False).log_prob(v))(x)
    _near(f"{law}.log_prob by its formula", by_formula, expected, dtype)


# -- entropies -----------------------------------------------------------------------------------------------


@exact
def gamma_entropy(a, b):
    return a - mp.log(b) + mp.loggamma(a) + (1 - a) * mp.digamma(a)


@exact
def beta_entropy(a, b):
    mean = (a - 1) * mp.digamma(a) + (b - 1) * mp.digamma(b) - (a + b - 2) * mp.digamma(a + b)
    return _lbeta(a, b) - mean


@exact
def student_t_entropy(df, loc, scale):
    half = (df + 1) / 2
    spread = mp.log(df) / 2 + _lbeta(df / 2, mpf(1) / 2) + mp.log(scale)
    return half * (mp.digamma(half) - mp.digamma(df / 2)) + spread


@exact
def binomial_entropy(n, p):
    """The sum over 12 deviations about the mean, beyond which less than 1e-30 remains."""
    reach = int(12 * mp.sqrt(n * p * (1 - p))) + 40
    low, high = max(0, int(n * p) - reach), min(int(n), int(n * p) + reach)
    term = _binomial(mpf(low), n, p)
    total, odds = mpf(0), p / (1 - p)
    for k in range(low, high + 1):
        total -= mp.exp(term) * term
        if k < high:
            term += mp.log((n - k) / (k + 1) * odds)
    return total


@exact
def dirichlet_entropy(a):
    n = mp.fsum(a)
    log_b = mp.fsum(mp.loggamma(v) for v in a) - mp.loggamma(n)
    return log_b + (n - len(a)) * mp.digamma(n) - mp.fsum((v - 1) * mp.digamma(v) for v in a)


ENTROPY = [
    (reparam.Gamma, gamma_entropy, (1e-3, 1.0)),
    (reparam.Gamma, gamma_entropy, (2.5, 0.125)),
    (reparam.Gamma, gamma_entropy, (1e5, 1e5)),
    (reparam.Gamma, gamma_entropy, (1e6, 1.0)),
    (reparam.Gamma, gamma_entropy, (1e10, 1.0)),
    (reparam.Beta, beta_entropy, (1e-3, 1e-3)),
    (reparam.Beta, beta_entropy, (0.3, 4.0)),
    (reparam.Beta, beta_entropy, (1e5, 1e5)),
    (reparam.StudentT, student_t_entropy, (1e-2, 0.0, 1.0)),
    (reparam.StudentT, student_t_entropy, (3.0, 0.0, 2.0)),
    (reparam.StudentT, student_t_entropy, (1e6, 0.0, 1.0)),
    (reparam.Binomial, binomial_entropy, (20.0, 0.9)),
    (reparam.Binomial, binomial_entropy, (1e6, 0.5)),
    (reparam.Binomial, binomial_entropy, (1e6, 1e-6)),
    (reparam.Dirichlet, dirichlet_entropy, ([1e5, 2e5, 1e5],)),
    (reparam.Dirichlet, dirichlet_entropy, ([1e-2, 0.5, 3.0],)),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("cls", "truth", "parameters"), ENTROPY)
def test_entropy(cls: Any, truth: Any, parameters: Any, dtype: torch.dtype) -> None:
    law = _law(cls, parameters, dtype)
    _near(f"{law}.entropy", law.entropy(), [truth(*parameters)], dtype)


# -- probabilities and their inverses ------------------------------------------------------------------------


@exact
def log_normal_tail(z):
    return mp.log(mp.erfc(z / mp.sqrt(2)) / 2)


@exact
def log_gamma_lower(x, a, b):
    return mp.log(mp.gammainc(a, 0, b * x, regularized=True))


@exact
def log_gamma_upper(x, a, b):
    return mp.log(mp.gammainc(a, b * x, mp.inf, regularized=True))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tails_of_the_normal_law(dtype: torch.dtype) -> None:
    points = [-5.0, 0.0, 1.0, 10.0, 40.0, 1000.0]
    law = _law(reparam.Normal, (0.0, 1.0), dtype)
    z = torch.tensor(points, dtype=dtype)
    expected = [log_normal_tail(v) for v in points]
    _near("log_sf", law.log_sf(z), expected, dtype)
    _near("log_cdf", law.log_cdf(-z), expected, dtype)
    p = torch.tensor(1e-10, dtype=torch.float32).to(dtype)
    with mp.workdps(DIGITS):
        quantile = mp.findroot(lambda v: mp.log(mp.erfc(-v / mp.sqrt(2)) / 2) - mp.log(_number(1e-10)), -6.36)
    _near("icdf(1e-10)", law.icdf(p), [quantile], dtype)
    _near("isf(1e-10)", law.isf(p), [-quantile], dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("parameters", "points"),
    [
        ((2.0, 1.0), [1e-10, 1.0, 50.0, 500.0]),
        ((0.01, 1.0), [1e-30, 1e-3, 1.0, 20.0]),
        ((1e3, 1.0), [800.0, 1000.0, 1200.0]),
        ((1e5, 1e5), [0.99, 1.0, 1.01]),
    ],
)
def test_tails_of_the_gamma_law(parameters: Any, points: list[float], dtype: torch.dtype) -> None:
    law = _law(reparam.Gamma, parameters, dtype)
    x = torch.tensor(points, dtype=torch.float32).to(dtype)
    _near("log_cdf", law.log_cdf(x), [log_gamma_lower(v, *parameters) for v in points], dtype)
    _near("log_sf", law.log_sf(x), [log_gamma_upper(v, *parameters) for v in points], dtype)


# -- divergences ---------------------------------------------------------------------------------------------


@exact
def gamma_kl(a, b, c, d):
    return (a - c) * mp.digamma(a) - mp.loggamma(a) + mp.loggamma(c) + c * mp.log(b / d) + a * (d - b) / b


@exact
def beta_kl(a, b, c, d):
    digammas = (a - c) * mp.digamma(a) + (b - d) * mp.digamma(b) + (c - a + d - b) * mp.digamma(a + b)
    return _lbeta(c, d) - _lbeta(a, b) + digammas


@exact
def normal_kl(a, b, c, d):
    return ((b / d) ** 2 + ((a - c) / d) ** 2 - 1) / 2 - mp.log(b / d)


@exact
def binomial_kl(n, p, m, q):
    return n * (p * mp.log(p / q) + (1 - p) * mp.log((1 - p) / (1 - q)))


KL = [
    (reparam.Normal, normal_kl, (0.0, 1.0), (1e-3, 1.001)),
    (reparam.Normal, normal_kl, (3.0, 1e-5), (3.0, 1e5)),
    (reparam.Gamma, gamma_kl, (1e5, 1.0), (1.0001e5, 1.0)),
    (reparam.Gamma, gamma_kl, (1e10, 1.0), (1.001e10, 1.0)),
    (reparam.Gamma, gamma_kl, (1e-3, 1.0), (2e-3, 5.0)),
    (reparam.Gamma, gamma_kl, (2.0, 1.0), (2.001, 1.002)),
    (reparam.Gamma, gamma_kl, (0.1, 1.0), (1e4, 1.0)),
    (reparam.Beta, beta_kl, (1e5, 1e5), (1.0001e5, 0.9999e5)),
    (reparam.Beta, beta_kl, (0.3, 2.0), (0.301, 2.0)),
    (reparam.Beta, beta_kl, (1e-3, 1e-3), (2.0, 3.0)),
    (reparam.Binomial, binomial_kl, (1e6, 0.5), (1e6, 0.5001)),
    (reparam.Binomial, binomial_kl, (20.0, 1e-10), (20.0, 1e-9)),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("cls", "truth", "first", "second"), KL)
def test_divergence(cls: Any, truth: Any, first: Any, second: Any, dtype: torch.dtype) -> None:
    """Relative to the divergence itself, however small: the float32 inputs are exact."""
    found = kl_divergence(_law(cls, first, dtype), _law(cls, second, dtype))
    expected = float(truth(*first, *second))
    gap = min(abs(a - b) / max(abs(a), abs(b)) for a, b in zip(first, second, strict=True) if a != b)
    tolerance = 64 * torch.finfo(dtype).eps * (1 + 1 / gap)  # a relative gap is known to eps / gap
    assert found.item() == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("df", [1.5, 4.0, 1e4])
def test_divergence_of_student_t_is_its_integral(df: float) -> None:
    p, q = _law(reparam.StudentT, (df, 0.0, 1.0), torch.float64), _law(reparam.StudentT, (3.0, 1.0, 2.0), torch.float64)

    def ratio(x: Any) -> Any:
        log_p, log_q = student_t.__wrapped__(x, mpf(df), 0, 1), student_t.__wrapped__(x, mpf(3), 1, 2)
        return mp.exp(log_p) * (log_p - log_q)

    with mp.workdps(20):
        expected = mp.quad(ratio, [-mp.inf, -100, -5, 0, 1, 5, 100, mp.inf])
    assert kl_divergence(p, q).item() == pytest.approx(float(expected), rel=1e-9)
