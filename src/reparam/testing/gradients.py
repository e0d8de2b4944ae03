r"""Laws of derivatives: those of every door, and those that flow through draws.

Exact derivatives come from central differences in float64 at steps h and 2h, combined so that the error is of
order h^4; their disagreement bounds what is left of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor

from ..core.registry import kl_rules
from ..kl import kl_divergence
from .compare import agree
from .draws import Family, Parameters, resolved
from .measure import expectation
from .registry import (
    BATCH_SUMMARIES,
    EVENT_SUMMARIES,
    VALUE_DOORS,
    call,
    has,
    law,
    reparameterised,
    values_of,
)

STEP = 1e-3
DRAWS = 10_000
SIGMAS = 5.3  #: two-sided normal tail 1.2e-7: below 1e-5 for the up to fifty comparisons of one family
SEEDS = (0, 1)

Function = Callable[[Parameters], Tensor]


def derivative(f: Function, at: Parameters, name: str, direction: Tensor) -> tuple[Tensor, Tensor]:
    """The derivative of f along a direction of one parameter, by differences, and a bound of its error.

    Args:
        f: parameters -> tensor.
        at: where.
        name: the parameter that moves.
        direction: how it moves, with steps of ``STEP``.
    """

    def moved(h: float) -> Tensor:
        return f({**at, name: at[name] + h * direction}).detach()

    near = (moved(STEP) - moved(-STEP)) / (2 * STEP)
    far = (moved(2 * STEP) - moved(-2 * STEP)) / (4 * STEP)
    best = near + (near - far) / 3
    size = f(at).detach().abs()
    rounding = 1e3 * torch.finfo(torch.float64).eps * size / STEP
    return best, 0.1 * (near - far).abs() + rounding


def _direction(family: Family, at: Parameters, name: str) -> Tensor:
    """A relative step that stays inside the constraint, different in each entry; symmetric for matrices."""
    value = at[name]
    generator = Generator().manual_seed(11)
    noise = 0.5 + 0.5 * torch.rand(value.shape, dtype=value.dtype, generator=generator)
    step = noise * value.abs().clamp(max=0.3 if family.fields[name].event_dim == 2 else 1.0)
    if family.fields[name].event_dim == 2 and torch.equal(value, value.mT):
        step = step + step.mT
    inside = resolved(family.fields[name].constraint, at)
    assert bool(inside.check(value + 3 * STEP * step).all()), f"{family}: cannot move {name}"
    return step


def _along(f: Function, at: Parameters, name: str, direction: Tensor, order: int = 1) -> Tensor:
    """The derivative of that order by reverse-mode differentiation, for each entry of the result."""
    free = at[name].detach().requires_grad_()
    rows = list(f({**at, name: free}).flatten())
    for left in reversed(range(order)):
        rows = [_slope(entry, free, direction, create_graph=left > 0) for entry in rows]
    return torch.stack(rows).detach()


def _slope(entry: Tensor, free: Tensor, direction: Tensor, create_graph: bool) -> Tensor:
    if not entry.requires_grad:
        return torch.zeros((), dtype=torch.float64)
    (g,) = torch.autograd.grad(entry, free, retain_graph=True, create_graph=create_graph, materialize_grads=True)
    return (g * direction).sum()


def _functions(family: Family, seed: int) -> Iterator[tuple[str, Function]]:
    """Every door that is differentiable in the parameters, as a function of them."""
    fixed = values_of(family.law(seed=seed), (3,))
    p = torch.tensor([0.05, 0.4, 0.97], dtype=torch.float64)
    smooth_probabilities = family.scalar and not family.discrete
    for door in VALUE_DOORS:
        if has(family.example, door):
            yield door, partial(_at_door, family, door, (fixed,))
    for door in ("icdf", "isf"):
        if smooth_probabilities and not _searched(family.example) and has(family.example, door):
            yield door, partial(_at_door, family, door, (p,))
    for door in (*EVENT_SUMMARIES, *BATCH_SUMMARIES):
        stepped = door in ("mode", "median") and (family.discrete or _searched(family.example))
        if has(family.example, door) and not stepped:
            yield door, partial(_at_door, family, door, ())
    kind = type(family.example)
    if kl_rules.dispatch(kind, kind) is not None:
        other = family.law(seed=seed + 5)
        if bool(kl_divergence(family.law(seed=seed), other).isfinite()):
            yield "kl_divergence to another", lambda at: kl_divergence(family.build(**at), other)[None]
        if bool(kl_divergence(other, family.law(seed=seed)).isfinite()):
            yield "kl_divergence from another", lambda at: kl_divergence(other, family.build(**at))[None]


def _at_door(family: Family, door: str, arguments: tuple[Tensor, ...], at: Parameters) -> Tensor:
    """A door of the law with these parameters, as a vector."""
    found: Tensor = call(family.build(**at), door, *arguments)
    return found.double().reshape(-1)


def _searched(d: Any) -> bool:
    """Whether quantiles are found by search, far down, rather than by a formula: too slow to differentiate often."""
    while hasattr(d, "base_dist"):
        d = d.base_dist
    return not d._has("_icdf")


@law(lambda family: family.scalar and not family.discrete and _searched(family.example))
def quantiles_by_search_have_their_gradients(family: Family) -> None:
    """First derivatives of ``icdf`` and ``isf`` in every parameter agree with differences."""
    p = torch.tensor([0.05, 0.4, 0.97], dtype=torch.float64)
    at = family.parameters()
    for name in family.smooth:
        for door in filter(lambda name: has(family.example, name), ("icdf", "isf")):
            direction = _direction(family, at, name)
            f = partial(_at_door, family, door, (p,))
            exact, error = derivative(f, at, name, direction)
            found = _along(f, at, name, direction)
            agree(f"{family}.{door}: derivative along {name}", found, exact, 1e-6, error.clamp(max=1e-4))


@law()
def doors_have_their_gradients(family: Family) -> None:
    """First derivatives of every door in every parameter agree with differences, and so do the second ones."""
    for seed in SEEDS:
        at = family.parameters(seed=seed)
        for name in family.smooth:
            direction = _direction(family, at, name)
            for door, f in _functions(family, seed):
                where = f"{family}.{door}: derivative along {name}"
                if not bool(f(at).isfinite().all()):
                    continue
                exact, error = derivative(f, at, name, direction)
                found = _along(f, at, name, direction)
                agree(where, found, exact, 1e-6, error.clamp(max=1e-4) + 1e-9)
                slope = partial(_along, f, name=name, direction=direction)
                exact, error = derivative(slope, at, name, direction)
                found = _along(f, at, name, direction, order=2)
                agree(f"{where}, twice", found, exact, 1e-6, error.clamp(max=1e-4) + 1e-8)


@law(lambda family: not family.discrete)
def densities_have_their_gradients_in_the_value(family: Family) -> None:
    """Derivatives of every value door in x agree with differences."""
    d = family.law()
    x = values_of(d, (3,))
    generator = Generator().manual_seed(12)
    direction = torch.randn(x.shape, dtype=x.dtype, generator=generator) * 0.1
    if family.scalar:
        direction = 0.1 * torch.minimum(*_room(d, x))
    else:
        direction = x * (direction - (x * direction).sum(-1, keepdim=True))  # along the simplex, too
    for door in filter(lambda name: has(d, name), VALUE_DOORS):
        for i in range(len(x)):

            def f(at: Parameters, door: str = door) -> Tensor:
                return call(d, door, at["x"])[None]  # type: ignore[no-any-return]

            exact, error = derivative(f, {"x": x[i]}, "x", direction[i])
            found = _along(f, {"x": x[i]}, "x", direction[i])
            agree(f"{d}.{door}: derivative in x", found, exact, 1e-6, error.clamp(max=1e-4) + 1e-9)


def _room(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    lower, upper = (
        torch.as_tensor(getattr(d.support, b, s * math.inf), dtype=x.dtype)
        for b, s in (("lower_bound", -1), ("upper_bound", 1))
    )
    return (x - lower).clamp(max=1.0), (upper - x).clamp(max=1.0)


# -- through draws -------------------------------------------------------------------------------------------


def _integrands(family: Family, at: Parameters) -> dict[str, Callable[[Tensor], Tensor]]:
    """Functions of a draw whose pathwise derivatives have a variance: the square only where the tails allow it."""
    centre = 0.3
    found: dict[str, Callable[[Tensor], Tensor]] = {"log(1 + x^2)": lambda x: torch.log1p((x - centre) ** 2)}
    d = family.build(**at)
    light = not family.scalar or (has(d, "kurtosis") and bool(d.kurtosis < 20))
    if light:
        found["x^2"] = lambda x: x**2
        found["cos x"] = torch.cos
    if family.scalar:
        return found
    weights = torch.linspace(1.0, 2.0, d.event_shape.numel(), dtype=torch.float64)
    return {n: partial(_of_combination, f, weights) for n, f in found.items()}


def _of_combination(f: Callable[[Tensor], Tensor], weights: Tensor, x: Tensor) -> Tensor:
    return f(x @ weights)


def _mean_of(family: Family, f: Callable[[Tensor], Tensor]) -> Function:
    return lambda at: expectation(family.build(**at), f)[None]


@law(lambda family: reparameterised(family) and not family.discrete)
def draws_carry_their_gradients(family: Family) -> None:
    r"""The mean derivative of f(X) through ``rsample`` is the derivative of E f(X), which quadrature gives.

    For f = x^2, cos x and log(1 + x^2) (of a combination of all coordinates for vectors), first and second
    derivatives along each parameter, within :data:`SIGMAS` standard errors.
    """
    for seed in SEEDS:
        at = family.parameters(seed=seed)
        for name in family.smooth:
            direction = _direction(family, at, name)
            for label, f in _integrands(family, at).items():
                first, second = _path_derivatives(family, at, name, direction, f)
                mean = _mean_of(family, f)
                exact, error = derivative(mean, at, name, direction)
                where = f"{family} at {_spell(at)}: d/d{name} of E {label}"
                _within_errors(where, first, exact, error)
                exact = _second_difference(mean, at, name, direction)
                _within_errors(f"{where}, twice", second, exact, 1e-3 * exact.abs() + 1e-5)


def _second_difference(f: Function, at: Parameters, name: str, direction: Tensor) -> Tensor:
    h = 0.02

    def moved(k: int) -> Tensor:
        return f({**at, name: at[name] + k * h * direction})

    middle = 2 * moved(0)
    near = (moved(1) + moved(-1) - middle) / h**2
    far = (moved(2) + moved(-2) - middle) / (4 * h**2)
    return near + (near - far) / 3


def _path_derivatives(
    family: Family, at: Parameters, name: str, direction: Tensor, f: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """First and second derivatives of f(draw) along a direction, one of each for every draw."""
    t = torch.zeros(DRAWS, dtype=torch.float64, requires_grad=True)
    along = t.reshape(-1, *(1,) * direction.dim()) * direction
    moving = {n: v.expand(DRAWS, *v.shape) for n, v in at.items()}
    moving[name] = at[name] + along
    law_ = family.build(**moving)
    value = f(law_.rsample(generator=Generator().manual_seed(9)))
    (first,) = torch.autograd.grad(value.sum(), t, create_graph=True)
    if not first.requires_grad:
        return first.detach(), torch.zeros_like(first)
    (second,) = torch.autograd.grad(first.sum(), t, materialize_grads=True)
    return first.detach(), second


def _within_errors(where: str, draws: Tensor, exact: Tensor, slack: Tensor) -> None:
    if not bool(draws.isfinite().all()):
        raise AssertionError(f"{where}: {int((~draws.isfinite()).sum())} of {len(draws)} derivatives are not finite")
    error = draws.std() / math.sqrt(len(draws))
    agree(f"{where} over {len(draws)} draws", draws.mean()[None], exact, 0.0, SIGMAS * error + slack + 1e-8)


def _spell(at: Parameters) -> str:
    return ", ".join(f"{n} = {v.tolist()}" for n, v in at.items())
