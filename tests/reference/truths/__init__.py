"""What every special function is, by mpmath: its definition, hard points, and where which method is at work."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from mpmath import mpf
from torch import Tensor

Function = Callable[..., Tensor]
Jet = tuple[mpf, Sequence[mpf], Sequence[mpf]]


class Truth(NamedTuple):
    """The truth about one function of :mod:`reparam.special`.

    Args:
        name: of the function.
        jet: arguments -> the value f, its partial derivatives f_i, and for each of these ``sum_j |x_j f_ij|``, what the
            rounding of the arguments moves it by; to 25 digits or more. ``oracle.jet`` makes one of a cheap f.
        points: 300 or more, hard ones among them.
        region: arguments -> the name of the region of the domain that they lie in.
        method: how the function is computed where, and by which source.
        bind: the function -> a function of the point alone, where it takes other arguments besides.
    """

    name: str
    jet: Callable[..., Jet]
    points: Sequence[tuple[float, ...]]
    region: Callable[..., str]
    method: str
    bind: Callable[[Function], Function] = lambda function: function


@cache
def truths() -> dict[str, Truth]:
    """All truths, by the name of the function."""
    modules = [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]
    return {truth.name: truth for module in modules for truth in module.TRUTHS}
