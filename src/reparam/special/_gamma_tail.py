r"""The smaller tail of the gamma law, by one integral that serves every argument.

Substituting :math:`s = x e^v` in the integrals that define the tails of a gamma law gives

.. math:: P(a, x) = D \int_{-\infty}^0 e^{-\phi(v)}\,dv, \quad
          Q(a, x) = D \int_0^\infty e^{-\phi(v)}\,dv, \quad
          \phi(v) = a\,(e^v - 1 - v) + (x - a)(e^v - 1),

with :math:`D = x^a e^{-x} / \Gamma(a)`, the density of :math:`\log X`. The tail taken is P below
:math:`x = \max(a, 1)` and Q above. There both terms of the exponent are positive, and so are those of the
derivative in a, which brings a factor :math:`|v|`: nothing cancels from a = 1e-8 to 1e12 and in tails beyond the
smallest float. Where a and x are below 1, a power series replaces the integral.

References:
    DLMF 8.2, 8.7.1; Loader, Fast and accurate computation of binomial probabilities, 2000.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ._quadrature import gauss_legendre, on_reach
from .polygamma import digamma, horner, lgamma, log_minus_digamma, trigamma, trigamma_excess
from .stirling import ATANH_SERIES, HUGE, TINY, log_gamma_ratio, stirling_error

# exp(-EXPONENT) is lost against 1 in float64.
EXPONENT = 40.0
RULE = gauss_legendre(40)
TERMS = 19
EXP_SERIES = tuple((-1) ** n / math.factorial(n) for n in range(1, TERMS + 1))
REMAINDER = tuple(1 / math.factorial(k) for k in range(2, 12))


class Point(NamedTuple):
    """Where the tail begins: x, its logarithm, x - a and log(x/a), each without cancellation."""

    x: Tensor
    log_x: Tensor
    excess: Tensor
    distance: Tensor


class Tail(NamedTuple):
    """A tail T: whether it is the upper one, log(D/T) and the derivative of log T in a."""

    upper: Tensor
    log_hazard: Tensor
    slope: Tensor


def point(a: Tensor, x: Tensor) -> Point:
    """The point x."""
    log_x, excess = x.log(), x - a
    near = excess.abs() < 0.5 * a
    extreme = near | (x < TINY * a) | (x > HUGE * a)
    ratio = torch.where(extreme, a, x) / a
    close = torch.log1p(torch.where(near, excess, 0.0) / a)
    far = torch.where(extreme, log_x - a.log(), ratio.log())
    return Point(x, log_x, excess, torch.where(near, close, far))


def point_of_log(a: Tensor, y: Tensor) -> Point:
    """The point x = exp(y), which may underflow."""
    x, distance = y.exp(), y - a.log()
    near = distance < 0.5
    excess = torch.where(near, a * torch.expm1(torch.where(near, distance, 0.0)), x - a)
    return Point(x, y, excess, distance)


def tail(a: Tensor, at: Point) -> Tail:
    """The smaller tail at the point (below a = 1 and x = 1 always the lower one)."""
    upper, series = _sides(a, at)
    low_a, low_x = torch.where(series, a, 0.5), torch.where(series, at.x, 0.5)
    low_log_x = torch.where(series, at.log_x, -1.0)
    total, total_slope = _series(low_a, low_x)
    low_hazard = low_a.log() - low_x - total.log1p()
    low_slope = low_log_x - digamma(low_a + 1) + total_slope / (1 + total)

    a = torch.where(series, 2.0, a)
    mass, moment = _moments(a, torch.where(series, 0.0, at.excess), upper)
    lag = torch.where(series, 0.0, at.distance) + log_minus_digamma(a)
    mean = moment / mass
    return Tail(
        upper,
        torch.where(series, low_hazard, -mass.log()),
        torch.where(series, low_slope, torch.where(upper, lag + mean, lag - mean)),
    )


def quantile_bends(a: Tensor, at: Point, slope: Tensor) -> tuple[Tensor, Tensor]:
    r"""The derivatives in a and y = log x of the slope s = dy/da of the quantile.

    With :math:`w = \log(x/a)`, :math:`\delta = x/a - 1`, :math:`\lambda = \log a - \psi(a)` and, over the tail,
    :math:`\langle f \rangle = \int |f(v)| e^{-\phi}\,dv`, integration by parts leaves

    .. math:: \frac{\partial s}{\partial a} &= -\langle v(e^v - 1 - v) \rangle - |\delta| \langle v(e^v - 1) \rangle
              - (e^w - 1 - w - \lambda) \langle v \rangle \mp \left(\psi'(a) - \tfrac1a\right) \langle 1 \rangle, \\
              \frac{\partial s}{\partial y} &= -\left(x w - (x - a) + \lambda x\right) \langle e^v - 1 \rangle
              - |x - a| \langle e^v - 1 - v \rangle,

    whose terms do not cancel; the sign is that of the upper or lower tail.
    """
    upper, series = _sides(a, at)
    low_a, low_x = torch.where(series, a, 0.5), torch.where(series, at.x, 0.5)
    gap = digamma(low_a + 1) - torch.where(series, at.log_x, -1.0)
    n = _orders(low_x)
    over = n / (low_a.unsqueeze(-1) + n)
    share = _shares(low_a, low_x)
    total, moved = 1 + low_a * share.sum(-1), (share * over).sum(-1)
    in_y = -total + gap * (low_a * (n * share).sum(-1)) - (n * share * over).sum(-1)
    in_a = trigamma(low_a + 1) * total + gap * moved + 2 * (share * over / (low_a.unsqueeze(-1) + n)).sum(-1)
    scale, low_slope = low_x.exp() / low_a, torch.where(series, slope, 1.0)
    low = in_a * scale - low_slope / low_a, in_y * scale + low_x * low_slope

    high_a = torch.where(series, 2.0, a)
    begin = Point(
        *(torch.where(series, safe, part) for safe, part in zip((2.0, math.log(2), 0.0, 0.0), at, strict=True))
    )
    u, v, growth, rest, mass = _nodes(high_a, begin.excess, upper)
    lag, excess = log_minus_digamma(high_a), begin.excess.abs()
    sums = ((u * rest * mass).sum(-1), (v * growth * mass).sum(-1), (u * mass).sum(-1), mass.sum(-1))
    width = torch.where(upper, trigamma_excess(high_a), -trigamma_excess(high_a)) * sums[3]
    in_a = -sums[0] - excess / high_a * sums[1] - (_deviance(high_a, begin) / high_a - lag) * sums[2] - width
    pull = _deviance_of_point(high_a, begin) + lag * begin.x
    in_y = -pull * (growth.abs() * mass).sum(-1) - excess * (rest * mass).sum(-1)
    return torch.where(series, low[0], in_a), torch.where(series, low[1], in_y)


def log_tail(a: Tensor, at: Point, log_hazard: Tensor) -> Tensor:
    """The logarithm of the tail whose hazard is given."""
    series = (a < 1) & (at.log_x < 0)
    low_a, low_x = torch.where(series, a, 0.5), torch.where(series, at.x, 0.5)
    total, _ = _series(low_a, low_x)
    ones = torch.ones_like(a)
    low = low_a * torch.where(series, at.log_x, -1.0) - log_gamma_ratio(ones, low_a) + total.log1p()
    return torch.where(series, low, log_density(a, at) - log_hazard)


def log_density(a: Tensor, at: Point) -> Tensor:
    r""":math:`\log D = a \log x - x - \log\Gamma(a)`; for a >= 1 in Loader's saddle-point form."""
    plain = a < 1
    low_a = torch.where(plain, a, 0.5)
    direct = low_a * at.log_x - at.x - lgamma(low_a)
    high_a = torch.where(plain, 1.0, a)
    saddle = 0.5 * torch.log(high_a / (2 * math.pi)) - _deviance(high_a, at) - stirling_error(high_a)
    return torch.where(plain, direct, saddle)


def _deviance(a: Tensor, at: Point) -> Tensor:
    """The deviance of a from its mean x, from x - a and log(x/a) as they are known."""
    ratio = at.excess / (a + at.x)
    near = ratio.abs() * 3 <= 1
    v = torch.where(near, ratio, 0.0)
    close = torch.where(near, at.excess, 0.0) * v - 2 * a * v * (v * v * horner(ATANH_SERIES, v * v))
    return torch.where(near, close, at.excess - a * at.distance)


def _deviance_of_point(a: Tensor, at: Point) -> Tensor:
    """The deviance of x from the mean a, likewise."""
    ratio = at.excess / (a + at.x)
    near = ratio.abs() * 3 <= 1
    v = torch.where(near, ratio, 0.0)
    close = torch.where(near, at.excess, 0.0) * v + 2 * at.x * v * (v * v * horner(ATANH_SERIES, v * v))
    return torch.where(near, close, at.x * at.distance - at.excess)


def _sides(a: Tensor, at: Point) -> tuple[Tensor, Tensor]:
    """Whether the tail is the upper one, and whether it is taken by the power series."""
    return at.log_x >= torch.clamp(a.log(), min=0.0), (a < 1) & (at.log_x < 0)


def _moments(a: Tensor, excess: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`\int e^{-\phi}\,dv` and :math:`\int |v| e^{-\phi}\,dv` over the tail."""
    u, _, _, _, mass = _nodes(a, excess, upper)
    return mass.sum(-1), (u * mass).sum(-1)


def _nodes(a: Tensor, excess: Tensor, upper: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    r"""At the nodes: abs(v), v, :math:`e^v - 1`, :math:`e^v - 1 - v` and the masses; the last dimension is new."""
    with torch.no_grad():
        reach = torch.where(upper, _reach_above(a, excess), _reach_below(a, excess))
    u, weight = on_reach(RULE, reach)
    v = torch.where(upper.unsqueeze(-1), u, -u)
    growth = torch.expm1(v)
    rest = _exp_remainder(v, growth)
    mass = weight * torch.exp(-a.unsqueeze(-1) * rest - excess.unsqueeze(-1) * growth)
    return u, v, growth, rest, mass


def _reach_above(a: Tensor, excess: Tensor) -> Tensor:
    r"""Where the exponent of the upper tail is EXPONENT, or a little beyond.

    By :math:`\phi \ge x v^2/2 + (x-a) v`, then by :math:`e^v \le 1 + v + \mathrm{EXPONENT} / x` there.
    """
    x = a + excess
    reach = 2 * EXPONENT / (excess + torch.hypot(excess, (2 * EXPONENT * x).sqrt()))
    return torch.minimum(reach, torch.log1p(reach + EXPONENT / x))


def _reach_below(a: Tensor, excess: Tensor) -> Tensor:
    r"""Where :math:`(a v^2 + 2 |x-a| |v|) / (2 + |v|)`, close to the exponent of the lower tail, is EXPONENT."""
    slope = 2 * excess.abs() - EXPONENT
    root = torch.hypot(slope, (8 * EXPONENT * a).sqrt())
    return torch.where(slope < 0, (root - slope) / (2 * a), 4 * EXPONENT / (root + slope))


def _exp_remainder(v: Tensor, growth: Tensor) -> Tensor:
    r""":math:`e^v - 1 - v` from :math:`e^v - 1`, by its series where the difference cancels."""
    near = v.abs() < 0.15
    small = torch.where(near, v, 0.0)
    return torch.where(near, small * small * horner(REMAINDER, small), growth - v)


def _series(a: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`a \sum_{n\ge1} \frac{(-x)^n}{(a+n)\,n!}` and its derivative in a, for x below 1."""
    n, share = _orders(x), _shares(a, x)
    return a * share.sum(-1), (share * (n / (a.unsqueeze(-1) + n))).sum(-1)


def _orders(x: Tensor) -> Tensor:
    return torch.arange(1, TERMS + 1, dtype=x.dtype, device=x.device)


def _shares(a: Tensor, x: Tensor) -> Tensor:
    """The terms of that series, without the factor a."""
    n = _orders(x)
    return x.new_tensor(EXP_SERIES) * x.unsqueeze(-1) ** n / (a.unsqueeze(-1) + n)
