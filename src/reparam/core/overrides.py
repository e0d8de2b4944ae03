"""Public methods that a subclass writes itself, as programs for torch do: other laws made of it use them, too.

A law asks the laws it is made of for ``_log_prob``. Where a class defines the public ``log_prob``, its ``_log_prob``
becomes a call of that; what ``super().log_prob`` finds from there is the method beneath.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor

from ..constraints import is_dependent
from ..constraints.dependent import Unstated
from . import derived
from .checks import Checker, refuse
from .shapes import EMPTY, as_size

Shape = int | Sequence[int]


def _of_value(name: str) -> Callable[..., Tensor]:
    def method(self: Any, x: Tensor) -> Tensor:
        value: Tensor = getattr(self, name)(x)
        return value

    return method


def _summary(name: str) -> Callable[..., Tensor]:
    """Of a property, or of a method without arguments."""

    def method(self: Any) -> Tensor:
        found = getattr(self, name)
        value: Tensor = found() if callable(found) else found
        return value

    return method


def _sampler(name: str) -> Callable[..., Any]:
    def method(self: Any, shape: torch.Size, generator: Generator | None) -> Any:
        sample_shape = shape[: len(shape) - len(self._batch_shape) - len(self._event_shape)]
        options = {} if generator is None else {"generator": generator}
        return getattr(self, name)(sample_shape, **options)

    return method


def _enumerate_support(self: Any) -> Tensor:
    values: Tensor = self.enumerate_support(expand=False)
    return values.reshape(values.shape[:1] + self._event_shape)


CALLS: dict[str, Callable[..., Any]] = {
    **{name: _of_value(name) for name in ("log_prob", "cdf", "log_cdf", "sf", "log_sf", "icdf", "isf")},
    **{name: _sampler(name) for name in ("sample", "rsample", "rsample_and_log_prob")},
    **{name: _summary(name) for name in ("entropy", "mean", "mode", "median", "variance", "stddev")},
    **{name: _summary(name) for name in ("skewness", "kurtosis", "covariance")},
    "enumerate_support": _enumerate_support,
}
"""For each public method that a class may override, the private one that calls it."""
PRIVATE = {f"_{name}": call for name, call in CALLS.items()}


def connect(cls: Any) -> None:
    """Make the private methods of a class those public ones that it defines itself."""
    own = vars(cls)
    found = {name for name in CALLS if name in own and f"_{name}" not in own}
    above = {name for base in cls.__bases__ for name in getattr(base, "_overrides", ())}
    inherited = {name for name in above if f"_{name}" not in own}
    for name in found:
        setattr(cls, f"_{name}", CALLS[name])
    if found & {"log_prob", "rsample"} and not {"rsample_and_log_prob", "_rsample_and_log_prob"} & own.keys():
        cls._rsample_and_log_prob = derived.rsample_and_log_prob
    if {"_log_prob", "_sample"} & vars(cls).keys() and "_sample_and_log_prob" not in own:  # set here or by the class
        cls._sample_and_log_prob = derived.sample_and_log_prob
    cls._overrides = {name: _inherited(cls, f"_{name}") for name in found | inherited}
    cls._direct = not cls._overrides


def _inherited(cls: Any, name: str) -> Callable[..., Any]:
    """The first private method among those of a class and its parents that does not call the public one."""
    methods = (vars(base)[name] for base in cls.__mro__ if name in vars(base))
    method: Callable[..., Any] = next(m for m in methods if m is not CALLS[name[1:]])
    return method


def revealed(law: Any) -> Any:
    """The law whose private methods no attribute hides, nor those of the laws that it is made of.

    A class written by hand may keep what its property ``mean`` returns under the name ``_mean``.
    """
    if law._direct:
        return law
    own = law.__dict__
    hidden = [name for name in own.keys() & PRIVATE.keys() if not callable(own[name])]
    changes: dict[str, Any] = {name: partial(PRIVATE[name], law) for name in hidden}
    for name in law._given:
        part = law._fields[name]
        if part.kind == "component":
            changes[name] = part.each(own[name], revealed)
    if all(own[name] is value for name, value in changes.items()):
        return law
    copy = law._copy()
    copy.__dict__.update(changes)
    return copy


def beneath(law: Any, name: str) -> Any:
    """The law as ``super()`` sees it from a method that its class overrides; itself where it does not."""
    law = revealed(law)
    if name not in law._overrides:
        return law
    copy = law._copy()
    copy.__dict__[f"_{name}"] = partial(law._overrides[name], copy)
    return copy


def initialise(
    self: Any, batch_shape: Shape = EMPTY, event_shape: Shape = EMPTY, validate_args: bool | None = None
) -> None:
    """Complete a law whose class sets its attributes and shapes by hand.

    Raises:
        ValueError: for the first attribute with entries that violate its constraint of ``arg_constraints``.
    """
    self._batch_shape, self._event_shape = as_size(batch_shape), as_size(event_shape)
    if type(self).support is None:
        self.support = Unstated(is_discrete=False, event_dim=len(self._event_shape))
    if validate_args is not None:
        self._validate_args = bool(validate_args)
    for name, constraint in self.arg_constraints.items() if self._validate_args else ():
        if name in self.__dict__ and not is_dependent(constraint):
            value = torch.as_tensor(self.__dict__[name])
            if not Checker(constraint)(self, value):
                refuse(self, f"parameter {name}", constraint, value)
