"""Chains of transforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..constraints import Constraint, independent, real
from ..constraints.pieces import sum_rightmost
from .base import TensorMap, Transform


class ComposeTransform(Transform):
    r"""Transforms one after the other: :math:`t(x) = t_n(\dots t_2(t_1(x)))`.

    The event of the whole is the smallest that holds the events of all parts.

    Args:
        parts: the transforms, first to last; none make the identity.
        cache_size: stored, without effect.

    Raises:
        TypeError: if a part is no transform.

    Example:
        >>> import torch
        >>> from reparam.transforms import AffineTransform, ExpTransform
        >>> t = ComposeTransform([AffineTransform(0.0, 2.0), ExpTransform()])
        >>> t.log_abs_det_jacobian(x := torch.tensor(1.0), t(x))
        tensor(2.6931)
    """

    _fields = ("parts",)
    _transient = (*Transform._transient, "_origin")
    _origin: ComposeTransform | None = None

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = require_transforms(parts)

    @property
    def domain(self) -> Constraint:
        """The domain of the first part, with the event dimensions that the whole needs."""
        if not self.parts:
            return real
        return _widened(self.parts[0].domain, self._in_dim())

    @property
    def codomain(self) -> Constraint:
        """The codomain of the last part, with the event dimensions that the whole has."""
        if not self.parts:
            return real
        event_dim = self._in_dim()
        for part in self.parts:
            event_dim += part.codomain.event_dim - part.domain.event_dim
        return _widened(self.parts[-1].codomain, event_dim)

    @property
    def bijective(self) -> bool:
        """Whether all parts are."""
        return all(part.bijective for part in self.parts)

    @property
    def sign(self) -> int | Tensor:
        """The product of the parts' signs."""
        sign: int | Tensor = 1
        for part in self.parts:
            sign = sign * part.sign
        return sign

    @property
    def inv(self) -> Transform:
        """The inverses of the parts in reverse order."""
        if self._origin is not None:
            return self._origin
        inverse = ComposeTransform([part.inv for part in reversed(self.parts)], self._cache_size)
        inverse._origin = self
        return inverse

    def _call(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def _inverse(self, y: Tensor) -> Tensor:
        for part in reversed(self.parts):
            y = part._inv_call(y)
        return y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The sum of the parts' log-determinants; the points between are computed from ``x``."""
        if not self.parts:
            return torch.zeros_like(x)
        *first, last = self.parts
        middle, ldj, event_dim = x, None, self._in_dim()
        for part in first:
            middle, term = part.forward_and_ldj(middle)
            ldj, event_dim = _added(ldj, term, part, event_dim)
        return _added(ldj, last.log_abs_det_jacobian(middle, y), last, event_dim)[0]

    def forward_and_ldj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The value and the log-determinant in one pass over the parts."""
        ldj, event_dim = None, self._in_dim()
        for part in self.parts:
            x, term = part.forward_and_ldj(x)
            ldj, event_dim = _added(ldj, term, part, event_dim)
        return x, torch.zeros_like(x) if ldj is None else ldj

    def inverse_and_ldj(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The inverse and its log-determinant in one pass over the parts, last to first."""
        return ComposeTransform([part.inv for part in reversed(self.parts)]).forward_and_ldj(y)

    def forward_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape after all parts."""
        for part in self.parts:
            shape = part.forward_shape(shape)
        return torch.Size(shape)

    def inverse_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape before all parts."""
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return torch.Size(shape)

    def _in_dim(self) -> int:
        """The event dimensions of ``x`` that let every part see whole events."""
        event_dim = 0
        for part in reversed(self.parts):
            event_dim = max(event_dim - part.codomain.event_dim, 0) + part.domain.event_dim
        return event_dim

    def _map(self, fn: TensorMap, event_dim: int) -> ComposeTransform:
        parts = []
        for part in self.parts:
            parts.append(part._map(fn, event_dim))
            event_dim += part.codomain.event_dim - part.domain.event_dim
        return self._copy(parts=parts)


def require_transforms(parts: Sequence[Any]) -> list[Transform]:
    """``parts`` as a list.

    Raises:
        TypeError: if an entry is no transform.
    """
    for part in parts:
        if not isinstance(part, Transform):
            raise TypeError(f"expected a transform of reparam, got {type(part).__name__}: {part!r}")
    return list(parts)


def _widened(constraint: Constraint, event_dim: int) -> Constraint:
    more = event_dim - constraint.event_dim
    return independent(constraint, more) if more else constraint


def _added(total: Tensor | None, term: Tensor, part: Transform, event_dim: int) -> tuple[Tensor, int]:
    """The sum with one more part's term, and the event dimensions after that part."""
    term = sum_rightmost(term, event_dim - part.domain.event_dim)
    after = event_dim + part.codomain.event_dim - part.domain.event_dim
    return (term if total is None else total + term), after


identity_transform = ComposeTransform([])
