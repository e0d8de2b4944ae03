"""The inverses of the incomplete beta function, of probabilities and of their logarithms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ._beta_inverse import at_logit, last_step, log_rate, lower_logit
from ._beta_tail import tail
from ._derivatives import elementwise
from ._quadrature import BLOCK
from .logs import log1mexp


class _Problem(NamedTuple):
    """The law, reflected or not, and the logarithm of the probability p <= 1/2 that shall lie below."""

    a: Tensor
    b: Tensor
    log_p: Tensor
    reflected: Tensor


@dataclass(frozen=True)
class _Inverse:
    """An inverse of I or, if ``upper``, of its complement, of a probability or, if ``log``, of its logarithm.

    Its value is x or, if ``odds``, x / (1 - x).
    """

    upper: bool
    log: bool
    odds: bool = False

    def problem(self, a: Tensor, b: Tensor, given: Tensor) -> _Problem:
        """What is solved, for what is given; outside of the open interval, for something else."""
        inside = (given < 0) & (given > -math.inf) if self.log else (given > 0) & (given < 1)
        own = torch.where(inside, given, -0.5 if self.log else 0.5)
        own, other = (own, log1mexp(own)) if self.log else (own.log(), torch.log1p(-own))
        low, high = (other, own) if self.upper else (own, other)
        reflected = high < low
        p, q = torch.where(reflected, b, a), torch.where(reflected, a, b)
        return _Problem(p, q, torch.where(reflected, high, low), reflected)

    def ends(self, given: Tensor, value: Tensor, zero: Tensor | float, one: Tensor | float) -> Tensor:
        """The value, with what it is where x is 0 and where it is 1."""
        least, most = (-math.inf, 0.0) if self.log else (0.0, 1.0)
        first, last = (most, least) if self.upper else (least, most)
        value = torch.where((given < least) | (given > most) | given.isnan(), math.nan, value)
        return torch.where(given == first, zero, torch.where(given == last, one, value))

    def formula(self, a: Tensor, b: Tensor, given: Tensor) -> Tensor:
        """The quantile, with first derivatives by autograd, inside."""
        law = self.problem(a, b, given)
        y = lower_logit(law.a, law.b, law.log_p)
        with torch.no_grad():
            rest = last_step(law.a, law.b, law.log_p, y)
        if self.odds:
            sign = torch.where(law.reflected, -1.0, 1.0)
            return self.ends(given, torch.exp(sign * y) * torch.exp(-sign * rest), 0.0, math.inf)
        # the smaller one of the quantile and its complement, so that the derivative does not cancel
        over = y > 0
        sign = torch.where(over, -1.0, 1.0)
        part = torch.sigmoid(sign * y) * (1 - sign * rest * torch.sigmoid(-sign * y))
        return self.ends(given, torch.where(over == law.reflected, part, 1 - part), 0.0, 1.0)

    def log_scale(self, law: _Problem, y: Tensor) -> Tensor:
        """The logarithm of the derivative of the quantile in its logit, up to sign."""
        return torch.where(law.reflected, -y, y) if self.odds else logsigmoid(y) + logsigmoid(-y)

    def partials(self, a: Tensor, b: Tensor, given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The derivatives in a, b and what is given."""
        law = self.problem(a, b, given)
        y = lower_logit(law.a, law.b, law.log_p)
        part, log_scale = tail(law.a, law.b, at_logit(y)), self.log_scale(law, y)
        size = torch.exp(log_scale - part.log_hazard)
        size = torch.where(part.upper == law.reflected, -size, size)
        far = math.inf if self.odds else 0.0
        in_a = self.ends(given, size * torch.where(law.reflected, part.slope_b, part.slope_a), 0.0, far)
        in_b = self.ends(given, size * torch.where(law.reflected, part.slope_a, part.slope_b), 0.0, far)

        log_size = log_scale + log_rate(law.a, law.b, law.log_p, y)
        if self.log:
            log_odds = law.log_p - log1mexp(law.log_p)
            log_size = torch.where(law.reflected == self.upper, log_size, log_size - log_odds)
        else:
            log_size = log_size - law.log_p
        zero = 0.0 if self.log and not self.upper else _edge(a, b)
        one = math.inf if self.odds else 0.0 if self.log and self.upper else _edge(b, a)
        rate = self.ends(given, torch.exp(log_size), zero, one)
        return in_a, in_b, -rate if self.upper else rate


def _edge(shape: Tensor, other: Tensor) -> Tensor:
    """One over the density at an end."""
    return torch.where(shape > 1, math.inf, torch.where(shape < 1, 0.0, 1 / other))


_OF_P, _OF_Q = _Inverse(False, False), _Inverse(True, False)
_OF_LOG_P, _OF_LOG_Q = _Inverse(False, True), _Inverse(True, True)
_ODDS, _UPPER_ODDS = _Inverse(False, False, odds=True), _Inverse(True, False, odds=True)


@elementwise(_OF_P.partials, wide=True, block=BLOCK, native="betaincinv")
def betaincinv(a: Tensor, b: Tensor, p: Tensor) -> Tensor:
    r"""The x with :math:`I_x(a, b) = p`: the quantile function of the beta law.

    Args:
        a: positive.
        b: positive.
        p: a probability; values outside [0, 1] give NaN.

    References:
        Gil, Segura and Temme, Efficient algorithms for the inversion of the cumulative central beta distribution, 2017.

    Example:
        >>> betaincinv(torch.tensor([1.0, 1e6]), torch.tensor([2.0, 1e6]), torch.tensor([1e-10, 0.5]))
        tensor([5.0000e-11, 5.0000e-01])
    """
    return _OF_P.formula(a, b, p)


@elementwise(_OF_Q.partials, wide=True, block=BLOCK, native="betainccinv")
def betainccinv(a: Tensor, b: Tensor, q: Tensor) -> Tensor:
    r"""The x with :math:`1 - I_x(a, b) = q`, accurate at the smallest q.

    Args:
        a: positive.
        b: positive.
        q: a probability; values outside [0, 1] give NaN.

    Example:
        >>> betainccinv(torch.tensor(1.0), torch.tensor(100.0), torch.tensor([1e-30, 0.5]))
        tensor([0.4988, 0.0069])
    """
    return _OF_Q.formula(a, b, q)


@elementwise(_OF_LOG_P.partials, wide=True, block=BLOCK, native="betaincinv_exp")
def betaincinv_exp(a: Tensor, b: Tensor, log_p: Tensor) -> Tensor:
    r"""The x with :math:`\log I_x(a, b)` as given: the inverse of :func:`log_betainc`.

    Args:
        a: positive.
        b: positive.
        log_p: logarithm of a probability; a positive one gives NaN.

    Example:
        >>> betaincinv_exp(torch.tensor(1000.0), torch.tensor(10.0), torch.tensor([-2254.1, -0.5]))
        tensor([0.1000, 0.9912])
    """
    return _OF_LOG_P.formula(a, b, log_p)


@elementwise(_OF_LOG_Q.partials, wide=True, block=BLOCK, native="betainccinv_exp")
def betainccinv_exp(a: Tensor, b: Tensor, log_q: Tensor) -> Tensor:
    r"""The x with :math:`\log(1 - I_x(a, b))` as given: the inverse of :func:`log_betaincc`.

    Args:
        a: positive.
        b: positive.
        log_q: logarithm of a probability; a positive one gives NaN.

    Example:
        >>> betainccinv_exp(torch.tensor(1.0), torch.tensor(1000.0), torch.tensor([-1e-7, -1386.3]))
        tensor([1.0000e-10, 7.5000e-01])
    """
    return _OF_LOG_Q.formula(a, b, log_q)


@elementwise(_ODDS.partials, wide=True, block=BLOCK, native="betaincinv_odds")
def betaincinv_odds(a: Tensor, b: Tensor, p: Tensor) -> Tensor:
    r"""The odds x / (1 - x) of the x with :math:`I_x(a, b) = p`, however small or large.

    For a given complement q it is the reciprocal of ``betaincinv_odds(b, a, q)``.

    Args:
        a: positive.
        b: positive.
        p: a probability; values outside [0, 1] give NaN.

    Example:
        >>> betaincinv_odds(torch.tensor(1.0), torch.tensor([1.0, 0.1]), torch.tensor([0.75, 0.9]))
        tensor([3.0000e+00, 1.0000e+10])
    """
    return _ODDS.formula(a, b, p)


@elementwise(_UPPER_ODDS.partials, value=lambda a, b, q: 1 / betaincinv_odds(b, a, q), wide=True, block=BLOCK)
def betainccinv_odds(a: Tensor, b: Tensor, q: Tensor) -> Tensor:
    r"""The odds x / (1 - x) of the x with :math:`1 - I_x(a, b) = q`, however small or large.

    Args:
        a: positive.
        b: positive.
        q: a probability; values outside [0, 1] give NaN.

    Example:
        >>> betainccinv_odds(torch.tensor(1.0), torch.tensor(0.1), torch.tensor(0.1))
        tensor(1.0000e+10)
    """
    return _UPPER_ODDS.formula(a, b, q)
