"""Values that are read anew each time they are used, and the recipe of a distribution made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ..constraints.record import Record
from .pytree import deep_copies, register_node


class Deferred:
    """A tensor to be computed when it is read. :class:`reparam.Live` is the public one."""

    def read(self) -> Any:
        """The value now."""
        raise NotImplementedError


class Followed(Deferred):
    """What a method makes of a tensor that is being learnt, computed anew: an optimiser may step it at any time.

    Args:
        tensor: a leaf of the graph.
        method: the name of a method of tensors.
        args: its arguments.
    """

    def __init__(self, tensor: Tensor, method: str, *args: Any) -> None:
        self.tensor = tensor
        self.method = method
        self.args = args

    def read(self) -> Tensor:
        """The value now, with its graph."""
        value: Tensor = getattr(self.tensor, self.method)(*self.args)
        return value

    def __repr__(self) -> str:
        return f"{self.method} of a tensor of shape {tuple(self.tensor.shape)}"


register_node(
    Followed,
    lambda f: ([f.tensor], (f.method, f.args)),
    lambda leaves, context: Followed(*leaves, context[0], *context[1]),
)


def is_learnt(value: Any) -> bool:
    """Whether an optimiser may change this tensor in place."""
    return isinstance(value, Tensor) and value.requires_grad and value.is_leaf


class Recipe:
    """How to build a distribution now: its arguments and the views taken of it since.

    Args:
        given: arguments by name; deferred ones, and distributions over deferred ones, are read at every build.
        views: method calls ``(name, args, kwargs)`` to replay on what was built.
        join: of a law that joins several of its class, the function that does so, and the dimension; None otherwise.
    """

    __slots__ = ("given", "join", "views")

    def __init__(
        self,
        given: dict[str, Any],
        views: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (),
        join: tuple[Callable[..., Any], int] | None = None,
    ) -> None:
        self.given = given
        self.views = views
        self.join = join

    def build(self, law: Any) -> Any:
        """The distribution over the values of this moment, of a law that has this recipe."""
        values = {name: read(value) for name, value in self.given.items()}
        if self.join is None:
            built = law._anew({**values, "validate_args": law._validate_args})._resolved()
        else:
            built = self.join[0](list(values.values()), self.join[1])
            built._validate_args = law._validate_args
        for name, args, kwargs in self.views:
            built = getattr(built, name)(*args, **kwargs)
        return built

    def __deepcopy__(self, memo: dict[int, Any]) -> Recipe:
        return Recipe(**deep_copies({"given": self.given, "views": self.views}, memo), join=self.join)

    def then(self, name: str, *args: Any, **kwargs: Any) -> Recipe:
        """The recipe with one more view."""
        return Recipe(self.given, (*self.views, (name, args, kwargs)), self.join)


def is_deferred(value: Any) -> bool:
    """Whether a parameter, component or transform has to be read anew at every use."""
    if isinstance(value, (list, tuple)):
        return any(is_deferred(one) for one in value)
    if isinstance(value, Record):
        return any(is_deferred(vars(value).get(name)) for name in value._fields)
    return isinstance(value, Deferred) or getattr(value, "_recipe", None) is not None


def read(value: Any) -> Any:
    """The value of this moment; ordinary values are returned as they are."""
    if isinstance(value, Deferred):
        return value.read()
    if isinstance(value, (list, tuple)):
        return type(value)(map(read, value))
    if isinstance(value, Record):
        return value._copy(**{n: read(vars(value)[n]) for n in value._fields if n in vars(value)})
    if getattr(value, "_recipe", None) is not None:
        return value._resolved()
    return value
