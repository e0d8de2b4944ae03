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
        return self._raw() if "logits" in self._given else logarithms(self._raw())

    def _log_probs(self) -> Tensor:
        """The logarithms of the probabilities, see :func:`log_shares`."""
        raw = self._raw()
        if "logits" in self._given:
            return log_shares(raw)
        largest, first = raw.max(-1, keepdim=True)
        share = raw / largest
        held = share >= torch.finfo(raw.dtype).tiny
        heights = torch.where(held, torch.where(held, share, 1.0).log(), logarithms(raw) - largest.log())
        return _less_log_sum(heights, share, first)

    def _check(self) -> None:
        if self.num_events == 0:
            raise ValueError(f"{type(self).__name__}: the last dimension, of the categories, is empty")
        raw, name = self._raw(), self._given[-1]
        wide = torch.promote_types(raw.dtype, torch.float32)  # a sum of half precision may exceed it
        total = raw.sum(-1, dtype=wide) if name == "probs" else raw.amax(-1)
        if not _USABLE[name](self, total):
            what = "the sum of probs" if name == "probs" else "the largest of logits"
            refuse(self, what, _USABLE[name].constraint, total)


def indicators(index: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """The one-hot vectors of categories."""
    return (index[..., None] == torch.arange(size, device=index.device)).to(dtype)


def logarithms(weights: Tensor) -> Tensor:
    """The logarithms of weights; of zero -inf, which is constant: an infinite slope would be NaN where nobody asks."""
    some = weights > 0
    return torch.where(some, torch.where(some, weights, 1.0).log(), -torch.inf)


def log_shares(logits: Tensor) -> Tensor:
    """The logarithms of the softmax; of a share near 1 from the sum of the others, so that it keeps its digits."""
    largest, first = logits.max(-1, keepdim=True)
    heights = logits - largest
    return _less_log_sum(heights, heights.exp(), first)


def _less_log_sum(logs: Tensor, shares: Tensor, first: Tensor) -> Tensor:
    """The logarithms of shares of the largest, the first, less that of the sum; the largest is 1 and does not move."""
    others = shares.scatter(-1, first, 0.0).sum(-1, keepdim=True)
    return logs.scatter(-1, first, 0.0) - torch.log1p(others)


def log_total(logs: Tensor) -> Tensor:
    """The logarithms of sums of exponentials; of none that is positive -inf, which is constant."""
    top = logs.amax(-1, keepdim=True).detach()
    total = (logs - torch.where(top.isfinite(), top, 0.0)).exp().sum(-1)
    none = total == 0
    return torch.where(none, -torch.inf, torch.where(none, 1.0, total).log() + top.squeeze(-1))


def complements(p: Tensor) -> Tensor:
    """1 - p for probabilities that sum to one; for the largest the sum of the others, which 1 - p would round."""
    first = p.argmax(-1, keepdim=True)
    return (1 - p).scatter(-1, first, p.scatter(-1, first, 0.0).sum(-1, keepdim=True))


def indicator_covariance(p: Tensor) -> Tensor:
    """The covariance matrix of the indicators of categories that have probabilities p."""
    own = torch.eye(p.shape[-1], dtype=torch.bool, device=p.device)
    return torch.where(own, (p * complements(p))[..., None], -p[..., :, None] * p[..., None, :])


def log_complements(log_p: Tensor) -> Tensor:
    """The logarithms of 1 - p, also where it underflows, from those of probabilities that sum to one."""
    first = log_p.argmax(-1, keepdim=True)
    others = log_p.scatter(-1, first, -torch.inf)
    return torch.log1p(-others.exp()).scatter(-1, first, log_total(others)[..., None])


def log_indicator_variance(log_p: Tensor) -> Tensor:
    """The logarithms of p (1 - p), also where p or 1 - p underflows, from those of probabilities that sum to one."""
    return log_p + log_complements(log_p)
