"""Where a divergence is infinite: one law draws values that the other gives no density to."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from .._torch import is_compiling
from ..constraints import Constraint, is_dependent, is_subset
from ..constraints.composite import Independent
from ..constraints.numeric import Range
from ..constraints.structured import Multinomial, OneHot
from ..kernels import all_within


def covers(p: Any, q: Any) -> bool | Tensor:
    """Whether q has a density wherever p draws, up to sets of measure zero; per law of the batch where it differs.

    Raises:
        NotImplementedError: if one is a law of angles and the other of numbers.
    """
    if type(p) is type(q) and not is_compiling() and isinstance(declared := type(p).support, Range):
        return _is_within(*_ends(p, declared), *_ends(q, declared))
    ours, theirs = p.support, q.support
    if ours is theirs or is_dependent(ours) or is_dependent(theirs) or _have_the_same_entries(ours, theirs):
        return True
    if _circular(ours) != _circular(theirs):
        raise NotImplementedError(
            f"no KL divergence from {type(p).__name__} to {type(q).__name__} is known: one is a law of angles, whose "
            f"density is periodic, the other of numbers"
        )
    if isinstance(ours, Multinomial) and isinstance(theirs, OneHot):  # what draws add up to is the bound
        return ours.upper_bound == 1
    if ours.is_discrete != theirs.is_discrete:
        return False
    if isinstance(ours, Range) and isinstance(theirs, Range):
        # no law has an empty support, and the ends of a continuous one are of measure zero
        return _is_within(*ours.limits, *theirs.limits)
    return is_subset(ours, theirs if theirs.is_discrete else theirs.closure())


def _ends(law: Any, declared: Range) -> tuple[Any, Any]:
    """The ends of a support of which they alone are the law's own."""
    lower, upper = declared.lower_bound, declared.upper_bound
    return getattr(law, lower) if type(lower) is str else lower, getattr(law, upper) if type(upper) is str else upper


def _is_within(lower: Any, upper: Any, least: Any, most: Any) -> bool | Tensor:
    """Whether one range lies in another."""
    return _is_least(least, lower) & _is_least(upper, most)


def _is_least(a: Any, b: Any) -> bool | Tensor:
    if a is b or (isinstance(a, Tensor) and all_within(a, -math.inf, b)):
        return True
    least: bool | Tensor = a <= b
    return least


def _have_the_same_entries(a: Constraint, b: Constraint) -> bool:
    """Whether events of one shape have entries of the same set."""
    return isinstance(a, Independent) and isinstance(b, Independent) and a.base_constraint is b.base_constraint


def _circular(support: Constraint) -> bool:
    """Whether values are angles."""
    return getattr(support, "circular", False)
