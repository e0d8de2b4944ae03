"""What the weights of a mixture make of what its components say, exact where a weight is zero too.

The logarithm of a weight has no derivative at zero, but a mixture has one in the weight: the component has no part in
the density, and would have one.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..families.categorical import Categorical
from ..families.shared.weighted import log_total, logarithms
from ..kernels import kernel


def log_mean(choice: Categorical, values: Tensor) -> Tensor:
    """The logarithm of the mean of exponentials, ``[..., K]``, under a law of the choice between them."""
    by = _log_mean_by_logits if by_logits(choice) else _log_mean_by_probs
    return by(choice._raw(), values)


def weighted(choice: Categorical, logs: Tensor) -> Tensor:
    """The exponentials ``[..., K, D]`` of logarithms, each times its component's weight."""
    if by_logits(choice):
        log_weights = choice.logits.unsqueeze(-1)
        return torch.where(log_weights > -torch.inf, log_weights + logs, -torch.inf).exp()
    probs = choice.probs.unsqueeze(-1)
    some = probs > 0
    return torch.where(some, (logarithms(probs) + logs).exp(), probs * bounded_exp(torch.where(some, 0.0, logs)))


def log_weights(choice: Categorical) -> Tensor:
    """The logarithms of the weights, without the derivatives."""
    return (choice.logits if by_logits(choice) else choice.probs.log()).detach()


def by_logits(choice: Categorical) -> bool:
    """Whether the weights are given by their logarithms."""
    return "logits" in choice._given


def bounded_exp(x: Tensor) -> Tensor:
    """The exponential, or about the largest number of the dtype: what the rounding of its logarithm leaves."""
    return _bounded(x).exp()


def _bounded(x: Tensor) -> Tensor:
    """At most the logarithm of the largest number of the dtype."""
    limits = torch.finfo(x.dtype)
    return x.clamp(max=math.log(limits.max) * (1 - 2 * limits.eps))


def _next_to_zero(known: Tensor, weights: Tensor, values: Tensor) -> Tensor:
    """The logarithm of a mean of exponentials; where it is next to 0, by how much they differ from 1."""
    near = known.detach().abs() < 0.5
    differences = _bounded(torch.where(near.unsqueeze(-1), values, 0.0)).expm1()
    return torch.where(near, torch.log1p((weights * differences).sum(-1)), known)


@kernel("log_mixture_logits")
def _log_mean_by_logits(logits: Tensor, values: Tensor) -> Tensor:
    log_weights = logits.log_softmax(-1)
    known = log_total(torch.where(log_weights > -torch.inf, log_weights + values, -torch.inf))
    return _next_to_zero(known, log_weights.exp(), values)


@kernel("log_mixture_probs")
def _log_mean_by_probs(probs: Tensor, values: Tensor) -> Tensor:
    some = probs > 0
    known = log_total(torch.where(some, logarithms(probs) + values, -torch.inf))
    # a sum of zeros, but not its derivatives in the weights
    idle = ~some & known.isfinite().unsqueeze(-1)
    ratio = bounded_exp(torch.where(idle, values - known.unsqueeze(-1), -torch.inf))
    total = probs.sum(-1)
    ample = torch.where(known > -torch.inf, total, 1.0)
    known = known + torch.log1p((torch.where(some, 0.0, probs) * ratio).sum(-1)) - ample.log()
    return _next_to_zero(known, probs / total.unsqueeze(-1), values)
