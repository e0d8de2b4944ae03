"""Joining what several constraints or transforms say about the pieces of one tensor."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


class Layout:
    """Where pieces lie in a tensor: along ``dim``, as ``torch.cat`` or ``torch.stack`` puts them.

    Args:
        count: the number of pieces.
        dim: the dimension along which they lie; a negative one counts from the right.
        lengths: the extent of each piece along ``dim``; None where they are stacked.

    Raises:
        ValueError: if there are no pieces, or not one length for each.
    """

    def __init__(self, count: int, dim: int, lengths: tuple[int, ...] | None = None) -> None:
        if count == 0:
            raise ValueError("cat and stack need at least one piece")
        if lengths is not None and len(lengths) != count:
            raise ValueError(f"{count} pieces need {count} lengths, got {len(lengths)}: {lengths}")
        self.count = count
        self.dim = dim
        self.lengths = lengths
        self.size = count if lengths is None else sum(lengths)

    def split(self, value: Tensor) -> Sequence[Tensor]:
        """The pieces of ``value``.

        Raises:
            ValueError: if ``value`` has no such dimension, or one of another size.
        """
        if not -value.dim() <= self.dim < value.dim() or value.shape[self.dim] != self.size:
            raise ValueError(
                f"the pieces need size {self.size} in dimension {self.dim}, "
                f"but the value has shape {tuple(value.shape)}"
            )
        if self.lengths is None:
            return value.unbind(self.dim)
        ends = [sum(self.lengths[: i + 1]) for i in range(self.count - 1)]
        return value.tensor_split(ends, self.dim)

    def join(self, pieces: Sequence[Tensor], dim: int | None = None) -> Tensor:
        """The tensor that has these pieces along ``dim``, or the layout's own dimension."""
        joined = torch.stack if self.lengths is None else torch.cat
        return joined(list(pieces), self.dim if dim is None else dim)

    def event_dim(self, event_dims: Sequence[int]) -> int:
        """The event dimensions of the whole, given those of the pieces.

        A stacking dimension that lies among the event dimensions adds one. A nonnegative ``dim``
        is taken for a batch dimension.
        """
        event_dim = max(event_dims)
        return event_dim + (self.lengths is None and -event_dim <= self.dim < 0)

    def gather(
        self,
        results: Sequence[Tensor],
        event_dims: Sequence[int],
        value_dim: int,
        reduce: Callable[[Tensor, int], Tensor],
        combine: Callable[[Tensor, Tensor], Tensor],
    ) -> Tensor:
        """One result for the whole from one of each piece, without the piece's event dimensions.

        Args:
            results: what was computed from each piece.
            event_dims: the event dimensions of the pieces.
            value_dim: the number of dimensions of the whole value.
            reduce: removes that many rightmost dimensions of a result.
            combine: joins the results of two pieces of one event.
        """
        event_dim = max(event_dims)
        results = [reduce(r, event_dim - e) for r, e in zip(results, event_dims, strict=True)]
        dim = (self.dim - value_dim if self.dim >= 0 else self.dim) + event_dim
        return functools.reduce(combine, results) if dim >= 0 else self.join(results, dim)


def all_rightmost(value: Tensor, dims: int) -> Tensor:
    """Whether all entries along the last ``dims`` dimensions hold."""
    return value.flatten(-dims).all(-1) if dims else value


def sum_rightmost(value: Tensor, dims: int) -> Tensor:
    """The sum over the last ``dims`` dimensions."""
    return value.flatten(-dims).sum(-1) if dims else value
