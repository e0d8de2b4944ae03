"""What a law asks the native library by its own attributes, in one call: the short way of the commonest doors."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from .._torch import is_ordinary_mode
from .library import native


def checked_log_prob(law: Any, value: Any) -> Tensor | None:
    """The log-density at a value, which is checked first if the law validates.

    Args:
        law: a distribution with ``_densities``, of which one is native, and a ``_support_range``.
        value: a tensor, or anything.

    Returns:
        The log-density, or None where the native library does not settle it: the value may have to be converted or
        refused, the law may be live or of half precision, a transform or a compiler may be at work.

    Example:
        >>> import reparam, torch
        >>> checked_log_prob(reparam.Normal(torch.zeros(1), torch.ones(1)), "one") is None
        True
    """
    if not is_ordinary_mode():
        return None
    found: Tensor | None = native.log_prob(law._densities, law._support_range, law, value)
    return found


def surely_valid(law: Any, ranges: tuple[tuple[Any, ...], ...]) -> bool:
    """Whether a native pass shows that the parameters lie in their ranges.

    Args:
        law: a distribution.
        ranges: for each parameter (name, lower, upper, lower_open, upper_open, integer), where an end is a number
            or the name of another parameter.

    Example:
        >>> import reparam
        >>> surely_valid(reparam.Exponential(-1.0, validate_args=False), reparam.Exponential._ranges)
        False
    """
    return native is not None and is_ordinary_mode() and native.all_valid(ranges, law) is True
