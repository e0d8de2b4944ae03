"""Is every value of one constraint a value of another? KL divergences are infinite where not."""

from __future__ import annotations

import functools
import math
import operator
import sys
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from .base import Constraint
from .composite import Independent, MixtureSameFamilyConstraint, Pieced
from .dependent import is_dependent
from .numeric import Range
from .pieces import all_rightmost
from .structured import (
    CorrCholesky,
    LowerCholesky,
    LowerTriangular,
    Multinomial,
    OneHot,
    PositiveDefinite,
    PositiveSemidefinite,
    Simplex,
    Square,
    Symmetric,
)

Answer = bool | Tensor

_SUPERSETS: dict[type[Constraint], tuple[type[Constraint], ...]] = {
    Simplex: (),
    OneHot: (Simplex,),
    Multinomial: (),
    Square: (),
    LowerTriangular: (Square,),
    LowerCholesky: (LowerTriangular, Square),
    CorrCholesky: (LowerCholesky, LowerTriangular, Square),
    Symmetric: (Square,),
    PositiveSemidefinite: (Symmetric, Square),
    PositiveDefinite: (PositiveSemidefinite, Symmetric, Square),
}


def is_subset(a: Constraint, b: Constraint) -> Answer:
    """Whether every value of ``a`` is a value of ``b``.

    Values are compared as numbers, whatever their dtype: the integers from 0 lie in the real line,
    one-hot vectors in the simplex, positive-definite matrices among the symmetric ones.

    Args:
        a: the set that may lie in the other.
        b: the set that may contain it.

    Returns:
        A bool, or where bounds are tensors a boolean tensor of their batch shape. ``cat`` and
        ``stack`` with tensor bounds answer for all their pieces at once.

    Raises:
        ValueError: if one of them names parameters that are not resolved.
        NotImplementedError: if they differ and one is of a kind that this package does not know.

    Example:
        >>> import torch
        >>> from reparam.constraints import interval, nonnegative_integer, positive, real
        >>> is_subset(nonnegative_integer, real), is_subset(real, positive)
        (True, False)
        >>> is_subset(interval(0.0, torch.tensor([1.0, 2.0])), interval(0.0, 1.5))
        tensor([ True, False])
    """
    for constraint in (a, b):
        if is_dependent(constraint):
            raise ValueError(f"resolve {constraint!r} before asking for subsets")
    a, b = _plain(a), _plain(b)
    if a is b:
        return True
    if a.event_dim != b.event_dim:
        return False
    if isinstance(a, Range) and isinstance(b, Range):
        return _range_in_range(a, b)
    if isinstance(a, Independent) and isinstance(b, Independent):
        return _independent_in_independent(a, b)
    if isinstance(a, Pieced) and isinstance(b, Pieced) and vars(a.layout) == vars(b.layout):
        return _all(map(is_subset, a.cseq, b.cseq))
    if a.entries and _is_entrywise(b):
        return _entries_in_entries(a, b)
    if type(a) in _SUPERSETS and type(b) in _SUPERSETS:
        return _structured_in_structured(a, b)
    known = (Range, Independent, Pieced, *_SUPERSETS)
    if isinstance(a, known) and isinstance(b, known):
        return False
    if a == b:
        return True
    raise NotImplementedError(f"is every value that is {a.describe()} also {b.describe()}?")


def _plain(constraint: Constraint) -> Constraint:
    """The same set without a wrapper: mixtures as intersections, no ``independent`` of no dims."""
    if isinstance(constraint, MixtureSameFamilyConstraint):
        return _plain(constraint.intersection())
    if isinstance(constraint, Independent) and constraint.reinterpreted_batch_ndims == 0:
        return _plain(constraint.base_constraint)
    return constraint


def _range_in_range(a: Range, b: Range) -> Answer:
    lower, upper, lower_open, upper_open = _attained(a)
    empty: Answer = (lower > upper) | ((lower == upper) & (lower_open or upper_open))
    if b.is_discrete and not a.is_discrete:
        return empty
    b_lower, b_upper = b.limits
    above = (lower > b_lower) | ((lower == b_lower) & (lower_open or not b.lower_open))
    below = (upper < b_upper) | ((upper == b_upper) & (upper_open or not b.upper_open))
    answer: Answer = (above & below) | empty
    return answer


def _attained(r: Range) -> tuple[Any, Any, bool, bool]:
    """The bounds and whether they are open; those of integers are finite integers."""
    lower, upper = r.limits
    if not r.is_discrete:
        return lower, upper, r.lower_open, r.upper_open
    return _finite(lower, torch.ceil, math.ceil), _finite(upper, torch.floor, math.floor), False, False


def _finite(
    bound: float | Tensor, whole: Callable[[Tensor], Tensor], whole_number: Callable[[float], int]
) -> float | Tensor:
    """A bound as an integer, or the largest finite number for an infinite one."""
    if isinstance(bound, Tensor):
        largest = torch.finfo(bound.dtype).max if bound.is_floating_point() else None
        return whole(bound) if largest is None else whole(bound).clamp(-largest, largest)
    largest = sys.float_info.max
    return max(-largest, min(bound, largest)) if math.isinf(bound) else whole_number(bound)


def _independent_in_independent(a: Independent, b: Independent) -> Answer:
    dims = min(a.reinterpreted_batch_ndims, b.reinterpreted_batch_ndims)
    inner = is_subset(
        Independent(a.base_constraint, a.reinterpreted_batch_ndims - dims),
        Independent(b.base_constraint, b.reinterpreted_batch_ndims - dims),
    )
    return _all_over(inner, dims)


def _is_entrywise(constraint: Constraint) -> bool:
    """Whether a value satisfies ``constraint`` exactly if each of its entries satisfies its own."""
    if isinstance(constraint, (Independent, Pieced)):
        return all(map(_is_entrywise, constraint.parts()))
    return isinstance(constraint, Range)


def _entries_in_entries(a: Constraint, b: Constraint) -> Answer:
    answers = (is_subset(x, y) for x in a.entries for y in b.entries)
    if len(a.entries) == len(b.entries) == 1:
        return _all_over(next(answers), a.event_dim)
    return _all(answers)


def _structured_in_structured(a: Constraint, b: Constraint) -> Answer:
    if isinstance(b, Multinomial):
        most = a.upper_bound if isinstance(a, Multinomial) else 1
        answer: Any = most <= b.upper_bound  # type: ignore[operator]
        return answer if isinstance(a, (Multinomial, OneHot)) else False
    return type(a) is type(b) or type(b) in _SUPERSETS[type(a)]


def _all_over(answer: Answer, dims: int) -> Answer:
    """Whether ``answer`` holds over its last ``dims`` dimensions, or those of them that it has."""
    return all_rightmost(answer, min(dims, answer.dim())) if isinstance(answer, Tensor) else answer


def _all(answers: Iterable[Answer]) -> Answer:
    whole = (torch.all(answer) if isinstance(answer, Tensor) else answer for answer in answers)
    return functools.reduce(operator.and_, whole)
