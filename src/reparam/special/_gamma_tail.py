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

from ._quadrature import Rule, gauss_legendre, on_unit
from .polygamma import digamma, horner, lgamma, log_minus_digamma, trigamma, trigamma_excess
from .stirling import ATANH_SERIES, HUGE, TINY, log_gamma_ratio, stirling_error

# B_2k / (2k)! for k = 1, 2, ...: v/(e^v - 1) = 1 - v/2 + sum of these times v^2k (DLMF 24.2.1)
BERNOULLI_SHARES = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160)
EXP_SERIES = tuple((-1) ** n / math.factorial(n) for n in range(1, 20))


class Effort(NamedTuple):
    r"""What is spent on one precision.

    Args:
        exponent: so large that :math:`e^{-\mathrm{exponent}}` is lost against 1: there the integral is cut off.
        rule: of the integral.
        orders: how many terms the power series has.
        near: below it :math:`e^v - 1 - v` is taken from its series.
        terms: how many terms that one has.
    """

    exponent: float
    rule: Rule
    orders: int
    near: float
    terms: int


DOUBLE = Effort(40.0, gauss_legendre(32), 19, 0.15, 5)
SINGLE = Effort(20.0, gauss_legendre(15), 11, 0.01, 1)


class Point(NamedTuple):
    """Where the tail begins: x, its logarithm, x - a and log(x/a), each without cancellation."""

    x: Tensor
    log_x: Tensor
    excess: Tensor
    distance: Tensor


class Nodes(NamedTuple):
    r"""Points of quadrature, in a first dimension, so that all else stays in line.

    Args:
        reach: the length of the tail.
        share: abs(v) / reach.
        weight: of the points.
        v: the points.
        growth: :math:`e^v - 1`.
        rest: :math:`e^v - 1 - v`.
        height: the integrand :math:`e^{-\phi}`.
    """

    reach: Tensor
    share: Tensor
    weight: Tensor
    v: Tensor
    growth: Tensor
    rest: Tensor
    height: Tensor

    def integral(self, f: Tensor) -> Tensor:
        r""":math:`\int f e^{-\phi}\,du` over the tail, u = abs(v)."""
        mean: Tensor = torch.tensordot(self.weight, f * self.height, 1)
        return self.reach * mean


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


def tail(a: Tensor, at: Point, effort: Effort = DOUBLE) -> Tail:
    """The smaller tail at the point (below a = 1 and x = 1 always the lower one)."""
    upper, series = _sides(a, at)
    lag = log_minus_digamma(torch.where(series, a + 1, a))
    low_a, low_x = torch.where(series, a, 0.5), torch.where(series, at.x, 0.5)
    low_log_x = torch.where(series, at.log_x, -1.0)
    total, total_slope = _series(low_a, low_log_x, effort)
    low_hazard = low_a.log() - low_x - total.log1p()
    low_slope = low_log_x - low_a.log1p() + lag + total_slope / (1 + total)

    mass, moment = _moments(torch.where(series, 2.0, a), torch.where(series, 0.0, at.excess), upper, effort)
    lag = torch.where(series, 0.0, at.distance) + lag
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
    low_log_x = torch.where(series, at.log_x, -1.0)
    gap = digamma(low_a + 1) - low_log_x
    n, share = _shares(low_a, low_log_x, DOUBLE)
    over = n / (low_a.unsqueeze(-1) + n)
    total, moved = 1 + low_a * share.sum(-1), (share * over).sum(-1)
    in_y = -total + gap * (low_a * (n * share).sum(-1)) - (n * share * over).sum(-1)
    in_a = trigamma(low_a + 1) * total + gap * moved + 2 * (share * over / (low_a.unsqueeze(-1) + n)).sum(-1)
    scale, low_slope = low_x.exp() / low_a, torch.where(series, slope, 1.0)
    low = in_a * scale - low_slope / low_a, in_y * scale + low_x * low_slope

    high_a = torch.where(series, 2.0, a)
    begin = Point(
        *(torch.where(series, safe, part) for safe, part in zip((2.0, math.log(2), 0.0, 0.0), at, strict=True))
    )
    nodes = _nodes(high_a, begin.excess, upper, DOUBLE)
    u, v, growth, rest = nodes.v.abs(), nodes.v, nodes.growth, nodes.rest
    lag, excess = log_minus_digamma(high_a), begin.excess.abs()
    width = torch.where(upper, trigamma_excess(high_a), -trigamma_excess(high_a)) * nodes.integral(torch.ones_like(v))
    pull = _deviance(high_a, begin) / high_a - lag
    in_a = -nodes.integral(u * rest) - excess / high_a * nodes.integral(v * growth) - pull * nodes.integral(u) - width
    pull = _deviance_of_point(high_a, begin) + lag * begin.x
    in_y = -pull * nodes.integral(growth.abs()) - excess * nodes.integral(rest)
    return torch.where(series, low[0], in_a), torch.where(series, low[1], in_y)


def log_tail(a: Tensor, at: Point, log_hazard: Tensor) -> Tensor:
    """The logarithm of the tail whose hazard is given."""
    series = (a < 1) & (at.log_x < 0)
    low_a, low_log_x = torch.where(series, a, 0.5), torch.where(series, at.log_x, -1.0)
    total, _ = _series(low_a, low_log_x, DOUBLE)
    low = low_a * low_log_x - log_gamma_ratio(torch.ones_like(a), low_a) + total.log1p()
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


def _moments(a: Tensor, excess: Tensor, upper: Tensor, effort: Effort) -> tuple[Tensor, Tensor]:
    r""":math:`\int e^{-\phi}\,dv` and :math:`\int |v| e^{-\phi}\,dv` over the tail."""
    nodes = _nodes(a, excess, upper, effort)
    total, mean = torch.tensordot(torch.stack([nodes.weight, nodes.weight * nodes.share]), nodes.height, 1)
    return nodes.reach * total, nodes.reach**2 * mean


def _nodes(a: Tensor, excess: Tensor, upper: Tensor, effort: Effort) -> Nodes:
    r"""The points of the tail, by the substitution :math:`|v| = \mathrm{reach}\,(s + s^3)/2` before the rule in s."""
    with torch.no_grad():
        above, below = _reach_above(a, excess, effort.exponent), _reach_below(a, excess, effort.exponent)
        reach = torch.where(upper, above, below)
    s, w = on_unit(effort.rule, reach)
    share, weight = 0.5 * s * (1 + s * s), 0.5 * w * (1 + 3 * s * s)
    v = torch.where(upper, reach, -reach) * share.reshape(-1, *(1,) * reach.dim())
    growth = torch.expm1(v)
    rest = _exp_remainder(v, growth, effort)
    height = torch.exp(-(a * rest + excess * growth))
    return Nodes(reach, share, weight, v, growth, rest, height)


def _reach_above(a: Tensor, excess: Tensor, exponent: float) -> Tensor:
    r"""Where the exponent of the upper tail is the given one, E, or a little beyond.

    By :math:`\phi \ge x v^2/2 + (x-a) v`, then by :math:`e^v \le 1 + v + E / x` there.
    """
    x = a + excess
    reach = 2 * exponent / (excess + torch.hypot(excess, (2 * exponent * x).sqrt()))
    return torch.minimum(reach, torch.log1p(reach + exponent / x))


def _reach_below(a: Tensor, excess: Tensor, exponent: float) -> Tensor:
    r"""Where :math:`(a v^2 + 2 |x-a| |v|) / (2 + |v|)`, close to the exponent of the lower tail, is the given one."""
    slope = 2 * excess.abs() - exponent
    root = torch.hypot(slope, (8 * exponent * a).sqrt())
    return torch.where(slope < 0, (root - slope) / (2 * a), 4 * exponent / (root + slope))


def _exp_remainder(v: Tensor, growth: Tensor, effort: Effort) -> Tensor:
    r""":math:`e^v - 1 - v` from :math:`e^v - 1`.

    It is :math:`(e^v - 1)\,v\,(1/2 - \sum_{k\ge1} B_{2k} v^{2k-1} / (2k)!)`, which serves where the difference cancels.
    """
    series = growth * v * (0.5 - v * horner(BERNOULLI_SHARES[: effort.terms], v * v))
    return torch.where(v.abs() < effort.near, series, growth - v)


def _series(a: Tensor, log_x: Tensor, effort: Effort) -> tuple[Tensor, Tensor]:
    r""":math:`a \sum_{n\ge1} \frac{(-x)^n}{(a+n)\,n!}` and its derivative in a, for x below 1."""
    n, share = _shares(a, log_x, effort)
    return a * share.sum(-1), (share * (n / (a.unsqueeze(-1) + n))).sum(-1)


def _shares(a: Tensor, log_x: Tensor, effort: Effort) -> tuple[Tensor, Tensor]:
    """The orders n, and the terms of that series without the factor a."""
    n = torch.arange(1, effort.orders + 1, dtype=a.dtype, device=a.device)
    return n, a.new_tensor(EXP_SERIES[: effort.orders]) * torch.exp(n * log_x.unsqueeze(-1)) / (a.unsqueeze(-1) + n)
