"""Laws of calculus: densities, probabilities, quantiles and moments must be those of one and the same law."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .compare import EPS, agree
from .draws import Family
from .measure import NoQuadratureError, enumerated, expectation, limits, mass_below, one
from .registry import circular, has, law, scalar, scalar_continuous, values_of

QUANTILES = (1e-10, 1e-3, 0.2, 0.5, 0.8, 0.999, 1 - 1e-10)
TAILS = (1e-300, 1e-30, 1e-10, 1e-3, 0.3, 0.7)
SEEDS = (0, 1, 2)


def _laws(family: Family) -> Iterator[Any]:
    for seed in SEEDS:
        yield family.law(seed=seed)


@law()
def density_has_mass_one(family: Family) -> None:
    """The density integrates, or the masses sum, to one, for typical parameters and in corners."""
    for d in _laws(family):
        mass = expectation(d, one)
        agree(f"{d}: the integral of the density", mass, 1.0, 1e-7 if family.scalar else 1e-6)
    for label, values in family.corners():
        d = family.build(**values)
        try:
            mass = expectation(d, one)
        except NoQuadratureError:  # this corner is beyond quadrature in float64
            continue
        agree(f"{family} with {label}: the integral of the density", mass, 1.0, 1e-3)


@law(lambda family: scalar(family) and has(family.example, "cdf"))
def cdf_is_the_integral(family: Family) -> None:
    """``cdf(x)`` is the mass up to x and ``sf(x)`` the mass beyond it."""
    for d in _laws(family):
        x = values_of(d, (6,)).double().unique()
        below, above = mass_below(d, x)
        agree(f"{d}: cdf at {x.tolist()}", d.cdf(x), below, 1e-7, 1e-8)
        agree(f"{d}: sf at {x.tolist()}", d.sf(x), above, 1e-7, 1e-8)


@law(lambda family: scalar(family) and has(family.example, "cdf"))
def probabilities_are_consistent(family: Family) -> None:
    """The cdf rises from 0 to 1, sf is its complement, and both logarithms are logarithms."""
    cases = [(d, 60) for d in _laws(family)] + [(family.build(**v), 6) for _, v in family.corners()]
    for d, n in cases:
        x = values_of(d, (n,)).double().unique()
        x = x[d.support.check(x) & x.isfinite()]  # corners may round to an end that is not in the support
        cdf, sf = d.cdf(x), d.sf(x)
        assert bool(((cdf >= 0) & (cdf <= 1) & (sf >= 0) & (sf <= 1)).all()), (
            f"{d}: cdf or sf leaves [0, 1]: {cdf.tolist()}, {sf.tolist()}"
        )
        assert bool((cdf.diff() >= -8 * EPS).all()), f"{d}: the cdf falls between draws"
        agree(f"{d}: cdf + sf", cdf + sf, torch.ones_like(cdf), 200 * EPS)
        # a logarithm is as exact as the probability: its error is the probability's relative one
        for name, log_p, p in (("log_cdf", d.log_cdf(x), cdf), ("log_sf", d.log_sf(x), sf)):
            representable = p > 1e-290
            floor = torch.where(representable, p, 1.0).log()
            agree(f"{d}: {name}", torch.where(representable, log_p, 0.0), floor, 1e-9, 1e-9)
            assert bool((log_p <= 0).all()), f"{d}: {name} is positive: {log_p.tolist()}"


@law(lambda family: scalar_continuous(family) and has(family.example, "cdf"))
def cdf_grows_by_the_density(family: Family) -> None:
    """The derivative of cdf in x is the density, and that of sf its negative."""
    for d in _laws(family):
        x = values_of(d, (20,)).requires_grad_()
        density = d.log_prob(x.detach()).exp()
        for door, sign in (("cdf", 1.0), ("sf", -1.0)):
            (slope,) = torch.autograd.grad(getattr(d, door)(x).sum(), x)
            agree(f"{d}: the derivative of {door}", slope, sign * density, 1e-9, 1e-12)


@law(lambda family: scalar_continuous(family) and has(family.example, "cdf"))
def ends_of_the_support_bound_the_cdf(family: Family) -> None:
    """The cdf is 0 at the lower end of the support and 1 at the upper one, also when not validating."""
    for d in _laws(family):
        free = d.replace(validate_args=False)
        lower, upper = limits(d)
        beyond = torch.tensor(
            [lower - 1 if math.isfinite(lower) else -math.inf, upper + 1 if math.isfinite(upper) else math.inf],
            dtype=torch.float64,
        )
        agree(f"{d}: cdf at {beyond.tolist()}", free.cdf(beyond), torch.tensor([0.0, 1.0]), 4 * EPS)
        agree(f"{d}: sf at {beyond.tolist()}", free.sf(beyond), torch.tensor([1.0, 0.0]), 4 * EPS)


@law(lambda family: scalar_continuous(family) and has(family.example, "icdf"))
def quantiles_invert_the_cdf(family: Family) -> None:
    """``cdf(icdf(p)) = p`` and ``sf(isf(p)) = p``, to the precision that the rounding of the quantile allows."""
    for d in _laws(family):
        p = torch.tensor(TAILS, dtype=torch.float64)
        for door, back in (("icdf", "cdf"), ("isf", "sf")):
            x = getattr(d, door)(p)
            # moving x by one rounding, relative to the numbers it is made of, moves p by the density there
            size = x.abs() + values_of(d, (9,)).abs().max()
            slip = 8 * EPS * size * d.log_prob(x).exp()
            at_end = (x == limits(d)[0]) | (x == limits(d)[1])  # where a quantile rounds to an end, any p may be its
            slip = torch.where(slip.isfinite() & ~at_end, slip, 1.0)
            found = getattr(d, back)(x)
            agree(f"{d}: {back}({door}(p)) for p = {TAILS}", found, p, 1e-9, slip)
        rising = d.icdf(torch.tensor(QUANTILES, dtype=torch.float64))
        assert bool((rising.diff() >= 0).all()), f"{d}: icdf falls: {rising.tolist()}"


@law(lambda family: family.scalar and family.discrete and has(family.example, "icdf"))
def discrete_quantiles_are_least(family: Family) -> None:
    """``icdf(p)`` is the least value whose cdf reaches p, and ``isf(p)`` the least whose sf is at most p."""
    for d in _laws(family):
        values = enumerated(d).double()
        # probabilities in the middle between the steps: no rounding decides
        steps = torch.cat([torch.zeros(1, dtype=torch.float64), d.cdf(values)])
        wide = steps.diff() > 1e-9
        p = ((steps[1:] + steps[:-1]) / 2)[wide]
        agree(f"{d}: icdf", d.icdf(p), values[wide], 0.0)
        agree(f"{d}: isf", d.isf(1 - p), values[wide], 0.0)


@law(lambda family: scalar(family) and not circular(family))
def moments_are_those_of_the_density(family: Family) -> None:
    """Mean, variance, skewness and kurtosis are the integrals that define them, wherever they are finite."""
    for d in _laws(family):
        if not has(d, "mean") or not bool(d.mean.isfinite()):
            continue
        mean = float(d.mean)
        finite = has(d, "kurtosis") and bool(d.kurtosis.isfinite())
        spread = has(d, "variance") and bool(d.variance.isfinite())
        orders = 4 if finite else 2 if spread else 1
        agree(f"{d}: mean", d.mean, expectation(d, lambda t: t.double()), 1e-6, 1e-9)
        if orders == 1:
            continue
        central = expectation(d, partial(_powers, mean, orders))
        agree(f"{d}: variance", d.variance, central[1], 1e-6)
        agree(f"{d}: stddev", d.stddev, central[1].sqrt(), 1e-6)
        if orders == 4:
            agree(f"{d}: skewness", d.skewness, central[2] / central[1] ** 1.5, 1e-6, 1e-7)
            agree(f"{d}: kurtosis", d.kurtosis, central[3] / central[1] ** 2 - 3, 1e-6, 1e-6)


@law(circular)
def circular_moments_are_those_of_the_density(family: Family) -> None:
    """The mean is the argument of E exp(i x), the variance one less its length."""
    for d in _laws(family):
        across, along = expectation(d, lambda x: torch.stack([x.cos(), x.sin()], -1))
        agree(f"{d}: cosine of the error of the mean", (d.mean - torch.atan2(along, across)).cos(), 1.0, 1e-9)
        agree(f"{d}: circular variance", d.variance, 1 - torch.hypot(across, along), 1e-6)


@law(lambda family: not family.scalar and has(family.example, "mean"))
def vector_moments_are_those_of_the_density(family: Family) -> None:
    """Mean, variance and covariance of a vector, or of a matrix's entries, are the integrals that define them."""
    for d in _laws(family):
        mean = d.mean.double().flatten()
        n = len(mean)
        found = expectation(d, partial(_squares, mean))
        agree(f"{d}: mean", d.mean.flatten(), found[:n], 1e-4, 1e-4)
        if has(d, "variance"):
            agree(f"{d}: variance", d.variance.flatten(), found[n : 2 * n], 1e-4)
        if has(d, "covariance"):
            agree(f"{d}: covariance", d.covariance, found[2 * n :].reshape(n, n), 1e-4, 1e-5)


def _powers(mean: float, orders: int, x: Tensor) -> Tensor:
    return (x.double()[:, None] - mean) ** torch.arange(1, orders + 1)


def _squares(mean: Tensor, x: Tensor) -> Tensor:
    """The coordinates, their squared deviations, and all products of deviations."""
    x = x.flatten(1)
    apart = x - mean
    return torch.cat([x, apart**2, (apart[:, :, None] * apart[:, None, :]).flatten(1)], 1)


@law(lambda family: has(family.example, "mode"))
def mode_has_the_largest_density(family: Family) -> None:
    """No draw has a larger density than the mode."""
    for d in _laws(family):
        best = d.log_prob(d.mode)
        others = d.log_prob(values_of(d, (500,)))
        assert bool((others <= best + 1e-9).all()), (
            f"{d}: log_prob {float(others.max())} at a draw exceeds {float(best)} at the mode {d.mode.tolist()}"
        )


@law(lambda family: scalar_continuous(family) and has(family.example, "icdf"))
def intervals_and_medians_hold_their_probability(family: Family) -> None:
    """The median halves the mass; ``interval(level)`` holds its level between equal tails."""
    for d in _laws(family):
        agree(f"{d}: cdf(median)", d.cdf(d.median), 0.5, 1e-9)
        low, high = d.interval(torch.tensor(0.9, dtype=torch.float64))
        agree(f"{d}: cdf below interval(0.9)", d.cdf(low), 0.05, 1e-9)
        agree(f"{d}: sf above interval(0.9)", d.sf(high), 0.05, 1e-9)
