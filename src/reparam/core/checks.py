"""Are these values where they must be? One reduction and at most one host read a question; refusals say which entry."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor

from .. import _torch
from ..constraints.base import required
from ..constraints.numeric import Range
from ..constraints.structured import (
    CorrCholesky,
    LowerCholesky,
    Multinomial,
    OneHot,
    PositiveDefinite,
    Simplex,
    Symmetric,
    rounding,
    row_squares,
)
from ..kernels.checks import all_lower_cholesky, all_positive_definite, all_simplex, all_within

if TYPE_CHECKING:
    from ..constraints import Constraint


def _unit_rows(value: Tensor) -> bool | None:
    room = 2 * rounding(value, value.shape[-1])
    return all_within(row_squares(value.detach()), 1 - room, 1 + room)


def _counts_within(value: Tensor, bound: Tensor | float) -> bool | None:
    """Are all rows whole numbers with a sum within a bound?"""
    if all_within(value, 0.0, math.inf, integer=True) is not True:
        return None
    total = value.detach().sum(-1, dtype=torch.float64)
    return all_within(total, 0.0, bound.detach().double() if isinstance(bound, Tensor) else bound)


# What a native pass can say of vectors and matrices; only a yes is final.
STRUCTURES: dict[type, Callable[[Tensor], bool | None]] = {
    Simplex: lambda value: all_simplex(value, rounding(value, value.shape[-1])),
    OneHot: lambda value: all_within(value, 0.0, 1.0, integer=True) and all_simplex(value, 0.0),
    LowerCholesky: all_lower_cholesky,
    CorrCholesky: lambda value: all_lower_cholesky(value) and _unit_rows(value),
    PositiveDefinite: lambda value: all_positive_definite(value, Symmetric.tolerance(value)),
}


class Checker:
    """A predicate ``(owner, value) -> bool`` for a constraint; the owner provides the bounds that are parameters."""

    def __init__(self, constraint: Constraint) -> None:
        self.constraint: Any = required(constraint)
        self.bounds = constraint.bounds
        self.ends = _ends(constraint)
        self.range: tuple[Any, ...] = self.bounds or self.ends or ()  # the arguments of all_within, where it can decide
        self.structure = STRUCTURES.get(type(constraint))
        self.total: Any = constraint.upper_bound if isinstance(constraint, Multinomial) else None

    def __call__(self, owner: Any, value: Tensor) -> bool:
        """Whether every entry is where it must be; in a compiled graph, an assertion that it will be."""
        answer = self.natively(owner, value)
        if answer is not None:
            return answer
        if value.is_meta:
            return True
        every = self.constraint.resolve(owner).check(value)
        if _torch.can_read():
            return bool(_torch.unwrapped(every).all())
        _torch.assert_later(every, f"{type(owner).__name__}: a value must be {self.constraint.describe()}")
        return True

    def natively(self, owner: Any, value: Tensor) -> bool | None:
        """The answer of a native pass over plain numbers, or None where that does not settle the question."""
        if self.bounds is not None:
            return all_within(value, *self.bounds)
        if self.structure is not None:
            return (value.dim() >= self.constraint.event_dim and self.structure(value)) or None
        if self.total is not None:
            total = getattr(owner, self.total) if type(self.total) is str else self.total
            return (value.dim() > 0 and _counts_within(value, total)) or None
        if self.ends is None:
            return None
        lower, upper, lower_open, upper_open, integer = self.ends
        lower = getattr(owner, lower) if type(lower) is str else lower
        upper = getattr(owner, upper) if type(upper) is str else upper
        return all_within(value, lower, upper, lower_open, upper_open, integer) or None


def _ends(constraint: Constraint) -> tuple[Any, ...] | None:
    """The arguments of ``all_within`` for a range whose ends are numbers or names of parameters."""
    if not isinstance(constraint, Range):
        return None
    lower, upper = constraint.lower_bound, constraint.upper_bound
    if isinstance(lower, Tensor) or isinstance(upper, Tensor):
        return None
    return lower, upper, constraint.lower_open, constraint.upper_open, constraint.is_discrete


def refuse(owner: Any, what: str, constraint: Constraint, value: Tensor) -> NoReturn:
    """Raise the error for a value that failed its check.

    Raises:
        ValueError: with the class, what was wrong, the constraint, how many entries violate it, the first bad
            index and the entry there; never the whole tensor.
    """
    constraint = constraint.resolve(owner)
    good = _torch.unwrapped(constraint.check(value))
    raw = _torch.unwrapped(value).detach()
    bad = (~good).nonzero()
    text = f"{type(owner).__name__}: {what} must be {constraint.describe()}"
    if good.dim() == 0:
        text += f"; got {_spell(raw)}"
    else:
        index = tuple(bad[0].tolist())
        raw = raw.expand(good.shape + raw.shape[raw.dim() - constraint.event_dim :])
        text += (
            f", but {len(bad)} of {good.numel()} {'is' if len(bad) == 1 else 'are'} not; "
            f"the first is at index {index}: {_spell(raw[index])}"
        )
        there = _at(constraint, index, good.shape).describe()
        text += f", where it must be {there}" if there != constraint.describe() else ""
    if what.endswith("probs") and bool((raw < 0).any()):
        text += " (negative probabilities: if these are log-probabilities or log-odds, pass logits=...)"
    raise ValueError(text)


def _at(constraint: Constraint, index: tuple[int, ...], shape: torch.Size) -> Constraint:
    """A range whose bounds are tensors, as it is at one entry of this shape; other constraints as they are."""
    bounds = {n: getattr(constraint, n) for n in constraint._fields} if isinstance(constraint, Range) else {}
    changes = {n: _torch.unwrapped(b).expand(shape)[index] for n, b in bounds.items() if isinstance(b, Tensor)}
    return constraint._copy(**changes)


def _spell(value: Tensor) -> str:
    if value.dim() == 0:
        return repr(value.item())
    if value.numel() <= 16:
        return repr(value.tolist())
    entries = ", ".join(repr(v) for v in value.flatten()[:8].tolist())
    return f"a value of shape {tuple(value.shape)} that begins {entries}"


def surely(condition: Tensor) -> bool:
    """Whether every entry is known to hold; False also where values may not be read."""
    return _torch.can_read() and not condition.is_meta and bool(_torch.unwrapped(condition).all())
