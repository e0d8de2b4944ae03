"""The base of laws that are given by weights of K categories, as Categorical is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...constraints import Constraint
from ...constraints.base import Bounds
from ...core.checks import Checker, refuse
from ...core.distribution import Distribution


class _Finite(Constraint):
    """Finite numbers above a bound."""

    def __init__(self, lower: float) -> None:
        self.lower = lower

    @property
    def bounds(self) -> Bounds:
        """The two ends, both excluded."""
        return Bounds(self.lower, torch.inf, True, True, False)

    def check(self, value: Tensor) -> Tensor:
        """Which values are finite and above the bound."""
        return (value > self.lower) & (value < torch.inf)

    def describe(self) -> str:
        """The set in words that continue "must be ..."."""
        return "positive and finite" if self.lower == 0 else "finite"


_USABLE = {"probs": Checker(_Finite(0.0)), "logits": Checker(_Finite(-torch.inf))}


class Weighted(Distribution):
    """A law whose last parameter is ``probs`` or ``logits``, one weight or logarithm for each category."""

    probs: Any
    logits: Any

    @property
    def num_events(self) -> int:
        """The number of categories K."""
        return self._raw().shape[-1]

    @property
    def param_shape(self) -> torch.Size:
        """The shape of the weights, ``[*batch, K]``."""
        return self._raw().shape

    def _raw(self) -> Tensor:
        law = self._resolved()
        raw: Tensor = law.__dict__[law._given[-1]]
        return raw

    def _raw_logits(self) -> Tensor:
        return self._raw() if "logits" in self._given else self._raw().log()

    def _check(self) -> None:
        if self.num_events == 0:
            raise ValueError(f"{type(self).__name__}: the last dimension, of the categories, is empty")
        raw, name = self._raw(), self._given[-1]
        total = raw.sum(-1) if name == "probs" else raw.amax(-1)
        if not _USABLE[name](self, total):
            what = "the sum of probs" if name == "probs" else "the largest of logits"
            refuse(self, what, _USABLE[name].constraint, total)


def indicators(index: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """The one-hot vectors of categories."""
    return (index[..., None] == torch.arange(size, device=index.device)).to(dtype)


def indicator_covariance(p: Tensor) -> Tensor:
    """The covariance matrix of the indicators of categories that have probabilities p."""
    return torch.diag_embed(p) - p[..., :, None] * p[..., None, :]
