"""Where a divergence is infinite: one law draws values that the other gives no density to."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..constraints import is_subset


def covers(p: Any, q: Any) -> bool | Tensor:
    """Whether q has a density wherever p draws, up to sets of measure zero; per law of the batch where it differs."""
    ours, theirs = p.support, q.support
    if ours is theirs:
        return True
    if ours.is_discrete != theirs.is_discrete:
        return False
    return is_subset(ours, theirs if theirs.is_discrete else theirs.closure())
