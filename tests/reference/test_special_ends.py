"""Special functions at zero, at infinity and at NaN: values and first derivatives, native and by formula."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from reparam import special
from reparam.special import hyperbolic, quotients

INF, NAN = math.inf, math.nan
POSITIVE = [1e-30, 0.5, 1.0, 2.5, 1e6, INF, NAN]
SIDE = [0.0, *POSITIVE]
REAL = [-INF, -1e30, -50.0, -1.0, -1e-30, 0.0, 1e-30, 0.5, 1.0, 50.0, 1e30, INF, NAN]
SHARE = [0.0, 1e-30, 0.25, 0.5, 1.0, NAN]
LOGARITHM = [-INF, -1e30, -50.0, -1.0, -1e-9, -0.0, 0.0, NAN]
# Concentrations that are infinite make no law.
SHAPE = [0.0, 1e-30, 0.5, 1.0, 2.5, 1e6, NAN]
FREEDOM = [0.0, 0.5, 1.0, 2.5, 1e6, INF, NAN]
GRIDS: dict[str, list[list[float]]] = {
    "xlogy": [SIDE, SIDE],
    "log1mexp": [LOGARITHM],
    "log_expm1": [SIDE],
    "logsubexp": [REAL, LOGARITHM],
    "logit": [SHARE],
    "logit_exp": [LOGARITHM],
    "log_sigmoid": [REAL],
    "sigmoid": [REAL],
    "log_logistic": [REAL],
    "tanh": [REAL],
    "log_cosh": [REAL],
    "ndtr": [REAL],
    "log_ndtr": [REAL],
    "ndtri": [SHARE],
    "ndtri_exp": [LOGARITHM],
    "erfcx": [REAL],
    "log_erfc": [REAL],
    "owens_t": [REAL, REAL],
    "lgamma": [SIDE],
    "digamma": [SIDE],
    "trigamma": [SIDE],
    "log_minus_digamma": [SIDE],
    "trigamma_excess": [SIDE],
    "stirling_error": [SIDE],
    "log_factorial": [SIDE],
    "deviance": [SIDE, SIDE],
    "digamma_difference": [SHAPE[1:], SIDE],
    "log_gamma_ratio": [POSITIVE, SIDE],
    "lbeta": [POSITIVE, SIDE],
    "zeta": [[0.5, 1.0, 1.5, 2.0, 1e3, NAN], SIDE],
    "gammainc": [SHAPE[1:], SIDE],
    "gammaincc": [SHAPE[1:], SIDE],
    "log_gammainc": [SHAPE[1:], SIDE],
    "log_gammaincc": [SHAPE[1:], SIDE],
    "betainc": [SHAPE, SHAPE, SHARE],
    "betaincc": [SHAPE, SHAPE, SHARE],
    "log_betainc": [SHAPE, SHAPE, SHARE],
    "log_betaincc": [SHAPE, SHAPE, SHARE],
    "betainc_odds": [SHAPE, SHAPE, SIDE, SIDE],
    "log_betainc_odds": [SHAPE, SHAPE, SIDE, SIDE],
    "stdtr": [SIDE, REAL],
    "log_stdtr": [SIDE, REAL],
    "stdtrit": [FREEDOM, SHARE],
    "stdtrit_exp": [FREEDOM, LOGARITHM],
    "exp_remainder": [REAL],
    "exp_remainder_of_size": [REAL],
    "log_inverse_cloglog": [REAL],
    "log_ratio": [POSITIVE, POSITIVE],
    "expm1_quotient": [REAL, REAL],
    "log1p_quotient": [[-1.0, -1e-30, 0.0, 1e-30, 0.5, 50.0, NAN], SIDE],
}


def _function(name: str) -> Any:
    return next(getattr(m, name) for m in (special, quotients, hyperbolic) if hasattr(m, name))


def _with_slopes(function: Any, columns: list[Tensor]) -> list[Tensor]:
    inputs = [c.clone().requires_grad_() for c in columns]
    value = function(*inputs)
    return [value.detach(), *torch.autograd.grad(value.sum(), inputs)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", GRIDS)
def test_native_functions_are_their_formulas_at_the_ends(name: str, dtype: torch.dtype) -> None:
    """The same infinities and NaNs; elsewhere both within their bound of 1000 eps, times a condition of 100.

    Where a value is 0, terms of the order of 1 cancel.
    """
    points = [p for p in itertools.product(*GRIDS[name]) if name != "logsubexp" or not p[1] > p[0]]
    table = torch.tensor(points, dtype=dtype)
    function, columns = _function(name), list(table.unbind(-1))
    for which, (got, formula) in enumerate(
        zip(_with_slopes(function, columns), _with_slopes(function.formula, columns), strict=True)
    ):
        info = torch.finfo(dtype)
        close = torch.isclose(got, formula, rtol=2e5 * info.eps, atol=info.eps, equal_nan=True)
        wrong = table[~close].tolist()
        assert not wrong, (name, which, wrong[0], got[~close][0].item(), formula[~close][0].item(), len(wrong))


NORMAL = 0.5 * math.erfc(math.sqrt(0.5))
DENSITY = math.exp(-0.5) / math.sqrt(2 * math.pi)
# arguments, the value, and the derivatives in all of them
LIMITS: list[tuple[str, tuple[float, ...], float, tuple[float, ...]]] = [
    ("deviance", (0.0, 0.0), 0.0, (-1.0, 1.0)),
    ("deviance", (0.0, 2.0), 2.0, (-1.0, 1.0)),
    ("deviance", (2.0, INF), INF, (-INF, 1.0)),
    ("deviance", (INF, 2.0), INF, (INF, -INF)),
    ("erfcx", (INF,), 0.0, (0.0,)),
    ("erfcx", (-INF,), INF, (-INF,)),
    ("log1mexp", (0.0,), -INF, (-INF,)),
    ("log1mexp", (-0.0,), -INF, (-INF,)),
    ("log_expm1", (0.0,), -INF, (INF,)),
    ("logit_exp", (0.0,), INF, (INF,)),
    ("logsubexp", (0.0, 0.0), -INF, (INF, -INF)),
    ("log_ndtr", (-INF,), -INF, (INF,)),
    ("log_erfc", (INF,), -INF, (-INF,)),
    ("owens_t", (INF, 0.0), 0.0, (0.0, 0.0)),
    ("digamma_difference", (1.0, INF), INF, (-(math.pi**2) / 6, 0.0)),
    ("log_gamma_ratio", (1.0, INF), INF, (INF, INF)),
    ("lbeta", (1.0, 0.0), INF, (0.0, -INF)),
    ("betainc_odds", (2.0, 1.0, INF, 3.0), 1.0, (0.0, 0.0, 0.0, 0.0)),
    ("betainc_odds", (1.0, 1.0, 3.0, INF), 0.0, (0.0, 0.0, 0.0, 0.0)),
    ("log_betainc_odds", (2.0, 1.0, INF, 3.0), 0.0, (0.0, 0.0, 0.0, 0.0)),
    ("log_betainc_odds", (2.0, 1.0, 4.0, INF), -INF, (-INF, 0.0, 0.5, 0.0)),
    ("stdtr", (INF, -1.0), NORMAL, (0.0, DENSITY)),
    ("stdtr", (INF, 1.0), 1 - NORMAL, (0.0, DENSITY)),
    ("stdtr", (INF, INF), 1.0, (0.0, 0.0)),
    ("log_stdtr", (INF, -1.0), math.log(NORMAL), (0.0, DENSITY / NORMAL)),
    ("log_stdtr", (INF, -1e3), -500007.82669481216, (0.0, 1000.000999998)),
    ("stdtrit", (INF, 0.5), 0.0, (0.0, math.sqrt(2 * math.pi))),
    ("stdtrit_exp", (INF, -INF), -INF, (0.0, INF)),
    ("log_cosh", (-INF,), INF, (-1.0,)),
    ("log_logistic", (INF,), -INF, (-1.0,)),
]


@pytest.mark.parametrize("formula", [False, True], ids=["eager", "formula"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(("name", "at", "value", "slopes"), LIMITS)
def test_limits(
    name: str, at: tuple[float, ...], value: float, slopes: tuple[float, ...], dtype: torch.dtype, formula: bool
) -> None:
    """16 eps: closed forms of arguments that every dtype holds exactly."""
    function = _function(name)
    found = _with_slopes(function.formula if formula else function, [torch.tensor(v, dtype=dtype) for v in at])
    for got, expected in zip(found, (value, *slopes), strict=True):
        exact = torch.tensor(expected, dtype=dtype)
        assert torch.isclose(got, exact, rtol=16 * torch.finfo(dtype).eps, atol=0.0), (got.item(), expected)
