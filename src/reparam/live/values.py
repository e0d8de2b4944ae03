"""Expressions over tensors that are computed when a distribution needs them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from ..core.deferred import Deferred
from ..core.pytree import deep_copies, register_node


class _Method:
    """A call of a tensor's method, by name, so that expressions can be pickled."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(value, self.name)(*args, **kwargs)

    def __repr__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Method) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


class Live(Deferred):
    """A value that is computed anew whenever it is read; made by :func:`live`.

    Arithmetic, indexing, tensor methods and torch functions on it give live values again.
    """

    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> None:
        self.fn = fn
        self.args = args
        self.kwargs = dict(kwargs or {})

    def read(self) -> Any:
        """The value now, with its graph."""
        kwargs = {name: _now(value) for name, value in self.kwargs.items()}
        return self.fn(*(_now(value) for value in self.args), **kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Live:
        return Live(**deep_copies(vars(self), memo))

    def __getattr__(self, name: str) -> Callable[..., Live]:
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

    def __add__(self, other: Any) -> Live:
        return Live(operator.add, (self, other))

    def __radd__(self, other: Any) -> Live:
        return Live(operator.add, (other, self))

    def __sub__(self, other: Any) -> Live:
        return Live(operator.sub, (self, other))

    def __rsub__(self, other: Any) -> Live:
        return Live(operator.sub, (other, self))

    def __mul__(self, other: Any) -> Live:
        return Live(operator.mul, (self, other))

    def __rmul__(self, other: Any) -> Live:
        return Live(operator.mul, (other, self))

    def __truediv__(self, other: Any) -> Live:
        return Live(operator.truediv, (self, other))

    def __rtruediv__(self, other: Any) -> Live:
        return Live(operator.truediv, (other, self))

    def __pow__(self, other: Any) -> Live:
        return Live(operator.pow, (self, other))

    def __rpow__(self, other: Any) -> Live:
        return Live(operator.pow, (other, self))

    def __matmul__(self, other: Any) -> Live:
        return Live(operator.matmul, (self, other))

    def __rmatmul__(self, other: Any) -> Live:
        return Live(operator.matmul, (other, self))

    def __neg__(self) -> Live:
        return Live(operator.neg, (self,))

    def __abs__(self) -> Live:
        return Live(operator.abs, (self,))

    def __getitem__(self, index: Any) -> Live:
        return Live(operator.getitem, (self, index))


def _now(value: Any) -> Any:
    return value.read() if isinstance(value, Live) else value


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
