"""How well shares fit counts: what the log-densities of gamma, beta, binomial and Dirichlet laws have in common."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...kernels.checks import all_within
from ...special import deviance

REACH = 0.47  #: the power of the smallest float below which shares are known by their logarithms


def share_term(a: Tensor, n: Tensor, x: Tensor, log_x: Tensor) -> Tensor:
    """What one share x > 0 adds to a Dirichlet log-density."""
    return share_fit(a, n, x, log_x) - log_x


def share_fit(a: Tensor, n: Tensor, x: Tensor, log_x: Tensor) -> Tensor:
    r"""How well a share x fits the count a of n: :math:`a \log(n x / a) + a - n x`, never positive.

    By the deviance, which does not cancel at large counts; by ``log_x`` where x underflows, or the deviance's second
    derivative :math:`a / (n x)^2` would exceed the dtype though that in ``log_x`` is :math:`n x`.
    """
    least = torch.finfo(x.dtype).tiny ** REACH
    if all_within(x, least, math.inf):
        return -deviance(a, n * x)
    small = x < least
    usual = -deviance(a, n * torch.where(small, 1.0, x))
    by_logarithm = a * (n.log() - a.log() + log_x) + a - n * x
    return torch.where(small, by_logarithm, usual)
