"""From a declaration to ``__init__``: the generated constructor, promotion, broadcasting and parameter checks.

The constructor is generated source, so that its signature is real and a call costs no more than the assignments
it makes: tensors of one floating dtype and one shape are taken as they are; everything else goes through
:func:`assemble`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import Signature, signature
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ..kernels.laws import surely_valid
from .checks import Checker, refuse
from .deferred import Followed, Recipe, is_deferred, is_learnt
from .logarithms import by_logarithms, require_all
from .params import REQUIRED, Field, component, param
from .shapes import EMPTY, broadcast

FULL = frozenset((torch.float32, torch.float64))
EXACT = 2**53  #: whole numbers up to this one are numbers of double precision


def fields_of(cls: type) -> dict[str, Field]:
    """The fields a class declares itself, or else those of the first of its parents that has some."""
    own = {name: f for name, f in vars(cls).items() if isinstance(f, Field)}
    for base in () if own else cls.__mro__[1:]:
        inherited: dict[str, Field] = vars(base).get("_fields", {})
        if inherited:
            return inherited
    required_last = sorted(own, key=lambda name: own[name].default is not REQUIRED)
    return {name: own[name] for name in required_last}


def make_init(cls: Any) -> Callable[..., None]:
    """The constructor of a class from its ``_fields``; keywords for logarithms come after the ordinary arguments."""
    fields: dict[str, Field] = cls._fields
    logarithms: dict[str, str] = cls._logarithms
    namespace: dict[str, Any] = {
        "Tensor": Tensor,
        "Parameter": Parameter,
        "FULL": FULL,
        "assemble": assemble,
        "check": check_parameters,
    }
    arguments, optional = ["self"], False
    for name, f in fields.items():
        optional = optional or f.default is not REQUIRED or name in logarithms.values()
        if optional:
            namespace[f"_default_{name}"] = None if f.default is REQUIRED else f.default
        arguments.append(f"{name}=_default_{name}" if optional else name)
    arguments += ["validate_args=None", *(f"{keyword}=None" for keyword in logarithms)]
    values = _literal(fields)
    lines = [f"def __init__({', '.join(arguments)}):"]
    if logarithms:
        namespace["by_logarithms"] = by_logarithms
        lines.append(f"    if {' or '.join(f'{keyword} is not None' for keyword in logarithms)}:")
        lines.append(f"        by_logarithms(__init__, self, {values}, {_literal(logarithms)}, validate_args)")
        lines.append("        return")
    lines.append("    if validate_args is not None: self._validate_args = bool(validate_args)")
    general = f"assemble(self, {values})"
    keyword = "if"
    for given in _alternatives(fields):
        tests, assignments = _fast_path(given, list(fields))
        if cls._event_shape is not EMPTY:
            assignments.append(_event_shape(cls, given))
        lines.append(f"    {keyword} {' and '.join(tests)}:")
        lines += [f"        {assignment}" for assignment in assignments]
        keyword = "elif"
    scalar = [given for given in _alternatives(fields) if not any(f.event_dim for f in given)]
    if scalar:
        namespace["beside_numbers"] = beside_numbers
        namespace["ways"] = frozenset(tuple(f.name for f in given) for given in scalar)
        lines.append(f"    {keyword} beside_numbers(self, ways, {values}): pass")
    lines.append(f"    {keyword} {general}: return")
    lines.append("    if self._validate_args: check(self)")
    exec("\n".join(lines), namespace)
    init: Callable[..., None] = namespace["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__module__ = cls.__module__
    if logarithms:
        init.__signature__ = _by_keyword(init, logarithms)  # type: ignore[attr-defined]
    return init


def _by_keyword(init: Callable[..., None], names: Iterable[str]) -> Signature:
    """The signature whose last arguments are keywords, though positions, which cost less at every call, would do."""
    shown = signature(init)
    every = shown.parameters
    return shown.replace(
        parameters=[p.replace(kind=p.KEYWORD_ONLY) if name in names else p for name, p in every.items()]
    )


def _literal(names: Iterable[str]) -> str:
    """The source of a dictionary of variables by their names."""
    return f"{{{', '.join(f'{n!r}: {n}' for n in names)}}}"


def _alternatives(fields: dict[str, Field]) -> list[list[param]]:
    """The ways to give the fields, one alternative of a group at a time; none where one of them is no parameter."""
    params = [f for f in fields.values() if isinstance(f, param)]
    if len(params) < len(fields):
        return []
    groups = dict.fromkeys(f.group or (f.name,) for f in params)
    return [[f for f in params if f.name in names] for names in product(*groups)]


def _fast_path(given: list[param], names: list[str]) -> tuple[list[str], list[str]]:
    """When the arguments can be taken as they are, and how, as source: the same dtype, device and batch shape."""
    tests, own, batches = [], [f.name for f in given], []
    for f in given:
        n, dims = f.name, f.event_dim
        tests.append(f"(type({n}) is Tensor or type({n}) is Parameter)")
        tests += [f"{n}.dim() >= {dims}"] if dims else []
        batches.append(f"{n}.shape[:-{dims}]" if dims else f"{n}.shape")
    tests += [f"{n} is None" for n in names if n not in own]
    first, *rest = own
    tests.append(f"{first}.dtype in FULL")
    tests += [f"{n}.dtype is {first}.dtype" for n in rest]
    tests += [f"{batch} == {batches[0]}" for batch in batches[1:]]
    tests += [f"{n}.device == {first}.device" for n in rest]
    assignments = [f"self.{n} = {n}" for n in own]
    assignments.append(f"self._batch_shape = {batches[0]}")
    if len(own) < len(names):
        assignments.append(f"self._given = {tuple(own)!r}")
    return tests, assignments


def _event_shape(cls: Any, given: list[param]) -> str:
    """How the event shape is set, as source: that of a parameter that is an event, or as the class derives it."""
    event_dim = getattr(cls.support, "event_dim", None)
    alike = [f for f in given if f.event_dim == event_dim]
    if not alike or cls._derives_event_shape:
        return "self._set_event_shape()"
    return f"self._event_shape = {alike[0].name}.shape[-{event_dim}:]"


def make_checks(cls: Any) -> tuple[tuple[str, Checker], ...]:
    """A fast predicate for each parameter of a class."""
    return tuple((name, Checker(f.constraint)) for name, f in cls._fields.items() if isinstance(f, param))


def ranges_of(checks: tuple[tuple[str, Checker], ...]) -> tuple[tuple[Any, ...], ...]:
    """The names and ranges of parameters, where these are all that has to be checked; none otherwise."""
    every = all(check.range for _, check in checks)
    return tuple((name, *check.range) for name, check in checks) if every else ()


def check_parameters(self: Any) -> None:
    """Refuse parameters outside their constraints, naming the entry.

    Raises:
        ValueError: for the first parameter with entries that violate its constraint.
    """
    own = self.__dict__
    if not (self._ranges and surely_valid(self, self._ranges)):
        for name, holds in self._checks:
            if name in own and not holds(self, own[name]):
                refuse(self, f"parameter {name}", self._fields[name].constraint, own[name])
    self._check()


def beside_numbers(self: Any, ways: frozenset[tuple[str, ...]], values: dict[str, Any]) -> bool:
    """Set the fields of an instance from tensors of one dtype and shape and from numbers, the commonest mixture.

    Args:
        self: the instance, of a law whose fields are scalar parameters.
        ways: the names that may be given together.
        values: the arguments, None for what is not given.

    Returns:
        False where something else was given; nothing is set then.
    """
    given = tuple([n for n in values if values[n] is not None])
    if given not in ways:
        return False
    like = None
    for n in given:
        value = values[n]
        kind = type(value)
        if kind is Tensor or kind is Parameter:
            if like is None:
                like = value
            elif value.dtype is not like.dtype or value.shape != like.shape or value.device != like.device:
                return False
        elif kind is not float and not (kind is int and -EXACT <= value <= EXACT):
            return False
    if like is None:
        dtype, device, shape = torch.get_default_dtype(), None, EMPTY
    else:
        dtype, device, shape = like.dtype, like.device, like.shape
    if dtype not in FULL:
        return False
    for n in given:
        value = values[n]
        if not isinstance(value, Tensor):
            try:
                value = torch.scalar_tensor(value, dtype=dtype, device=device)
            except RuntimeError:
                raise ValueError(f"{type(self).__name__}: parameter {n} is too large for {dtype}: {value}") from None
            value = value.expand(shape) if shape else value
        setattr(self, n, value)
    self._given = given
    self._batch_shape = shape
    return True


def assemble(self: Any, values: dict[str, Any]) -> bool:
    """Set the fields of an instance from arguments of any accepted kind.

    Returns:
        True when the distribution is live: nothing was set but the recipe to build it at every use.
    """
    fields: dict[str, Field] = self._fields
    if self._wraps is not None:
        return _wrap(self, fields[self._wraps], values)
    require_all(self, fields, values)
    values = {n: v for n, v in values.items() if v is not None or not getattr(fields[n], "group", ())}
    _exactly_one(self, fields, values)
    if any(is_deferred(v) for v in values.values()):
        self._recipe = Recipe(values)
        return True
    values = self._prepare(values)
    names = [n for n in values if fields[n].kind == "param"]
    parts = [n for n in values if fields[n].kind == "component"]
    tensors = promote(self, {n: values[n] for n in names})
    copied = {n: t for n, t in tensors.items() if t is not values[n] and is_learnt(values[n])}
    if copied:
        given = {n: Followed(values[n], "to", t.device, t.dtype) for n, t in copied.items()}
        self._recipe = Recipe({**values, **given})
        return True
    for n in values:
        if fields[n].kind == "static":
            setattr(self, n, values[n])
    for n in parts:
        setattr(self, n, _required_laws(self, fields[n], values[n]))
    events = {n: fields[n].event_dim for n in names}  # type: ignore[attr-defined]
    for n, t in tensors.items():
        if t.dim() < events[n]:
            raise ValueError(
                f"{type(self).__name__}: parameter {n} needs at least {events[n]} dimension(s) for one value, "
                f"but has shape {tuple(t.shape)}"
            )
    shapes = [t.shape[: t.dim() - events[n]] for n, t in tensors.items()]
    inner = [(n, law) for n in parts for law in laws_in(self.__dict__[n])]
    shapes += [_outer(self, fields[n], law) for n, law in inner]
    batch = broadcast(shapes, type(self).__name__, [*names, *(n for n, _ in inner)]) if len(shapes) > 1 else shapes[0]
    for n, t in tensors.items():
        if t.dim() - events[n] != len(batch) or t.shape[: len(batch)] != batch:
            t = t.expand(batch + t.shape[t.dim() - events[n] :])
        setattr(self, n, t)
    for n in parts:
        setattr(self, n, fields[n].each(self.__dict__[n], lambda law, n=n: _spread(self, fields[n], law, batch)))  # type: ignore[attr-defined]
    self._given = tuple(n for n in fields if n in self.__dict__)
    self._batch_shape = batch
    self._set_event_shape()
    dtypes = [t.dtype for t in tensors.values()]
    if any(d not in FULL for d in dtypes) or any(not law._direct for _, law in inner):
        self._set_plain(all(d in FULL for d in dtypes) and all(law._plain for _, law in inner))
    return False


def wrapped_component(fields: dict[str, Field]) -> str | None:
    """The name of the component of a law that is given by one other law and static arguments."""
    parts = [n for n, f in fields.items() if isinstance(f, component)]
    alone = len(parts) == 1 and not any(isinstance(f, param) for f in fields.values())
    return parts[0] if alone and not fields[parts[0]].many else None  # type: ignore[attr-defined]


def _wrap(self: Any, field: Field, values: dict[str, Any]) -> bool:
    """:func:`assemble` for a law around one other: there is nothing to promote or to broadcast."""
    base = values[field.name]
    if any(map(is_deferred, values.values())):
        self._recipe = Recipe(values)
        return True
    _required_law(self, field.name, base)
    values = self._prepare(values)
    self.__dict__.update(values)
    base = values[field.name]
    self._batch_shape = _outer(self, field, base)
    self._set_event_shape()
    if not base._direct:
        self._set_plain(base._plain)
    return False


def _required_law(self: Any, name: str, value: Any) -> Any:
    if not hasattr(value, "_map"):
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise TypeError(f"{type(self).__name__}: {name} must be a reparam distribution, not {kind}")
    return value


def _required_laws(self: Any, field: Any, value: Any) -> Any:
    """The law of a component, or the tuple of its several laws; one law with a batch is no sequence of laws."""
    if not field.many:
        return _required_law(self, field.name, value)
    laws = () if hasattr(value, "_map") or not isinstance(value, Iterable) else tuple(value)
    if not laws:
        raise TypeError(
            f"{type(self).__name__}: {field.name} must be a sequence of reparam distributions, not {value!r:.80}"
        )
    return tuple(_required_law(self, field.name, law) for law in laws)


def promote(self: Any, values: dict[str, Any]) -> dict[str, Tensor]:
    """Tensors of one floating dtype on one device.

    Floating tensors decide the dtype by torch's promotion; numbers follow them; where there are only numbers,
    integer or boolean tensors, it is the default dtype. Zero-dimensional CPU tensors and numbers go to the
    device of the others.
    """
    given = [v for v in values.values() if isinstance(v, Tensor)]
    alike = len(given) == len(values) and len({(t.dtype, t.device) for t in given}) == 1
    if alike and given[0].dtype.is_floating_point:
        return values
    floating = [t.dtype for t in given if t.dtype.is_floating_point]
    dtype = floating[0] if floating else torch.get_default_dtype()
    for other in floating[1:]:
        dtype = torch.promote_types(dtype, other)
    devices = [t.device for t in given if t.dim() or t.device.type != "cpu"] or [t.device for t in given]
    device = devices[0] if devices else None
    out: dict[str, Tensor] = {}
    for name, value in values.items():
        if isinstance(value, Tensor):
            if value.dtype.is_complex:
                raise TypeError(f"{type(self).__name__}: parameter {name} is complex, but must be real")
            movable = value.dim() == 0 or value.device == device
            out[name] = value.to(dtype=dtype, device=device) if movable else value.to(dtype)
        else:
            try:
                out[name] = torch.as_tensor(value, dtype=dtype, device=device)
            except (TypeError, ValueError, RuntimeError):
                raise TypeError(
                    f"{type(self).__name__}: parameter {name} must be a tensor, a number or a sequence of "
                    f"numbers, not {type(value).__name__} {value!r:.60}"
                ) from None
    if len({t.device for t in out.values()}) > 1:
        listed = ", ".join(f"{n} on {t.device}" for n, t in out.items())
        raise ValueError(f"{type(self).__name__}: parameters are on different devices: {listed}")
    return out


def _exactly_one(self: Any, fields: dict[str, Field], values: dict[str, Any]) -> None:
    for group in {f.group for f in fields.values() if isinstance(f, param) and f.group}:
        given = [n for n in group if n in values]
        if len(given) != 1:
            raise ValueError(
                f"{type(self).__name__}: give exactly one of {', '.join(group)}; got {' and '.join(given) or 'none'}"
            )


def laws_in(value: Any) -> tuple[Any, ...]:
    """The distributions of a component: itself, or several."""
    return value if isinstance(value, tuple) else (value,)


def _spread(self: Any, field: Field, inner: Any, batch: torch.Size) -> Any:
    """A component over the batch shape of the whole."""
    if _outer(self, field, inner) == batch:
        return inner
    return inner.expand(batch + inner.batch_shape[len(inner.batch_shape) - field.extra(self) :])  # type: ignore[attr-defined]


def _outer(self: Any, field: Field, inner: Any) -> torch.Size:
    assert isinstance(field, component)
    shape: torch.Size = inner.batch_shape
    extra = field.extra(self)
    if extra > len(shape):
        raise ValueError(
            f"{type(self).__name__}: {field.name} has batch shape {tuple(shape)}, but {extra} of its dimensions "
            f"are asked for"
        )
    return shape[: len(shape) - extra]
