"""Transforms that saturate, and laws under them, far out and at the ends of their supports."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from mpmath import mp, mpf

import oracle
from reparam import Cauchy, Gumbel, Normal, StudentT, TransformedDistribution
from reparam.transforms import (
    AffineTransform,
    ExpTransform,
    IntervalTransform,
    PowerTransform,
    SigmoidTransform,
    SoftplusTransform,
    TanhTransform,
    Transform,
)

POINTS = [0.0, 1e-12, 1e-3, -1e-3, 0.3, -0.999, 1.001, -5.0, 21.0, -21.0, 40.0, -40.0]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def log_slope_of_sigmoid(x: Any) -> Any:
    return -2 * mp.log(2 * mp.cosh(x / 2))


# a map, and the truths of it and of its log-determinant
MAPS: list[tuple[Transform, Callable[..., Any], Callable[..., Any]]] = [
    (SigmoidTransform(), sigmoid, log_slope_of_sigmoid),
    (TanhTransform(), mp.tanh, lambda x: -2 * mp.log(mp.cosh(x))),
    (SoftplusTransform(), lambda x: mp.log1p(mp.exp(x)), lambda x: -mp.log1p(mp.exp(-x))),
    (IntervalTransform(0.0, 1.0), sigmoid, log_slope_of_sigmoid),
]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(("transform", "forward", "log_slope"), MAPS, ids=lambda v: getattr(type(v), "__name__", ""))
def test_values_and_slopes(
    transform: Transform, forward: Callable[..., Any], log_slope: Callable[..., Any], dtype: torch.dtype
) -> None:
    """The slope of the map, and the log-determinant with two: 32 eps relative beyond the inputs' rounding."""
    x = torch.tensor(POINTS, dtype=dtype, requires_grad=True)
    y, ldj = transform.forward_and_ldj(x)
    (slope,) = torch.autograd.grad(y.sum(), x, retain_graph=True)
    (first,) = torch.autograd.grad(ldj.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    table = [(forward, (0,), slope), (log_slope, (), ldj), (log_slope, (0,), first), (log_slope, (0, 0), second)]
    for function, order, found in table:
        for point, value in zip(x.tolist(), found.tolist(), strict=True):
            with mp.workdps(oracle.DIGITS):
                exact, moved = oracle.truth(function, order, (point,))
            error = oracle.excess(value, exact, moved, dtype)
            assert error <= 32, (type(transform).__name__, order, point, value, mpf(exact))


def test_log_determinants_at_infinity() -> None:
    ends = torch.tensor([-math.inf, math.inf], dtype=torch.float64, requires_grad=True)
    for transform, limit in ((SigmoidTransform(), 1.0), (TanhTransform(), 2.0)):
        value = transform.log_abs_det_jacobian(ends, ends)
        (slope,) = torch.autograd.grad(value.sum(), ends)
        assert value.tolist() == [-math.inf, -math.inf]
        assert slope.tolist() == [limit, -limit]


LAWS = [(Normal, (12.0, 2.0)), (Gumbel, (0.0, 1.0)), (Cauchy, (0.0, 1.0)), (StudentT, (3.0, 0.0, 1.0))]
ENDS: list[tuple[list[Transform], float, float]] = [
    ([SigmoidTransform()], 0.0, 1.0),
    ([TanhTransform()], -1.0, 1.0),
    ([SoftplusTransform()], 0.0, math.inf),
    ([ExpTransform()], 0.0, math.inf),
    ([ExpTransform(), PowerTransform(-1.0)], 0.0, math.inf),
    ([AffineTransform(0.0, -1.0), SigmoidTransform()], 0.0, 1.0),
    ([SigmoidTransform(), AffineTransform(1.0, -2.0)], -1.0, 1.0),
]


@pytest.mark.parametrize(("transforms", "low", "high"), ENDS)
@pytest.mark.parametrize(("law", "parameters"), LAWS)
def test_ends_of_the_support_do_not_move(
    law: Any, parameters: tuple[float, ...], transforms: list[Transform], low: float, high: float
) -> None:
    limits = {"cdf": (0.0, 1.0), "sf": (1.0, 0.0), "log_cdf": (-math.inf, 0.0), "log_sf": (0.0, -math.inf)}
    quantiles = {"icdf": (low, high), "isf": (high, low)}
    for name, expected in {**limits, **quantiles}.items():
        given = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in parameters]
        points = torch.tensor((0.0, 1.0) if name in quantiles else (low, high), dtype=torch.float64, requires_grad=True)
        found = getattr(TransformedDistribution(law(*given), transforms), name)(points)
        assert found.tolist() == list(expected), name
        for slope in torch.autograd.grad(found.sum(), [*given, points], materialize_grads=True):
            assert torch.equal(slope, torch.zeros_like(slope)), (name, slope)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_quantiles_near_the_upper_end_move_as_they_should(dtype: torch.dtype) -> None:
    """Of the logistic function of N(m, s^2): dy/dm = y (1 - y) and dy/ds = z dy/dm, relatively.

    The point x = m + s z has a rounding of up to |x| eps, by which y (1 - y) moves as much.
    """
    m, s = torch.tensor(25.0, dtype=dtype, requires_grad=True), torch.tensor(2.0, dtype=dtype, requires_grad=True)
    tail = torch.tensor([0.3, 1e-3, 1e-8], dtype=dtype)
    law = TransformedDistribution(Normal(m, s), SigmoidTransform())
    z = Normal(torch.zeros((), dtype=dtype), 1.0).isf(tail)
    for i, quantile in enumerate(law.isf(tail)):
        in_m, in_s = torch.autograd.grad(quantile, (m, s), retain_graph=True)
        with mp.workdps(30):
            x = 25 + 2 * mpf(z[i].item())
            exact = mp.exp(-x) / (1 + mp.exp(-x)) ** 2
        allowed = (8 + 2 * float(x)) * torch.finfo(dtype).eps
        assert abs(in_m.item() / exact - 1) <= allowed
        assert abs(in_s.item() / (exact * mpf(z[i].item())) - 1) <= allowed
