"""The laws by name, which families each is for, and the doors that a family has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from weakref import WeakKeyDictionary

import torch
from torch import Generator, Tensor

from .draws import Family

VALUE_DOORS = ("log_prob", "prob", "cdf", "log_cdf", "sf", "log_sf")
PROBABILITY_DOORS = ("icdf", "isf", "interval")
SAMPLING_DOORS = ("sample", "rsample", "sample_and_log_prob", "rsample_and_log_prob")
EVENT_SUMMARIES = ("mean", "mode", "median", "variance", "stddev", "skewness", "kurtosis")
BATCH_SUMMARIES = ("entropy", "perplexity")
SUMMARIES = (*EVENT_SUMMARIES, *BATCH_SUMMARIES, "covariance")
DOORS = (*VALUE_DOORS, *PROBABILITY_DOORS, *SAMPLING_DOORS, *SUMMARIES, "enumerate_support")

Check = Callable[[Family], None]


@dataclass(frozen=True)
class Law:
    """A statement that every distribution has to satisfy.

    Args:
        check: raises AssertionError where a family breaks it.
        applies: which families it is about.
    """

    check: Check
    applies: Callable[[Family], bool]

    @property
    def name(self) -> str:
        """The name of the function that checks it."""
        return self.check.__name__


LAWS: dict[str, Law] = {}
"""Every law, by the name of its function."""


def law(applies: Callable[[Family], bool] = lambda family: True) -> Callable[[Check], Check]:
    """A decorator that adds a function to :data:`LAWS`.

    Args:
        applies: which families the law is about; all by default.
    """

    def add(check: Check) -> Check:
        LAWS[check.__name__] = Law(check, applies)
        return check

    return add


def scalar(family: Family) -> bool:
    """Whether draws are numbers."""
    return family.scalar


def circular(family: Family) -> bool:
    """Whether draws are angles, whose mean is a direction."""
    return getattr(family.example.support, "circular", False)


def scalar_continuous(family: Family) -> bool:
    """Whether draws are numbers from a continuous law."""
    return family.scalar and not family.discrete


def reparameterised(family: Family) -> bool:
    """Whether draws have pathwise gradients."""
    return bool(family.example.has_rsample)


def call(distribution: Any, door: str, *args: Any) -> Any:
    """What a door gives, whether it is a method or a property.

    Raises:
        NotImplementedError: if the law does not have it.
    """
    found = getattr(distribution, door)
    return found(*args) if callable(found) else found


def directly(compute: Callable[[], Tensor]) -> Tensor:
    """What ``compute`` gives in plain eager mode: by native kernels where there are any."""
    return compute()


def by_formula(compute: Callable[[], Tensor]) -> Tensor:
    """What ``compute`` gives where no native kernel may be used: inside ``vmap``, as on any other device."""
    computed: Tensor = torch.vmap(lambda _: compute())(torch.zeros(1))
    return computed[0]


ROUTES = {"": directly, " by its formula": by_formula}
"""The two ways to every result, and how messages call them."""


def arguments(distribution: Any, door: str) -> tuple[Tensor, ...]:
    """A valid argument of a door."""
    if door in VALUE_DOORS:
        return (values_of(distribution, ()),)
    if door in PROBABILITY_DOORS:
        return (torch.full(distribution.batch_shape, 0.3, dtype=distribution.dtype),)
    return ()


def values_of(distribution: Any, shape: tuple[int, ...], seed: int = 1) -> Tensor:
    """Values of a law, ``[*shape, *batch, *event]``: its own draws, without a gradient."""
    drawn: Tensor = distribution.sample(shape, generator=Generator().manual_seed(seed))
    return drawn


def shared_value(distribution: Any) -> Tensor:
    """One value, ``[*event]``, in the support of every law of the batch."""
    event = distribution.event_shape
    for value in values_of(distribution, (16,)).reshape((-1, *event)):
        if bool(distribution.support.check(value).all()):
            return cast(Tensor, value)
    raise AssertionError(f"{distribution}: no draw lies in the support of the whole batch")


def has(distribution: Any, door: str) -> bool:
    """Whether a law has a door; each is tried once, since some are integrals."""
    known = _KNOWN.setdefault(distribution, {})
    if door not in known:
        try:
            call(distribution, door, *arguments(distribution, door))
        except NotImplementedError:
            known[door] = False
        else:
            known[door] = True
    return known[door]


_KNOWN: WeakKeyDictionary[Any, dict[str, bool]] = WeakKeyDictionary()  #: by law: which doors it has


def absent(family: Family) -> list[str]:
    """The doors that raise NotImplementedError for a family."""
    return [door for door in DOORS if not has(family.example, door)]
