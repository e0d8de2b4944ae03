"""Expressions over tensors that are computed when a distribution needs them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

from ..core.deferred import Deferred
from ..core.pytree import deep_copies, register_node

Operator = Callable[[Any, Any], "Live"]
#: what a tensor shows of itself that moves with it
PROPERTIES = frozenset({"T", "mT", "H", "mH", "real", "imag"})


class _Method:
    """A tensor's method or property, by name, so that expressions can be pickled."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        found = getattr(value, self.name)
        return found if self.name in PROPERTIES else found(*args, **kwargs)

    def __repr__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Method) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


def _both_ways(function: Callable[[Any, Any], Any]) -> tuple[Operator, Operator]:
    """An operator of live values, and its reflection."""
    return lambda self, other: Live(function, (self, other)), lambda self, other: Live(function, (other, self))


class Live(Deferred):
    """A value that is computed anew whenever it is read; made by :func:`live`.

    Arithmetic, comparisons, indexing, tensor methods and torch functions on it give live values again; only ``==``
    asks, as for any object, whether two are one and the same (``torch.eq`` compares the entries).
    """

    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> None:
        self.fn = fn
        self.args = args
        self.kwargs = dict(kwargs or {})

    def read(self) -> Any:
        """The value now, with its graph."""
        kwargs = {name: _now(value) for name, value in self.kwargs.items()}
        return _now(self.fn(*(_now(value) for value in self.args), **kwargs))

    def __deepcopy__(self, memo: dict[int, Any]) -> Live:
        return Live(**deep_copies(vars(self), memo))

    def __getattr__(self, name: str) -> Any:
        if name in PROPERTIES:
            return Live(_Method(name), (self,))
        if name[0] != "_" and name[-1] == "_" and hasattr(Tensor, name):
            raise AttributeError(f"{name} would change the tensor at every reading: use {name[:-1]}")
        if name.startswith("__") or not callable(getattr(Tensor, name, None)):
            raise AttributeError(f"a live value has no {name}; read() gives the tensor of this moment")
        return lambda *args, **kwargs: Live(_Method(name), (self, *args), kwargs)

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Live:
        """A torch function of a live value is live."""
        return Live(func, args, kwargs)

    def __repr__(self) -> str:
        name = getattr(self.fn, "__name__", None) or repr(self.fn)
        return f"live({name})"

    def __bool__(self) -> bool:
        raise TypeError("a live value has no truth value, for it changes; read() gives the tensor of this moment")

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("a live value cannot be iterated over; index it, or read() the tensor of this moment")

    __array_ufunc__ = None  # so that NumPy leaves operators to this class

    __add__, __radd__ = _both_ways(operator.add)
    __sub__, __rsub__ = _both_ways(operator.sub)
    __mul__, __rmul__ = _both_ways(operator.mul)
    __truediv__, __rtruediv__ = _both_ways(operator.truediv)
    __floordiv__, __rfloordiv__ = _both_ways(operator.floordiv)
    __mod__, __rmod__ = _both_ways(operator.mod)
    __pow__, __rpow__ = _both_ways(operator.pow)
    __matmul__, __rmatmul__ = _both_ways(operator.matmul)
    __and__, __rand__ = _both_ways(operator.and_)
    __or__, __ror__ = _both_ways(operator.or_)
    __lt__, __gt__ = _both_ways(operator.lt)
    __le__, __ge__ = _both_ways(operator.le)

    def __neg__(self) -> Live:
        return Live(operator.neg, (self,))

    def __abs__(self) -> Live:
        return Live(operator.abs, (self,))

    def __invert__(self) -> Live:
        return Live(operator.invert, (self,))

    def __getitem__(self, index: Any) -> Live:
        return Live(operator.getitem, (self, index))


def _now(value: Any) -> Any:
    """The value of this moment; live ones within lists and tuples, as ``torch.stack`` takes them, are read too."""
    if isinstance(value, Live):
        return value.read()
    return type(value)(map(_now, value)) if type(value) in (list, tuple) else value


def _itself(value: Any) -> Any:
    return value


register_node(
    Live,
    lambda v: ([*v.args, *v.kwargs.values()], (v.fn, len(v.args), tuple(v.kwargs))),
    lambda children, context: Live(
        context[0],
        tuple(children[: context[1]]),
        dict(zip(context[2], children[context[1] :])),
    ),
)


def live(fn: Callable[..., Tensor] | Tensor | Live, *tensors: Any) -> Live:
    r"""A value that every use of a distribution reads anew: ``fn(*tensors)``, or a tensor to compute with.

    Pass it wherever a parameter is accepted, that of a transform in a ``TransformedDistribution`` included. The
    distribution, and every view of it, then follows its tensors: build it once, step an optimiser, and the next
    ``rsample`` or ``log_prob`` sees the new values.

    Args:
        fn: a function of the tensors, or a tensor (often an ``nn.Parameter``) for arithmetic on it.
        tensors: arguments of ``fn``; live ones are read first.

    Example:
        >>> import reparam, torch
        >>> log_std = torch.nn.Parameter(torch.tensor(0.0))
        >>> d = reparam.Normal(0.0, reparam.live(log_std).exp())
        >>> d.stddev.item()
        1.0
        >>> with torch.no_grad():
        ...     _ = log_std.fill_(2.0)
        >>> round(d.stddev.item(), 4)
        7.3891
    """
    if isinstance(fn, Live) and not tensors:
        return fn
    if isinstance(fn, Tensor):
        if tensors:
            raise TypeError("live(tensor) takes no further arguments; live(fn, *tensors) takes a function first")
        return Live(_itself, (fn,))
    if not callable(fn):
        raise TypeError(f"live takes a function of tensors or a tensor, not {type(fn).__name__}")
    return Live(fn, tensors)
