"""Divergences of masses where one may be zero."""

from __future__ import annotations

import torch
from torch import Tensor

from ...special import deviance


def mass_divergence(p: Tensor, q: Tensor) -> Tensor:
    r""":math:`p \log(p/q) + q - p`, infinite where q alone is zero, and constant there: with slopes of zero.

    Slopes of infinity would make NaN of those in a parameter that finite divergences share with an infinite one.
    """
    impossible = (q == 0) & (p > 0)
    value = deviance(torch.where(impossible, 1.0, p), torch.where(impossible, 1.0, q))
    return value.masked_fill(impossible, torch.inf)


def of_trials(count: Tensor, divergence: Tensor) -> Tensor:
    """The divergence of that many independent trials; none of none, and constant where it is infinite."""
    infinite = (divergence == torch.inf) & (count > 0)
    finite = torch.where(infinite | (count == 0), 0.0, divergence)
    return (count * finite).masked_fill(infinite, torch.inf)
