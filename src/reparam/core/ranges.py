"""What the core asks of a support: is it everything, where does it end, what lies inside."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..constraints import Constraint
from ..constraints.numeric import Bound, Real


def is_everything(support: Constraint) -> bool:
    """Whether every real number (or vector) belongs to it."""
    entries = support.entries
    return support.event_dim <= 1 and bool(entries) and all(isinstance(e, Real) for e in entries)


def _bounds(support: Constraint) -> tuple[Bound, Bound]:
    return getattr(support, "lower_bound", -math.inf), getattr(support, "upper_bound", math.inf)


def ends(support: Constraint, like: Tensor) -> tuple[Tensor, Tensor]:
    """The ends of a scalar support as tensors."""
    lower, upper = (torch.as_tensor(b, dtype=like.dtype, device=like.device) for b in _bounds(support))
    return lower, upper


def clamp(support: Constraint, value: Tensor) -> Tensor:
    """The nearest point of a scalar support, whole numbers from below."""
    lower, upper = _bounds(support)
    value = value.floor() if support.is_discrete and value.is_floating_point() else value
    if isinstance(lower, Tensor) or not math.isinf(float(lower)):
        value = torch.maximum(value, torch.as_tensor(lower, dtype=value.dtype, device=value.device))
    if isinstance(upper, Tensor) or not math.isinf(float(upper)):
        value = torch.minimum(value, torch.as_tensor(upper, dtype=value.dtype, device=value.device))
    return value


def member(support: Constraint, like: Tensor) -> Tensor:
    """A point of a scalar support at which every density is finite and smooth: not an end, where it has others."""
    lower, upper = ends(support, like)
    middle = torch.where(lower.isinf(), torch.where(upper.isinf(), 0.0, upper - 1), lower + 1)
    middle = torch.where(lower.isinf() | upper.isinf(), middle, (lower + upper) / 2)
    return middle.floor() if support.is_discrete else middle
