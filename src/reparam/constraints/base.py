"""The base of all constraints: a set of values, checked event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from .record import Record

if TYPE_CHECKING:
    _Nominal = object
else:
    from torch.distributions.constraints import Constraint as _Nominal


class Bounds(NamedTuple):
    """Bounds on every entry that are plain numbers; NaN is never within."""

    lower: float
    upper: float
    lower_open: bool
    upper_open: bool
    integer: bool


class Constraint(Record, _Nominal):
    """A set of values.

    It is a nominal subclass of PyTorch's class of the same name, so that ``isinstance`` checks
    hold; nothing is inherited from it. Constraints are compared, hashed and shown by their
    attributes.

    A constraint whose bounds name parameters, such as ``greater_than("low")``, is a *dependent*
    one: :meth:`resolve` puts the values of an owner in the place of the names.

    Attributes:
        is_discrete: whether the set is countable.
        event_dim: how many rightmost dimensions of a value form one event, which :meth:`check`
            reduces.

    Example:
        >>> import torch
        >>> class Even(Constraint):
        ...     is_discrete = True
        ...     def check(self, value):
        ...         return value % 2 == 0
        >>> Even().check(torch.tensor([1, 2]))
        tensor([False,  True])
    """

    is_discrete: bool = False
    event_dim: int = 0
    _words: ClassVar[str] = ""

    def check(self, value: Tensor) -> Tensor:
        """Which events of ``value`` lie in the set.

        Args:
            value: a tensor of any dtype with at least ``event_dim`` dimensions.

        Returns:
            A boolean tensor of the shape of ``value`` without its event dimensions. NaN is never
            in the set.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define check")

    def describe(self) -> str:
        """The set in words that continue "must be ..."."""
        return self._words or f"in {self!r}"

    @property
    def bounds(self) -> Bounds | None:
        """The bounds that all entries share if these, being numbers, are the whole constraint."""
        return None

    @property
    def entries(self) -> tuple[Constraint, ...]:
        """The sets of which every entry of an event lies in one; empty where none is known."""
        return ()

    def closure(self) -> Constraint:
        """The smallest closed set among the constraints of this package that contains this one."""
        return self

    def cast(self, value: Tensor, dtype: torch.dtype) -> Tensor:
        """``value`` in another dtype, events of the set still in it.

        What a coarser dtype would round to an edge of the set is rounded to a number inside, where densities are
        finite; what it cannot hold becomes about the largest that it can.

        Example:
            >>> import torch
            >>> from reparam.constraints import positive
            >>> bool(positive.cast(torch.tensor(1e-30), torch.float16) > 0)
            True
        """
        return value.to(dtype)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters that the set depends on."""
        names: list[str] = []
        for value in self._children():
            if isinstance(value, str):
                names.append(value)
            elif isinstance(value, Constraint):
                names.extend(value.parameters)
        return tuple(dict.fromkeys(names))

    def resolve(self, owner: Any) -> Constraint:
        """The set with attributes of ``owner`` in the place of their names, or itself without any.

        Example:
            >>> from types import SimpleNamespace
            >>> from reparam.constraints import greater_than
            >>> greater_than("low").resolve(SimpleNamespace(low=2.0))
            GreaterThan(lower_bound=2.0)
        """
        if not self.parameters:
            return self

        def resolved(value: Any) -> Any:
            if isinstance(value, str):
                return getattr(owner, value)
            if isinstance(value, tuple):
                return tuple(map(resolved, value))
            return value.resolve(owner) if isinstance(value, Constraint) else value

        own = vars(self)
        return self._copy(**{n: resolved(own[n]) for n in self._fields if n in own})

    def _children(self) -> list[Any]:
        """Bounds and constraints that this constraint is made of."""
        values = (getattr(self, name) for name in self._fields)
        return [v for value in values for v in (value if isinstance(value, tuple) else (value,))]

    def _unresolved(self) -> ValueError:
        """The error for a bound that is still the name of a parameter."""
        return ValueError(f"{self!r} depends on {', '.join(self.parameters)}: call resolve(distribution) first")

    def _require_dims(self, value: Tensor) -> None:
        """Raise ValueError where ``value`` has too few dimensions to hold one event."""
        if value.dim() < self.event_dim:
            raise ValueError(
                f"{self!r}: an event has {self.event_dim} dimensions, but the value has shape {tuple(value.shape)}"
            )


def is_coarser(dtype: torch.dtype, value: Tensor) -> bool:
    """Whether a floating dtype holds fewer numbers than that of ``value``."""
    return value.is_floating_point() and torch.finfo(dtype).bits < torch.finfo(value.dtype).bits


def least(dtype: torch.dtype) -> float:
    """The smallest positive number of a dtype, or of those that float32 holds to full precision."""
    info = torch.finfo(dtype)
    return max(info.tiny * info.eps, torch.finfo(torch.float32).tiny)


def required(constraint: Any) -> Constraint:
    """``constraint``, if it is one of reparam or of a class derived from it.

    Raises:
        TypeError: if it is not.
    """
    if not isinstance(constraint, Constraint):
        kind = type(constraint)
        raise TypeError(f"expected a constraint of reparam, got {kind.__module__}.{kind.__qualname__}: {constraint!r}")
    return constraint
