r"""Laws of the derivatives of every door.

A *way* moves parameters along a line in t, each by itself and all of them, or every two, together (so that mixed
second derivatives count too). Derivatives in t come from automatic differentiation and, exactly, from central
differences in float64 at steps h and 2h, combined so that the error is of order h^4; their disagreement bounds what is
left of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor

from ..core.registry import kl_rules
from ..kl import kl_divergence
from ..transforms import biject_to
from .compare import agree
from .draws import Family, Parameters, resolved
from .registry import (
    BATCH_SUMMARIES,
    EVENT_SUMMARIES,
    ROUTES,
    VALUE_DOORS,
    call,
    has,
    law,
    values_of,
)

STEP = 1e-3
LONG_STEP = 0.02  #: for second differences of integrals, which are right to about 1e-10
STENCIL = torch.tensor([0.0, 1.0, -1.0, 2.0, -2.0], dtype=torch.float64)
SEEDS = (0, 1)
PROBABILITIES = torch.tensor([[0.05], [0.4], [0.97]], dtype=torch.float64)

Curve = Callable[[Tensor], Tensor]  # from ``[n]`` to ``[n, ...]``, each row from its own entry
Way = Callable[[Tensor], Parameters]


def seeds(family: Family) -> tuple[int, ...]:
    """One draw of parameters, two for the family that stands for its class, where there is something to draw."""
    return SEEDS if family.principal and len(family.fixed) < len(family.fields) else SEEDS[:1]


# -- differences and automatic derivatives -------------------------------------------------------------------


def derivative(values: Tensor, step: float = STEP) -> tuple[Tensor, Tensor]:
    """The derivative at t = 0 of a function that is smooth for two steps, by differences, and a bound of its error.

    Args:
        values: of the function in float64, ``[5, ...]``, at ``step * STENCIL``.
        step: the distance between them.
    """
    middle, up, down, far_up, far_down = values
    near = (up - down) / (2 * step)
    far = (far_up - far_down) / (4 * step)
    rounding = 1e3 * torch.finfo(torch.float64).eps * middle.abs() / step
    return near + (near - far) / 3, 0.1 * (near - far).abs() + rounding


def slopes(rows: Tensor, t: Tensor, create_graph: bool = False) -> Tensor:
    """The derivatives of ``[n, m]`` values, each row of which depends on its own entry of t, by reverse mode."""

    def column(entries: Tensor) -> Tensor:
        if not entries.requires_grad:
            return torch.zeros_like(t)
        return torch.autograd.grad(
            entries.sum(), t, retain_graph=True, create_graph=create_graph, materialize_grads=True
        )[0]

    return torch.stack([column(entries) for entries in rows.unbind(1)], 1)


def _compare(what: str, f: Curve, orders: int = 2) -> None:
    """Require that automatic derivatives of f at 0 agree with differences."""
    t = (STEP * STENCIL).requires_grad_()
    rows = f(t).reshape(len(t), -1)
    if not bool(rows[0].isfinite().all()):
        return
    # a derivative that cancels to nothing still carries the rounding of terms of the function's own size
    rounding = 1e3 * torch.finfo(torch.float64).eps * rows[0].detach().abs().max() / STEP
    exact, error = derivative(rows.detach())
    first = slopes(rows, t)
    agree(f"{what}, derivative 1", first[0], exact, 1e-6, _allowed(error, rounding))
    if orders == 1:
        return
    # of a sum in which each entry counts: to go on with all would take a pass for each
    once = slopes((rows / (1 + first[0].abs())).sum(1, keepdim=True), t, create_graph=True)
    exact, error = derivative(once.detach())
    agree(f"{what}, derivative 2", slopes(once, t)[0], exact, 1e-6, _allowed(error, rounding))


def _allowed(error: Tensor, rounding: Tensor) -> Tensor:
    return (error + rounding).clamp(max=1e-4) + 1e-8


# -- ways through the parameters -----------------------------------------------------------------------------


def ways(family: Family, at: Parameters, pairs: bool = False) -> Iterator[tuple[str, Way]]:
    """One way for each parameter that can move, and one for all of them, or for every two."""
    directions = {name: _direction(family, at, name) for name in family.smooth}
    together = list(itertools.combinations(directions, 2)) if pairs else [tuple(directions)] * (len(directions) > 1)
    for names in (*((name,) for name in directions), *together):
        yield " and ".join(names), partial(_moved, at, {name: directions[name] for name in names})


def _moved(at: Parameters, directions: Parameters, t: Tensor) -> Parameters:
    """The parameters at t; a batch of them where t has a shape."""
    moved = {n: at[n] + t.reshape(t.shape + (1,) * d.dim()) * d for n, d in directions.items()}
    return {**at, **moved}


def _direction(family: Family, at: Parameters, name: str) -> Tensor:
    """A relative step that stays inside the constraint, different in each entry; symmetric for matrices."""
    value, declared = at[name], family.fields[name]
    generator = Generator().manual_seed(11)
    noise = 0.5 + 0.5 * torch.rand(value.shape, dtype=value.dtype, generator=generator)
    step = noise * value.abs().clamp(max=0.3 if declared.event_dim == 2 else 1.0)
    if declared.event_dim == 2 and torch.equal(value, value.mT):
        step = step + step.mT
    inside = resolved(declared.constraint, at)
    assert bool(inside.check(value + 3 * LONG_STEP * step).all()), f"{family}: cannot move {name}"
    return step


# -- the doors -----------------------------------------------------------------------------------------------


def _curves(family: Family, way: Way, seed: int) -> Iterator[tuple[str, Curve]]:
    """Every door that is differentiable in the parameters, along a way; values move with them."""
    d = family.law(seed=seed)
    x = values_of(d, (3,))
    path: Curve = (lambda _: x[None]) if family.discrete else _path_of_values(family, d, x)
    for door in filter(partial(has, d), VALUE_DOORS):
        yield door, lambda t, door=door: _at_door(family, way, door, (path(t).transpose(0, 1),), t)  # type: ignore[misc]
    searched = _searched(d)
    if family.scalar and not family.discrete and not searched:
        for door in filter(partial(has, d), ("icdf", "isf")):
            yield door, partial(_at_door, family, way, door, (PROBABILITIES,))
    for door in filter(partial(has, d), (*EVENT_SUMMARIES, *BATCH_SUMMARIES)):
        if not (door in ("mode", "median") and (family.discrete or searched)):
            yield door, partial(_at_door, family, way, door, ())
    if kl_rules.dispatch(type(d), type(d)) is not None:
        other = family.law(seed=seed + 5)
        yield "kl_divergence to another", lambda t: kl_divergence(family.build(**way(t)), other)
        yield "kl_divergence from another", lambda t: kl_divergence(other, family.build(**way(t)))


def _at_door(family: Family, way: Way, door: str, arguments: tuple[Tensor, ...], t: Tensor) -> Tensor:
    found: Tensor = call(family.build(**way(t)), door, *arguments)
    return (found.transpose(0, 1) if arguments else found).double()


def _searched(d: Any) -> bool:
    """Whether quantiles are found by search, far down, rather than by a formula: too slow to differentiate often."""
    while hasattr(d, "base_dist"):
        d = d.base_dist
    return not d._has("_icdf")


@law()
def doors_have_their_gradients(family: Family) -> None:
    """First and second derivatives of every door in the parameters, and in values, agree with differences."""
    for seed in seeds(family):
        for label, way in ways(family, family.parameters(seed=seed)):
            for door, curve in _curves(family, way, seed):
                _compare(f"{family}.{door} along {label}", curve)


@law(lambda family: family.scalar and not family.discrete and _searched(family.example))
def quantiles_by_search_have_their_gradients(family: Family) -> None:
    """First derivatives of ``icdf`` and ``isf`` in the parameters agree with differences."""
    for label, way in ways(family, family.parameters()):
        for door in filter(partial(has, family.example), ("icdf", "isf")):
            curve = partial(_at_door, family, way, door, (PROBABILITIES,))
            _compare(f"{family}.{door} along {label}", curve, orders=1)


@law(lambda family: not family.discrete)
def densities_have_their_gradients_in_the_value(family: Family) -> None:
    """First and second derivatives of every value door in x alone agree with differences."""
    d = family.law()
    x = values_of(d, (3,))
    path = _path_of_values(family, d, x)
    for door in filter(partial(has, d), VALUE_DOORS):
        _compare(f"{d}.{door} in its value", lambda t, door=door: call(d, door, path(t)))  # type: ignore[misc]


@law()
def gradients_are_numbers(family: Family) -> None:
    """Wherever a density or entropy is finite its gradient is not NaN, in float32, in corners and on closed ends."""
    cases = [("typical", family.parameters((2,))), *family.corners()]
    for label, values in cases:
        free = {n: v.float().requires_grad_(n in family.smooth) for n, v in values.items()}
        d = family.build(**free)
        x = values_of(d, (20,))
        curves: dict[str, Callable[[], Tensor]] = {
            "log_prob": partial(d.log_prob, x[d.support.check(x).reshape(20, -1).all(1)])
        }
        if has(d, "entropy"):
            curves["entropy"] = d.entropy
        inputs = [v for v in free.values() if v.requires_grad]
        for door, curve in curves.items() if inputs else ():
            for route, evaluate in ROUTES.items():
                value = evaluate(curve)
                if not value.requires_grad or not bool(value.isfinite().all()):
                    continue
                found = torch.autograd.grad(value.sum(), inputs, materialize_grads=True)
                for n, g in zip((n for n in free if n in family.smooth), found, strict=True):
                    assert not bool(g.isnan().any()), f"{family} ({label}): d {door}/d {n}{route} is {g.tolist()}"


def _path_of_values(family: Family, d: Any, x: Tensor) -> Curve:
    """Values ``[n, *x.shape]`` that move inside the support with t, from x."""
    generator = Generator().manual_seed(12)
    if family.example.support.event_dim == 2:
        onto = biject_to(d.support)
        free = onto.inv(x)
        moved = 0.1 * torch.randn(free.shape, dtype=x.dtype, generator=generator)
        return lambda t: onto(free + t.reshape(-1, *[1] * free.dim()) * moved)
    noise = 0.1 * torch.randn(x.shape, dtype=x.dtype, generator=generator)
    if not family.scalar:
        step = x * (noise - (x * noise).sum(-1, keepdim=True))  # along the simplex, too
    else:
        # away from the ends, and from zero, where the density of a mixture may jump
        bounds = (getattr(d.support, "lower_bound", 0.0), getattr(d.support, "upper_bound", 0.0), 0.0)
        room = torch.stack(torch.broadcast_tensors(*[(x - torch.as_tensor(bound)).abs() for bound in bounds])).amin(0)
        step = 0.1 * room.clamp(max=1.0)
    return lambda t: x + t.reshape(-1, *[1] * x.dim()) * step
