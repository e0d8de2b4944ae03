"""Quotients near their removable singularities and functions that saturate: values, first and second derivatives."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from mpmath import mp, mpf

import oracle
from reparam.special import hyperbolic, quotients

REALS = [1e-20, 1e-9, 1e-3, 0.12, 0.13, 0.49, 0.51, 1.0, 2.0, 30.0]
BOTH = sorted({s * v for v in REALS for s in (1, -1)})
WIDE = sorted({s * v for v in [*REALS[:-1], 5.0, 9.0, 15.0] for s in (1, -1)})
SHAPES = sorted({s * v for v in [0.0, 1e-20, 1e-9, 0.01, 0.3, 1.0, 7.0] for s in (1, -1)})
ARGUMENTS = [1e-300, 1e-9, 0.04, 0.2, 1.0, 3.0, 40.0]


def expm1_quotient(k, x):
    return mp.expm1(k * x) / k if k else x


def log1p_quotient(k, x):
    return mp.log1p(k * x) / k if k else x


FUNCTIONS: dict[str, tuple[Callable[..., Any], list[tuple[float, ...]]]] = {
    "exp_remainder": (lambda x: mp.expm1(x) - x, [(x,) for x in BOTH]),
    "exp_remainder_of_size": (lambda x: mp.expm1(-abs(x)) + abs(x), [(x,) for x in BOTH]),
    "log_inverse_cloglog": (
        lambda x: mp.log(-mp.expm1(-mp.exp(x))) if x < 0 else mp.log1p(-mp.exp(-mp.exp(x))),
        [(x,) for x in [-1e4, -744.0, -720.0, -700.0, -20.0, -3.01, -2.99, -1e-9, 0.0, 1.0, 3.0, 5.0, 6.0]],
    ),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), [(x,) for x in WIDE]),
    "log_logistic": (lambda x: -2 * mp.log(2 * mp.cosh(x / 2)), [(x,) for x in WIDE]),
    "tanh": (mp.tanh, [(x,) for x in WIDE]),
    "log_cosh": (lambda x: mp.log(mp.cosh(x)), [(x,) for x in WIDE]),
    "log_ratio": (
        lambda x, y: mp.log(x / y),
        [(1.0, 1.0 + 1e-9), (1e300, 1e-300), (1e-300, 1e300), (3.0, 2.0), (2.0, 3.1), (0.9, 1.0), (7.0, 7.0)],
    ),
    "expm1_quotient": (expm1_quotient, list(itertools.product(SHAPES, ARGUMENTS))),
    "log1p_quotient": (log1p_quotient, [(k, x) for k, x in itertools.product(SHAPES, ARGUMENTS) if k * x > -0.9]),
}


@pytest.mark.parametrize("formula", [False, True], ids=["eager", "formula"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_derivatives(name: str, formula: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Float64: 100 eps for values, 1000 eps for derivatives, beyond what the inputs' rounding explains."""
    if formula:  # what compiled programs run
        monkeypatch.setattr("reparam.special._derivatives.is_compiling", lambda: True)
    truth, points = FUNCTIONS[name]
    function = getattr(quotients if hasattr(quotients, name) else hyperbolic, name)
    table = oracle.derivatives(function, points, torch.float64)
    for order, found in table.items():
        for point, value in zip(points, found.tolist(), strict=True):
            with mp.workdps(oracle.DIGITS):
                exact, moved = oracle.truth(truth, order, point)
            allowed = 1000 if order else 100
            error = oracle.excess(value, exact, moved, torch.float64)
            assert error <= allowed, f"{name}, derivative {order} at {point}: {value!r}, mpmath has {mpf(exact)}"
