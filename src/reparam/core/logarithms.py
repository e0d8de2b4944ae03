"""Positive parameters given by their logarithms: ``Normal(0.0, log_scale=s)`` is ``Normal(0.0, exp(s))``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from ..constraints.numeric import LessThan, positive
from .checks import Checker, refuse
from .deferred import Followed, is_learnt
from .params import REQUIRED, Field, param


class _Finite(LessThan):
    _words = "finite"


FINITE = _Finite(math.inf)
IS_FINITE = Checker(FINITE)


def logarithms_of(fields: dict[str, Field]) -> dict[str, str]:
    """The keywords that give a parameter by its logarithm, and the parameter: every positive one has its own."""
    able = (n for n, f in fields.items() if isinstance(f, param) and f.constraint.bounds == positive.bounds)
    return {f"log_{name}": name for name in able if f"log_{name}" not in fields}


def by_logarithms(
    init: Callable[..., None], self: Any, values: dict[str, Any], logarithms: dict[str, Any], validate_args: bool | None
) -> None:
    """Construct an instance some of whose parameters are given by their logarithms.

    Args:
        init: the generated constructor.
        self: the instance.
        values: its other arguments by name, the defaults of the signature where nothing was given.
        logarithms: by the name of the keyword, None where nothing was given.
        validate_args: as everywhere.

    Raises:
        ValueError: for a parameter that is given twice, and, when validating, one that over- or underflows.
    """
    given = {keyword: log for keyword, log in logarithms.items() if log is not None}
    for keyword, log in given.items():
        name = self._logarithms[keyword]
        if values[name] is not None and values[name] is not self._fields[name].default:
            raise ValueError(f"{type(self).__name__}: give exactly one of {name}, {keyword}; got both")
        values[name] = _exponential(self, keyword, log)
    init(self, **values, validate_args=validate_args)
    if self._validate_args and self._recipe is None:
        for keyword in given:
            name = self._logarithms[keyword]
            if not IS_FINITE(self, self.__dict__[name]):
                refuse(self, f"parameter {name} = exp({keyword})", FINITE, self.__dict__[name])


def require_all(self: Any, fields: dict[str, Field], values: dict[str, Any]) -> None:
    """Refuse arguments among which one is missing, which the signature allows where another name would do.

    Raises:
        TypeError: with the names by which it can be given.
    """
    for name, value in values.items():
        if value is None and fields[name].default is REQUIRED and fields[name].kind != "static":
            ways = f"give exactly one of {name}, log_{name}; got none"
            missing = f"the argument {name} is missing"
            raise TypeError(f"{type(self).__name__}: {ways if f'log_{name}' in self._logarithms else missing}")


def _exponential(self: Any, keyword: str, log: Any) -> Any:
    """The exponential of an argument of any accepted kind: numbers of numbers, a live one of what is live or learnt."""
    if is_learnt(log):
        return Followed(log, "exp")
    if hasattr(log, "exp"):
        return log.exp()
    try:
        if isinstance(log, (int, float)):
            return math.exp(log)
        return torch.as_tensor(log, dtype=torch.float64).exp().tolist()
    except OverflowError:
        return math.inf
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(
            f"{type(self).__name__}: {keyword} must be a tensor, a number or a sequence of numbers, "
            f"not {type(log).__name__} {log!r:.60}"
        ) from None
