"""Transforms that arrange: over whole events, in another shape, on the pieces of a tensor."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import torch
from torch import Tensor

from ..constraints import Constraint, cat, independent, real, stack
from ..constraints.pieces import Layout, sum_rightmost
from .base import TensorMap, Transform
from .compose import require_transforms


class IndependentTransform(Transform):
    """Another transform on every entry of an event: the log-determinant is summed over the event.

    Args:
        base_transform: the transform of the entries.
        reinterpreted_batch_ndims: how many more rightmost dimensions belong to the event.
        cache_size: stored, without effect.

    Raises:
        ValueError: if ``reinterpreted_batch_ndims`` is negative.

    Example:
        >>> import torch
        >>> from reparam.transforms import ExpTransform
        >>> t = IndependentTransform(ExpTransform(), 1)
        >>> t.forward_and_ldj(torch.tensor([0.0, 1.0]))
        (tensor([1.0000, 2.7183]), tensor(1.))
    """

    _fields = ("base_transform",)

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        if reinterpreted_batch_ndims < 0:
            raise ValueError(f"reinterpreted_batch_ndims must be at least 0, got {reinterpreted_batch_ndims}")
        (self.base_transform,) = require_transforms((base_transform,))
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    @property
    def domain(self) -> Constraint:
        """The domain of the base, on every entry."""
        return independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @property
    def codomain(self) -> Constraint:
        """The codomain of the base, on every entry."""
        return independent(self.base_transform.codomain, self.reinterpreted_batch_ndims)

    @property
    def bijective(self) -> bool:
        """Whether the base is."""
        return self.base_transform.bijective

    @property
    def sign(self) -> int | Tensor:
        """The sign of the base."""
        return self.base_transform.sign

    def _call(self, x: Tensor) -> Tensor:
        return self.base_transform(self._checked(x, self.base_transform.domain))

    def _inverse(self, y: Tensor) -> Tensor:
        return self.base_transform._inv_call(self._checked(y, self.base_transform.codomain))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The base's log-determinants summed over the event."""
        return self._summed(self.base_transform.log_abs_det_jacobian(x, y))

    def forward_and_ldj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The base's value and its log-determinants summed over the event."""
        y, ldj = self.base_transform.forward_and_ldj(self._checked(x, self.base_transform.domain))
        return y, self._summed(ldj)

    def inverse_and_ldj(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The base's inverse and its log-determinants summed over the event."""
        x, ldj = self.base_transform.inverse_and_ldj(self._checked(y, self.base_transform.codomain))
        return x, self._summed(ldj)

    def forward_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape of the base's value."""
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape of the base's inverse."""
        return self.base_transform.inverse_shape(shape)

    def _summed(self, ldj: Tensor) -> Tensor:
        return sum_rightmost(ldj, self.reinterpreted_batch_ndims)

    def _checked(self, value: Tensor, entry: Constraint) -> Tensor:
        event_dim = entry.event_dim + self.reinterpreted_batch_ndims
        if value.dim() < event_dim:
            raise ValueError(
                f"{self!r}: an event has {event_dim} dimensions, but the input has shape {tuple(value.shape)}"
            )
        return value


class ReshapeTransform(Transform):
    """Events in another shape, with a log-determinant of zero.

    Args:
        in_shape: the shape of an event of ``x``.
        out_shape: the shape of an event of ``y``, with as many entries.
        cache_size: stored, without effect.

    Raises:
        ValueError: if the shapes have different numbers of entries, or an input has another shape.

    Example:
        >>> import torch
        >>> ReshapeTransform((6,), (2, 3)).forward_shape((5, 6))
        torch.Size([5, 2, 3])
    """

    bijective = True

    def __init__(self, in_shape: Sequence[int], out_shape: Sequence[int], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.in_shape = torch.Size(in_shape)
        self.out_shape = torch.Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError(
                f"in_shape {tuple(in_shape)} and out_shape {tuple(out_shape)} have different numbers of entries"
            )

    @property
    def domain(self) -> Constraint:
        """Real tensors with the dimensions of ``in_shape``."""
        return independent(real, len(self.in_shape))

    @property
    def codomain(self) -> Constraint:
        """Real tensors with the dimensions of ``out_shape``."""
        return independent(real, len(self.out_shape))

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Zero for every event."""
        return x.new_zeros(x.shape[: x.dim() - len(self.in_shape)])

    def forward_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape with its last dimensions, which must be ``in_shape``, replaced."""
        return self._replaced(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape with its last dimensions, which must be ``out_shape``, replaced."""
        return self._replaced(shape, self.out_shape, self.in_shape)

    def _replaced(self, shape: Sequence[int], old: torch.Size, new: torch.Size) -> torch.Size:
        cut = len(shape) - len(old)
        if cut < 0 or tuple(shape[cut:]) != tuple(old):
            raise ValueError(f"{self!r}: shape {tuple(shape)} does not end in {tuple(old)}")
        return torch.Size((*shape[:cut], *new))


class _PiecedTransform(Transform):
    """Transforms of the pieces of a tensor."""

    _fields = ("transforms",)
    transforms: list[Transform]
    dim: int

    @property
    def layout(self) -> Layout:
        """Where the pieces of ``x`` lie."""
        return Layout(len(self.transforms), self.dim)

    @property
    def out_layout(self) -> Layout:
        """Where the pieces of ``y`` lie."""
        return self.layout

    @property
    def bijective(self) -> bool:
        """Whether all transforms are."""
        return all(t.bijective for t in self.transforms)

    def _call(self, x: Tensor) -> Tensor:
        pieces = zip(self.transforms, self.layout.split(x), strict=True)
        return self.layout.join([t(piece) for t, piece in pieces])

    def _inverse(self, y: Tensor) -> Tensor:
        pieces = zip(self.transforms, self.out_layout.split(y), strict=True)
        return self.layout.join([t._inv_call(piece) for t, piece in pieces])

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The log-determinants of the pieces, summed where the pieces lie in one event."""
        images = self.out_layout.split(y)
        triples = zip(self.transforms, self.layout.split(x), images, strict=True)
        return self._gathered([t.log_abs_det_jacobian(a, b) for t, a, b in triples], x.dim())

    def forward_and_ldj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The values of the pieces and their log-determinants."""
        pieces = zip(self.transforms, self.layout.split(x), strict=True)
        return self._joined([t.forward_and_ldj(piece) for t, piece in pieces], x.dim())

    def inverse_and_ldj(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The inverses of the pieces and their log-determinants."""
        pieces = zip(self.transforms, self.out_layout.split(y), strict=True)
        return self._joined([t.inverse_and_ldj(piece) for t, piece in pieces], y.dim())

    def _joined(self, results: list[tuple[Tensor, Tensor]], value_dim: int) -> tuple[Tensor, Tensor]:
        ldj = self._gathered([ldj for _, ldj in results], value_dim)
        return self.layout.join([image for image, _ in results]), ldj

    def _gathered(self, ldjs: list[Tensor], value_dim: int) -> Tensor:
        dims = [t.event_dim for t in self.transforms]
        return self.layout.gather(ldjs, dims, value_dim, sum_rightmost, operator.add)


class CatTransform(_PiecedTransform):
    """A transform for each piece of a tensor that ``torch.cat`` joins.

    Args:
        tseq: the transforms of the pieces. They keep the pieces' shapes, except that transforms of
            vectors may change their length where ``dim`` is -1.
        dim: the dimension along which the pieces are joined. Log-determinants are joined along it
            as well, or, where it belongs to the pieces' events, summed.
        lengths: the length of each piece of ``x`` along ``dim``; 1 by default.
        cache_size: stored, without effect.

    Raises:
        TypeError: if an entry of ``tseq`` is no transform.
        ValueError: if there are no pieces, or not one length for each.

    Example:
        >>> import torch
        >>> from reparam.transforms import ExpTransform, StickBreakingTransform
        >>> t = CatTransform([ExpTransform(), StickBreakingTransform()], dim=-1, lengths=[1, 2])
        >>> t(torch.zeros(3))
        tensor([1.0000, 0.3333, 0.3333, 0.3333])
    """

    def __init__(
        self,
        tseq: Sequence[Transform],
        dim: int = 0,
        lengths: Sequence[int] | None = None,
        cache_size: int = 0,
    ) -> None:
        super().__init__(cache_size)
        self.transforms = require_transforms(tseq)
        self.dim = dim
        self.lengths = (1,) * len(self.transforms) if lengths is None else tuple(lengths)
        Layout(len(self.transforms), dim, self.lengths)

    @property
    def layout(self) -> Layout:
        """Where the pieces of ``x`` lie."""
        return Layout(len(self.transforms), self.dim, self.lengths)

    @property
    def out_layout(self) -> Layout:
        """Where the pieces of ``y`` lie."""
        if self.dim != -1:
            return self.layout
        pairs = zip(self.transforms, self.lengths, strict=True)
        lengths = tuple(t.forward_shape((n,))[-1] if t.event_dim == 1 else n for t, n in pairs)
        return Layout(len(self.transforms), -1, lengths)

    @property
    def length(self) -> int:
        """The size of ``x`` along ``dim``."""
        return self.layout.size

    @property
    def domain(self) -> Constraint:
        """The domains of the pieces, joined."""
        return cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @property
    def codomain(self) -> Constraint:
        """The codomains of the pieces, joined."""
        return cat([t.codomain for t in self.transforms], self.dim, self.out_layout.lengths)

    def forward_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape with the size of ``y`` along ``dim``."""
        return _resized(shape, self.dim, self.out_layout.size)

    def inverse_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape with the size of ``x`` along ``dim``."""
        return _resized(shape, self.dim, self.layout.size)


class StackTransform(_PiecedTransform):
    """A transform for each piece of a tensor that ``torch.stack`` joins.

    Args:
        tseq: the transforms of the pieces; they keep the pieces' shapes.
        dim: the dimension along which the pieces are stacked. Log-determinants are stacked along it
            as well, or, where it lies among the pieces' event dimensions, summed.
        cache_size: stored, without effect.

    Raises:
        TypeError: if an entry of ``tseq`` is no transform.
        ValueError: if there are no pieces.

    Example:
        >>> import torch
        >>> from reparam.transforms import ExpTransform, identity_transform
        >>> StackTransform([ExpTransform(), identity_transform], dim=-1)(torch.zeros(2, 2))
        tensor([[1., 0.],
                [1., 0.]])
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.transforms = require_transforms(tseq)
        self.dim = dim
        Layout(len(self.transforms), dim)

    @property
    def domain(self) -> Constraint:
        """The domains of the pieces, stacked."""
        return stack([t.domain for t in self.transforms], self.dim)

    @property
    def codomain(self) -> Constraint:
        """The codomains of the pieces, stacked."""
        return stack([t.codomain for t in self.transforms], self.dim)

    def _map(self, fn: TensorMap, event_dim: int) -> StackTransform:
        inside = -event_dim <= self.dim < 0
        inner = [t._map(fn, event_dim - inside) for t in self.transforms]
        return self._copy(transforms=inner)


def _resized(shape: Sequence[int], dim: int, size: int) -> torch.Size:
    if not -len(shape) <= dim < len(shape):
        raise ValueError(f"the pieces lie along dimension {dim}, which shape {tuple(shape)} does not have")
    sizes = list(shape)
    sizes[dim] = size
    return torch.Size(sizes)
