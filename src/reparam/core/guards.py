"""Densities outside the support: minus infinity, never garbage, where values were not checked."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .ranges import is_everything, member, outside

Method = Callable[[Any, Tensor], Tensor]


def guarded(method: Method) -> Method:
    """A ``_log_prob`` that is -inf outside the support when validation is off.

    A fused method keeps its kernel, which guards itself; its formula is guarded.
    """
    native = getattr(method, "native", None)
    if native is not None:
        fused: Method = native()(guarded(method.formula))  # type: ignore[attr-defined]
        return fused

    @functools.wraps(method)
    def inside(self: Any, x: Tensor) -> Tensor:
        if self._validate_args or self._surely_inside(x) or is_everything(support := self.support):
            return method(self, x)
        if support.event_dim:
            return torch.where(support.check(x), method(self, x), -torch.inf)
        bad = outside(support, x)
        value = torch.where(bad, -torch.inf, method(self, torch.where(bad, member(support, x), x)))
        return torch.where(x.isnan(), torch.nan, value)

    return inside
