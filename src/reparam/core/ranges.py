"""What the core asks of a support: is it everything, where does it end, what lies inside."""

from __future__ import annotations

import functools
import math
import operator
from typing import Any

import torch
from torch import Tensor

from ..constraints import Constraint
from ..constraints.numeric import Range, Real


def is_everything(support: Constraint) -> bool:
    """Whether every real number (or vector) belongs to it."""
    entries = support.entries
    return support.event_dim <= 1 and bool(entries) and all(isinstance(e, Real) for e in entries)


def _bounds(support: Constraint) -> tuple[float | Tensor, float | Tensor]:
    """The bounds of a resolved scalar support."""
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


def member(support: Constraint, like: Tensor) -> Tensor | float:
    """A point of a scalar support at which densities are finite and smooth: not an end, where it has others."""
    lower, upper = _bounds(support)
    if not isinstance(lower, Tensor) and not isinstance(upper, Tensor):
        lower, upper = float(lower), float(upper)
        if math.isinf(lower) or math.isinf(upper):
            return lower + 1 if not math.isinf(lower) else 0.0 if math.isinf(upper) else upper - 1
        return (lower + upper) // 2 if support.is_discrete else (lower + upper) / 2
    low, high = ends(support, like)
    one_sided = torch.where(low.isinf(), torch.where(high.isinf(), 0.0, high - 1), low + 1)
    middle = torch.where(low.isinf() | high.isinf(), one_sided, (low + high) / 2)
    return middle.floor() if support.is_discrete else middle


def outside(support: Constraint, value: Tensor) -> Tensor:
    """Which entries lie outside a scalar support; NaN, which lies nowhere, does not count."""
    if not isinstance(support, Range):
        return ~(support.check(value) | value.isnan())
    lower, upper = _bounds(support)
    conditions = []
    if isinstance(lower, Tensor) or not math.isinf(float(lower)):
        conditions.append(value <= lower if support.lower_open else value < lower)
    if isinstance(upper, Tensor) or not math.isinf(float(upper)):
        conditions.append(value >= upper if support.upper_open else value > upper)
    if support.is_discrete and value.is_floating_point():
        conditions.append(value.frac() != 0)
    return functools.reduce(operator.or_, conditions)


#: What each probability is at the lower and at the upper end of a support.
LIMITS = {"_cdf": (0.0, 1.0), "_sf": (1.0, 0.0), "_log_cdf": (-math.inf, 0.0), "_log_sf": (0.0, -math.inf)}


def probability(law: Any, name: str, x: Tensor) -> Tensor:
    """A cdf-like method of a scalar law anywhere: 0 or 1 beyond the support, with gradients that are zero there."""
    support = law.support
    if support.is_discrete:
        return getattr(law, name)(clamp(support, x))  # type: ignore[no-any-return]
    if is_everything(support):
        return getattr(law, name)(x)  # type: ignore[no-any-return]
    inner, safe = interior(support, x)
    below, above = LIMITS[name]
    beyond = torch.where(x <= ends(support, x)[0], below, torch.where(x.isnan(), x, above))
    return torch.where(inner, getattr(law, name)(safe), beyond)


def interior(support: Constraint, x: Tensor) -> tuple[Tensor, Tensor]:
    """Where x lies inside a continuous scalar support, and x with some inner point everywhere else."""
    lower, upper = ends(support, x)
    inner = (x > lower) & (x < upper)
    return inner, torch.where(inner, x, member(support, x))
