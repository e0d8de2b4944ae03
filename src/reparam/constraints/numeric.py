"""Sets of numbers between two bounds: intervals, half-lines, integers and the real line."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from .._torch import can_read
from .base import Bounds, Constraint, is_coarser, least
from .record import is_number

Value = float | Tensor
Bound = Value | str


class Range(Constraint):
    """All numbers, or all integers, between two bounds: the base of every scalar constraint.

    A bound is a number, a tensor that broadcasts with the batch, or the name of a parameter. Where
    nothing bounds a continuous range, the infinity belongs to it; it is never an integer.
    """

    lower_bound: Bound = -math.inf
    upper_bound: Bound = math.inf
    lower_open: ClassVar[bool] = False
    upper_open: ClassVar[bool] = False
    _fields = ("lower_bound", "upper_bound")

    def check(self, value: Tensor) -> Tensor:
        """Which entries of ``value`` lie between the bounds; NaN does not."""
        lower, upper = self.limits
        conditions = []
        if self.lower_open:
            conditions.append(value > lower)
        elif not is_exactly(lower, -math.inf):
            conditions.append(value >= lower)
        if self.upper_open:
            conditions.append(value < upper)
        elif not is_exactly(upper, math.inf):
            conditions.append(value <= upper)
        if self.is_discrete and value.is_floating_point():
            conditions.append(value.frac() == 0)
        if not conditions:
            return value == value  # false for NaN alone
        result = conditions[0]
        for condition in conditions[1:]:
            result = result & condition
        return result

    @property
    def limits(self) -> tuple[Value, Value]:
        """The bounds as values.

        Raises:
            ValueError: if one of them is still the name of a parameter.
        """
        lower, upper = self.lower_bound, self.upper_bound
        if isinstance(lower, str) or isinstance(upper, str):
            raise self._unresolved()
        return lower, upper

    @property
    def bounds(self) -> Bounds | None:
        """The bounds, where both are numbers."""
        lower, upper = self.lower_bound, self.upper_bound
        if isinstance(lower, (Tensor, str)) or isinstance(upper, (Tensor, str)):
            return None
        return Bounds(lower, upper, self.lower_open, self.upper_open, self.is_discrete)

    def cast(self, value: Tensor, dtype: torch.dtype) -> Tensor:
        """``value`` in another dtype, of a coarser one neither an end, where it has numbers between, nor zero."""
        rounded = value.to(dtype)
        if not is_coarser(dtype, value):
            return rounded
        if self.is_discrete:
            return rounded.clamp(torch.finfo(dtype).min, torch.finfo(dtype).max)
        lower, upper = (_inner(bound, side, value, dtype) for bound, side in zip(self.limits, (1, -1), strict=True))
        inside = torch.where(rounded == 0, torch.full_like(rounded, least(dtype)).copysign(rounded), rounded)
        return torch.where(lower <= upper, inside.clamp(lower, upper), rounded)

    @property
    def entries(self) -> tuple[Constraint, ...]:
        """The range itself."""
        return (self,)

    def describe(self) -> str:
        """The set in words that continue "must be ..."."""
        if self._words:
            return self._words
        lower, upper = _spell(self.lower_bound, "lower"), _spell(self.upper_bound, "upper")
        above = f"{'>' if self.lower_open else '>='} {lower}"
        below = f"{'<' if self.upper_open else '<='} {upper}"
        if is_exactly(self.upper_bound, math.inf):
            text = "" if is_exactly(self.lower_bound, -math.inf) else above
        elif is_exactly(self.lower_bound, -math.inf):
            text = below
        else:
            left, right = "[("[self.lower_open], "])"[self.upper_open]
            text = f"in {left}{lower}, {upper}{right}"
        if self.is_discrete:
            return f"an integer {text}".rstrip()
        return {"> 0": "positive (> 0)", ">= 0": "nonnegative (>= 0)"}.get(text, text)


class _Between(Range):
    """The ranges that are given by both bounds."""

    def __init__(self, lower_bound: Bound, upper_bound: Bound) -> None:
        self.lower_bound = as_bound(lower_bound, "lower_bound")
        self.upper_bound = as_bound(upper_bound, "upper_bound")


class _Above(Range):
    """The ranges that are given by their lower bound."""

    def __init__(self, lower_bound: Bound) -> None:
        self.lower_bound = as_bound(lower_bound, "lower_bound")


class _Below(Range):
    """The ranges that are given by their upper bound."""

    def __init__(self, upper_bound: Bound) -> None:
        self.upper_bound = as_bound(upper_bound, "upper_bound")


class Real(Range):
    """The real line with both infinities: everything but NaN."""

    _words = "real (not NaN)"


class GreaterThan(_Above):
    """The half-line above a bound, without it: ``value > lower_bound``.

    Example:
        >>> import torch
        >>> GreaterThan(0.0).check(torch.tensor([0.0, 1.0, torch.nan]))
        tensor([False,  True, False])
    """

    lower_open = True

    def closure(self) -> Constraint:
        """The half-line with its bound."""
        return GreaterThanEq(self.lower_bound)


class GreaterThanEq(_Above):
    """The half-line from a bound upwards: ``value >= lower_bound``."""


class LessThan(_Below):
    """The half-line below a bound, without it: ``value < upper_bound``."""

    upper_open = True

    def closure(self) -> Constraint:
        """The half-line with its bound."""
        return LessThanEq(self.upper_bound)


class LessThanEq(_Below):
    """The half-line from a bound downwards: ``value <= upper_bound``."""


class Interval(_Between):
    """The closed interval ``lower_bound <= value <= upper_bound``.

    Example:
        >>> import torch
        >>> Interval(-1.0, torch.tensor([1.0, 3.0])).check(torch.tensor(2.0))
        tensor([False,  True])
    """


class HalfOpenInterval(_Between):
    """The half-open interval ``lower_bound <= value < upper_bound``."""

    upper_open = True

    def closure(self) -> Constraint:
        """The interval with both ends."""
        return Interval(self.lower_bound, self.upper_bound)


class IntegerInterval(_Between):
    """The integers ``lower_bound <= value <= upper_bound``, in any dtype.

    Example:
        >>> import torch
        >>> IntegerInterval(0, 3).check(torch.tensor([0.0, 1.5, 3.0, 4.0]))
        tensor([ True, False,  True, False])
    """

    is_discrete = True


class Boolean(Range):
    """The two values 0 and 1, in any dtype."""

    is_discrete = True
    lower_bound = 0
    upper_bound = 1
    _words = "boolean (0 or 1)"

    def check(self, value: Tensor) -> Tensor:
        """Which entries of ``value`` are 0 or 1."""
        return (value == 0) | (value == 1)


def _inner(bound: Value, side: int, like: Tensor, dtype: torch.dtype) -> Tensor:
    """A number of a coarser dtype next to a bound, beyond it on the side of this sign.

    Neighbours are between half an epsilon and a whole one apart, relative to the larger: a step of a little more
    than half an epsilon rounds to a neighbour.
    """
    info = torch.finfo(dtype)
    at = torch.as_tensor(bound, dtype=like.dtype, device=like.device).detach().clamp(info.min, info.max)
    return (at + side * (0.505 * info.eps * at.abs()).clamp(min=least(dtype))).to(dtype)


def as_bound(bound: Any, name: str) -> Bound:
    """``bound``, if it may be one.

    Raises:
        TypeError: if it is neither a number, a tensor nor the name of a parameter.
    """
    if isinstance(bound, (float, int, Tensor, str)):
        return bound
    if is_number(bound):
        return float(bound)
    raise TypeError(f"{name} must be a number, a tensor or the name of a parameter, got {bound!r}")


def is_exactly(bound: Bound, number: float) -> bool:
    """Whether a bound is this plain number; a tensor never is, as its entries are not read."""
    return isinstance(bound, (float, int)) and bound == number


def _spell(bound: Bound, side: str) -> str:
    if isinstance(bound, Tensor):
        return f"its {side} bound" if bound.dim() or not can_read() else _spell(bound.item(), side)
    return f"{bound:.15g}" if isinstance(bound, float) else str(bound)


boolean = Boolean()
real = Real()
positive = GreaterThan(0.0)
nonnegative = GreaterThanEq(0.0)
unit_interval = Interval(0.0, 1.0)
nonnegative_integer = IntegerInterval(0, math.inf)
positive_integer = IntegerInterval(1, math.inf)

greater_than = GreaterThan
greater_than_eq = GreaterThanEq
less_than = LessThan
less_than_eq = LessThanEq
interval = Interval
half_open_interval = HalfOpenInterval
integer_interval = IntegerInterval
