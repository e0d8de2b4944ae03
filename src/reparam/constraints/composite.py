"""Constraints made of others: on every entry, on pieces of a tensor, on all mixture components."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .base import Bounds, Constraint, required
from .numeric import Range
from .pieces import Layout, all_rightmost


class Composite(Constraint):
    """A constraint made of others."""

    def parts(self) -> tuple[Constraint, ...]:
        """The constraints that this one is made of."""
        return tuple(self._children())

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether a part is countable."""
        return any(part.is_discrete for part in self.parts())

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The number of rightmost dimensions that form one event."""
        raise NotImplementedError

    @property
    def entries(self) -> tuple[Constraint, ...]:
        """The entries' constraints of all parts."""
        return tuple(entry for part in self.parts() for entry in part.entries)


class Independent(Composite):
    """Events all of whose entries satisfy a constraint of fewer event dimensions.

    Args:
        base_constraint: the constraint on each entry.
        reinterpreted_batch_ndims: how many more rightmost dimensions belong to the event.

    Raises:
        TypeError: if ``base_constraint`` is no constraint.
        ValueError: if ``reinterpreted_batch_ndims`` is negative.

    Example:
        >>> import torch
        >>> from reparam.constraints import positive
        >>> Independent(positive, 1).check(torch.tensor([[1.0, 2.0], [1.0, -1.0]]))
        tensor([ True, False])
    """

    _fields = ("base_constraint",)

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        require_constraints((base_constraint,))
        if reinterpreted_batch_ndims < 0:
            raise ValueError(f"reinterpreted_batch_ndims must be at least 0, got {reinterpreted_batch_ndims}")
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The event dimensions of the base and those that join them."""
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    @property
    def bounds(self) -> Bounds | None:
        """The bounds of the base."""
        return self.base_constraint.bounds

    def check(self, value: Tensor) -> Tensor:
        """Which events satisfy the base everywhere."""
        self._require_dims(value)
        return all_rightmost(self.base_constraint.check(value), self.reinterpreted_batch_ndims)

    def cast(self, value: Tensor, dtype: torch.dtype) -> Tensor:
        """``value`` in another dtype, each entry as the base has it."""
        return self.base_constraint.cast(value, dtype)

    def closure(self) -> Constraint:
        """The closure of the base, on each entry."""
        return Independent(self.base_constraint.closure(), self.reinterpreted_batch_ndims)

    def describe(self) -> str:
        """The set in words that continue "must be ..."."""
        n = self.reinterpreted_batch_ndims
        dimensions = "dimension" if n == 1 else f"{n} dimensions"
        return f"{self.base_constraint.describe()} along its last {dimensions}"


class MixtureSameFamilyConstraint(Composite):
    """Values that satisfy the constraint of every component of a mixture.

    The bounds of ``base_constraint`` have the components in their rightmost batch dimension, which
    values do not have.

    Args:
        base_constraint: the support of the components.

    Raises:
        TypeError: if ``base_constraint`` is no constraint.
    """

    _fields = ("base_constraint",)

    def __init__(self, base_constraint: Constraint) -> None:
        require_constraints((base_constraint,))
        self.base_constraint = base_constraint

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The event dimensions of a component."""
        return self.base_constraint.event_dim

    def check(self, value: Tensor) -> Tensor:
        """Which events satisfy the constraint of all components."""
        self._require_dims(value)
        return self.base_constraint.check(value.unsqueeze(-1 - self.event_dim)).all(-1)

    def closure(self) -> Constraint:
        """The closure of the components' constraint."""
        return MixtureSameFamilyConstraint(self.base_constraint.closure())

    def describe(self) -> str:
        """The set in words that continue "must be ..."."""
        return f"{self.base_constraint.describe()} for every mixture component"

    def intersection(self) -> Constraint:
        """The same set without the components' dimension: of tensor bounds, the tightest.

        Raises:
            NotImplementedError: if bounds are tensors and the set is not made of ranges.
        """
        return _tightest(self.base_constraint, -1)


class Pieced(Composite):
    """A tensor whose pieces along one dimension have constraints of their own."""

    _fields = ("cseq",)
    cseq: tuple[Constraint, ...]
    dim: int

    @property
    def layout(self) -> Layout:
        """Where the pieces lie."""
        return Layout(len(self.cseq), self.dim)

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The event dimensions of the pieces, and that of stacking where it lies among them."""
        return self.layout.event_dim([c.event_dim for c in self.cseq])

    def check(self, value: Tensor) -> Tensor:
        """Which events satisfy the constraints of their pieces."""
        layout = self.layout
        results = [c.check(x) for c, x in zip(self.cseq, layout.split(value), strict=True)]
        dims = [c.event_dim for c in self.cseq]
        return layout.gather(results, dims, value.dim(), all_rightmost, operator.and_)

    def cast(self, value: Tensor, dtype: torch.dtype) -> Tensor:
        """``value`` in another dtype, each piece as its own constraint has it."""
        layout = self.layout
        return layout.join([c.cast(x, dtype) for c, x in zip(self.cseq, layout.split(value), strict=True)])

    def closure(self) -> Constraint:
        """The closure of every piece."""
        return self._copy(cseq=tuple(c.closure() for c in self.cseq))

    def describe(self) -> str:
        """The set in words that continue "must be ..."."""
        pieces = "; ".join(c.describe() for c in self.cseq)
        return f"made of pieces along dimension {self.dim} that are {pieces}"


class Cat(Pieced):
    """Pieces joined by ``torch.cat``, each with its own constraint.

    Args:
        cseq: the constraints of the pieces.
        dim: the dimension along which the pieces are joined. Results are joined along it as well,
            or, where it belongs to the pieces' events, taken together.
        lengths: the length of each piece along ``dim``; 1 by default.

    Raises:
        TypeError: if an entry of ``cseq`` is no constraint.
        ValueError: if there are no pieces, or not one length for each.

    Example:
        >>> import torch
        >>> from reparam.constraints import positive, real
        >>> mixed = Cat([positive, real], dim=-1, lengths=[1, 2])
        >>> mixed.check(torch.tensor([-1.0, -2.0, 3.0]))
        tensor([False,  True,  True])
    """

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None) -> None:
        self.cseq = require_constraints(cseq)
        self.dim = dim
        self.lengths = (1,) * len(self.cseq) if lengths is None else tuple(lengths)
        Layout(len(self.cseq), dim, self.lengths)

    @property
    def layout(self) -> Layout:
        """Where the pieces lie."""
        return Layout(len(self.cseq), self.dim, self.lengths)


class Stack(Pieced):
    """Pieces joined by ``torch.stack``, each with its own constraint.

    Args:
        cseq: the constraints of the pieces.
        dim: the dimension along which the pieces are stacked. Results are stacked along it as well,
            or, where it lies among the pieces' event dimensions, taken together.

    Raises:
        TypeError: if an entry of ``cseq`` is no constraint.
        ValueError: if there are no pieces.

    Example:
        >>> import torch
        >>> from reparam.constraints import positive, real
        >>> Stack([positive, real], dim=-1).check(torch.tensor([[-1.0, -2.0], [1.0, 3.0]]))
        tensor([[False,  True],
                [ True,  True]])
    """

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0) -> None:
        self.cseq = require_constraints(cseq)
        self.dim = dim
        Layout(len(self.cseq), dim)


def require_constraints(cseq: Sequence[Any]) -> tuple[Constraint, ...]:
    """``cseq`` as a tuple.

    Raises:
        TypeError: if an entry is no constraint.
    """
    return tuple(map(required, cseq))


def _tightest(constraint: Constraint, dim: int) -> Constraint:
    """``constraint`` with the largest lower and the smallest upper of its bounds over ``dim``."""
    if isinstance(constraint, Independent):
        base = _tightest(constraint.base_constraint, dim - constraint.reinterpreted_batch_ndims)
        return Independent(base, constraint.reinterpreted_batch_ndims)
    if isinstance(constraint, Range):
        lower, upper, changes = constraint.lower_bound, constraint.upper_bound, {}
        if isinstance(lower, Tensor) and lower.dim() >= -dim:
            changes["lower_bound"] = lower.amax(dim)
        if isinstance(upper, Tensor) and upper.dim() >= -dim:
            changes["upper_bound"] = upper.amin(dim)
        return constraint._copy(**changes)
    if any(isinstance(value, (Tensor, Constraint)) for value in constraint._children()):
        raise NotImplementedError(f"the intersection over mixture components of {constraint!r}")
    return constraint


independent = Independent
cat = Cat
stack = Stack
