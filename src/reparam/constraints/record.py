"""Objects that are the sum of their attributes: what constraints and transforms have in common."""

from __future__ import annotations

import numbers
from collections.abc import Hashable
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from .._torch import can_read, unwrapped
from ..core.pytree import deep_copies, register_node

R = TypeVar("R", bound="Record")


class Record:
    """An object that is compared, hashed, shown, copied and flattened by its attributes.

    Every subclass is a pytree node. Its children are the attributes named in ``_fields``, unless
    they hold a number or a name; all other attributes are static.

    Example:
        >>> from torch.utils._pytree import tree_map
        >>> class Box(Record):
        ...     _fields = ("low", "high")
        ...     def __init__(self, low, high):
        ...         self.low, self.high = low, high
        >>> tree_map(lambda t: t + 1, Box(0.0, torch.tensor(1.0)))
        Box(low=0.0, high=tensor(2.))
        >>> Box(0.0, torch.ones(2)) == Box(torch.tensor(0.0), torch.ones(2))
        True
    """

    _fields: ClassVar[tuple[str, ...]] = ()
    _uncompared: ClassVar[tuple[str, ...]] = ()
    _transient: ClassVar[tuple[str, ...]] = ("_children_names",)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        register_node(cls, cls._flatten, cls._unflatten)

    def _stored(self) -> dict[str, Any]:
        """The attributes that make up the object."""
        return {k: v for k, v in vars(self).items() if k not in self._transient}

    def _compared(self) -> dict[str, Any]:
        return {k: v for k, v in self._stored().items() if k not in self._uncompared}

    def _copy(self: R, **changes: Any) -> R:
        new = object.__new__(type(self))
        new.__dict__.update(self._stored(), **changes)
        return new

    def _flatten(self) -> tuple[list[Any], Any]:
        state = self._stored()
        names = vars(self).get("_children_names")
        if names is None:
            names = tuple(n for n in self._fields if n in state and not _is_static(state[n]))
        static = tuple((k, None if k in names else v) for k, v in state.items())
        return [state[n] for n in names], (names, static)

    @classmethod
    def _unflatten(cls: type[R], children: list[Any], context: Any) -> R:
        names, static = context
        new = object.__new__(cls)
        new.__dict__.update(static)
        new.__dict__.update(zip(names, children, strict=True))
        new.__dict__["_children_names"] = names  # children may be numbers while torch traces
        return new

    def __deepcopy__(self: R, memo: dict[int, Any]) -> R:
        new = object.__new__(type(self))
        memo[id(self)] = new
        new.__dict__.update(deep_copies(self.__getstate__(), memo))
        return new

    def __getstate__(self) -> dict[str, Any]:
        return self._stored()

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Record) or type(self) is not type(other):
            return False
        a, b = self._compared(), other._compared()
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self), *map(_hashable, self._compared().values())))

    def __repr__(self) -> str:
        shown = {k: v for k, v in self._compared().items() if not k.startswith("_")}
        return f"{type(self).__name__}({', '.join(f'{k}={_spell(v)}' for k, v in shown.items())})"


def is_number(value: object) -> bool:
    """Whether ``value`` is a real Python or NumPy number."""
    return isinstance(value, numbers.Real)


def same(a: Any, b: Any) -> bool:
    """Whether two attributes are equal: tensors by shape and entries, all else by ``==``.

    A tensor without dimensions equals the number that it holds. Where the entries of tensors cannot be read, while
    torch compiles, two tensors are not known to be equal.

    Example:
        >>> same((torch.ones(2), "x"), (torch.ones(2), "x")), same(torch.tensor(1.0), 1)
        (True, True)
    """
    if a is b:
        return True
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(same, a, b))
    if not (isinstance(a, Tensor) or isinstance(b, Tensor)):
        return bool(a == b)
    if not all(isinstance(v, Tensor) or is_number(v) for v in (a, b)):
        return False
    shapes = {tuple(v.shape) if isinstance(v, Tensor) else () for v in (a, b)}
    return len(shapes) == 1 and can_read() and bool(unwrapped(torch.as_tensor(a == b)).all())


def _is_static(value: object) -> bool:
    return isinstance(value, str) or is_number(value)


def _hashable(value: Any) -> Hashable:
    """A key that agrees with :func:`same`: tensors may equal numbers, and lists tuples."""
    if isinstance(value, (tuple, list)):
        return tuple(map(_hashable, value))
    if isinstance(value, Tensor) or is_number(value):
        return None
    return hash(value)


def _spell(value: Any) -> str:
    if not isinstance(value, Tensor):
        return repr(value)
    return f"tensor(shape={tuple(value.shape)})" if value.dim() else repr(value.detach())
