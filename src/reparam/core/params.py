"""The declarations a family is written in: ``param``, ``one_of``, ``static`` and ``component``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, overload

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ..constraints import Constraint

REQUIRED: Any = type("Required", (), {"__repr__": lambda self: "REQUIRED"})()


class Field:
    """A named entry of a declaration; the base of the four kinds.

    It is a *non-data* descriptor: what an instance holds sits in its ``__dict__`` and is read at the speed of a
    plain attribute; the descriptor answers only where the instance holds nothing under that name.
    """

    kind: ClassVar[str]
    name: str

    def __init__(self, default: Any = REQUIRED) -> None:
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def _absent(self, instance: Any) -> Any:
        if instance._recipe is not None:
            return getattr(instance._resolved(), self.name)
        raise AttributeError(f"{type(instance).__name__} has no {self.name}")


class param(Field):
    r"""A tensor parameter.

    Args:
        constraint: where its values lie; its event dimensions are the parameter's. A constraint may name other
            parameters: ``greater_than("low")``.
        default: a number, for an optional parameter.
        symbol: how formulas write it, such as ``r"\alpha"``.
        typical: a range ``(low, high)`` of ordinary values, for plots and generated tests.
        derived: how it follows from the alternatives of its :func:`one_of` group, in float32 for half precision.
        normalised: what reading it shows of the raw tensor that was given, which stays in the instance's
            ``__dict__``.
    """

    kind = "param"

    def __new__(cls, *_: Any, **options: Any) -> param:
        """A parameter shown in another form than it is held is a data descriptor."""
        return super().__new__(_Shown if options.get("normalised") else cls)

    def __init__(
        self,
        constraint: Constraint,
        default: Any = REQUIRED,
        *,
        symbol: str = "",
        typical: tuple[float, float] | None = None,
        derived: Callable[[Any], Tensor] | None = None,
        normalised: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__(default)
        self.normalised = normalised
        self.constraint = constraint
        self.symbol = symbol
        self.typical = typical
        self.derived = derived
        self.group: tuple[str, ...] = ()

    @property
    def event_dim(self) -> int:
        """The number of trailing dimensions that belong to one parameter value."""
        return self.constraint.event_dim

    @overload
    def __get__(self, instance: None, owner: type) -> param: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Tensor: ...
    def __get__(self, instance: Any, owner: type | None = None) -> param | Tensor:
        if instance is None:
            return self
        if self.derived is not None and instance._recipe is None:
            try:
                if instance._plain:
                    return self.derived(instance)
                return self.derived(instance.to(torch.float32)).to(instance.dtype)
            except KeyError:
                if instance._is_complete():
                    raise
        value: Tensor = self._absent(instance)
        return value


class _Shown(param):
    """A parameter that is read through its ``normalised`` function: a data descriptor over the raw tensor."""

    def __set__(self, instance: Any, value: Tensor) -> None:
        instance.__dict__[self.name] = value

    @overload
    def __get__(self, instance: None, owner: type) -> param: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Tensor: ...
    def __get__(self, instance: Any, owner: type | None = None) -> param | Tensor:
        if instance is None or self.name not in instance.__dict__:
            return super().__get__(instance, owner)
        assert self.normalised is not None
        raw = instance.__dict__[self.name]
        return self.normalised(raw) if instance._plain else self.normalised(raw.float()).to(raw.dtype)


class static(Field):
    """An argument that is no tensor: an int, a flag, a list of transforms. It keeps its value under every view."""

    kind = "static"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else self._absent(instance)


class component(Field):
    """A nested distribution.

    Args:
        batch_dims: how many of its rightmost batch dimensions are not batch dimensions of the whole, or a
            function of the instance that says so.
        many: whether it is a tuple of distributions, which may be of different classes.
    """

    kind = "component"

    def __init__(self, batch_dims: int | Callable[[Any], int] = 0, many: bool = False) -> None:
        super().__init__()
        self.batch_dims = batch_dims
        self.many = many

    def each(self, value: Any, function: Callable[[Any], Any]) -> Any:
        """``function`` of the distribution, or a tuple of it of every one."""
        return tuple(function(law) for law in value) if self.many else function(value)

    def extra(self, instance: Any) -> int:
        """The number of inner batch dimensions that belong to the inside, for this instance."""
        return self.batch_dims if isinstance(self.batch_dims, int) else self.batch_dims(instance)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else self._absent(instance)


class Undeclared:
    """The support of a class that declares none: None on the class, an error on an instance."""

    def __get__(self, instance: Any, owner: type) -> None:
        if instance is not None:
            raise AttributeError(f"{owner.__name__} declares no support, as in: support = constraints.real")


class one_of:
    """Alternative parametrisations: exactly one is given, the others are derived when read.

    Example:
        >>> from reparam.constraints import real, unit_interval
        >>> class Coin:
        ...     probs, logits = one_of(
        ...         probs=param(unit_interval, derived=lambda d: d.logits.sigmoid()),
        ...         logits=param(real, derived=lambda d: d.probs.logit()),
        ...     )
        >>> Coin.probs.group
        ('probs', 'logits')
    """

    def __init__(self, **alternatives: param) -> None:
        self.alternatives = alternatives
        for entry in alternatives.values():
            entry.group = tuple(alternatives)
            entry.default = None

    def __iter__(self) -> Iterator[param]:
        return iter(self.alternatives.values())
