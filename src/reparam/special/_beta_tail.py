r"""The smaller tail of the beta law, by one integral that serves every argument.

With :math:`s = \operatorname{sigmoid}(y - v)`, y the logit of x, z = 1 - x and n = a + b, the lower tail is

.. math:: I_x(a, b) = D \int_0^\infty e^{-\phi(v)}\,dv, \qquad D = \frac{x^a z^b}{B(a, b)}, \qquad
          \phi(v) = (a z - b x)\,v + n\,[x v + \log(1 + x (e^{-v} - 1))].

Below the mean :math:`\phi` is convex and increases from 0, both of its terms are positive, and so are those of
the derivatives in a and b, which bring the factors :math:`\log(x/s)` and :math:`\log((1-s)/z)`: nothing cancels.
Above the mean the law is reflected. Where a < 1 and x is so near to 0 that the integral would have two scales, its
power at infinity is taken off:

.. math:: I_x(a, b) = \frac{x^a}{a B(a, b)} (1 + a S), \qquad
          S = \int_0^\infty e^{-a v} \left[(1 - x e^{-v})^{b-1} - 1\right] dv.

References:
    DLMF 8.17.1, 8.17.4; Loader, Fast and accurate computation of binomial probabilities, 2000.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ._quadrature import gauss_legendre, on_reach
from .polygamma import SHIFT, digamma, digamma_difference, horner, log_minus_digamma, steps
from .stirling import ATANH_SERIES, HALF_LOG_TWO_PI, STIRLING_SERIES, deviance, log_gamma_ratio, stirling_error

# exp(-EXPONENT) is lost against 1 in float64.
EXPONENT = 40.0
RULE = gauss_legendre(40)
NEWTON_STEPS = 3
# Below NEAR, the series of e^r - 1 - r over r^2, and as much of that of atanh.
NEAR = 0.3
ATANH_HEAD = ATANH_SERIES[:8]
REMAINDER = tuple(1 / math.factorial(k) for k in range(2, 14))


class Share(NamedTuple):
    """A part of the unit interval: x and 1 - x with their logarithms, each without cancellation."""

    x: Tensor
    z: Tensor
    log_x: Tensor
    log_z: Tensor

    def where(self, condition: Tensor, other: Share) -> Share:
        """This share where the condition holds, and the other elsewhere."""
        return Share(*(torch.where(condition, mine, theirs) for mine, theirs in zip(self, other, strict=True)))


class Tail(NamedTuple):
    """A tail T: whether it is the upper one, log T, log(D/T) and the derivatives of log T in a and b."""

    upper: Tensor
    log_value: Tensor
    log_hazard: Tensor
    slope_a: Tensor
    slope_b: Tensor


def share(u: Tensor, v: Tensor) -> Share:
    """The share u : v of the interval, x = u / (u + v)."""
    total = u + v
    x, z = u / total, v / total
    return Share(x, z, _log_of_ratio(u, total, z), _log_of_ratio(v, total, x))


def _log_of_ratio(u: Tensor, total: Tensor, rest: Tensor) -> Tensor:
    """log(u / total) where 1 - u / total is the rest; also where the ratio underflows."""
    ratio = u / total
    tiny, most = ratio < torch.finfo(u.dtype).tiny, rest < 0.5
    small = torch.where(tiny, u.log() - total.log(), torch.where(tiny | most, 0.5, ratio).log())
    return torch.where(most, torch.log1p(-torch.where(most, rest, 0.25)), small)


def tail(a: Tensor, b: Tensor, at: Share) -> Tail:
    """The smaller tail, or near an end of singular density the one there."""
    low_end = (a < 1) & (at.x * b.clamp(min=2.0) <= 1)
    high_end = ~low_end & (b < 1) & (at.z * a.clamp(min=2.0) <= 1)
    end = low_end | high_end
    upper = high_end | (~low_end & (a * at.z < b * at.x))
    p, q = torch.where(upper, b, a), torch.where(upper, a, b)
    here = Share(at.z, at.x, at.log_z, at.log_x).where(upper, at)
    safe = Share(*(torch.full_like(a, value) for value in (0.5, 0.5, math.log(0.5), math.log(0.5))))
    near = _end_tail(torch.where(end, p, 0.5), torch.where(end, q, 0.5), here.where(end, safe))
    far = _inner_tail(torch.where(end, 2.0, p), torch.where(end, 2.0, q), safe.where(end, here))
    log_value, log_hazard, first, second = (torch.where(end, *pair) for pair in zip(near, far, strict=True))
    return Tail(upper, log_value, log_hazard, torch.where(upper, second, first), torch.where(upper, first, second))


def log_density_of_logit(a: Tensor, b: Tensor, at: Share) -> Tensor:
    r""":math:`\log D`, the log-density of the logit, in Loader's saddle-point form."""
    n = a + b
    errors = stirling_error(n) - stirling_error(a) - stirling_error(b)
    spread = 0.5 * (torch.where(a < b, a, b).log() + torch.log(torch.where(a < b, b, a) / n)) - HALF_LOG_TWO_PI
    return errors + spread + _fit(a, n, at.x, at.log_x) + _fit(b, n, at.z, at.log_z)


def _fit(a: Tensor, n: Tensor, x: Tensor, log_x: Tensor) -> Tensor:
    r""":math:`a \log(n x / a) + a - n x \le 0`, also where x underflows."""
    tiny = x < torch.finfo(x.dtype).tiny
    return torch.where(tiny, a * (n.log() - a.log() + log_x) + a, -deviance(a, n * torch.where(tiny, 1.0, x)))


Parts = tuple[Tensor, Tensor, Tensor, Tensor]


def _inner_tail(a: Tensor, b: Tensor, at: Share) -> Parts:
    """The logarithm of T, that of D/T and the slopes of log T for the lower tail below the mean, a >= 1."""
    n, excess = a + b, a * at.z - b * at.x
    upward = at.x > 0.5
    least = torch.where(upward, at.z, at.x)
    with torch.no_grad():
        reach = _reach(n, excess, least, upward)
    v, weight = on_reach(RULE, reach)
    upward, least = upward.unsqueeze(-1), least.unsqueeze(-1)
    r = torch.where(upward, v, -v)
    log_ratio, bend = _log_mean_exp(least, r)
    mass = weight * torch.exp(-excess.unsqueeze(-1) * v - n.unsqueeze(-1) * bend)
    rise = torch.where(upward, v - log_ratio, -log_ratio)
    fall = torch.where(upward, log_ratio, v + log_ratio)
    total = mass.sum(-1)
    log_hazard = -total.log()
    lag = log_minus_digamma(n)
    first = _log1p_down(excess / a, at, a, n) + (log_minus_digamma(a) - lag) - (fall * mass).sum(-1) / total
    second = torch.log1p(excess / b) + (log_minus_digamma(b) - lag) + (rise * mass).sum(-1) / total
    return log_density_of_logit(a, b, at) - log_hazard, log_hazard, first, second


def _log1p_down(gap: Tensor, at: Share, a: Tensor, n: Tensor) -> Tensor:
    """log(1 - gap) = log(n x / a), by the one or by the other."""
    near = gap < 0.5
    return torch.where(near, torch.log1p(-torch.where(near, gap, 0.0)), at.log_x + (n.log() - a.log()))


def _log_mean_exp(c: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`K = \log(1 + c (e^r - 1))` and :math:`K - c r \ge 0`, for c up to a half."""
    growth = torch.expm1(r)
    h = c * growth
    value = torch.log1p(h)
    near = r.abs() < NEAR
    small, step = torch.where(near, r, 0.0), torch.where(near, h, 0.0)
    # log(1 + h) = h - h w + 2 (atanh(w) - w), w = h / (2 + h)
    w = step / (2 + step)
    square = w * w
    excess = step * w - 2 * w * square * horner(ATANH_HEAD, square)
    return value, torch.where(near, c * small * small * horner(REMAINDER, small) - excess, value - c * r)


def _reach(n: Tensor, excess: Tensor, least: Tensor, upward: Tensor) -> Tensor:
    r"""Where :math:`\phi` is EXPONENT, or a little beyond: Newton steps, which stay beyond for convex functions."""
    curvature = n * least * (1 - least)
    v = 2 * EXPONENT / (excess + torch.hypot(excess, (2 * EXPONENT * curvature).sqrt()))
    # upward, phi = n K - b v with b = n c - excess: a bound for v gives a better one
    lag = torch.where(upward, n * least - excess, 0.0)
    v = torch.where(upward, torch.minimum(v, torch.log1p(torch.expm1((EXPONENT + lag * v) / n) / least)), v)
    for _ in range(NEWTON_STEPS):
        r = torch.where(upward, v, -v)
        h = least * torch.expm1(r)
        value = excess * v + n * (torch.log1p(h) - least * r)
        # the derivative of K in r is c e^r / (1 + h)
        change = least * torch.expm1(r) * (1 - least) / (1 + h)
        v = v - (value - EXPONENT) / (excess + n * torch.where(upward, change, -change))
    return v


def _end_tail(a: Tensor, b: Tensor, at: Share) -> Parts:
    """The logarithm of T, that of D/T and the slopes of log T for the lower tail near 0, a < 1 and x max(b, 2) <= 1."""
    v, weight = on_reach(RULE, torch.full_like(a, EXPONENT))
    step = torch.log1p(-at.x.unsqueeze(-1) * torch.exp(-v))
    decay = weight * torch.exp(-a.unsqueeze(-1) * v)
    power = torch.expm1((b.unsqueeze(-1) - 1) * step)
    total, total_a = (decay * power).sum(-1), -(v * decay * power).sum(-1)
    total_b = (decay * step * (1 + power)).sum(-1)
    # x^a against the scale 1/c of the law: log(c x) does not cancel where it is of order 1
    c = b.clamp(min=1.0)
    log_x = at.log_x + c.log()
    log_front = a * log_x + _gamma_ratio_excess(b, a, c) - log_gamma_ratio(torch.ones_like(a), a)
    grown = 1 + a * total
    # psi(a + b) - log(c)
    order = torch.log(torch.where(b < 1, a + b, 1.0)) + torch.log1p(torch.where(b < 1, 0.0, a / b))
    slope_a = log_x + (order - log_minus_digamma(a + b)) - digamma(a + 1) + (total + a * total_a) / grown
    change = digamma_difference(b, a)
    return (
        log_front + torch.log1p(a * total),
        a.log() + b * at.log_z - grown.log(),
        slope_a,
        change + a * total_b / grown,
    )


def _gamma_ratio_excess(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    r""":math:`\log\Gamma(a+b) - \log\Gamma(a) - b \log c`, as :func:`log_gamma_ratio`, where c is 1 or a."""
    z = a + SHIFT
    u, v = 1 / z, 1 / (z + b)
    lifted = (z - 0.5) * torch.log1p(b * u) + b * (torch.log((z + b) / c) - 1)
    gap = b * u * v
    first, power = gap * (u + v), v
    for coefficient in STIRLING_SERIES:
        lifted = lifted - coefficient * gap
        gap = u * u * gap + power * first
        power = power * (v * v)
    return lifted - torch.log1p(b.unsqueeze(-1) / steps(a)).sum(-1)
