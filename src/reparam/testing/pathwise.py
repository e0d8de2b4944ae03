r"""Laws of the derivatives that flow through draws: in the mean, and along the flow of the probability.

As parameters move along a way in t, a draw x moves with a velocity v and the density q changes. No probability is lost
on the way, which the continuity equation says:

.. math:: \partial_t q + \nabla \cdot (q v) = 0

The mean of a derivative by draws is called wrong if it is off by more than :data:`SIGMAS` standard errors, over
:data:`DRAWS` draws and again over four times as many fresh ones: a false alarm of 6.3e-5 squared, 4e-9, for each mean,
and below 1e-5 for all means of all families together. Generators have fixed seeds.

References:
    Jankowiak and Obermeyer, Pathwise derivatives beyond the reparameterization trick, 2018.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache, partial

import torch
from torch import Generator, Tensor
from torch.func import jacfwd, jacrev

from ..implicit.law import standardisation
from .compare import agree
from .draws import Family, Parameters
from .gradients import LONG_STEP, STENCIL, Way, derivative, seeds, ways
from .measure import expectation
from .registry import circular, has, law, reparameterised, values_of
from .space import varying

DRAWS = 10_000
SIGMAS = 4.0
EPS = torch.finfo(torch.float64).eps

Integrand = Callable[[Tensor], Tensor]
Draws = Callable[[int, int], tuple[Tensor, ...]]


def _continuous(family: Family) -> bool:
    return reparameterised(family) and not family.discrete


def _require_means(where: str, draws: Draws, exact: tuple[Tensor, ...], slack: tuple[Tensor, ...]) -> None:
    """Require that the means of a first and a second derivative over draws are what they must be.

    Args:
        where: what is differentiated, for the message.
        draws: how many and a seed -> both derivatives, one of each for every draw.
        exact: the means.
        slack: what these may be off by.
    """
    for n, seed in ((DRAWS, 9), (4 * DRAWS, 10)):
        failed = []
        for order, (found, mean, least) in enumerate(zip(draws(n, seed), exact, slack, strict=True), 1):
            what = f"{where}, derivative {order} over {n} draws"
            wrong = int((~found.isfinite()).sum())
            assert not wrong, f"{what}: {wrong} are not finite"
            allowed = SIGMAS * found.std() / math.sqrt(n) + least + 1e-8
            if not bool((found.mean() - mean).abs() <= allowed):
                failed.append((what, found.mean(), mean, allowed))
        if not failed:
            return
    what, found, mean, allowed = failed[0]
    agree(what, found, mean, 0.0, allowed)


# -- against quadrature --------------------------------------------------------------------------------------


@law(_continuous)
def draws_carry_their_gradients(family: Family) -> None:
    r"""The mean derivatives of f(X) through ``rsample`` are the gradient and the Hessian of E f(X) by quadrature.

    Along each way, for f = x^2, cos x and log(1 + x^2), of a combination of all coordinates for vectors; for angles
    f = cos x, sin x and cos 2x.
    """
    for seed in seeds(family):
        at = family.parameters(seed=seed)
        number, functions = _integrands(family, at)
        for way_label, way in ways(family, at, pairs=family.principal):
            means = partial(_means, family, way, number, list(functions.values()))
            # draws tell less than the 1e-9 that integrals are right to: steps may be long
            values = torch.stack([means(t) for t in LONG_STEP * STENCIL])
            first, error = derivative(values, LONG_STEP)
            second = _second_derivative(values, LONG_STEP)
            paths = cache(partial(_paths, family, way, number))
            for i, (label, f) in enumerate(functions.items()):
                _require_means(
                    f"{family} at {_spell(at)}: E {label} along {way_label}",
                    partial(_along, paths, f),
                    (first[i], second[i]),
                    (error[i], 1e-3 * second[i].abs() + 1e-5),
                )


def _integrands(family: Family, at: Parameters) -> tuple[Integrand, dict[str, Integrand]]:
    """The number that is made of a draw, and functions of it whose pathwise derivatives have a variance.

    The square is one of them only where the tails allow it.
    """
    if circular(family):
        return _itself, {"cos x": torch.cos, "sin x": torch.sin, "cos 2x": lambda x: torch.cos(2 * x)}
    found: dict[str, Integrand] = {"log(1 + x^2)": lambda x: torch.log1p(x**2)}
    d = family.build(**at)
    if not family.scalar or (has(d, "kurtosis") and bool(d.kurtosis < 20)):
        found["x^2"] = torch.square
        found["cos x"] = torch.cos
    if family.scalar:
        return _itself, found
    # a combination of the coordinates whose phases quadrature in the plane resolves
    kept = varying(d)
    spread = values_of(d, (500,)).flatten(1)[:, kept].std(0)
    weights = torch.linspace(1.0, 2.0, len(spread), dtype=torch.float64) / (3 * spread)
    return partial(_combination, weights, kept), found


def _itself(x: Tensor) -> Tensor:
    return x


def _combination(weights: Tensor, kept: Tensor, x: Tensor) -> Tensor:
    return x.flatten(1)[:, kept] @ weights


def _means(family: Family, way: Way, number: Integrand, functions: list[Integrand], t: Tensor) -> Tensor:
    """The expectation of each function."""

    def values(x: Tensor) -> Tensor:
        z = number(x)
        return torch.stack([f(z) for f in functions], -1)

    means: Tensor = expectation(family.build(**way(t)), values)
    return means


def _second_derivative(values: Tensor, step: float) -> Tensor:
    """The second derivative at t = 0, by differences of values at ``step * STENCIL``."""
    middle, up, down, far_up, far_down = values
    near: Tensor = (up + down - 2 * middle) / step**2
    far: Tensor = (far_up + far_down - 2 * middle) / (2 * step) ** 2
    return near + (near - far) / 3


def _spell(at: Parameters) -> str:
    return ", ".join(f"{n} = {v.tolist()}" for n, v in at.items())


def _paths(family: Family, way: Way, number: Integrand, n: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Numbers of draws, and their first and second derivatives along a way."""
    t = torch.zeros(n, dtype=torch.float64, requires_grad=True)
    z = number(family.build(**way(t)).rsample(generator=Generator().manual_seed(seed)))
    first, second = _derivatives(z, t)
    return z.detach(), first.detach(), second


def _along(paths: Draws, f: Integrand, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """First and second derivatives of f of each number, by the chain rule."""
    z, first, second = paths(n, seed)
    z = z.clone().requires_grad_()
    slope, bend = _derivatives(f(z), z)
    slope = slope.detach()
    return slope * first, bend * first**2 + slope * second


@law(lambda family: _continuous(family) and bool(family.smooth))
def draws_move_alike_in_every_mode(family: Family) -> None:
    """Forward mode, reverse mode and each over the other give the same derivatives of draws of the same noise."""
    *_, (label, way) = ways(family, family.parameters())
    zero = torch.zeros((), dtype=torch.float64)

    def draws(t: Tensor) -> Tensor:
        return family.build(**way(t)).rsample((3,), generator=Generator().manual_seed(1)).flatten()

    forward = partial(jacfwd, randomness="same")
    first, second = jacrev(draws)(zero), jacrev(jacrev(draws))(zero)
    found = {
        "forward": (forward(draws)(zero), first),
        "forward over reverse": (forward(jacrev(draws))(zero), second),
        "reverse over forward": (jacrev(forward(draws))(zero), second),
    }
    for mode, (value, wanted) in found.items():
        # entries that cancel carry the rounding of the largest
        agree(f"{family}: draws along {label}, {mode}", value, wanted, 1e-9, 1e-9 * (1 + wanted.abs().max()))


def _derivatives(values: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the second derivative of every value in its own t."""
    (first,) = torch.autograd.grad(values.sum(), t, create_graph=True, materialize_grads=True)
    if not first.requires_grad:
        return first, torch.zeros_like(first)
    (second,) = torch.autograd.grad(first.sum(), t, retain_graph=True, materialize_grads=True)
    return first, second


# -- against the score: the weak form of the continuity equation ---------------------------------------------


@law(lambda family: _continuous(family) and not family.scalar)
def draws_move_with_the_probability(family: Family) -> None:
    r"""Derivatives of f(X) through draws have the means that the score gives, for f that mixes all coordinates.

    With the score :math:`s = \partial_t \log q`, any constant c and functions f that are bounded,

    .. math:: E[\nabla f \cdot v] = E[(f - c)\, s], \qquad
        E\left[\frac{d^2 f}{dt^2}\right] = E[(f - c) (s^2 + \partial_t s)],

    for events of any size. Both sides are taken over the same draws, so that their difference, whose mean is zero, is
    all that varies.
    """
    zero = torch.zeros(2, dtype=torch.float64).unbind()
    for seed in seeds(family):
        at = family.parameters(seed=seed)
        functions = _mixing(family, at)
        for way_label, way in ways(family, at, pairs=family.principal):
            scored = cache(partial(_scored, family, way))
            for label, f in functions.items():
                where = f"{family} at {_spell(at)}: the derivative of {label} by draws, less that by the score, "
                _require_means(f"{where}along {way_label}", partial(_surplus, scored, f), zero, zero)


def _mixing(family: Family, at: Parameters) -> dict[str, Integrand]:
    """Bounded functions that do not separate over the coordinates."""
    d = family.build(**at)
    kept = varying(d)
    some = values_of(d, (500,)).flatten(1)[:, kept]
    centre, spread = some.mean(0), some.std(0)
    angles = all(getattr(entry, "circular", False) for entry in d.support.entries)

    def standard(x: Tensor) -> Tensor:
        apart = x.flatten(1)[:, kept] - centre
        return 2 * torch.sin(apart) if angles else apart / spread

    functions: dict[str, Integrand] = {
        "the cosine of the sum": lambda x: torch.cos(standard(x).sum(1) + 0.5),
        "the product of 1 / (1 + x^2)": lambda x: (1 + standard(x) ** 2).reciprocal().prod(1),
    }
    return {label: _centred(f, float(f(values_of(d, (500,))).mean())) for label, f in functions.items()}


def _centred(f: Integrand, c: float) -> Integrand:
    return lambda x: f(x) - c


def _scored(family: Family, way: Way, n: int, seed: int) -> tuple[Tensor, ...]:
    """The points of a way, draws that move with them, and the first and the second derivative by the score."""
    t = torch.zeros(n, dtype=torch.float64, requires_grad=True)
    d = family.build(**way(t))
    x = d.rsample(generator=Generator().manual_seed(seed))
    score, change = (v.detach() for v in _derivatives(d.log_prob(x.detach()), t))
    return t, x, score, score**2 + change


def _surplus(scored: Draws, f: Integrand, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """First and second derivatives through draws, less those by the score."""
    t, x, score, twice_scored = scored(n, seed)
    once, twice = _derivatives(f(x), t)
    weight = f(x.detach())
    return once.detach() - weight * score, twice.detach() - weight * twice_scored


# -- point by point: the strong form, for noise with a known Jacobian ----------------------------------------


def _standardised(family: Family) -> bool:
    return _continuous(family) and any(hasattr(family.example, n) for n in ("_standardization", "_standardize"))


@law(_standardised)
def standardised_draws_obey_the_continuity_equation(family: Family) -> None:
    r"""Where a law tells what noise S(x) its draws stand for, the velocity that follows conserves probability.

    With :math:`v = -(\partial S/\partial x)^{-1} \partial_t S` by the law's own Jacobian, at every draw

    .. math:: \partial_t \log q + v \cdot \nabla \log q + \nabla \cdot v = 0.

    Derivatives are automatic, so that only rounding is left: 1e6 eps of the terms' sizes.
    """
    for seed in seeds(family):
        at = family.parameters(seed=seed)
        for label, way in ways(family, at):
            terms = torch.stack(list(_flow(family, way, values_of(family.build(**at), (20,)))))
            size = 1 + terms.abs().sum(0)
            agree(
                f"{family} at {_spell(at)}: the continuity equation along {label}",
                terms.sum(0) / size,
                0 * size,
                0.0,
                1e6 * EPS,
            )


def _flow(family: Family, way: Way, x: Tensor) -> Iterator[Tensor]:
    """The terms of the continuity equation at each of some values ``[n, *event]``, divided by the density."""
    t = torch.zeros(len(x), dtype=torch.float64, requires_grad=True)
    x = x.detach().requires_grad_()
    d = family.build(**way(t))._unchecked()
    noise, jacobian = standardisation(d, x)
    # the derivative of each entry of the noise in t, as that of a sum in its weights
    weights = torch.ones_like(x, requires_grad=True)
    moved = _gradient(_gradient((weights * noise).sum(), t).sum(), weights)
    v = -jacobian().solve(moved, False)
    log_prob = d._log_prob(x).sum()
    yield _gradient(log_prob, t)
    along = v * _gradient(log_prob, x)
    for place, inward in enumerate(v.flatten(1).unbind(1) if v.dim() > 1 else [v]):
        yield along.reshape(len(x), -1)[:, place]
        yield _gradient(inward.sum(), x).reshape(len(x), -1)[:, place]


def _gradient(value: Tensor, of: Tensor) -> Tensor:
    """A derivative that can be differentiated again; zero where nothing depends on it."""
    if not value.requires_grad:
        return torch.zeros_like(of)
    (found,) = torch.autograd.grad(value, of, create_graph=True, materialize_grads=True)
    return found
