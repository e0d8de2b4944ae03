"""Constraints that depend on other variables, in ways that bounds alone cannot state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .base import Constraint, required


class Dependent(Constraint):
    """A set that depends on other variables and cannot be checked without them.

    Args:
        is_discrete: whether the set is countable, if that is known in advance.
        event_dim: the number of event dimensions, if that is known in advance.

    Example:
        >>> dependent(is_discrete=False, event_dim=1).event_dim
        1
    """

    _words = "valid for the other parameters"

    def __init__(self, *, is_discrete: bool | None = None, event_dim: int | None = None) -> None:
        self._is_discrete = is_discrete
        self._event_dim = event_dim

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether the set is countable.

        Raises:
            NotImplementedError: if that was not stated.
        """
        return bool(_stated(self._is_discrete, "is_discrete"))

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The number of event dimensions.

        Raises:
            NotImplementedError: if that was not stated.
        """
        return int(_stated(self._event_dim, "event_dim"))

    def __call__(self, *, is_discrete: bool | None = None, event_dim: int | None = None) -> Dependent:
        """The same with more attributes stated."""
        return Dependent(
            is_discrete=self._is_discrete if is_discrete is None else is_discrete,
            event_dim=self._event_dim if event_dim is None else event_dim,
        )

    def check(self, value: Tensor) -> Tensor:
        """Refused: the set is unknown.

        Raises:
            ValueError: always.
        """
        raise ValueError("a dependent constraint cannot be checked: read it from a distribution, not its class")


class Unstated(Dependent):
    """The support of a law that does not state one: it depends on who knows what, and nothing is refused.

    Example:
        >>> Unstated(event_dim=1).check(torch.zeros(2, 3)).shape
        torch.Size([2])
    """

    _words = "whatever the law may give"

    def check(self, value: Tensor) -> Tensor:
        """Every event."""
        return torch.ones(value.shape[: value.dim() - self.event_dim], dtype=torch.bool, device=value.device)


class DependentProperty(property, Dependent):
    """A property that is a dependent constraint on the class and returns the set on an instance.

    Args:
        fn: the getter.
        is_discrete: whether the set is countable, if that is known for all instances.
        event_dim: the number of event dimensions, if that is known for all instances.

    Example:
        >>> from reparam.constraints import interval
        >>> class Box:
        ...     high = 2.0
        ...     @dependent_property(is_discrete=False, event_dim=0)
        ...     def support(self):
        ...         return interval(0.0, self.high)
        >>> Box.support.event_dim, Box().support
        (0, Interval(lower_bound=0.0, upper_bound=2.0))
    """

    def __init__(
        self,
        fn: Callable[[Any], Any] | None = None,
        *,
        is_discrete: bool | None = None,
        event_dim: int | None = None,
    ) -> None:
        property.__init__(self, fn)
        Dependent.__init__(self, is_discrete=is_discrete, event_dim=event_dim)

    def __call__(self, fn: Callable[[Any], Any]) -> DependentProperty:  # type: ignore[override]
        """Decorate ``fn``, with the attributes stated before."""
        return DependentProperty(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)

    def resolve(self, owner: Any) -> Constraint:
        """The set that the getter returns for ``owner``."""
        found: Constraint = self.__get__(owner)
        return found

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def is_dependent(constraint: Constraint) -> bool:
    """Whether a constraint can be checked only once other variables are known.

    Example:
        >>> from reparam.constraints import greater_than
        >>> is_dependent(greater_than("low")), is_dependent(greater_than(0.0))
        (True, False)
    """
    entry = getattr(required(constraint), "base_constraint", None)
    return (
        isinstance(constraint, Dependent) or bool(constraint.parameters) or (entry is not None and is_dependent(entry))
    )


def _stated(value: Any, name: str) -> Any:
    if value is None:
        raise NotImplementedError(f"{name} of this dependent constraint is not known in advance")
    return value


dependent = Dependent()
dependent_property = DependentProperty
