"""The image of a support under transforms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from .. import constraints
from ..constraints import Constraint
from ..constraints.numeric import Range
from ..core.ranges import clamp, member
from ..transforms import ComposeTransform, Transform


def image(support: Constraint, transforms: Iterable[Transform], dtype: torch.dtype) -> Constraint:
    """What the transforms, one after the other, make of the values of ``support``.

    Where the values fill a transform's domain it is the codomain; a part of the line is carried by a monotone
    map end by end; of other parts the codomain is all that is known. Ends that are numbers are carried in the dtype
    of the values.
    """
    for t in _single(transforms):
        inner = support
        while isinstance(inner, constraints.independent) and inner.event_dim > t.domain.event_dim:
            inner = inner.base_constraint
        carried = t.codomain if _fills(inner, t.domain) or not isinstance(inner, Range) else _carried(inner, t, dtype)
        extra = support.event_dim - t.domain.event_dim
        support = constraints.independent(carried, extra) if extra > 0 else carried
    return support


def _single(transforms: Iterable[Transform]) -> Iterator[Transform]:
    """The transforms, each part of a chain by itself."""
    for t in transforms:
        if isinstance(t, ComposeTransform):
            yield from _single(t.parts)
        else:
            yield t


def _fills(inner: Constraint, domain: Constraint) -> bool:
    return inner is domain or (not isinstance(inner, Range)) or constraints.is_subset(domain, inner) is True


def _carried(inner: Range, t: Transform, dtype: torch.dtype) -> Constraint:
    if t.domain.event_dim or not t.bijective:
        return t.codomain
    ends = (inner.lower_bound, inner.upper_bound)
    bounds = (b if isinstance(b, Tensor) else torch.tensor(float(b), dtype=dtype, device="cpu") for b in ends)
    first, last = (_end(inner, t, clamp(t.domain, b)) for b in bounds)
    return constraints.interval(torch.minimum(first, last), torch.maximum(first, last))


def _end(inner: Range, t: Transform, bound: Tensor) -> Tensor:
    """Where a transform takes an end of a part of the line; without a slope in its parameters if that is infinite."""
    if not t._fields:
        return t(bound)
    infinite = bound.isinf()
    safe = torch.where(infinite, member(inner, bound), bound)
    return torch.where(infinite, t._map_tensors(Tensor.detach)(bound), t(safe))
