"""Are these values where they must be? One reduction and at most one host read a question; refusals say which entry."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NoReturn

from torch import Tensor

from .. import _torch
from ..constraints.numeric import Range
from ..kernels.checks import all_within

if TYPE_CHECKING:
    from ..constraints import Constraint


class Checker:
    """A predicate ``(owner, value) -> bool`` for a constraint; the owner provides the bounds that are parameters."""

    def __init__(self, constraint: Constraint) -> None:
        self.constraint = constraint
        self.bounds = constraint.bounds

    def __call__(self, owner: Any, value: Tensor) -> bool:
        """Whether every entry is where it must be; in a compiled graph, an assertion that it will be."""
        if self.bounds is not None:
            answer = all_within(value, *self.bounds)
            if answer is not None:
                return answer
        elif isinstance(self.constraint, Range) and self._clearly(self.constraint, owner, value):
            return True
        if value.is_meta:
            return True
        every = self.constraint.resolve(owner).check(value)
        if _torch.can_read():
            return bool(_torch.unwrapped(every).all())
        _torch.assert_later(every.all(), f"{type(owner).__name__}: a value must be {self.constraint.describe()}")
        return True

    def _clearly(self, constraint: Range, owner: Any, value: Tensor) -> bool:
        """Whether native checks of the distances from bounds that are parameters settle the question."""
        lower, upper = constraint.lower_bound, constraint.upper_bound
        numbers = (
            -inf if isinstance(lower, (str, Tensor)) else lower,
            inf if isinstance(upper, (str, Tensor)) else upper,
        )
        if not all_within(value, *numbers, False, False, constraint.is_discrete):
            return False
        value = value.detach()
        for bound, sign, is_open in ((lower, 1, constraint.lower_open), (upper, -1, constraint.upper_open)):
            if not isinstance(bound, str):
                continue
            limit = getattr(owner, bound).detach()
            distance = value - limit if sign > 0 else limit - value
            if not all_within(distance, 0.0, inf, is_open):
                return False
        return not isinstance(lower, Tensor) and not isinstance(upper, Tensor)


def refuse(owner: Any, what: str, constraint: Constraint, value: Tensor) -> NoReturn:
    """Raise the error for a value that failed its check.

    Raises:
        ValueError: with the class, what was wrong, the constraint, how many entries violate it, the first bad
            index and the entry there; never the whole tensor.
    """
    constraint = constraint.resolve(owner)
    good = _torch.unwrapped(constraint.check(value))
    raw = _torch.unwrapped(value).detach()
    bad = (~good).nonzero()
    text = f"{type(owner).__name__}: {what} must be {constraint.describe()}"
    if good.dim() == 0:
        text += f"; got {_spell(raw)}"
    else:
        index = tuple(bad[0].tolist())
        raw = raw.expand(good.shape + raw.shape[raw.dim() - constraint.event_dim :])
        text += (
            f", but {len(bad)} of {good.numel()} {'is' if len(bad) == 1 else 'are'} not; "
            f"the first is at index {index}: {_spell(raw[index])}"
        )
    if what.endswith("probs") and bool((raw < 0).any()):
        text += " (negative probabilities: if these are log-probabilities or log-odds, pass logits=...)"
    raise ValueError(text)


def _spell(value: Tensor) -> str:
    if value.dim() == 0:
        return repr(value.item())
    if value.numel() <= 16:
        return repr(value.tolist())
    entries = ", ".join(repr(v) for v in value.flatten()[:8].tolist())
    return f"a value of shape {tuple(value.shape)} that begins {entries}"


def all_true(condition: Tensor) -> bool:
    """Whether every entry holds, where values may be read; True where they may not."""
    return not _torch.can_read() or bool(_torch.unwrapped(condition).all())
