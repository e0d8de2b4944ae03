"""Slopes of the von Mises probabilities and quantiles, which are differences across the cut, against mpmath.

A slope of a probability may be off by 1000 eps in float64 and 16 in float32 beyond what the rounding of its inputs
explains.
"""

from __future__ import annotations

import itertools
from functools import cache

import pytest
import torch
from mpmath import mp, mpf

import reparam
from oracle import excess

ALLOWED = {torch.float64: 1000.0, torch.float32: 16.0}
LAWS = list(itertools.product((0.0, 1.0, -2.5, 100.0), (2.0**-20, 0.5, 20.0)))


def derivatives(x: mpf, loc: mpf, kappa: mpf) -> list[mpf]:
    """The density, and the derivatives of the cdf in loc and kappa."""
    whole = 2 * mp.pi * mp.besseli(0, kappa)
    share = mp.besseli(1, kappa) / mp.besseli(0, kappa)

    def density(t: mpf) -> mpf:
        return mp.exp(kappa * mp.cos(t - loc)) / whole

    cuts = [-mp.pi, *sorted(c for k in range(-20, 20) if -mp.pi < (c := loc + k * mp.pi / 2) < x), x]
    in_kappa = mp.quad(lambda t: (mp.cos(t - loc) - share) * density(t), cuts)
    return [density(x), density(-mp.pi) - density(x), in_kappa]


@cache
def jet(*at: float) -> tuple[list[mpf], list[mpf]]:
    """The same, and what relative roundings of the arguments change."""
    with mp.workdps(30):
        exact = [mpf(v) for v in at]
        moved = [mpf(0)] * 3
        for i, v in enumerate(exact):
            step = (abs(v) or 1) * mpf(10) ** -10
            up, down = (derivatives(*exact[:i], v + s, *exact[i + 1 :]) for s in (step, -step))
            moved = [m + abs(v * (a - b) / (2 * step)) for m, a, b in zip(moved, up, down)]
        return derivatives(*exact), moved


@pytest.mark.parametrize("dtype", ALLOWED, ids=str)
@pytest.mark.parametrize(("loc", "kappa"), LAWS)
def test_slopes_of_probabilities(loc: float, kappa: float, dtype: torch.dtype) -> None:
    for x in (-2.0, 0.5, 2.5):
        given = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in (x, loc, kappa)]
        law = reparam.VonMises(*given[1:])
        for door, sign in (("cdf", 1), ("sf", -1)):
            found = torch.autograd.grad(getattr(law, door)(given[0]), given)
            for slope, exact, moved in zip(found, *jet(x, loc, kappa), strict=True):
                error = excess(sign * slope.item(), exact, moved, dtype)
                assert error <= ALLOWED[dtype], (door, x, slope.item(), float(exact), error)


@pytest.mark.parametrize("dtype", ALLOWED, ids=str)
@pytest.mark.parametrize(("loc", "kappa"), LAWS)
def test_slopes_of_quantiles(loc: float, kappa: float, dtype: torch.dtype) -> None:
    """At the quantile as found. Its rounding by 4 eps changes no slope s faster than by (1 + kappa) (1 + |s|)^2."""
    for p in (2.0**-10, 0.25, 0.5, 0.75):
        given = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in (p, loc, kappa)]
        law = reparam.VonMises(*given[1:])
        for door, sign in (("icdf", 1), ("isf", -1)):
            x = getattr(law, door)(given[0])
            found = torch.autograd.grad(x, given)
            with mp.workdps(30):
                density, in_loc, in_kappa = derivatives(mpf(x.item()), mpf(loc), mpf(kappa))
                exact = [sign / density, -in_loc / density, -in_kappa / density]
            rate = (1 + kappa) * (1 + max(abs(e) for e in exact)) * torch.finfo(dtype).eps
            for slope, value in zip(found, exact, strict=True):
                assert abs(slope.item() - value) <= 16 * rate * (1 + abs(value)), (door, p, slope.item(), float(value))


def test_slopes_of_quantiles_next_to_the_cut() -> None:
    """There the quantile is the cut to rounding, and its slope in kappa is that of the probability, to 1e-9."""
    p = torch.tensor([1e-30, 1e-10, 1e-8], dtype=torch.float64)
    for loc, kappa in ((0.0, 1.0), (1.0, 0.5), (-2.5, 20.0)):
        given = torch.tensor(kappa, dtype=torch.float64)
        slopes = torch.func.jacrev(lambda k, loc=loc: reparam.VonMises(loc, k).icdf(p))(given)
        share = mp.besseli(1, kappa) / mp.besseli(0, kappa)
        density = mp.exp(kappa * mp.cos(mp.pi + loc)) / (2 * mp.pi * mp.besseli(0, kappa))
        exact = torch.tensor([float(v * (share - mp.cos(mp.pi + loc)) / density) for v in p.tolist()], dtype=p.dtype)
        width = p / float(density)  # the distance from the cut, in which the cosine changes
        assert ((slopes - exact).abs() <= exact.abs() * (1e-9 + 4 * (1 + kappa) * width)).all(), (slopes, exact)
