"""The Hurwitz zeta function with both derivatives, and the polygamma functions made of it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ._derivatives import elementwise
from .polygamma import digamma, trigamma

TERMS = 10
# B_2j / (2j)! for j = 1, 2, ...
SERIES = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
    -3617 / 10670622842880000, 43867 / 5109094217170944000, -174611 / 802857662698291200000,
)  # fmt: skip
HIGHEST = 170


class _Rest(NamedTuple):
    """What follows the first powers: z = q + TERMS, the integral beyond, z^-s, its factor and that one's slope in s."""

    z: Tensor
    integral: Tensor
    power: Tensor
    factor: Tensor
    slope: Tensor


def _rest(s: Tensor, q: Tensor) -> _Rest:
    z = q + TERMS
    integral, power = z ** (1 - s) / (s - 1), z**-s
    s = torch.where(power > 0, s, 2.0)
    term, steps = s / z, 1 / s
    total, slope = torch.full_like(s, 0.5), torch.zeros_like(s)
    for j, c in enumerate(SERIES):
        total, slope = total + c * term, slope + c * term * steps
        up = s + (2 * j + 1)
        term, steps = term * (up / z) * ((up + 1) / z), steps + 1 / up + 1 / (up + 1)
    return _Rest(z, integral, power, total, slope)


def _first(q: Tensor) -> Tensor:
    """The numbers q, q + 1, ..., in a new last dimension."""
    return q.unsqueeze(-1) + torch.arange(TERMS, dtype=q.dtype, device=q.device)


def _slope_in_s(s: Tensor, q: Tensor) -> Tensor:
    within = torch.where(q < math.inf, q, 1.0)
    rest, first = _rest(s, within), _first(within)
    few = -(first.log() * first ** -s.unsqueeze(-1)).sum(-1)
    log_z = rest.z.log()
    beyond = rest.power * (rest.slope - log_z * rest.factor) - rest.integral * (log_z + 1 / (s - 1))
    return _valid(s, q, few + beyond)


def _valid(s: Tensor, q: Tensor, value: Tensor) -> Tensor:
    inner = (s > 1) & (q >= 0)
    return torch.where(inner & (q < math.inf), value, torch.where(inner, 0.0, math.nan))


def _slope_in_q(s: Tensor, q: Tensor) -> Tensor:
    value = zeta(s + 1, q)
    return torch.where(s > 1, -torch.where(value == 0, 1.0, s) * value, math.nan)


@elementwise(_slope_in_s, _slope_in_q, wide=True, native="zeta")
def zeta(s: Tensor, q: Tensor) -> Tensor:
    r"""The Hurwitz zeta function :math:`\zeta(s, q) = \sum_{k\ge0} (q + k)^{-s}`; Riemann's for q = 1.

    By the Euler-Maclaurin formula with z = q + n, n = 10:

    .. math:: \sum_{k<n} (q+k)^{-s} + z^{-s} \left[\frac{z}{s-1} + \frac12
              + \sum_{j=1}^{10} \frac{B_{2j}}{(2j)!} \frac{s (s+1) \cdots (s+2j-2)}{z^{2j-1}}\right],

    and its derivatives term by term.

    Args:
        s: greater than 1; otherwise NaN.
        q: positive.

    References:
        DLMF 25.11.1, 25.11.28.

    Example:
        >>> zeta(torch.tensor([2.0, 3.0]), 1.0)
        tensor([1.6449, 1.2021])
    """
    rest = _rest(s, q)
    return _valid(s, q, (_first(q) ** -s.unsqueeze(-1)).sum(-1) + (rest.integral + rest.power * rest.factor))


def polygamma(n: int, x: Tensor | float) -> Tensor:
    r"""The polygamma function :math:`\psi^{(n)}(x)` for x > 0, derivative n of :func:`digamma`.

    .. math:: \psi^{(n)}(x) = (-1)^{n+1}\, n!\, \zeta(n + 1, x), \qquad n \ge 1

    Args:
        n: the order, 0 to 170.
        x: positive.

    Raises:
        ValueError: n is no integer from 0 to 170.

    References:
        DLMF 5.15.1, 25.11.12.

    Example:
        >>> polygamma(2, torch.tensor(1.0))
        tensor(-2.4041)
    """
    if not (isinstance(n, int) and 0 <= n <= HIGHEST):
        raise ValueError(f"polygamma: the order n must be an integer from 0 to {HIGHEST}, got {n!r}")
    if n < 2:
        return trigamma(x) if n else digamma(x)
    x = torch.as_tensor(x)
    wide = x.double() if x.dtype == torch.float32 and x.device.type != "mps" else x
    factor = math.factorial(n) if n % 2 else -math.factorial(n)
    dtype = x.dtype if x.dtype.is_floating_point else torch.get_default_dtype()
    return (float(factor) * zeta(float(n + 1), wide)).to(dtype)
