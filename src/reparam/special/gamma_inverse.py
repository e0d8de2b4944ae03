r"""The inverses of the incomplete gamma functions, of probabilities and of their logarithms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ._derivatives import SpecialFunction, elementwise
from ._gamma_inverse import Level, attach, level, log_hazard, solve
from .gamma import BLOCK, log_gamma_quantile_grad


@dataclass(frozen=True)
class _Inverse:
    """An inverse of P or, if ``upper``, of Q, of a probability or, if ``log``, of its logarithm."""

    upper: bool
    log: bool

    def level(self, given: Tensor) -> Level:
        """The level of what is given; outside of the open interval, some other one."""
        inside = (given < 0) & (given > -math.inf) if self.log else (given > 0) & (given < 1)
        return level(torch.where(inside, given, -0.5 if self.log else 0.5), self.upper, self.log)

    def ends(self, given: Tensor, value: Tensor, zero: Tensor | float, infinity: float = math.inf) -> Tensor:
        """The value, with what it is where the quantile is 0 and where it is infinite."""
        least, most = (-math.inf, 0.0) if self.log else (0.0, 1.0)
        first, last = (most, least) if self.upper else (least, most)
        value = torch.where((given < least) | (given > most) | given.isnan(), math.nan, value)
        return torch.where(given == first, zero, torch.where(given == last, infinity, value))

    def value(self, a: Tensor, given: Tensor) -> Tensor:
        """The quantile, without derivatives."""
        return self.ends(given, solve(a, self.level(given))[0], 0.0)

    def formula(self, a: Tensor, given: Tensor) -> Tensor:
        """The quantile, with first derivatives by autograd."""
        at = self.level(given)
        x, y = solve(a, at)
        return self.ends(given, x * torch.exp(attach(a, at, y)), 0.0)

    def logarithm(self) -> SpecialFunction:
        """The logarithm of the quantile, for levels inside."""

        def slopes(a: Tensor, given: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            return log_gamma_quantile_grad(a, y), self.rate(a, given, y, 0.0)

        @elementwise(slopes, of_value=True, wide=True, block=BLOCK)
        def log_quantile(a: Tensor, given: Tensor) -> Tensor:
            return solve(a, self.level(given))[1]

        return log_quantile

    def rate(self, a: Tensor, given: Tensor, y: Tensor, log_factor: Tensor | float) -> Tensor:
        """The derivative of y, the logarithm of the quantile, in what is given, times a factor."""
        at = self.level(given)
        above, hazard = log_hazard(a, at, y)
        share = log_factor - hazard - torch.where(above, at.upper, at.lower)
        if self.log:
            own = at.upper if self.upper else at.lower
            share = torch.where(above == self.upper, log_factor - hazard, share + own)
        return -torch.exp(share) if self.upper else torch.exp(share)

    def partials(self) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """The derivatives of the quantile in a and in what is given."""
        log_quantile = self.logarithm()

        def partials(a: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
            y = log_quantile(a, given)
            x = y.exp()
            slope = log_gamma_quantile_grad(a, torch.where(x == 0, 0.0, y))
            sign = -1.0 if self.upper else 1.0
            zero = 0.0 if self.log else torch.where(a > 1, sign * math.inf, torch.where(a < 1, 0.0, sign))
            rate = self.rate(a, given, y, y)
            return self.ends(given, x * slope, 0.0), self.ends(given, rate, zero, sign * math.inf)

        return partials


_OF_P, _OF_Q = _Inverse(False, False), _Inverse(True, False)
_OF_LOG_P, _OF_LOG_Q = _Inverse(False, True), _Inverse(True, True)


@elementwise(_OF_P.partials(), value=_OF_P.value, wide=True, block=BLOCK, native="gammaincinv")
def gammaincinv(a: Tensor, p: Tensor) -> Tensor:
    r"""The x with :math:`P(a, x) = p`: the quantile function of the gamma law with rate 1.

    Args:
        a: positive.
        p: a probability; values outside [0, 1] give NaN. At 0 the result is 0, at 1 infinity.

    References:
        DiDonato and Morris, Computation of the incomplete gamma function ratios and their inverse, 1986.

    Example:
        >>> gammaincinv(torch.tensor([1.0, 1e6]), torch.tensor([1e-10, 0.5]))
        tensor([1.0000e-10, 1.0000e+06])
    """
    return _OF_P.formula(a, p)


@elementwise(_OF_Q.partials(), value=_OF_Q.value, wide=True, block=BLOCK, native="gammainccinv")
def gammainccinv(a: Tensor, q: Tensor) -> Tensor:
    r"""The x with :math:`Q(a, x) = q`, accurate at the smallest q.

    Args:
        a: positive.
        q: a probability; values outside [0, 1] give NaN. At 0 the result is infinity, at 1 it is 0.

    References:
        DiDonato and Morris, Computation of the incomplete gamma function ratios and their inverse, 1986.

    Example:
        >>> gammainccinv(torch.tensor([1.0, 1e-8]), torch.tensor([1e-30, 1e-8]))
        tensor([69.0776,  0.2647])
    """
    return _OF_Q.formula(a, q)


@elementwise(_OF_LOG_P.partials(), value=_OF_LOG_P.value, wide=True, block=BLOCK, native="gammaincinv_exp")
def gammaincinv_exp(a: Tensor, log_p: Tensor) -> Tensor:
    r"""The x with :math:`\log P(a, x)` as given: the inverse of :func:`log_gammainc`.

    Args:
        a: positive.
        log_p: logarithm of a probability; a positive one gives NaN.

    Example:
        >>> gammaincinv_exp(torch.tensor(1000.0), torch.tensor([-5913.1, -1.2882e-9]))
        tensor([1.0000e+00, 1.2000e+03])
    """
    return _OF_LOG_P.formula(a, log_p)


@elementwise(_OF_LOG_Q.partials(), value=_OF_LOG_Q.value, wide=True, block=BLOCK, native="gammainccinv_exp")
def gammainccinv_exp(a: Tensor, log_q: Tensor) -> Tensor:
    r"""The x with :math:`\log Q(a, x)` as given: the inverse of :func:`log_gammaincc`.

    Args:
        a: positive.
        log_q: logarithm of a probability; a positive one gives NaN.

    Example:
        >>> gammainccinv_exp(torch.tensor(1.0), torch.tensor([-1e-10, -1e6]))
        tensor([1.0000e-10, 1.0000e+06])
    """
    return _OF_LOG_Q.formula(a, log_q)


def _reciprocal(of: _Inverse) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """The derivatives of one over a quantile, which are numbers also where those by the quantile itself overflow."""

    def at(x: Tensor) -> tuple[Tensor, Tensor]:
        inside = (x > 0) & (x < math.inf)
        return inside, -torch.where(inside, x, 1.0).log()

    def in_shape(a: Tensor, given: Tensor, x: Tensor) -> Tensor:
        inside, y = at(x)
        slope = torch.where(inside, x, 0.0) * -log_gamma_quantile_grad(a, y)
        return torch.where(inside | (x == 0), slope, -math.inf)

    def in_given(a: Tensor, given: Tensor, x: Tensor) -> Tensor:
        inside, y = at(x)
        return torch.where(inside, -of.rate(a, given, y, -y), math.inf if of.upper else -math.inf)

    return in_shape, in_given


@elementwise(*_reciprocal(_OF_P), value=lambda a, p: 1 / gammaincinv(a, p), of_value=True, wide=True, block=BLOCK)
def reciprocal_gammaincinv(a: Tensor, p: Tensor) -> Tensor:
    r"""One over the x with :math:`P(a, x) = p`: the upper quantile of the inverse gamma law with rate 1.

    Args:
        a: positive.
        p: a probability; values outside [0, 1] give NaN.

    Example:
        >>> reciprocal_gammaincinv(torch.tensor(0.1), torch.tensor(1e-3))
        tensor(1.6466e+30)
    """
    return 1 / _OF_P.formula(a, p)


@elementwise(*_reciprocal(_OF_Q), value=lambda a, q: 1 / gammainccinv(a, q), of_value=True, wide=True, block=BLOCK)
def reciprocal_gammainccinv(a: Tensor, q: Tensor) -> Tensor:
    r"""One over the x with :math:`Q(a, x) = q`: the quantile of the inverse gamma law with rate 1.

    Args:
        a: positive.
        q: a probability; values outside [0, 1] give NaN.

    Example:
        >>> reciprocal_gammainccinv(torch.tensor(1.0), torch.tensor(0.5))
        tensor(1.4427)
    """
    return 1 / _OF_Q.formula(a, q)
