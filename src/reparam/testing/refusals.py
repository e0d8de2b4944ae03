"""Laws of refusal: bad parameters and values raise errors that help; unchecked values never give garbage."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..constraints import Constraint
from ..constraints.composite import Independent as Entrywise
from ..constraints.numeric import Range, Real
from ..core.ranges import LIMITS, ends
from .compare import agree
from .draws import Family, resolved
from .registry import ROUTES, has, law, values_of

BATCH = (2, 3)
SPOT = (1, 2)  #: the one bad entry


def refusal(what: str, action: Callable[[], Any]) -> str:
    """The text of the ValueError that ``action`` raises.

    Raises:
        AssertionError: if it raises none.
    """
    try:
        action()
    except ValueError as error:
        return str(error)
    raise AssertionError(f"{what} was accepted")


def _mentions(what: str, message: str, *parts: str) -> None:
    for part in parts:
        assert part in message, f"{what}: the message lacks {part!r}: {message}"
    assert "tensor(" not in message, f"{what}: the message prints a tensor: {message}"
    assert len(message) < 500, f"{what}: the message has {len(message)} characters"


def outside(constraint: Constraint, inside: Tensor) -> Iterator[Tensor]:
    """Values just outside a constraint, made of one inside: NaN, and one beyond every finite bound.

    Args:
        constraint: with its bounds resolved, for a single value.
        inside: a value in it, without batch dimensions.
    """
    bad = inside.clone().double()
    bad.view(-1)[0] = math.nan
    yield bad
    entry = constraint.base_constraint if isinstance(constraint, Entrywise) else constraint
    if not isinstance(entry, Range) or isinstance(entry, Real):
        if not isinstance(entry, Range):
            yield -3 - inside.double()  # off a simplex, and no longer definite or triangular
        return
    for bound, is_open, side in zip(entry.limits, (entry.lower_open, entry.upper_open), (-1.0, 1.0), strict=True):
        if math.isfinite(float(bound)):
            for step in [1.0, 0.0] if is_open else [1.0]:
                bad = inside.clone().double()
                bad.view(-1)[0] = float(bound) + side * step
                yield bad
    if entry.is_discrete:
        yield inside.double() + 0.5


@law()
def bad_parameters_are_refused(family: Family) -> None:
    """One bad entry raises a ValueError that names the class, the parameter, the count, the index and the value."""
    good = family.parameters(BATCH)
    kind = type(family.example).__name__
    for name, declared in family.fields.items():
        at = {n: v[SPOT] for n, v in good.items()}
        for bad in outside(resolved(declared.constraint, at), at[name]):
            values = {n: v.clone() for n, v in good.items()}
            values[name][SPOT] = bad
            what = f"{family} with {name} = {bad.tolist()} at {SPOT}"
            message = refusal(what, lambda values=values: family.build(**values))  # type: ignore[misc]
            owner = name.rpartition(".")[2]
            entry = bad.tolist() if bad.numel() > 1 else bad.item()
            # a law that holds others may spread one parameter over several of them
            count = " of " if _nested(family) else f"1 of {math.prod(BATCH)}"
            _mentions(what, message, owner, count, str(SPOT)[:-1])
            if not _nested(family) and bad.numel() <= 16:
                _mentions(what, message, f"{entry!r}")
            assert kind in message or _nested(family), f"{what}: the message lacks {kind!r}: {message}"
            unchecked = {**values, "validate_args": False}
            if family.build is type(family.example):
                family.build(**unchecked)


def _nested(family: Family) -> bool:
    return family.build is not type(family.example)


@law(lambda family: not isinstance(family.example.support, Real))
def bad_values_are_refused(family: Family) -> None:
    """A value outside the support raises such an error when validating, and has density zero when not."""
    d = family.law(BATCH)
    unchecked = unvalidated(d)
    good = values_of(d, ())
    for bad in outside(family.law(BATCH)[SPOT].support, good[SPOT]):
        value = good.clone().double()
        value[SPOT] = bad
        missing = bool(bad.isnan().any())
        if missing and d.sample_dtype is not None:
            continue
        what = f"{family}.log_prob with a value {bad.tolist()} at {SPOT}"
        message = refusal(what, lambda value=value: d.log_prob(value))  # type: ignore[misc]
        _mentions(what, message, type(d).__name__, f"1 of {math.prod(BATCH)}", str(SPOT))
        rest = torch.ones(BATCH, dtype=torch.bool)
        rest[SPOT] = False
        for route, evaluate in ROUTES.items():
            found = evaluate(partial(unchecked.log_prob, value))
            if missing:
                assert not bool(found[SPOT] > -math.inf), f"{what}, unchecked{route}, gives {float(found[SPOT])}"
            else:
                agree(f"{what}, unchecked{route}", found[SPOT], -math.inf, 0.0)
            agree(f"{what}: the other densities{route}", found[rest], d.log_prob(good)[rest], 1e-9, 1e-12)


def unvalidated(d: Any) -> Any:
    """The same law, nested ones included, that checks nothing."""
    free = copy.copy(d)
    for name, value in list(vars(free).items()):
        if hasattr(value, "_validate_args"):
            vars(free)[name] = unvalidated(value)
    free._validate_args = False
    return free


@law(lambda family: family.scalar and has(family.example, "icdf"))
def bad_probabilities_are_refused(family: Family) -> None:
    """A probability outside [0, 1] raises an error that shows it."""
    for bad in (-0.1, 1.1, math.nan):
        for door in ("icdf", "isf"):
            what = f"{family}.{door}({bad})"
            message = refusal(what, lambda door=door, bad=bad: getattr(family.example, door)(torch.tensor(bad)))  # type: ignore[misc]
            _mentions(what, message, type(family.example).__name__, "[0, 1]")


@law(lambda family: family.scalar and has(family.example, "cdf"))
def probabilities_are_defined_on_the_whole_line(family: Family) -> None:
    """Validating or not, they are 0 or 1 at the infinities and beyond the ends; of NaN refused, or NaN."""
    checked = family.law(BATCH)
    rounding = 4 * torch.finfo(checked.dtype).eps
    support = checked.support
    finite = list(ends(support, torch.zeros(BATCH, dtype=torch.float64))) if isinstance(support, Range) else []
    for d, (name, limits) in itertools.product((checked, unvalidated(checked)), LIMITS.items()):
        door = getattr(d, name.removeprefix("_"))
        for side, limit in zip((-1.0, 1.0), limits, strict=True):
            beyond = torch.full(BATCH, side * math.inf, dtype=torch.float64)
            for x in [beyond, *(end + side for end in finite[side > 0 :][:1])]:
                expected = torch.full(BATCH, limit, dtype=torch.float64)
                for route, evaluate in ROUTES.items():
                    found = evaluate(partial(door, x))
                    agree(f"{family}{name}({x.flatten()[0]}){route}", found, expected, 0.0, rounding)
        nan = torch.full(BATCH, math.nan, dtype=torch.float64)
        if d is checked:
            _mentions(name, refusal(f"{family}{name}(nan)", partial(door, nan)), type(d).__name__, "NaN")
        else:
            assert bool(door(nan).isnan().all()), f"{family}{name}(nan), unchecked, is not NaN"


@law(lambda family: family.scalar and has(family.example, "icdf"))
def unchecked_probabilities_have_a_meaning(family: Family) -> None:
    """Not validating, quantiles outside [0, 1] are NaN."""
    d = unvalidated(family.law(BATCH))
    for p in (math.nan, -0.1, 1.1) if d.sample_dtype is None else ():
        for door in (d.icdf, d.isf):
            found = door(torch.full(BATCH, p, dtype=d.dtype))
            assert bool(found.isnan().all()), f"{family}: an unchecked quantile at {p} is {found}"


@law(lambda family: family.build is type(family.example))
def bad_arguments_are_refused(family: Family) -> None:
    """Misspelt, missing, superfluous and complex arguments raise TypeError or ValueError that name them."""
    values: dict[str, Any] = dict(family.parameters())
    first = next(iter(values))
    attempts: dict[str, dict[str, Any]] = {
        "a misspelt argument": {**values, first + "s_": values[first]},
        "a text": {**values, first: "one"},
        "a complex parameter": {**values, first: values[first].to(torch.complex128)},
        "shapes that do not broadcast": {n: v.expand((2 + i, *v.shape)) for i, (n, v) in enumerate(values.items())},
    }
    if family.example._fields[first].default is not None or family.fields[first].group:
        attempts["nothing"] = {}
    for what, arguments in attempts.items():
        if what == "shapes that do not broadcast" and len(values) == 1:
            continue
        try:
            family.build(**arguments)
        except (TypeError, ValueError) as error:
            assert str(error), f"{family}: {what} raises an error without a message"
        else:
            raise AssertionError(f"{family}: {what} was accepted")
