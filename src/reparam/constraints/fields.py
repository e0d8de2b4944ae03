"""Objects as the sum of their attributes: equality, hashes and text of constraints, transforms."""

from __future__ import annotations

import numbers
from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor


def is_number(value: object) -> bool:
    """Whether ``value`` is a real Python or NumPy number (a bound or field that is no tensor)."""
    return isinstance(value, numbers.Real)


def same(a: Any, b: Any) -> bool:
    """Whether two attributes are equal: tensors by shape and entries, all else by ``==``.

    A tensor without dimensions equals the number that it holds. Reads the entries of tensors.

    Example:
        >>> same((torch.ones(2), "x"), (torch.ones(2), "x")), same(torch.tensor(1.0), 1)
        (True, True)
    """
    if a is b:
        return True
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return _same_tensors(a, b)
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def _same_tensors(a: Any, b: Any) -> bool:
    if not all(isinstance(v, Tensor) or is_number(v) for v in (a, b)):
        return False
    shapes = {tuple(v.shape) if isinstance(v, Tensor) else () for v in (a, b)}
    return len(shapes) == 1 and bool(torch.all(torch.as_tensor(a == b)))


def same_state(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether two attribute dictionaries hold the same names with the same values."""
    return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)


def hash_state(kind: type, state: dict[str, Any]) -> int:
    """A hash that agrees with :func:`same_state`, where tensors may equal numbers."""
    return hash((kind, *(_hashable(value) for value in state.values())))


def _hashable(value: Any) -> Hashable:
    if isinstance(value, (tuple, list)):
        return tuple(map(_hashable, value))
    if isinstance(value, Tensor) or is_number(value):
        return None
    return hash(value)


def spell(owner: object, state: dict[str, Any]) -> str:
    """The ``repr`` of an object with these attributes, without private ones and tensor entries.

    Example:
        >>> spell("", {"low": 0.5, "high": torch.ones(3), "_cache": None})
        'str(low=0.5, high=tensor(shape=(3,)))'
    """
    shown = (f"{k}={_spell_value(v)}" for k, v in state.items() if not k.startswith("_"))
    return f"{type(owner).__name__}({', '.join(shown)})"


def _spell_value(value: Any) -> str:
    if not isinstance(value, Tensor):
        return repr(value)
    return f"tensor(shape={tuple(value.shape)})" if value.dim() else repr(value.detach())
