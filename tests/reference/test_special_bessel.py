"""Bessel functions, the cumulants of the cosine and the von Mises law: ends, second derivatives, deep tails."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

from oracle import excess
from reparam import special
from reparam.special import circular
from truths.bessel import Derivatives
from truths.von_mises import cosine

EPS = torch.finfo(torch.float64).eps
# one or more in each method's region, and next to their borders
PLACES = [(0.0, 0.3), (0.2, 1.9), (0.2, 2.1), (0.45, 30.0), (0.5, 11.9), (0.5, 12.1), (3.0, 5.0), (20.0, 7.0)]
PLACES += [(7.0, 40.0), (150.0, 13.0), (1e3, 1e3), (2.0, 1e4)]
KAPPAS = [1e-30, 1e-8, 0.01, 0.3, 0.499, 0.501, 1.0, 3.0, 8.0, 15.0, 18.9, 19.1, 25.0, 100.0, 1e4, 1e8, 1e12]
BOTH = pytest.mark.parametrize("formula", [False, True], ids=["native", "formula"])


def _way(f: Any, formula: bool) -> Callable[..., Tensor]:
    return f.formula if formula else f


def _double(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


@BOTH
def test_second_derivatives(formula: bool) -> None:
    """To 1e-9, or 1e5 eps of the condition: derivatives of means over nodes, differentiated once more."""
    v, x = (_double(*column).requires_grad_() for column in zip(*PLACES, strict=True))
    first = torch.autograd.grad(_way(special.log_iv, formula)(v, x).sum(), (v, x), create_graph=True)
    ratio = torch.autograd.grad(_way(special.bessel_ratio, formula)(v, x).sum(), (v, x), create_graph=True)
    vv, vx = torch.autograd.grad(first[0].sum(), (v, x), retain_graph=True)
    _, xx = torch.autograd.grad(first[1].sum(), (v, x), retain_graph=True)
    ratio_vv, ratio_vx = torch.autograd.grad(ratio[0].sum(), (v, x), retain_graph=True)
    _, ratio_xx = torch.autograd.grad(ratio[1].sum(), (v, x), retain_graph=True)
    for i, place in enumerate(PLACES):
        with mp.workdps(200):
            order, argument = map(mpf, place)
            d = Derivatives(order, argument)
            truth = [d.vv, 1 / argument + d.ratio_v, d.ratio_x - order / argument**2]
            truth += [d.ratio_vv, d.ratio_vx, d.ratio_xx]
            scale = [1, 1 / (order + argument), 1 / (order + argument) ** 2] * 2
        for name, found, exact, unit in zip(
            ("vv", "vx", "xx", "ratio vv", "ratio vx", "ratio xx"), (vv, vx, xx, ratio_vv, ratio_vx, ratio_xx),
            truth, scale, strict=True,
        ):  # fmt: skip
            allowed = 1e-9 * float(abs(exact)) + 1e-11 * float(unit)
            assert abs(float(found[i]) - float(exact)) <= allowed, f"{name} at {place}: {float(found[i])}, {exact}"


@BOTH
def test_ends(formula: bool) -> None:
    zero = _double(0.0, 0.0, 1.0, 1e6)
    value = _way(special.log_iv, formula)(zero, _double(0.0, 1e-320, 0.0, 0.0))
    assert value.tolist() == [0.0, 0.0, -math.inf, -math.inf]
    assert _way(special.bessel_ratio, formula)(zero, torch.zeros_like(zero)).tolist() == [0.0] * 4
    inverse = _way(special.bessel_ratio_inverse, formula)(_double(0.0, 0.5, 3.0, 0.0), _double(0.0, 1.0, -0.1, 1.1))
    assert inverse[:2].tolist() == [0.0, math.inf]
    assert inverse[2:].isnan().all()
    for name in ("log_iv", "log_ive", "bessel_ratio"):
        f = _way(getattr(special, name), formula)
        assert f(_double(-1.0, 1.0, math.nan, 1.0), _double(1.0, -1.0, 1.0, math.nan)).isnan().all(), name


@BOTH
def test_the_inverse_of_the_ratio_has_its_slopes_at_zero(formula: bool) -> None:
    """There the ratio is x / (2 v + 2)."""
    v, r = (_double(*column).requires_grad_() for column in ((0.0, 1.5), (0.0, 0.0)))
    slopes = torch.autograd.grad(_way(special.bessel_ratio_inverse, formula)(v, r).sum(), (v, r))
    assert [slope.tolist() for slope in slopes] == [[0.0, 0.0], [2.0, 5.0]]


@BOTH
def test_slopes_are_finite_where_the_function_is(formula: bool) -> None:
    v, x = (_double(*column).requires_grad_() for column in zip(*PLACES, (1e12, 3.0), (0.0, 1e12), strict=True))
    for name in ("log_iv", "log_ive", "bessel_ratio"):
        for slope in torch.autograd.grad(_way(getattr(special, name), formula)(v, x).sum(), (v, x)):
            assert slope.isfinite().all(), name


@BOTH
def test_cumulants_of_the_cosine(formula: bool) -> None:
    kappa = _double(*KAPPAS).requires_grad_()
    for i, f in enumerate((circular.log_i0e, circular.circular_variance, circular.circular_spread)):
        value = _way(f, formula)(kappa)
        (slope,) = torch.autograd.grad(value.sum(), kappa)
        for j, k in enumerate(KAPPAS):
            with mp.workdps(110):
                total, a, spread, bend = cosine(mpf(k))
                truth = [total - mp.log(2 * mp.pi), a - 1, spread, bend]
            exact = truth[i] if i != 1 else -truth[i]
            assert excess(float(value[j].detach()), exact, abs(mpf(k) * truth[i + 1]), torch.float64) <= 100, (f, k)
            by_kappa = -spread if i == 1 else truth[i + 1]
            # the third cumulant vanishes at 0: E w^3 - 3 E w^2 E w + 2 (E w)^3 = 2.5 - 4.5 + 2, each term rounded
            moved = abs(3 * by_kappa) if i < 2 else 9
            assert excess(float(slope[j]), by_kappa, moved, torch.float64) <= 1000, (f, k)


@pytest.mark.parametrize("p", [1e-6, 0.5, 3.0, 30.0, 1e4, 1e8])
def test_divergence_of_concentrations(p: float) -> None:
    """To 100 eps beyond the condition, |q - p| |A(q) - A(p)| / B times q / |q - p| eps."""
    ratios = (1e-10, 0.5, 0.71, 0.9, 1 - 1e-6, 1 + 1e-6, 1.29, 1.31, 5.0, 1e3)
    q = p * _double(*ratios)
    for one, found in zip(q.tolist(), circular.von_mises_bregman(q, _double(p)).tolist(), strict=True):
        with mp.workdps(60):
            (total_q, a_q, *_), (total_p, a_p, *_) = cosine(mpf(one)), cosine(mpf(p))
            exact = (total_q - total_p) + (mpf(one) - p) * (1 - a_p)
            moved = max(one, p) * abs(a_q - a_p)
        assert excess(found, exact, moved, torch.float64) <= 100, (one, p)


@BOTH
def test_quantiles_return(formula: bool) -> None:
    """F(F^-1(p)) is p, to 100 eps times |log p| and what the rounding of the quantile moves it by."""
    generator = torch.Generator().manual_seed(0)
    p = torch.exp(-690 * torch.rand(2000, dtype=torch.float64, generator=generator) ** 4)
    kappa = 10 ** (16 * torch.rand(2000, dtype=torch.float64, generator=generator) - 4)
    x = _way(special.von_mises_icdf, formula)(p, kappa).requires_grad_()
    found = special.von_mises_cdf(x, kappa)
    (density,) = torch.autograd.grad(found.sum(), x)
    assert ((found - p).abs() <= 100 * EPS * p * (1 + p.log().abs()) + 4 * EPS * x.abs() * density).all()


@BOTH
def test_the_von_mises_law_is_symmetric_and_ends(formula: bool) -> None:
    cdf, log_cdf = (_way(f, formula) for f in (special.von_mises_cdf, special.log_von_mises_cdf))
    x = torch.linspace(0, math.pi, 50, dtype=torch.float64)[:, None]
    kappa = _double(0.0, 0.3, 4.0, 1e3, 1e10)
    whole = torch.ones(50, 5, dtype=torch.float64)
    # the formula adds the logarithms of a density of the order of sqrt(kappa) and of a width of that of its inverse
    logs = kappa.clamp(min=1.0).log() if formula else 0.0
    assert ((cdf(x, kappa) + cdf(-x, kappa) - whole).abs() <= (4 + logs) * EPS).all()
    assert ((log_cdf(x, kappa).expm1() + cdf(-x, kappa)).abs() <= (8 + 2 * logs) * EPS * cdf(-x, kappa)).all()
    outside = _double(-4.0, 4.0)
    assert cdf(outside, _double(2.0)).tolist() == [0.0, 1.0]
    assert log_cdf(outside, _double(2.0)).tolist() == [-math.inf, 0.0]
    assert log_cdf(_double(-3.0), _double(1e12)) < -1e12
    ends = _way(special.von_mises_icdf, formula)(_double(0.0, 0.5, 1.0, -0.1, 1.1), _double(2.0))
    assert ends[:3].tolist() == [-math.pi, 0.0, math.pi]
    assert ends[3:].isnan().all()
