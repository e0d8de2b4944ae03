r"""The logarithm of the gamma function and its derivatives, with accurate derivatives of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ._derivatives import elementwise

# The recurrences step up by SHIFT, where the asymptotic series hold.
SHIFT = 8
# B_2k / 2k for k = 1, 2, ...: digamma(z) = log z - 1/(2z) - sum of these over z^2k (DLMF 5.11.2)
DIGAMMA_SERIES = (
    1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760,
    1 / 12, -3617 / 8160, 43867 / 14364, -174611 / 6600, 77683 / 276,
)  # fmt: skip
BERNOULLI = tuple(2 * k * c for k, c in enumerate(DIGAMMA_SERIES, start=1))


def steps(a: Tensor) -> Tensor:
    """The arguments a, a + 1, ..., a + SHIFT - 1 of the recurrences, in a new last dimension."""
    return a.unsqueeze(-1) + torch.arange(SHIFT, dtype=a.dtype, device=a.device)


def horner(coefficients: Sequence[float], x: Tensor) -> Tensor:
    """The polynomial with the given coefficients, that of x^0 first."""
    total = torch.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        total = total * x + c
    return total


def _lag_slope(a: Tensor) -> Tensor:
    return -trigamma_excess(a)


@elementwise(_lag_slope, wide=True, native="log_minus_digamma")
def log_minus_digamma(a: Tensor) -> Tensor:
    r""":math:`\log a - \psi(a) > 0`, which tends to 1/(2a).

    .. math:: \log(a+n) - \psi(a+n) + \sum_{k<n} \left[\frac{1}{a+k} - \log\left(1 + \frac{1}{a+k}\right)\right]

    with n = 8 and the asymptotic series at a + n.

    Args:
        a: positive.

    References:
        DLMF 5.5.2, 5.11.2.

    Example:
        >>> log_minus_digamma(torch.tensor(1e6))
        tensor(5.0000e-07)
    """
    u, step = 1 / (a + SHIFT), 1 / steps(a)
    series = (0.5 + horner(DIGAMMA_SERIES, u * u) * u) * u
    return torch.where(a == 0, math.inf, series + (step - torch.log1p(step)).sum(-1))


@elementwise(wide=True, native="trigamma_excess")
def trigamma_excess(a: Tensor) -> Tensor:
    r""":math:`\psi'(a) - 1/a > 0`, which tends to :math:`1/(2a^2)`.

    .. math:: \psi'(a+n) - \frac{1}{a+n} + \sum_{k<n} \frac{1}{(a+k)^2 (a+k+1)}

    with n = 8 and the asymptotic series at a + n.

    Args:
        a: positive.

    References:
        DLMF 5.15.5, 5.15.8.

    Example:
        >>> trigamma_excess(torch.tensor(1.0))
        tensor(0.6449)
    """
    u, step = 1 / (a + SHIFT), 1 / steps(a)
    series = (0.5 + horner(BERNOULLI, u * u) * u) * (u * u)
    return series + (step * step / (steps(a) + 1)).sum(-1)


@elementwise(wide=True, native="trigamma")
def trigamma(x: Tensor) -> Tensor:
    r"""The trigamma function :math:`\psi'(x) = \zeta(2, x)` for x > 0, to full accuracy.

    Args:
        x: positive.

    References:
        DLMF 5.15, 25.11.12.

    Example:
        >>> trigamma(torch.tensor([1.0, 1e6]))
        tensor([1.6449e+00, 1.0000e-06])
    """
    return 1 / x + trigamma_excess(x)


@elementwise(trigamma, wide=True, native="digamma")
def digamma(x: Tensor) -> Tensor:
    r"""The digamma function :math:`\psi(x)` for x > 0, the derivative of :func:`lgamma`.

    Args:
        x: positive.

    Example:
        >>> digamma(torch.tensor([1.0, 1e6]))
        tensor([-0.5772, 13.8155])
    """
    return torch.log(x) - log_minus_digamma(x)


@elementwise(digamma, native="lgamma")
def lgamma(x: Tensor) -> Tensor:
    r""":math:`\log\Gamma(x)` for x > 0, with accurate derivatives of every order.

    Args:
        x: positive.

    Example:
        >>> lgamma(torch.tensor([3.0, 11.0]))
        tensor([ 0.6931, 15.1044])
    """
    return torch.lgamma(x)


@elementwise(
    lambda a, b: torch.polygamma(2, a + b) - torch.polygamma(2, a),
    lambda a, b: torch.polygamma(2, a + b),
)
def _trigamma_difference(a: Tensor, b: Tensor) -> Tensor:
    r""":math:`\psi'(a+b) - \psi'(a)`, in the way of :func:`digamma_difference`."""
    endless = (b == math.inf) & (a < math.inf)
    b = torch.where(endless, 1.0, b)
    u, v = 1 / (a + SHIFT), 1 / (a + b + SHIFT)
    inverse, moved = 1 / steps(a), 1 / steps(a + b)
    step = b * u * v
    total = step + 0.5 * step * (u + v) + (b.unsqueeze(-1) * inverse * moved * (inverse + moved)).sum(-1)
    # u^(2k+1) - v^(2k+1), from that for k - 1
    gap, power, first = step, v, step * (u + v)
    for c in BERNOULLI:
        gap = u * u * gap + power * first
        power = power * (v * v)
        total = total + c * gap
    return -torch.where(endless, trigamma(a), total)


@elementwise(_trigamma_difference, lambda a, b: trigamma(a + b), wide=True, native="digamma_difference")
def digamma_difference(a: Tensor, b: Tensor) -> Tensor:
    r""":math:`\psi(a+b) - \psi(a)`, to full relative accuracy for b much smaller than a.

    .. math:: \sum_{k<n} \frac{b}{(a+k)(a+b+k)} + \psi(a+n+b) - \psi(a+n)

    with n = 8, the last difference taken term by term in the asymptotic series, by
    :math:`u^{k+1} - v^{k+1} = u\,(u^k - v^k) + v^k (u - v)`.

    Args:
        a: positive.
        b: not negative.

    References:
        DLMF 5.5.2, 5.11.2.

    Example:
        >>> digamma_difference(torch.tensor([1e8, 1.0]), torch.tensor([1e-8, 1.0]))
        tensor([1.0000e-16, 1.0000e+00])
    """
    endless = (b == math.inf) & (a < math.inf)
    b = torch.where(endless, 1.0, b)
    u, v = 1 / (a + SHIFT), 1 / (a + b + SHIFT)
    inverse, moved, shift = 1 / steps(a), 1 / steps(a + b), b.unsqueeze(-1)
    # Two forms of one term: each has derivatives without cancellation on its side.
    terms = torch.where(shift * inverse < 1, shift * inverse * moved, inverse - moved)
    step = b * u * v
    total = torch.log1p(b * u) + 0.5 * step + terms.sum(-1)
    gap = first = step * (u + v)
    power = v * v
    for c in DIGAMMA_SERIES:
        total = total + c * gap
        gap = u * u * gap + power * first
        power = power * (v * v)
    return torch.where(endless, math.inf, total)


def multigammaln(a: Tensor, p: int) -> Tensor:
    r"""The logarithm of the multivariate gamma function.

    .. math:: \log\Gamma_p(a) = \frac{p(p-1)}{4} \log\pi + \sum_{j=0}^{p-1} \log\Gamma(a - j/2)

    Args:
        a: greater than (p - 1)/2.
        p: the dimension, at least 1.

    Raises:
        ValueError: p is less than 1.

    References:
        DLMF 35.3.

    Example:
        >>> multigammaln(torch.tensor(3.0), 2)
        tensor(1.5502)
    """
    if p < 1:
        raise ValueError(f"multigammaln: the dimension p must be at least 1, got {p}")
    halves = torch.arange(p, dtype=a.dtype, device=a.device).reshape(p, *(1,) * a.dim()) / 2
    return p * (p - 1) / 4 * math.log(math.pi) + lgamma(a - halves).sum(0)
