"""Affine maps among transforms, through which moments pass: how much they stretch."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from ..transforms import AffineTransform, ComposeTransform, IndependentTransform, Transform
from ..transforms.base import InverseTransform

Factor = Tensor | float


def stretch(transforms: Iterable[Transform]) -> Factor | None:
    """What affine maps, one after the other, multiply every entry by; None where one is not known to be affine."""
    total: Factor = 1.0
    for t in transforms:
        factor = _factor(t)
        if factor is None:
            return None
        total = total * factor
    return total


def _factor(t: Transform) -> Factor | None:
    if isinstance(t, AffineTransform):
        scale: Factor = t.scale
        return scale
    if isinstance(t, IndependentTransform):
        return _factor(t.base_transform)
    if isinstance(t, ComposeTransform):
        return stretch(t.parts)
    if isinstance(t, InverseTransform):
        factor = _factor(t.base)
        return None if factor is None else 1 / factor
    return None
