r"""The standard normal law's distribution function :math:`\Phi`, its logarithm, inverses and relatives."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..kernels import kernel
from ._derivatives import elementwise
from ._quadrature import nodes_and_weights

SQRT_HALF = math.sqrt(0.5)
SQRT_TWO_OVER_PI = math.sqrt(2 / math.pi)
# exp(-EXPONENT) is lost against 1 in float64.
EXPONENT = 40.0
NODES = 32


def _erfcx_integral(t: Tensor) -> Tensor:
    r""":math:`e^{t^2} i^1\!\operatorname{erfc}(t) = \pi^{-1/2} - t \operatorname{erfcx}(t)`, half of -erfcx'.

    For positive t, where the difference cancels, by quadrature of
    :math:`2\pi^{-1/2} \int_0^\infty s\,e^{-s^2 - 2ts}\,ds`.

    References:
        DLMF 7.18.
    """
    direct = t < 0.5
    tail = torch.where(direct, 1.0, t)
    s, weight = nodes_and_weights(EXPONENT / (tail + (tail * tail + EXPONENT).sqrt()).detach(), NODES)
    integral = (weight * s * torch.exp(-s * (s + 2 * tail.unsqueeze(-1)))).sum(-1)
    body = torch.where(direct, t, 0.0)
    return torch.where(
        direct, 1 / math.sqrt(math.pi) - body * erfcx(body), 2 / math.sqrt(math.pi) * integral
    )


@elementwise(lambda t: -2 * _erfcx_integral(t))
def erfcx(x: Tensor) -> Tensor:
    r"""The scaled complementary error function :math:`e^{x^2} \operatorname{erfc}(x)`.

    Args:
        x: real; the value overflows below -26.6 (float64) or -9.4 (float32).

    Example:
        >>> erfcx(torch.tensor([0.0, 1e10]))
        tensor([1.0000e+00, 5.6419e-11])
    """
    return torch.special.erfcx(x)


def _inverse_mills(x: Tensor) -> Tensor:
    r""":math:`\varphi(x) / \Phi(x)`, the derivative of :math:`\log\Phi`."""
    left = x < 0
    low = torch.where(left, x, -1.0)
    high = torch.where(left, 1.0, x)
    density = torch.exp(-0.5 * high * high) * (0.5 * SQRT_TWO_OVER_PI)
    return torch.where(left, SQRT_TWO_OVER_PI / erfcx(-SQRT_HALF * low), density / ndtr(high))


@elementwise()
def ndtr(x: Tensor) -> Tensor:
    r"""The standard normal distribution function :math:`\Phi(x)`, to full relative accuracy in both tails.

    Args:
        x: real.

    Example:
        >>> ndtr(torch.tensor(-10.0, dtype=torch.float64))
        tensor(7.6199e-24, dtype=torch.float64)
    """
    return 0.5 * torch.special.erfc(-SQRT_HALF * x)


@kernel("log_ndtr")
@elementwise(_inverse_mills)
def log_ndtr(x: Tensor) -> Tensor:
    r""":math:`\log\Phi(x)`, finite and accurate on the whole line.

    :math:`\log\tfrac12\operatorname{erfcx}(-x/\sqrt2) - x^2/2` on the left,
    :math:`\log(1 - \tfrac12\operatorname{erfc}(x/\sqrt2))` on the right; the derivative is
    :math:`\varphi/\Phi`, itself of full accuracy.

    Args:
        x: real.

    Example:
        >>> log_ndtr(torch.tensor([-100.0, 10.0], dtype=torch.float64))
        tensor([-5.0056e+03, -7.6199e-24], dtype=torch.float64)
    """
    left = x < -1
    low = torch.where(left, x, -2.0)
    high = torch.where(left, 1.0, x)
    return torch.where(
        left,
        torch.log(0.5 * erfcx(-SQRT_HALF * low)) - 0.5 * low * low,
        torch.log1p(-0.5 * torch.special.erfc(SQRT_HALF * high)),
    )


def _ndtri_slope(p: Tensor) -> Tensor:
    r""":math:`1/\varphi(\Phi^{-1}(p))`, with :math:`\varphi` as tail probability times inverse Mills ratio."""
    left = p < 0.5
    y = ndtri(p)
    tail = torch.where(left, p, 1 - p)
    inside = tail > 0
    ratio = _inverse_mills(torch.where(inside, torch.where(left, y, -y), 0.0))
    return torch.where(inside, 1 / (torch.where(inside, tail, 1.0) * ratio), math.inf)


@elementwise(_ndtri_slope)
def ndtri(p: Tensor) -> Tensor:
    r"""The standard normal quantile function :math:`\Phi^{-1}(p)`.

    Args:
        p: a probability; values outside [0, 1] give NaN.

    Example:
        >>> ndtri(torch.tensor([1e-10, 0.5]))
        tensor([-6.3613,  0.0000])
    """
    return torch.special.ndtri(p)


@elementwise(lambda q: 1 / _inverse_mills(ndtri_exp(q)))
def ndtri_exp(q: Tensor) -> Tensor:
    r"""The standard normal quantile of a log-probability: :math:`\Phi^{-1}(e^q)`, the inverse of log_ndtr.

    Below q = -50 the probability may underflow; three Newton steps on :math:`\log\Phi` start there from
    :math:`-\sqrt{-2q - \log(2\pi) - \log(-2q - \log 2\pi)}`.

    Args:
        q: logarithm of a probability; a positive q gives NaN.

    Example:
        >>> ndtri_exp(torch.tensor([-1e4, -1e-20], dtype=torch.float64))
        tensor([-141.3798,    9.2623], dtype=torch.float64)
    """
    deep = q < -50
    upper = q > -math.log(2)
    low = torch.where(deep, q, -100.0)
    square = -2 * low - math.log(2 * math.pi)
    y = -(square - square.log()).sqrt()
    for _ in range(3):
        y = y - (log_ndtr(y) - low) / _inverse_mills(y)
    body = torch.where(deep, -1.0, q)
    middle = torch.where(upper, -ndtri(-torch.expm1(body)), ndtri(torch.exp(body)))
    return torch.where(deep, y, middle)
