"""Shapes: what callers may write for one, and how parameters with event dimensions broadcast."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence

import torch

EMPTY = torch.Size(())


def as_size(shape: int | Sequence[int]) -> torch.Size:
    """A ``torch.Size`` from an int, a sequence of ints or a size.

    Example:
        >>> as_size(3), as_size((2, 3)), as_size([])
        (torch.Size([3]), torch.Size([2, 3]), torch.Size([]))

    Raises:
        TypeError: for anything else.
    """
    if type(shape) is torch.Size:
        return shape
    if type(shape) is not tuple and hasattr(shape, "__index__") and not getattr(shape, "shape", ()):
        return torch.Size((operator.index(shape),))
    try:
        return torch.Size(shape)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"a shape must be an int or a sequence of ints, not {type(shape).__name__} {shape!r:.60}"
        ) from None


def joint(*shapes: torch.Size) -> torch.Size:
    """The shape that all of these broadcast to.

    Raises:
        RuntimeError: if they do not.
    """
    longest = EMPTY
    for shape in shapes:
        if len(shape) > len(longest):
            longest = shape
    if all(shape == longest[len(longest) - len(shape) :] for shape in shapes):
        return longest
    sizes = [1] * len(longest)
    for shape in shapes:
        for i, size in enumerate(shape, len(longest) - len(shape)):
            if size != 1 and sizes[i] not in (1, size):
                raise RuntimeError(f"shapes {', '.join(str(tuple(s)) for s in shapes)} do not broadcast")
            sizes[i] = size if size != 1 else sizes[i]
    return torch.Size(sizes)


def broadcast(shapes: Iterable[torch.Size], owner: str, names: Sequence[str]) -> torch.Size:
    """:func:`joint` with an error that names the owner and who has which shape.

    Raises:
        ValueError: if the shapes do not broadcast.
    """
    shapes = list(shapes)
    try:
        return joint(*shapes)
    except RuntimeError:
        listed = ", ".join(f"{n} {tuple(s)}" for n, s in zip(names, shapes))
        raise ValueError(f"{owner}: these batch shapes do not broadcast: {listed}") from None


def broadcasts_to(shape: torch.Size, target: torch.Size) -> bool:
    """Whether two shapes broadcast with each other (each may have size 1 or be missing where the other is larger)."""
    return all(a == b or a == 1 or b == 1 for a, b in zip(reversed(shape), reversed(target)))
