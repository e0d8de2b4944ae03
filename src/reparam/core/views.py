"""Views of a distribution: the same law over other shapes, dtypes, devices or some other parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from .construct import laws_in
from .declaration import STATE, Declared
from .deferred import Recipe, is_deferred
from .params import component, param
from .shapes import as_size, broadcast

V = TypeVar("V", bound="Views")
D = TypeVar("D", bound=Declared)

_combinators: dict[str, Callable[..., Any]] = {}


def combinator(cls: type[D]) -> type[D]:
    """Make a combinator known to the views that build it (``to_event``, ``mask``)."""
    _combinators[cls.__name__] = cls
    return cls


class Views(Declared):
    """The part of :class:`Distribution` that returns distributions. On a live law the result stays live."""

    def _view(self: V, name: str, *args: Any, **kwargs: Any) -> V:
        assert self._recipe is not None
        new = self._copy()
        new._recipe = self._recipe.then(name, *args, **kwargs)
        return new

    def expand(self: V, batch_shape: int | Sequence[int], _instance: Any = None) -> V:
        """The law with its parameters expanded to ``batch_shape`` (no copy is made).

        Args:
            batch_shape: the new batch shape.
            _instance: of subclasses that expand by themselves: an instance to put the parameters into.

        Raises:
            TypeError: if the sizes are given as several arguments.
            ValueError: if the batch shape cannot be expanded to it.
        """
        if not (_instance is None or hasattr(_instance, "_filled")):
            raise TypeError(f"{type(self).__name__}: expand takes the batch shape as one argument, expand((2, 3))")
        if self._recipe is not None:
            wide = self._view("expand", batch_shape)
            return wide if _instance is None else _instance._filled(wide)
        shape, own = as_size(batch_shape), self._batch_shape
        lead = len(shape) - len(own)
        if shape[max(lead, 0) :] != own or -1 in shape:
            if -1 in shape and lead >= 0:
                shape = torch.Size(own[i - lead] if s == -1 and i >= lead else s for i, s in enumerate(shape))
            if lead < 0 or -1 in shape or not all(a in (b, 1) for a, b in zip(reversed(own), reversed(shape))):
                raise ValueError(
                    f"{type(self).__name__}: batch_shape {tuple(own)} cannot be expanded to {tuple(shape)}"
                )
        wide = self._expand_parts(shape)
        return wide if _instance is None else _instance._filled(wide)

    def _filled(self: V, law: V) -> V:
        """This instance with the declared parameters of another law, and what it does not have itself."""
        own = self.__dict__.keys() - law._fields.keys() - STATE
        self.__dict__.update({n: v for n, v in law.__dict__.items() if n not in own})
        return self

    def _expand_parts(self: V, shape: torch.Size) -> V:
        """The law expanded by the ``expand`` of every law that it is made of."""
        if not self._given:
            raise NotImplementedError(f"{type(self).__name__} is written by hand: it has to define expand")
        new = self._afresh()
        for name in self._given:
            f, value = self._fields[name], self.__dict__[name]
            if isinstance(f, param):
                new.__dict__[name] = value.expand((*shape, *(-1,) * f.event_dim))  # a tuple: torch takes sizes slowly
            elif isinstance(f, component):
                extra = f.extra(self)
                wide = [law.expand(shape + law.batch_shape[len(law.batch_shape) - extra :]) for law in laws_in(value)]
                new.__dict__[name] = tuple(wide) if f.many else wide[0]
        new._batch_shape = shape
        return new

    def expand_by(self: V, sample_shape: int | Sequence[int]) -> V:
        """The law with ``sample_shape`` put before its batch shape."""
        if self._recipe is not None:
            return self._view("expand_by", sample_shape)
        return self.expand(as_size(sample_shape) + self._batch_shape)

    def __getitem__(self: V, index: Any) -> V:
        """The laws at ``index`` of the batch, by any index of ``torch``: ``d[3]``, ``d[..., :2]``, ``d[mask]``.

        Raises:
            IndexError: if the index does not fit the batch shape.
        """
        if self._recipe is not None:
            return self._view("__getitem__", index)
        index = index if isinstance(index, tuple) else (index,)
        probe = torch.empty((), device="meta").expand(self._batch_shape)
        try:
            if not any(isinstance(i, Tensor) for i in index):
                probe[index]
            elif sum(i.dim() if _is_mask(i) else i is not None and i is not Ellipsis for i in index) > (probe.dim()):
                raise IndexError("too many indices")
        except IndexError as error:
            raise IndexError(
                f"{type(self).__name__}: index {index} does not fit batch_shape {tuple(self._batch_shape)}: {error}"
            ) from None
        dotted = any(i is Ellipsis for i in index)

        def pick(t: Tensor, event_dim: int) -> Tensor:
            return t[index + (slice(None),) * event_dim] if dotted else t[index]

        return self._map(pick)

    def __iter__(self) -> Any:
        """The laws along the first batch dimension."""
        if not self.batch_shape:
            raise TypeError(f"{type(self).__name__} has no batch dimension to iterate over")
        return (self[i] for i in range(self.batch_shape[0]))

    def to(self: V, *args: Any, **kwargs: Any) -> V:
        """The law on another device or in another dtype, with ``Tensor.to``'s arguments."""
        if self._recipe is not None:
            return self._view("to", *args, **kwargs)
        law = self._map(lambda t, _: t.to(*args, **kwargs))
        if not law.dtype.is_floating_point:
            raise TypeError(f"{type(self).__name__}: parameters cannot have dtype {law.dtype}")
        return law

    def detach(self: V) -> V:
        """The law over parameters without a graph."""
        if self._recipe is not None:
            return self._view("detach")
        return self._map(lambda t, _: t.detach())

    def replace(self: V, **changes: Any) -> V:
        """The law with some arguments changed, checked like new ones.

        Example:
            >>> import reparam
            >>> reparam.Normal(0.0, 1.0).replace(scale=2.0)
            Normal(loc: 0.0, scale: 2.0)
            >>> reparam.Normal(0.0, 3.0).replace(log_scale=0.0)
            Normal(loc: 0.0, scale: 1.0)
        """
        if self._recipe is not None:
            return self._view("replace", **changes)
        values = {n: self.__dict__[n] for n in self._given}
        for keyword in changes:
            name = self._logarithms.get(keyword, keyword)
            for rival in getattr(self._fields.get(name), "group", ()) or (name,):
                values.pop(rival, None)
        return self._anew({"validate_args": self._validate_args, **values, **changes})

    def to_event(self, reinterpreted_batch_ndims: int | None = None) -> Any:
        """The law whose rightmost batch dimensions (all of them by default) belong to the event."""
        n = len(self.batch_shape) if reinterpreted_batch_ndims is None else reinterpreted_batch_ndims
        return _combinators["Independent"](self, n) if n else self

    def mask(self, mask: bool | Tensor) -> Any:
        """The law whose log-density counts only where ``mask`` is true."""
        return _combinators["Masked"](self, mask)


def _is_mask(index: Any) -> bool:
    return isinstance(index, Tensor) and index.dtype is torch.bool


def stack(distributions: Sequence[D], dim: int = 0) -> D:
    """One law over the laws of one class, along a new batch dimension. Of live laws it is live.

    Args:
        distributions: laws of one class, given by the same parameters; their batch shapes broadcast.
        dim: where the new dimension stands in the new batch shape; negative counts from its end.

    Raises:
        TypeError: if the classes or the given parameters differ.
        ValueError: if the shapes do not fit.
        IndexError: if the new batch shape has no such dimension.

    Example:
        >>> import reparam
        >>> reparam.stack([reparam.Normal(0.0, 1.0), reparam.Normal(1.0, 2.0)]).loc
        tensor([0., 1.])
    """
    many = _alike(distributions)
    shape = broadcast([d.batch_shape for d in many], "stack", [f"law {i}" for i in range(len(many))])
    at = _counted(dim, len(shape) + 1, "stack")
    if is_deferred(list(distributions)):
        joined: D = _joined(distributions, many[0], (stack, dim))
        return joined
    many = [d.expand(shape) for d in many]  # type: ignore[attr-defined]
    return type(many[0])._zip(many, lambda tensors, _: torch.stack(tensors, at))


def cat(distributions: Sequence[D], dim: int = 0) -> D:
    """One law over the laws of one class, joined along a batch dimension. Of live laws it is live.

    Args:
        distributions: laws of one class, given by the same parameters.
        dim: the batch dimension along which to join; negative counts from its end.

    Raises:
        TypeError: if the classes or the given parameters differ.
        ValueError: if the shapes do not fit.
        IndexError: if the batch shape has no such dimension.

    Example:
        >>> import reparam, torch
        >>> reparam.cat([reparam.Normal(torch.zeros(2), 1.0), reparam.Normal(torch.ones(1), 1.0)]).loc
        tensor([0., 0., 1.])
    """
    many = _alike(distributions)
    shapes = [d.batch_shape for d in many]
    at = _counted(dim, len(shapes[0]), "cat")
    if len({(s[:at], s[at + 1 :], len(s)) for s in shapes}) > 1:
        listed = ", ".join(str(tuple(s)) for s in shapes)
        raise ValueError(f"cat: beside dimension {dim} the batch shapes must be equal; they are {listed}")
    if is_deferred(list(distributions)):
        joined: D = _joined(distributions, many[0], (cat, dim))
        return joined
    return type(many[0])._zip(many, lambda tensors, _: torch.cat(tensors, at))


def _joined(distributions: Sequence[Any], first: Any, join: tuple[Callable[..., Any], int]) -> Any:
    """The live law that joins these anew at every use."""
    new = object.__new__(type(first))
    new._validate_args = first._validate_args
    new._recipe = Recipe({f"law_{i}": law for i, law in enumerate(distributions)}, join=join)
    return new


def _counted(dim: int, count: int, name: str) -> int:
    """A dimension counted from the first one."""
    if not -count <= dim < count:
        has = f"the batch shape has {count} dimension(s)" if count else "the laws have no batch dimension; see stack"
        raise IndexError(f"{name}: there is no dimension {dim}: {has}")
    return dim % count


def _alike(distributions: Sequence[D]) -> list[D]:
    many = [_resolved(d) for d in distributions]
    if not many:
        raise ValueError("stack and cat need at least one distribution")
    kinds = {(type(d), d._given) for d in many}
    if len(kinds) > 1:
        listed = ", ".join(sorted(f"{t.__name__}({', '.join(g)})" for t, g in kinds))
        raise TypeError(f"stack and cat join laws of one class and parametrisation; these are {listed}")
    events = {tuple(d.event_shape) for d in many}
    if len(events) > 1:
        raise ValueError(f"stack and cat join laws of one event_shape; these are {', '.join(map(str, sorted(events)))}")
    return many


def _resolved(law: Any) -> Any:
    if not hasattr(law, "_resolved"):
        raise TypeError(
            f"stack and cat take reparam distributions, not {type(law).__module__}.{type(law).__qualname__}"
        )
    return law._resolved()
