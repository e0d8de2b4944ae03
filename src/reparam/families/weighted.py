"""The base of laws that are given by weights of K categories, as Categorical is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..core.checks import refuse
from ..core.distribution import Distribution
from .categorical import USABLE, Categorical


class Weighted(Distribution):
    """A law whose last parameter is ``probs`` or ``logits``, declared as ``Categorical``'s are."""

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
        if not USABLE[name](self, total):
            what = "the sum of probs" if name == "probs" else "the largest of logits"
            refuse(self, what, USABLE[name].constraint, total)

    def _choice(self) -> Categorical:
        """The law of one category."""
        return Categorical(**{self._given[-1]: self._raw()}, validate_args=False)

    def _spread(self) -> Tensor:
        """The covariance matrix of the indicators of the categories."""
        p: Tensor = self.probs
        return torch.diag_embed(p) - p[..., :, None] * p[..., None, :]
