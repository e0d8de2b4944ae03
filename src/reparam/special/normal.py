r"""The standard normal law's distribution function :math:`\Phi`, its logarithm, inverses and relatives."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ._derivatives import elementwise
from ._quadrature import gauss_legendre, on_reach

SQRT_HALF = math.sqrt(0.5)
SQRT_TWO_OVER_PI = math.sqrt(2 / math.pi)
# exp(-EXPONENT) is lost against 1 in float64.
EXPONENT = 40.0
NOWHERE = 40.0
RULE = gauss_legendre(32)


def _erfc_integral(order: int, t: Tensor) -> Tensor:
    r""":math:`e^{t^2} i^k\!\operatorname{erfc}(t) = \frac{2}{\sqrt\pi} \int_0^\infty \frac{s^k}{k!} e^{-s^2-2ts}\,ds`.

    For k = 0 it is erfcx(t), for k = 1 -erfcx'(t)/2; the integral is taken by quadrature, for t >= 0.

    References:
        DLMF 7.18.2.
    """
    end = t == math.inf
    t = torch.where(end, 1.0, t)
    with torch.no_grad():
        reach = EXPONENT / (t + torch.hypot(t, torch.full_like(t, math.sqrt(EXPONENT))))
    s, weight = on_reach(RULE, reach)
    mass = weight * torch.exp(-s * (s + 2 * t.unsqueeze(-1)))
    return torch.where(end, 0.0, 2 / math.sqrt(math.pi) * (mass * s if order else mass).sum(-1))


def _erfcx_slope(t: Tensor) -> Tensor:
    """The derivative of erfcx, by its differential equation where that does not cancel."""
    left = t < 0.5
    body = torch.where(left, t, 0.0)
    direct = 2 * body * erfcx(body) - 2 / math.sqrt(math.pi)
    return torch.where(left, direct, -2 * _erfc_integral(1, torch.where(left, 1.0, t)))


@elementwise(_erfcx_slope, value=torch.special.erfcx, wide=True, native="erfcx")
def erfcx(x: Tensor) -> Tensor:
    r"""The scaled complementary error function :math:`e^{x^2} \operatorname{erfc}(x)`.

    Args:
        x: real; the value overflows below -26.6 (float64) or -9.4 (float32).

    References:
        DLMF 7.2, 7.18.

    Example:
        >>> erfcx(torch.tensor([0.0, 1e10]))
        tensor([1.0000e+00, 5.6419e-11])
    """
    left = x < 0.5
    low, high = torch.where(left, x, 0.0), torch.where(left, 1.0, x)
    return torch.where(left, torch.exp(low * low) * torch.erfc(low), _erfc_integral(0, high))


def _log_erfc_slope(x: Tensor) -> Tensor:
    left = x < 0
    low, high = torch.where(left, x, 0.0), torch.where(left, 0.0, x)
    ratio = torch.where(left, torch.exp(-low * low) / torch.erfc(low), 1 / erfcx(high))
    return -2 / math.sqrt(math.pi) * ratio


@elementwise(_log_erfc_slope, wide=True, native="log_erfc")
def log_erfc(x: Tensor) -> Tensor:
    r"""The logarithm of the complementary error function, finite and accurate on the whole line.

    :math:`\log\operatorname{erfcx}(x) - x^2` beyond 1, :math:`\log(1 - \operatorname{erf}(x))` before.

    Args:
        x: real.

    Example:
        >>> log_erfc(torch.tensor([1e-10, 100.0]))
        tensor([-1.1284e-10, -1.0005e+04])
    """
    far = x > 1
    low, high = torch.where(far, 0.0, x), torch.where(far, x, 2.0)
    return torch.where(far, torch.log(erfcx(high)) - high * high, torch.log1p(-torch.erf(low)))


def normal_density(x: Tensor) -> Tensor:
    """The normal density, which beyond NOWHERE underflows: there it does not move."""
    x = x.clamp(-NOWHERE, NOWHERE)
    return torch.exp(-0.5 * x * x) * (0.5 * SQRT_TWO_OVER_PI)


def inverse_mills(x: Tensor) -> Tensor:
    r""":math:`\varphi(x) / \Phi(x)`, the derivative of :math:`\log\Phi`."""
    left = x < 0
    low = torch.where(left, x, -1.0)
    high = torch.where(left, 1.0, x)
    return torch.where(left, SQRT_TWO_OVER_PI / erfcx(-SQRT_HALF * low), normal_density(high) / ndtr(high))


@elementwise(normal_density, native="ndtr")
def ndtr(x: Tensor) -> Tensor:
    r"""The standard normal distribution function :math:`\Phi(x)`, to full relative accuracy in both tails.

    Args:
        x: real.

    Example:
        >>> ndtr(torch.tensor(-10.0, dtype=torch.float64))
        tensor(7.6199e-24, dtype=torch.float64)
    """
    return 0.5 * torch.erfc(-SQRT_HALF * x)


@elementwise(inverse_mills, wide=True, native="log_ndtr")
def log_ndtr(x: Tensor) -> Tensor:
    r""":math:`\log\Phi(x)`, finite and accurate on the whole line.

    :math:`\log\tfrac12\operatorname{erfcx}(-x/\sqrt2) - x^2/2` on the left,
    :math:`\log(1 - \tfrac12\operatorname{erfc}(x/\sqrt2))` on the right; the derivative is
    :math:`\varphi/\Phi`, itself of full accuracy.

    Args:
        x: real.

    Example:
        >>> log_ndtr(torch.tensor([-100.0, 10.0], dtype=torch.float64))
        tensor([-5.0055e+03, -7.6199e-24], dtype=torch.float64)
    """
    left = x < -1
    low = torch.where(left, x, -2.0)
    high = torch.where(left, 1.0, x)
    return torch.where(
        left,
        torch.log(0.5 * torch.special.erfcx(-SQRT_HALF * low)) - 0.5 * low * low,
        torch.log1p(-0.5 * torch.erfc(SQRT_HALF * high)),
    )


def _ndtri_slope(p: Tensor, y: Tensor) -> Tensor:
    r""":math:`1/\varphi(y)`, with :math:`\varphi` as tail probability times inverse Mills ratio."""
    left = p < 0.5
    tail = torch.where(left, p, 1 - p)
    inside = ~(tail <= 0)
    ratio = inverse_mills(torch.where(inside, torch.where(left, y, -y), 0.0))
    return torch.where(inside, 1 / (torch.where(inside, tail, 1.0) * ratio), math.inf)


@elementwise(_ndtri_slope, of_value=True, wide=True, native="ndtri")
def ndtri(p: Tensor) -> Tensor:
    r"""The standard normal quantile function :math:`\Phi^{-1}(p)`.

    Args:
        p: a probability; values outside [0, 1] give NaN.

    Example:
        >>> ndtri(torch.tensor([1e-10, 0.5]))
        tensor([-6.3613,  0.0000])
    """
    value: Tensor = torch.special.ndtri(p)
    return value


def _ndtri_exp_slope(_: Tensor, y: Tensor) -> Tensor:
    """The reciprocal of the derivative of log_ndtr at the value."""
    return 1 / inverse_mills(y)


@elementwise(_ndtri_exp_slope, of_value=True, wide=True, native="ndtri_exp")
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
    deep, upper = q < -50, q > -math.log(2)
    low = torch.where(deep & (q > -math.inf), q, -100.0)
    square = -2 * low - math.log(2 * math.pi)
    y = -(square - square.log()).sqrt()
    for _ in range(3):
        y = y - (log_ndtr(y) - low) / inverse_mills(y)
    middle = ndtri(torch.exp(torch.where(deep | upper, -1.0, q)))
    high = -ndtri(-torch.expm1(torch.where(upper, q, -0.1)))
    y = torch.where(q == -math.inf, q, y)
    return torch.where(deep, y, torch.where(upper, high, middle))
