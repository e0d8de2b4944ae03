r"""The incomplete beta function, its complement and their logarithms, for any split of the unit interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ._beta_tail import Share, Tail, share, tail
from ._derivatives import elementwise
from ._quadrature import BLOCK
from .gamma import complement
from .logs import log1mexp

Function = Callable[..., Tensor]


def _tail(a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> tuple[Tail, Share]:
    """The smaller tail at u : v, and the point; at the ends those of some other point."""
    end = _is_zero(u, v) | _is_zero(v, u)
    at = share(torch.where(end, 1.0, u), torch.where(end, 1.0, v))
    return tail(a, b, at), at


def _is_zero(u: Tensor, v: Tensor) -> Tensor:
    return (u == 0) | (v == math.inf)


def _with_limits(a: Tensor, b: Tensor, u: Tensor, v: Tensor, *cases: Tensor | float) -> Tensor:
    """A value inside, at 0 and at 1; NaN where there is no law or no point."""
    value, zero, one = cases
    value = torch.where(_is_zero(u, v), zero, torch.where(_is_zero(v, u), one, value))
    return torch.where((a > 0) & (b > 0) & _is_point(u, v), value, math.nan)


def _is_point(u: Tensor, v: Tensor) -> Tensor:
    return (u >= 0) & (v >= 0) & (u + v > 0)


def _cdf(a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> Tensor:
    part, _ = _tail(a, b, u, v)
    value = torch.where(part.upper, complement(part.log_value), torch.exp(part.log_value))
    return _with_limits(a, b, u, v, value, 0.0, 1.0)


def _log_cdf(a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> Tensor:
    part, _ = _tail(a, b, u, v)
    value = torch.where(part.upper, log1mexp(part.log_value), part.log_value)
    return _with_limits(a, b, u, v, value, -math.inf, 0.0)


class _Slopes(NamedTuple):
    """The derivatives in a, b and x = u / (u + v), with their limits; inside, the logarithm of the density of logit x.

    Where they are those of the logarithm of the value, that density is over the value.
    """

    in_a: Tensor
    in_b: Tensor
    density: Tensor
    log_rate: Tensor


def _slopes(logarithm: bool, a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> _Slopes:
    """The derivatives of the value, or of its logarithm."""
    part, at = _tail(a, b, u, v)
    log_share = part.log_value
    if logarithm:
        log_share = torch.where(part.upper, log_share - log1mexp(log_share), 0.0)
    share_of_change = torch.where(part.upper, -1.0, 1.0) * torch.exp(log_share)
    log_rate = log_share + part.log_hazard
    at_zero = math.inf if logarithm else torch.where(a < 1, math.inf, torch.where(a > 1, 0.0, b))
    at_one = torch.where(b < 1, math.inf, torch.where(b > 1, 0.0, a))
    return _Slopes(
        _with_limits(a, b, u, v, share_of_change * part.slope_a, -math.inf if logarithm else 0.0, 0.0),
        _with_limits(a, b, u, v, share_of_change * part.slope_b, 0.0, 0.0),
        _with_limits(a, b, u, v, torch.exp(log_rate - at.log_x - at.log_z), at_zero, at_one),
        log_rate,
    )


def _of_share(f: Function, reflected: bool = False) -> Function:
    """A function of (a, b, u : v) as one of (a, b, x), or of the reflected law."""

    def at_x(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
        y = 1 - x
        value = f(b, a, y, x) if reflected else f(a, b, x, y)
        return torch.where((x < 0) | (x > 1), math.nan, value)

    return at_x


def _partials(logarithm: bool, reflected: bool = False) -> Callable[..., tuple[Tensor, ...]]:
    """The derivatives in a, b and x, of the law or of the reflected one."""

    def partials(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        y, outside = 1 - x, (x < 0) | (x > 1)
        if reflected:
            in_b, in_a, density, _ = _slopes(logarithm, b, a, y, x)
            density = -density
        else:
            in_a, in_b, density, _ = _slopes(logarithm, a, b, x, y)
        return tuple(torch.where(outside, math.nan, slope) for slope in (in_a, in_b, density))

    return partials


def _odds_partials(logarithm: bool) -> Callable[..., tuple[Tensor, ...]]:
    """The derivatives in a, b, u and v: the last two by the density of the logit, which no ratio of them overflows."""

    def partials(a: Tensor, b: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, ...]:
        in_a, in_b, density, log_rate = _slopes(logarithm, a, b, u, v)
        end, whole = _is_zero(u, v) | _is_zero(v, u), (u == math.inf) | (v == math.inf)
        total = torch.where(whole, 1.0, u + v)

        def in_part(part: Tensor, other: Tensor) -> Tensor:
            inner = torch.exp(log_rate - torch.where(end, 1.0, part).log())
            outer = density * torch.where(whole, 0.0, torch.where(whole, 1.0, other) / total / total)
            # log I is close to a log(u / v) there
            outer = torch.where(_is_zero(u, v), a / part, outer) if logarithm else outer
            return torch.where((a > 0) & (b > 0) & _is_point(u, v), torch.where(end, outer, inner), math.nan)

        return in_a, in_b, in_part(u, v), -in_part(v, u)

    return partials


@elementwise(_partials(False), wide=True, block=BLOCK, native="betainc")
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


@elementwise(_partials(False, True), wide=True, block=BLOCK, native="betaincc")
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


@elementwise(_partials(True), wide=True, block=BLOCK, native="log_betainc")
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


@elementwise(_partials(True, True), wide=True, block=BLOCK, native="log_betaincc")
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


@elementwise(_odds_partials(False), wide=True, block=BLOCK, native="betainc_odds")
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


@elementwise(_odds_partials(True), wide=True, block=BLOCK, native="log_betainc_odds")
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
