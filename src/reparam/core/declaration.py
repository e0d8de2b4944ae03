"""What follows from a declaration: construction, shapes, copies, pytrees, representation and live reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from ..utils import assignable_property, lazy_property
from .checks import Checker
from .construct import FULL, fields_of, laws_in, make_checks, make_init, ranges_of, wrapped_component
from .deferred import Recipe
from .guards import guarded
from .logarithms import logarithms_of
from .params import Field, component, param
from .pytree import deep_copies, register_node
from .shapes import EMPTY

D = TypeVar("D", bound="Declared")

STATE = frozenset(("_batch_shape", "_event_shape", "_plain", "_direct", "_given", "_recipe", "_validate_args"))
"""What an instance holds beside its fields."""


class _Derived:
    """A shape that is derived where it was not set: of a live law, or of one rebuilt from its leaves."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        if instance._recipe is not None:
            return getattr(instance._resolved(), self.name)
        if not instance._is_complete():
            raise AttributeError(f"{type(instance).__name__} has no {self.name} before its parameters")
        return getattr(instance, "_derive" + self.name)()


class _Support:
    """A support whose bounds are parameters: the constraint on the class, its resolved form on an instance."""

    def __init__(self, constraint: Any) -> None:
        self.constraint = constraint

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self.constraint if instance is None else self.constraint.resolve(instance)


class Declared:
    """An object with declared fields. :class:`Distribution` adds the doors."""

    _fields: ClassVar[dict[str, Field]] = {}
    _checks: ClassVar[tuple[tuple[str, Checker], ...]] = ()
    _ranges: ClassVar[tuple[tuple[Any, ...], ...]] = ()
    _wraps: ClassVar[str | None] = None
    _logarithms: ClassVar[dict[str, str]] = {}  #: the keywords for logarithms, and the parameters they give
    _computed: ClassVar[frozenset[str]] = frozenset()  #: the values that are kept when first read
    _derives_event_shape: ClassVar[bool] = False  #: in a way of its own
    _validate_args: bool = __debug__
    _plain: bool = True  #: whether torch computes in its dtype
    _direct: bool = True  #: whether it is plain and overrides no public method, nor do its parts
    _overrides: ClassVar[dict[str, Callable[..., Any]]] = {}  #: what public methods that are overridden would call
    _construct: ClassVar[Callable[..., None]]
    _given: tuple[str, ...] = ()
    _recipe: Recipe | None = None
    _batch_shape: Any = _Derived("_batch_shape")
    _event_shape: Any = _Derived("_event_shape")
    support: Any = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = any(isinstance(f, Field) for f in vars(cls).values())
        cls._fields = fields_of(cls)
        if own:
            cls._given = tuple(cls._fields)
            cls._checks = make_checks(cls)
            cls._ranges = ranges_of(cls._checks)
            cls._wraps = wrapped_component(cls._fields)
            cls._logarithms = logarithms_of(cls._fields)
        computed = {name for name, value in vars(cls).items() if isinstance(value, lazy_property)}
        cls._computed = frozenset(computed).union(*(getattr(base, "_computed", ()) for base in cls.__bases__))
        inherited = any(getattr(base, "_derives_event_shape", False) for base in cls.__bases__)
        cls._derives_event_shape = inherited or "_derive_event_shape" in vars(cls)
        support = vars(cls).get("support")
        if getattr(support, "parameters", ()):
            cls.support = _Support(support)
        if _event_dim(support) == 0:
            cls._event_shape = EMPTY
        if own:
            cls._construct = make_init(cls)
            if "__init__" not in vars(cls):
                cls.__init__ = cls._construct  # type: ignore[method-assign]
        if "_log_prob" in vars(cls):
            cls._log_prob = guarded(vars(cls)["_log_prob"])  # type: ignore[attr-defined]
        register_node(cls, _flatten, lambda children, context: _unflatten(cls, children, context))

    # -- reading -----------------------------------------------------------------------------------------

    def _resolved(self: D) -> D:
        """The distribution over the values of this moment; itself where nothing is live."""
        if self._recipe is None:
            return self
        return self._recipe.build(self)  # type: ignore[no-any-return]

    def _anew(self: D, values: dict[str, Any]) -> D:
        """A law of this class over other arguments, checked; what else a subclass keeps on its instances stays."""
        if type(self).__init__ is type(self)._construct:
            return type(self)(**values)
        new = object.__new__(type(self))
        new.__dict__.update({n: v for n, v in self.__dict__.items() if self._is_extra(n)})
        type(self)._construct(new, **values)
        return new

    def _is_extra(self, name: str) -> bool:
        """Whether an attribute is a subclass's own, and no value that it computes when first read."""
        return name not in self._fields and name not in STATE and name not in self._computed

    def _bare(self: D) -> D:
        """A copy without what a subclass keeps beside the declared parameters."""
        new = self._copy()
        for name in self.__dict__.keys() - self._fields.keys() - STATE:
            del new.__dict__[name]
        return new

    def _set_plain(self, plain: bool) -> None:
        self._plain = plain
        self._direct = plain and not self._overrides and all(law._direct for law in self._components())

    def _prepare(self, values: dict[str, Any]) -> dict[str, Any]:
        """A family's own normal form of its arguments, before they are broadcast."""
        return values

    def _check(self) -> None:
        """A family's own check across parameters, after each was checked by itself."""

    @property
    def batch_shape(self) -> torch.Size:
        """The shape over which parameters are batched."""
        shape: torch.Size = self._batch_shape
        return shape

    @property
    def event_shape(self) -> torch.Size:
        """The shape of a single draw."""
        shape: torch.Size = self._event_shape
        return shape

    @assignable_property
    def dtype(self) -> torch.dtype:
        """The floating dtype of the parameters."""
        return self._first_tensor().dtype

    @assignable_property
    def device(self) -> torch.device:
        """The device of the parameters."""
        return self._first_tensor().device

    def _first_tensor(self) -> Tensor:
        self = self._resolved()
        for name in self._given:
            value = self.__dict__[name]
            if isinstance(value, Tensor):
                return value
            if isinstance(self._fields[name], component):
                return laws_in(value)[0]._first_tensor()  # type: ignore[no-any-return]
        for value in self.__dict__.values() if not self._given else ():
            if isinstance(value, Declared) or (isinstance(value, Tensor) and value.is_floating_point()):
                return value._first_tensor() if isinstance(value, Declared) else value
        return torch.empty(())

    # -- shapes ------------------------------------------------------------------------------------------

    def _derive_batch_shape(self) -> torch.Size:
        for name in self._given:
            f, value = self._fields[name], self.__dict__[name]
            if isinstance(f, param):
                shape: torch.Size = value.shape
                return shape[: len(shape) - f.event_dim]
            if isinstance(f, component):
                shape = laws_in(value)[0].batch_shape
                return shape[: len(shape) - f.extra(self)]
        return EMPTY

    def _derive_event_shape(self) -> torch.Size:
        event_dim: int = self.support.event_dim
        for name in self._given if event_dim else ():
            f = self._fields[name]
            if isinstance(f, param) and f.event_dim == event_dim:
                value: Tensor = self.__dict__[name]
                return value.shape[value.dim() - event_dim :]
        return EMPTY

    def _set_event_shape(self) -> None:
        if type(self)._event_shape is not EMPTY:
            self._event_shape = self._derive_event_shape()

    def _is_complete(self) -> bool:
        """Whether every field has its value, as while an instance is being made not all have."""
        return all(name in self.__dict__ for name in self._given)

    def _is_written(self) -> bool:
        """Whether this is a law written by hand, whose views are its own, or is made of such laws."""
        return not self._given or any(law._is_written() for law in self._components())

    def _components(self) -> list[Any]:
        """The laws that it is made of."""
        parts = [self.__dict__[n] for n in self._given if isinstance(self._fields[n], component)]
        return [law for part in parts for law in laws_in(part)]

    # -- copies ------------------------------------------------------------------------------------------

    def _copy(self: D) -> D:
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        return new

    def _afresh(self: D) -> D:
        """A copy without the values that were computed when they were first read."""
        new = self._copy()
        for name in self._computed:
            new.__dict__.pop(name, None)
        return new

    def _unchecked(self: D) -> D:
        """A copy that does not validate: its density is zero outside the support."""
        new = self._copy()
        new._validate_args = False
        return new

    def _with_parameters(self: D, tensors: dict[str, Tensor]) -> D:
        """A copy with some parameters replaced by tensors of the same shapes, unchecked."""
        new = self._copy()
        new.__dict__.update(tensors)
        return new

    def _map(self: D, fn: Callable[[Tensor, int], Tensor]) -> D:
        """A copy with ``fn(tensor, event_dim)`` in place of every parameter tensor, unchecked.

        ``event_dim`` counts the trailing dimensions that are not batch dimensions of the whole.
        """
        return self._zip([self], lambda tensors, event_dim: fn(tensors[0], event_dim))

    @classmethod
    def _zip(cls: type[D], many: Sequence[D], fn: Callable[[list[Tensor], int], Tensor]) -> D:
        """One distribution whose parameters are ``fn`` of the corresponding parameters of many."""
        first = many[0]
        if not first._given:
            raise NotImplementedError(f"{cls.__name__} is written by hand: it declares no parameters to take a view of")
        new = first._afresh()
        for name in first._given:
            f = cls._fields[name]
            values = [d.__dict__[name] for d in many]
            if isinstance(f, param):
                new.__dict__[name] = fn(values, f.event_dim)
            elif isinstance(f, component):
                extra = f.extra(first)
                alike = zip(*map(laws_in, values), strict=True)
                found = tuple(
                    type(laws[0])._zip(laws, lambda tensors, e, extra=extra: fn(tensors, e + extra)) for laws in alike
                )
                new.__dict__[name] = found if f.many else found[0]
            elif any(v != values[0] for v in values[1:]):
                raise ValueError(f"{cls.__name__}: {name} differs: {values}")
        new._batch_shape = new._derive_batch_shape()
        new._set_event_shape()
        new._set_plain(new._first_tensor().dtype in FULL)
        return new

    def __deepcopy__(self: D, memo: dict[int, Any]) -> D:
        new = object.__new__(type(self))
        memo[id(self)] = new
        new.__dict__.update(deep_copies(self.__dict__, memo))
        return new

    def __repr__(self) -> str:
        values = self._recipe.given if self._recipe is not None else self.__dict__
        if self._recipe is not None and self._recipe.join is not None:
            return f"{self._recipe.join[0].__name__}({', '.join(map(repr, values.values()))})"
        names = [n for n in self._fields or self.arg_constraints if n in values]  # type: ignore[attr-defined]
        text = ", ".join(f"{n}: {_spell(values[n])}" for n in names)
        return f"{type(self).__name__}({text})"


def _event_dim(support: Any) -> int | None:
    """The number of event dimensions of a support, where the class knows it."""
    try:
        return support.event_dim  # type: ignore[no-any-return]
    except (AttributeError, NotImplementedError):
        return None


def _spell(value: Any) -> str:
    if isinstance(value, Tensor):
        return str(value.item()) if value.numel() == 1 else str(value.size())
    return repr(value)


def _flatten(d: Declared) -> tuple[list[Any], Any]:
    state = {n: v for n, v in d.__dict__.items() if n in ("_validate_args", "_plain", "_direct")}
    if d._recipe is not None:
        names = tuple(d._recipe.given)
        return list(d._recipe.given.values()), (names, state, (), (d._recipe.views, d._recipe.join))
    if not d._given:
        nodes = tuple(n for n, v in d.__dict__.items() if isinstance(v, (Tensor, Declared)))
        rest = tuple((n, v) for n, v in d.__dict__.items() if n not in nodes)
        return [d.__dict__[n] for n in nodes], (nodes, state, (d._given, rest), None)
    nodes = tuple(n for n in d._given if d._fields[n].kind != "static" or _is_node(d.__dict__[n]))
    rest = tuple((n, d.__dict__[n]) for n in d._given if n not in nodes)
    return [d.__dict__[n] for n in nodes], (nodes, state, (d._given, rest), None)


def _is_node(value: Any) -> bool:
    return isinstance(value, (list, tuple, dict)) or not isinstance(value, (int, float, str, type(None)))


def _unflatten(cls: type[D], children: list[Any], context: Any) -> D:
    names, state, (*given_and_rest,), made = context
    new = object.__new__(cls)
    new.__dict__.update(state)
    if made is not None:
        new._recipe = Recipe(dict(zip(names, children)), *made)
        return new
    given, rest = given_and_rest
    new.__dict__.update(rest)
    new.__dict__.update(zip(names, children))
    new._given = given
    return new
