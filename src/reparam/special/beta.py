r"""The incomplete beta function, its complement and their logarithms, for any split of the unit interval."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ._beta_tail import Share, Tail, share, tail
from ._derivatives import elementwise
from .gamma import BLOCK, complement
from .logs import log1mexp

Function = Callable[..., Tensor]


def _tail(a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> tuple[Tail, Share]:
    """The smaller tail at u : v, and the point; at the ends those of some other point."""
    end = _is_zero(u, v) | _is_zero(v, u)
    at = share(torch.where(end, 1.0, u), torch.where(end, 1.0, v))
    return tail(a, b, at), at


def _is_zero(u: Tensor, v: Tensor) -> Tensor:
    return (u == 0) | (v == math.inf)


def _with_limits(u: Tensor, v: Tensor, value: Tensor, zero: Tensor | float, one: Tensor | float) -> Tensor:
    return torch.where(_is_zero(u, v), zero, torch.where(_is_zero(v, u), one, value))


def _cdf(a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> Tensor:
    part, _ = _tail(a, b, u, v)
    value = torch.where(part.upper, complement(part.log_value), torch.exp(part.log_value))
    return _with_limits(u, v, value, 0.0, 1.0)


def _log_cdf(a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> Tensor:
    part, _ = _tail(a, b, u, v)
    value = torch.where(part.upper, log1mexp(part.log_value), part.log_value)
    return _with_limits(u, v, value, -math.inf, 0.0)


def _slope(first: bool) -> Function:
    """The derivative of the value in a or b."""

    def slope(a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> Tensor:
        part, _ = _tail(a, b, u, v)
        rate = part.slope_a if first else part.slope_b
        value = torch.exp(part.log_value) * torch.where(part.upper, -rate, rate)
        return _with_limits(u, v, value, 0.0, 0.0)

    return slope


def _log_slope(first: bool) -> Function:
    """The derivative of the logarithm in a or b."""

    def slope(a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> Tensor:
        part, _ = _tail(a, b, u, v)
        rate = part.slope_a if first else part.slope_b
        odds = torch.exp(part.log_value - log1mexp(part.log_value))
        value = torch.where(part.upper, -rate * odds, rate)
        return _with_limits(u, v, value, -math.inf if first else 0.0, 0.0)

    return slope


def _share_of_change(logarithm: bool, part: Tail) -> Tensor:
    """The logarithm of the tail, over the value where that is a logarithm."""
    if not logarithm:
        return part.log_value
    return torch.where(part.upper, part.log_value - log1mexp(part.log_value), 0.0)


def _density(logarithm: bool) -> Function:
    """The derivative of the value, or of its logarithm, in x = u / (u + v), with its limits."""

    def density(a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> Tensor:
        part, at = _tail(a, b, u, v)
        value = torch.exp(_share_of_change(logarithm, part) + part.log_hazard - at.log_x - at.log_z)
        at_zero = math.inf if logarithm else torch.where(a < 1, math.inf, torch.where(a > 1, 0.0, b))
        at_one = torch.where(b < 1, math.inf, torch.where(b > 1, 0.0, a))
        return _with_limits(u, v, value, at_zero, at_one)

    return density


def _of_share(f: Function, reflected: bool = False, sign: int = 1) -> Function:
    """A function of (a, b, u : v) as one of (a, b, x), or of the reflected law."""

    def at_x(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
        y = 1 - x
        value = f(b, a, y, x) if reflected else f(a, b, x, y)
        return sign * torch.where((x < 0) | (x > 1), math.nan, value)

    return at_x


def _of_odds(logarithm: bool, first: bool) -> Function:
    """The derivative in u or v: by the density of the logit, which no ratio of u and v overflows."""

    def slope(a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> Tensor:
        part, _ = _tail(a, b, u, v)
        end, total = _is_zero(u, v) | _is_zero(v, u), u + v
        log_size = torch.where(end, 1.0, u if first else v).log()
        inner = torch.exp(_share_of_change(logarithm, part) + part.log_hazard - log_size)
        outer = _density(logarithm)(a, b, u, v) * ((v if first else u) / total / total)
        # log I is close to a log(u / v) there
        outer = torch.where(_is_zero(u, v), a / (u if first else v), outer) if logarithm else outer
        value = torch.where(end, outer, inner)
        return value if first else -value

    return slope


def _partials(slope: Callable[[bool], Function], density: Function, reflected: bool = False) -> tuple[Function, ...]:
    """The derivatives in a, b and x."""
    slopes = (_of_share(slope(first != reflected), reflected) for first in (True, False))
    return *slopes, _of_share(density, reflected, -1 if reflected else 1)


def _odds_partials(slope: Callable[[bool], Function], logarithm: bool) -> tuple[Function, ...]:
    """The derivatives in a, b, u and v."""
    return slope(True), slope(False), _of_odds(logarithm, True), _of_odds(logarithm, False)


@elementwise(*_partials(_slope, _density(False)), wide=True, block=BLOCK, native="betainc")
def betainc(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    r"""The regularised incomplete beta function, the distribution function of the beta law.

    .. math:: I_x(a, b) = \frac{1}{B(a, b)} \int_0^x s^{a-1} (1-s)^{b-1}\,ds

    Args:
        a: positive.
        b: positive.
        x: in [0, 1]; values outside give NaN.

    References:
        DLMF 8.17.2.

    Example:
        >>> betainc(torch.tensor([1.0, 1e6]), torch.tensor([2.0, 1e6]), torch.tensor([1e-10, 0.5]))
        tensor([2.0000e-10, 5.0000e-01])
    """
    return _of_share(_cdf)(a, b, x)


@elementwise(*_partials(_slope, _density(False), True), wide=True, block=BLOCK, native="betaincc")
def betaincc(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    r"""The complement :math:`1 - I_x(a, b)`, never by that difference.

    Args:
        a: positive.
        b: positive.
        x: in [0, 1]; values outside give NaN.

    References:
        DLMF 8.17.4.

    Example:
        >>> betaincc(torch.tensor([1.0, 1e6]), torch.tensor([40.0, 1e6]), torch.tensor([0.9, 0.502]))
        tensor([1.0000e-40, 7.7109e-09])
    """
    return _of_share(_cdf, True)(a, b, x)


@elementwise(*_partials(_log_slope, _density(True)), wide=True, block=BLOCK, native="log_betainc")
def log_betainc(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    r""":math:`\log I_x(a, b)`, finite where I underflows and accurate where it is close to 1.

    Args:
        a: positive.
        b: positive.
        x: in [0, 1]; values outside give NaN.

    Example:
        >>> log_betainc(torch.tensor(1000.0), torch.tensor(10.0), torch.tensor([0.1, 0.999]))
        tensor([-2.2541e+03, -1.1658e-07])
    """
    return _of_share(_log_cdf)(a, b, x)


@elementwise(*_partials(_log_slope, _density(True), True), wide=True, block=BLOCK, native="log_betaincc")
def log_betaincc(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    r""":math:`\log (1 - I_x(a, b))`, finite where its argument underflows and accurate where that is close to 1.

    Args:
        a: positive.
        b: positive.
        x: in [0, 1]; values outside give NaN.

    Example:
        >>> log_betaincc(torch.tensor(1.0), torch.tensor(1000.0), torch.tensor([1e-10, 0.75]))
        tensor([-1.0000e-07, -1.3863e+03])
    """
    return _of_share(_log_cdf, True)(a, b, x)


@elementwise(*_odds_partials(_slope, False), wide=True, block=BLOCK, native="betainc_odds")
def betainc_odds(a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> Tensor:
    r""":math:`I_x(a, b)` at x = u / (u + v): of two parts that are both known exactly, however small.

    Its complement is ``betainc_odds(b, a, v, u)``.

    Args:
        a: positive.
        b: positive.
        u: the part below, not negative.
        v: the part above, not negative.

    Example:
        >>> betainc_odds(torch.tensor(2.0), torch.tensor(1.0), torch.tensor(1.0), torch.tensor([1.0, 1e10]))
        tensor([2.5000e-01, 1.0000e-20])
    """
    return _cdf(a, b, u, v)


@elementwise(*_odds_partials(_log_slope, True), wide=True, block=BLOCK, native="log_betainc_odds")
def log_betainc_odds(a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> Tensor:
    r""":math:`\log I_x(a, b)` at x = u / (u + v), with both parts known exactly.

    Args:
        a: positive.
        b: positive.
        u: the part below, not negative.
        v: the part above, not negative.

    Example:
        >>> log_betainc_odds(torch.tensor(1.0), torch.tensor(1.0), torch.tensor(1.0), torch.tensor([1.0, 1e30]))
        tensor([ -0.6931, -69.0776])
    """
    return _log_cdf(a, b, u, v)
