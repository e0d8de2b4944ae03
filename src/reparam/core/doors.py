"""What the public methods of a distribution have in common.

A door reads live parameters once, checks its arguments and calls the family's method of the same name with a
leading underscore, which may assume resolved, broadcast and valid input. Half-precision laws compute in float32.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Generator, Tensor

from ..kernels.laws import checked_log_prob
from .overrides import beneath

F = TypeVar("F", bound=Callable[..., Any])


def door(method: F) -> F:
    """A public method: it runs on a resolved law, in a dtype that torch computes in."""

    @functools.wraps(method)
    def opened(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._recipe is not None:
            self = self._resolved()
        return method(self, *args, **kwargs) if self._direct else _by_detour(method, self, args, kwargs)

    return opened  # type: ignore[return-value]


def value_door(method: F) -> F:
    """A door whose argument is a value of the law: a tensor that fits and, when validating, in the support."""

    @functools.wraps(method)
    def opened(self: Any, value: Any) -> Any:
        if self._recipe is not None:
            self = self._resolved()
        value = self._value(value)
        if self._direct:
            return method(self, value)
        # a value that is right to its own precision need not be so to float32's
        good = self._validate_args or self._value_ok(self, value)
        return _by_detour(method, self, (value,), {}, validate_args=good)

    return opened  # type: ignore[return-value]


def line_door(method: F) -> F:
    """A door whose argument is any point of the line: a tensor that fits, which the method itself checks for NaN."""

    @functools.wraps(method)
    def opened(self: Any, value: Any) -> Any:
        if self._recipe is not None:
            self = self._resolved()
        value = self._value(value, anywhere=True)
        return method(self, value) if self._direct else _by_detour(method, self, (value,), {})

    return opened  # type: ignore[return-value]


def draw_door(method: F) -> F:
    """A door that gives draws, which lie in the support also where a law of half precision rounds them."""

    @functools.wraps(method)
    def opened(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs and (given := kwargs.get("generator")) is not None and not isinstance(given, Generator):
            name = f"{type(self).__name__}.{method.__name__}"
            raise TypeError(f"{name}: generator must be a torch.Generator or None, not {given!r:.60}")
        if self._recipe is not None:
            self = self._resolved()
        return method(self, *args, **kwargs) if self._direct else _by_detour(method, self, args, kwargs, draws=True)

    return opened  # type: ignore[return-value]


def native_door(general: F) -> F:
    """The door ``log_prob``: for a law with a native density one call of the library, where that settles it."""

    @functools.wraps(general)
    def opened(self: Any, value: Any) -> Any:
        found = checked_log_prob(self, value) if self._densities else None
        return general(self, value) if found is None else found

    return opened  # type: ignore[return-value]


def _by_detour(
    method: Callable[..., Any],
    self: Any,
    args: Any,
    kwargs: Any,
    validate_args: bool | None = None,
    draws: bool = False,
) -> Any:
    """Beneath the method of a class that overrides it; in float32 for a law of half precision, whose dtype returns."""
    if self._plain:
        return method(beneath(self, method.__name__), *args, **kwargs)
    half, law = self.dtype, beneath(self.to(torch.float32), method.__name__)
    if validate_args is not None:
        law._validate_args = validate_args
        args = [law.support.cast(args[0], torch.float32) if args[0].dtype is half else args[0]]
    args = [a.float() if isinstance(a, Tensor) and a.dtype is half else a for a in args]
    out = method(law, *args, **kwargs)
    if draws:
        drawn, *rest = out if isinstance(out, tuple) else (out,)
        drawn = law.support.cast(drawn, half) if drawn.is_floating_point() else drawn
        return (drawn, *(t.to(half) for t in rest)) if rest else drawn
    if isinstance(out, tuple):
        return tuple(t.to(half) if t.is_floating_point() else t for t in out)
    return out.to(half) if isinstance(out, Tensor) and out.is_floating_point() else out
