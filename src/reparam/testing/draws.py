"""Laws to test: parameters drawn from a declaration, typical or in hard corners, and laws built of them."""

from __future__ import annotations

import copy
import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any

import torch
from torch import Generator, Tensor

from ..constraints import Constraint
from ..constraints.composite import Independent as Entrywise
from ..constraints.numeric import Range
from ..constraints.structured import Simplex
from ..core.distribution import Distribution
from ..core.params import param
from ..transforms import biject_to

Parameters = dict[str, Tensor]
EMPTY = torch.Size(())


@dataclass(frozen=True)
class Family:
    """A way to make laws: a function of named tensors and what is declared of each.

    Args:
        name: how messages call it.
        build: parameter tensors by name -> a distribution. It may take broadcast and live values.
        fields: the declared parameters that ``build`` takes.
        size: the length of vectors and matrices among the parameters.
        fixed: values to use instead of drawn ones.
        principal: whether the slowest laws, which compile programs, are for it too.
    """

    name: str
    build: Callable[..., Distribution]
    fields: Mapping[str, param]
    size: int = 3
    fixed: Parameters = field(default_factory=dict)
    principal: bool = True

    def __str__(self) -> str:
        return self.name

    def parameters(self, batch: tuple[int, ...] = (), seed: int = 0) -> Parameters:
        """Typical parameters in float64, one independent draw for each law of the batch."""
        generator = Generator().manual_seed(seed)
        values: Parameters = {}
        for name, declared in self.fields.items():
            if name in self.fixed:
                kept = self.fixed[name].detach().double()
                values[name] = kept.expand(batch + kept.shape)
            else:
                drawn = _Drawn(declared, values, batch, self.size, generator)
                values[name] = drawn.typical()
        return values

    def law(self, batch: tuple[int, ...] = (), seed: int = 0) -> Distribution:
        """A law with typical parameters in float64."""
        return self.build(**self.parameters(batch, seed))

    def corners(self) -> Iterator[tuple[str, Parameters]]:
        """Parameters with one of them extreme and the others typical, each with a label; no batch."""
        for name, declared in self.fields.items():
            typical = self.parameters()
            for label, value in _extremes(declared, typical[name]):
                values = dict(typical)
                inside = (fits(declared.constraint, values, v) for v in (value, value.float()))  # of either dtype
                if name in self.fixed or not all(inside):
                    continue
                values[name] = value
                if all(fits(f.constraint, values, values[n]) for n, f in self.fields.items()):
                    yield f"{name} = {label}", values

    @property
    def smooth(self) -> list[str]:
        """The names of the parameters that can vary continuously."""
        return [n for n, f in self.fields.items() if not f.constraint.is_discrete]

    @cached_property
    def example(self) -> Distribution:
        """One law with typical parameters, for questions about shapes and supports."""
        return self.law()

    @property
    def scalar(self) -> bool:
        """Whether a draw is one number."""
        return bool(self.example.support.event_dim == 0)

    @property
    def discrete(self) -> bool:
        """Whether the support is countable."""
        return bool(self.example.support.is_discrete)


def families_of(target: type[Distribution] | Distribution | Family) -> list[Family]:
    """The families that a class, or one law, is tested by: one for each way to give its parameters.

    Args:
        target: a class that declares only tensor parameters, a distribution, or a family itself.

    Raises:
        TypeError: for a class that holds other laws: pass an instance, or a :class:`Family`.
    """
    if isinstance(target, Family):
        return [target]
    if isinstance(target, Distribution):
        return [_family_of_law(target)]
    fields = target._fields
    if any(not isinstance(f, param) for f in fields.values()):
        raise TypeError(f"{target.__name__} declares more than tensors: test one of its laws, or a Family")
    groups: dict[tuple[str, ...], None] = {}
    for name, f in fields.items():
        assert isinstance(f, param)
        groups[f.group or (name,)] = None
    choices = list(itertools.product(*groups))
    found: list[Family] = []
    for names in choices:
        label = ", ".join(n for n, g in zip(names, groups, strict=True) if len(g) > 1)
        declared = {n: fields[n] for n in fields if n in names}
        title = f"{target.__name__}({label})" if label else target.__name__
        found.append(
            Family(title, target, declared, size=_size(target), principal=not found)  # type: ignore[arg-type]
        )
    return found


def classes_in(module: ModuleType) -> list[type[Distribution]]:
    """The concrete distribution classes among the public names of a module."""
    public = (value for name, value in vars(module).items() if not name.startswith("_"))
    return [c for c in public if inspect.isclass(c) and issubclass(c, Distribution) and c._fields]


def _size(cls: type[Distribution]) -> int:
    """Three, or two for vectors of independent coordinates, so that events have two degrees of freedom."""
    event_dim = getattr(cls.support, "event_dim", 0)
    return 3 if not event_dim or isinstance(cls.support, Simplex) else 2


def _family_of_law(law: Distribution) -> Family:
    """The family of one law: its own tensors, those of nested laws included, under dotted names."""
    law = law._resolved()
    found: dict[str, tuple[param, Tensor]] = dict(_walk(law, ""))

    def build(**values: Any) -> Distribution:
        return _rebuilt(law, "", values)

    return Family(
        repr(law),
        build,
        {n: f for n, (f, _) in found.items()},
        fixed={n: t for n, (_, t) in found.items()},
    )


def _walk(law: Distribution, prefix: str) -> Iterator[tuple[str, tuple[param, Tensor]]]:
    for name in law._given:
        declared, value = law._fields[name], law.__dict__[name]
        if isinstance(declared, param):
            yield prefix + name, (_dotted(declared, prefix), value)
        elif isinstance(value, Distribution):
            yield from _walk(value, prefix + name + ".")


def _dotted(declared: param, prefix: str) -> param:
    """The declaration, in which bounds that are parameters of a nested law have their dotted names."""
    ends = {n: getattr(declared.constraint, n, None) for n in ("lower_bound", "upper_bound")}
    named = {n: prefix + end for n, end in ends.items() if isinstance(end, str)}
    if not named:
        return declared
    renamed = copy.copy(declared)
    renamed.constraint = declared.constraint._copy(**named)
    return renamed


def _rebuilt(law: Distribution, prefix: str, values: Mapping[str, Any]) -> Distribution:
    changes = {}
    for name in law._given:
        inner = law.__dict__[name]
        if isinstance(inner, Distribution):
            changes[name] = _rebuilt(inner, prefix + name + ".", values)
        elif prefix + name in values:
            changes[name] = values[prefix + name]
    return law.replace(**changes)


class _Drawn:
    """One parameter's draw, given those drawn before it."""

    def __init__(
        self, declared: param, known: Parameters, batch: tuple[int, ...], size: int, generator: Generator
    ) -> None:
        self.declared = declared
        self.constraint = resolved(declared.constraint, known)
        self.batch = batch
        self.size = size
        self.generator = generator

    def typical(self) -> Tensor:
        """A value within the declared typical range, or a mild one where none is declared."""
        if isinstance(self.constraint, Range):
            return self._scalar(self.constraint, self.batch)
        if isinstance(self.constraint, Entrywise) and isinstance(self.constraint.base_constraint, Range):
            shape = self.batch + (self.size,) * self.constraint.event_dim
            return self._scalar(self.constraint.base_constraint, shape)
        return self._structured()

    def _scalar(self, constraint: Range, shape: tuple[int, ...]) -> Tensor:
        low, high = self._range(constraint)
        u = torch.rand(shape, dtype=torch.float64, generator=self.generator)
        if constraint.is_discrete:
            return (low + u * (high - low + 1)).floor().clamp(max=high)
        if low > 0 and high / low > 4:
            return low * (high / low) ** u
        return low + u * (high - low)

    def _range(self, constraint: Range) -> tuple[float, float]:
        if self.declared.typical is not None:
            return self.declared.typical
        lower, upper = (_number(b) for b in constraint.limits)
        if constraint.is_discrete:
            return max(lower, -9.0), min(upper, max(lower, -9.0) + 9.0)
        if math.isinf(lower):
            return (-2.0, 2.0) if math.isinf(upper) else (upper - 3.0, upper - 0.3)
        if math.isinf(upper):
            return lower + 0.3, lower + 3.0
        return lower + 0.1 * (upper - lower), upper - 0.1 * (upper - lower)

    def _structured(self) -> Tensor:
        onto = biject_to(self.constraint)
        whole = self.batch + (self.size,) * self.constraint.event_dim
        free = onto.inverse_shape(torch.Size(whole))
        noise = torch.randn(free, dtype=torch.float64, generator=self.generator)
        drawn: Tensor = onto(0.5 * noise)
        return drawn


def _extremes(declared: param, typical: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Extreme values: in every entry, or at closed ends in the first one alone."""
    constraint = declared.constraint
    if isinstance(constraint, Entrywise):
        constraint = constraint.base_constraint
    if not isinstance(constraint, Range):
        return
    ends = (constraint.lower_bound, constraint.upper_bound)
    for value in _extreme_numbers(constraint, declared.typical):
        extreme = torch.full_like(typical, value)
        if value in ends and declared.event_dim:
            extreme[..., 1:] = typical[..., 1:]
        yield f"{value:g}", extreme


def _extreme_numbers(constraint: Range, typical: tuple[float, float] | None) -> list[float]:
    """Closed ends, numbers next to open ones, and numbers far beyond the typical range."""
    low, high = constraint.lower_bound, constraint.upper_bound
    usual = typical or (-1.0, 1.0)
    if isinstance(low, str) or isinstance(high, str):
        return [usual[1] * 1e4]
    low, high = _number(low), _number(high)
    if constraint.is_discrete:
        return [v for v in (low, high) if math.isfinite(v)] + ([1e6] if math.isinf(high) else [])
    if math.isinf(low) and math.isinf(high):
        return [50 * usual[0], 50 * usual[1]]
    if math.isinf(high):
        return [low + 1e-2 * abs(usual[0]), low + 1e4 * usual[1]] + ([] if constraint.lower_open else [low])
    if math.isinf(low):
        return [high - 1e-2, high - 1e4]
    near = [low + 1e-10 * (high - low), high - 1e-10 * (high - low)]
    return near + [v for v, is_open in ((low, constraint.lower_open), (high, constraint.upper_open)) if not is_open]


def resolved(constraint: Constraint, values: Mapping[str, Any]) -> Constraint:
    """A constraint with parameter values in place of their names."""
    return constraint.resolve(_Owner(values))


class _Owner:
    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)


def fits(constraint: Constraint, values: Parameters, value: Tensor) -> bool:
    """Whether every entry of ``value`` meets a constraint whose bounds may be among ``values``."""
    return bool(resolved(constraint, values).check(value).all())


def _number(bound: Any) -> float:
    return float(bound.max()) if isinstance(bound, Tensor) else float(bound)
