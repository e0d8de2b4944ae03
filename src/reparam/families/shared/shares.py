"""How well shares fit counts: what the log-densities of gamma, beta, binomial and Dirichlet laws have in common."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ...kernels.checks import all_within
from ...special import deviance
from ...special._derivatives import elementwise

REACH = 0.47  #: the power of the smallest float below which shares are known by their logarithms


def _log_mean(a: Tensor, n: Tensor, x: Tensor) -> Tensor:
    """log(n x / a), also where the product is no normal float."""
    mean = n * x
    held = (mean >= torch.finfo(x.dtype).tiny) & (mean < math.inf)
    return torch.where(held, torch.where(held, mean, 1.0).log(), n.log() + x.log()) - a.log()


_slope = elementwise(lambda a, n, x: -1 / a, lambda a, n, x: 1 / n, lambda a, n, x: 1 / x, wide=True)(_log_mean)


@elementwise(_slope, lambda a, n, x: a / n - x, lambda a, n, x: (a - 1) / x - n, wide=True)
def share_density(a: Tensor, n: Tensor, x: Tensor) -> Tensor:
    r"""What one share x > 0 adds to a Dirichlet log-density, or what a gamma one with rate n is but for a constant.

    .. math:: a \log(n x / a) + a - n x - \log x

    Derivatives of all orders are those of this sum, not those of a deviance, whose parts cancel far from x = a / n.
    """
    mean = n * x
    held = (mean >= torch.finfo(x.dtype).tiny) & (mean < math.inf)
    near = -deviance(a, torch.where(held, mean, a))
    return torch.where(held, near, a * (n.log() + x.log() - a.log()) + a - mean) - x.log()


def share_term(a: Tensor, n: Tensor, x: Tensor, log_x: Tensor) -> Tensor:
    """The same by a logarithm that may underflow as a share."""
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


def _odds_slope(a: Tensor, b: Tensor, odds: Tensor) -> Tensor:
    return torch.log1p(b / a) + logsigmoid(odds)


def _odds_rise(a: Tensor, b: Tensor, odds: Tensor) -> Tensor:
    """By the smaller share, whose derivatives keep their digits."""
    low = odds < 0
    least = (a + b) * torch.sigmoid(torch.where(low, odds, -odds))
    return torch.where(low, a - least, least - b)


@elementwise(_odds_slope, lambda a, b, odds: _odds_slope(b, a, -odds), _odds_rise, wide=True)
def odds_fit(a: Tensor, b: Tensor, odds: Tensor) -> Tensor:
    """How well two shares whose log-odds are given fit the counts a and b: the sum of both, as :func:`share_fit`."""
    n = a + b
    first = share_fit(a, n, torch.sigmoid(odds), logsigmoid(odds))
    return first + share_fit(b, n, torch.sigmoid(-odds), logsigmoid(-odds))
