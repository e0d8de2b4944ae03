r"""The von Mises distribution function, its logarithm, its quantiles and how they move with the concentration.

With :math:`y = |x|` the smaller tail is :math:`G = \int_y^\pi f`, the integral of the density
:math:`f(s) = e^{\kappa(\cos s - 1)} / (2\pi e^{-\kappa} I_0(\kappa))`. Substituting s = y + u,

.. math:: G = f(y)\,J, \quad J = \int_0^{\pi-y} e^{-\psi(u)}\,du, \quad
          \psi(u) = \kappa(\cos y - \cos(y + u)) = 2 \kappa \sin(y + u/2) \sin(u/2),

a positive integral over the reach :math:`\psi \le 40`, which serves from the uniform law to normal tails beyond the
smallest float. The derivative in :math:`\kappa` is the integral of :math:`(\cos s - A) f(s)`, A the mean of the cosine,
over whichever side of y the factor has one sign.

References:
    Hill, Algorithm 518: incomplete Bessel function I0, the von Mises distribution, 1977 (the function, not the method).
    Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ._derivatives import elementwise, first_order
from ._quadrature import gauss_legendre, on_unit
from .circular import EXPONENT, circular_spread, circular_variance, log_i0e
from .logs import log1mexp
from .normal import ndtri_exp

RULE = gauss_legendre(32)
SHORT = gauss_legendre(12)
BLOCK = 2048
PI_REST = 1.2246467991473532e-16  # what the nearest float64 lacks of pi
LOG_TWO_PI = math.log(2 * math.pi)
STEPS = 6

Function = Callable[[Tensor, Tensor], Tensor]


class Tail(NamedTuple):
    """The smaller tail beyond x: the distance y, 1 - cos y, what y lacks of pi, and J = tail / density."""

    y: Tensor
    w: Tensor
    rest: Tensor
    width: Tensor


def _half_angle(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The distance y <= pi, 1 - cos y, and pi - y without the rounding of pi."""
    y = torch.where(x < 0, -x, x).clamp(max=math.pi)  # with a slope at 0, that of the right
    return y, 2 * torch.sin(0.5 * y) ** 2, (math.pi - y) + PI_REST


def _nodes(kappa: Tensor, y: Tensor, w: Tensor, rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""The masses :math:`e^{-\psi}\,du` at the nodes of the tail, there :math:`\cos y - \cos(y + u)`, and u."""
    with torch.no_grad():
        # sin^2((y + u) / 2) at the reach, and u by the sine of a difference
        far = 0.5 * w + 0.5 * EXPONENT / kappa.clamp(min=1e-300)
        inside = far < 1
        far = torch.where(inside, far, 1.0)
        sine, cosine = (0.5 * w).sqrt(), (1 - 0.5 * w).clamp(min=0.0).sqrt()
        rise = 0.5 * EXPONENT / kappa.clamp(min=0.5 * EXPONENT)
        half = torch.asin((rise / (far.sqrt() * cosine + sine * (1 - far).sqrt()).clamp(min=1e-300)).clamp(max=1.0))
    reach = torch.where(inside, torch.minimum(2 * half, rest), rest).unsqueeze(-1)
    node, weight = on_unit(RULE, y)
    u = reach * node
    left, right = y.unsqueeze(-1) + 0.5 * u, rest.unsqueeze(-1) - 0.5 * u
    drop = 2 * torch.sin(torch.minimum(left, right)) * torch.sin(0.5 * u)
    return torch.exp(-kappa.unsqueeze(-1) * drop) * (weight * reach), drop, u


def _tail(x: Tensor, kappa: Tensor) -> Tail:
    y, w, rest = _half_angle(x)
    mass, _, _ = _nodes(kappa, y, w, rest)
    return Tail(y, w, rest, mass.sum(-1))


def _log_density(kappa: Tensor, w: Tensor) -> Tensor:
    return -kappa * w - LOG_TWO_PI - log_i0e(kappa)


def _log_smaller(x: Tensor, kappa: Tensor) -> Tensor:
    """The logarithm of the smaller tail."""
    tail = _tail(x, kappa)
    log_tail = _log_density(kappa, tail.w) + tail.width.log()
    return log_tail - (log_tail + math.log(2)).clamp(min=0.0).detach()  # what rounding adds, not the slope at 0


class Sides(NamedTuple):
    r"""Whether x is before a standard deviation, and of the side of it with :math:`\cos s - A` of one sign the masses.

    Beyond x these are :math:`e^{-\kappa v}` with :math:`v = \cos y - \cos s`, before it :math:`e^{\kappa v}` with
    :math:`v = \cos s - \cos y`, and d is the distance of 1 - cos y from its mean. The factor is v + d.
    """

    before: Tensor
    d: Tensor
    mass_before: Tensor
    v_before: Tensor
    mass_beyond: Tensor
    v_beyond: Tensor
    u: Tensor

    def sum_before(self, integrand: Tensor | float) -> Tensor:
        """The integral of something over what is before x."""
        return (self.mass_before * integrand).sum(-1)

    def sum_beyond(self, integrand: Tensor | float) -> Tensor:
        """The integral of something over the tail."""
        return (self.mass_beyond * integrand).sum(-1)


def _sides(x: Tensor, kappa: Tensor) -> Sides:
    y, w, rest = _half_angle(x)
    mean = circular_variance(kappa)
    before, d = w < mean, (w - mean).abs().unsqueeze(-1)
    beyond = _nodes(kappa, y, w, rest)
    y, w = torch.where(before, y, 0.0).unsqueeze(-1), torch.where(before, w, 0.0).unsqueeze(-1)
    node, weight = on_unit(SHORT, y)
    v = w - 2 * torch.sin(0.5 * y * node) ** 2
    mass = y * weight * torch.exp(kappa.unsqueeze(-1) * v)
    return Sides(before, d, mass, v, *beyond)


def _pull(x: Tensor, kappa: Tensor) -> Tensor:
    r"""How fast the tail's quantile moves inwards with :math:`\kappa`: :math:`-\partial_\kappa G / f(y) \ge 0`."""
    at = _sides(x, kappa)
    return torch.where(at.before, at.sum_before(at.v_before + at.d), at.sum_beyond(at.v_beyond + at.d))


def _pull_slopes(x: Tensor, kappa: Tensor, pull: Tensor) -> tuple[Tensor, Tensor]:
    r"""The derivatives in y and :math:`\kappa` of the pull :math:`p = \langle v + d \rangle`.

    With C and V the mean and variance of 1 - cos and, beyond y, :math:`g = \sin s - \sin y`,

    .. math:: p_\kappa &= \mp\left(\langle v (v + d) \rangle - V \langle 1 \rangle\right), \\
              p_y &= \langle \sin y + g - \kappa g (v + d) \rangle - (1 + A)\,e^{-\kappa (1 + \cos y)}
              \quad\text{or}\quad \kappa \sin(y)\,p + d,

    the latter before y, and there with the lower sign.
    """
    at, (y, _, rest) = _sides(x, kappa), _half_angle(x)
    variance, sine = circular_spread(kappa), torch.sin(torch.minimum(y, rest))
    factor, u = at.v_beyond + at.d, at.u
    g = 2 * torch.cos(y.unsqueeze(-1) + 0.5 * u) * torch.sin(0.5 * u)
    end = (2 - circular_variance(kappa)) * torch.exp(-2 * kappa * torch.sin(0.5 * rest) ** 2)
    in_y = at.sum_beyond(sine.unsqueeze(-1) + g - kappa.unsqueeze(-1) * g * factor) - end
    in_kappa = variance * at.sum_beyond(1.0) - at.sum_beyond(at.v_beyond * factor)
    before = at.sum_before(at.v_before * (at.v_before + at.d) - variance.unsqueeze(-1))
    return (
        torch.where(at.before, kappa * sine * pull + at.d.squeeze(-1), in_y),
        torch.where(at.before, before, in_kappa),
    )


def _outside(x: Tensor) -> Tensor:
    return x.abs() > math.pi


def _quantile_bends(x: Tensor, kappa: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    in_y, in_kappa = _pull_slopes(x, kappa, slope.abs())
    return torch.where(_outside(x), 0.0, -in_y), torch.where(_outside(x), 0.0, torch.where(x < 0, in_kappa, -in_kappa))


@elementwise(_quantile_bends, of_value=True, wide=True, block=BLOCK, native="von_mises_quantile_grad")
def von_mises_quantile_grad(x: Tensor, kappa: Tensor) -> Tensor:
    r"""The derivative in :math:`\kappa` of a von Mises quantile x of fixed probability, :math:`-\partial_\kappa F / f`.

    Args:
        x: the quantile, in :math:`[-\pi, \pi]`.
        kappa: concentration, not negative.

    References:
        Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.

    Example:
        >>> von_mises_quantile_grad(torch.tensor([-1.0, 1.0]), torch.tensor(2.0))
        tensor([ 0.3385, -0.3385])
    """
    pull = _pull(x, kappa)
    return torch.where(x < 0, pull, torch.where(_outside(x), 0.0, -pull))


def _density(x: Tensor, kappa: Tensor) -> Tensor:
    value = torch.exp(_log_density(kappa, _half_angle(x)[1]))
    return torch.where(_outside(x), 0.0, value)


def _slope(x: Tensor, kappa: Tensor) -> Tensor:
    return -_density(x, kappa) * von_mises_quantile_grad(x, kappa)


@elementwise(_density, _slope, wide=True, block=BLOCK, native="von_mises_cdf")
def von_mises_cdf(x: Tensor, kappa: Tensor) -> Tensor:
    r"""The von Mises distribution function on :math:`[-\pi, \pi]`, to full relative accuracy in the lower tail.

    .. math:: F(x, \kappa) = \frac{1}{2 \pi I_0(\kappa)} \int_{-\pi}^x e^{\kappa \cos s}\,ds

    By symmetry the upper tail is F(-x).

    Args:
        x: an angle; 0 is returned below :math:`-\pi` and 1 above :math:`\pi`.
        kappa: concentration, not negative.

    References:
        Mardia and Jupp, Directional Statistics, 2000, section 3.5.4.

    Example:
        >>> von_mises_cdf(torch.tensor([-3.0, 0.0, 3.0]), torch.tensor(1.0))
        tensor([0.0066, 0.5000, 0.9934])
    """
    small = torch.exp(_log_smaller(x, kappa))
    return torch.where(x < -math.pi, 0.0, torch.where(x > math.pi, 1.0, torch.where(x < 0, small, 1 - small)))


def _log_slope(x: Tensor, kappa: Tensor) -> Tensor:
    r""":math:`\partial_x \log F`."""
    tail = _tail(x, kappa)
    density = _density(x, kappa)
    upper = density / (1 - torch.exp(_log_smaller(x, kappa)))
    lower = 1 / torch.where(x < 0, tail.width, 1.0)
    return torch.where(x < -math.pi, 0.0, torch.where(x < 0, lower, upper))


def _log_slope_kappa(x: Tensor, kappa: Tensor) -> Tensor:
    return -_log_slope(x, kappa) * von_mises_quantile_grad(x, kappa)


@elementwise(_log_slope, _log_slope_kappa, wide=True, block=BLOCK, native="log_von_mises_cdf")
def log_von_mises_cdf(x: Tensor, kappa: Tensor) -> Tensor:
    r""":math:`\log F(x, \kappa)` of the von Mises law, finite where F underflows and accurate where F is close to 1.

    Args:
        x: an angle; -inf is returned at :math:`-\pi` and below, 0 above :math:`\pi`.
        kappa: concentration, not negative.

    Example:
        >>> log_von_mises_cdf(torch.tensor([-3.0, 3.0]), torch.tensor(1e4))
        tensor([-19903.4863,      0.0000])
    """
    small = _log_smaller(x, kappa)
    value = torch.where(x < 0, small, log1mexp(small))
    return torch.where(x < -math.pi, -math.inf, torch.where(x > math.pi, 0.0, value))


def _quantile_slope(_: Tensor, kappa: Tensor, x: Tensor) -> Tensor:
    return 1 / _density(x, kappa)


def _quantile_slope_kappa(p: Tensor, kappa: Tensor, x: Tensor) -> Tensor:
    slope, tail = von_mises_quantile_grad(x, kappa), _tail(x, kappa)
    # next to pi the tail is proportional to what is left of it, which p says better than x can
    end = (tail.rest < 0.01) & (kappa * tail.rest * tail.rest < 1)
    share = torch.minimum(p, 1 - p) / torch.where(end, _density(x, kappa) * tail.width, 1.0)
    return torch.where(end, slope * share, slope)


def _start(log_p: Tensor, kappa: Tensor) -> Tensor:
    """A distance whose tail is near: by the normal law where that leaves the circle alone, else by the uniform one."""
    z = -ndtri_exp(log_p)
    sine = 0.5 * z / (kappa + 0.5).sqrt()
    normal = 2 * torch.asin(sine.clamp(max=0.95))
    return torch.where(kappa < 0.7, math.pi * (1 - 2 * torch.exp(log_p)), normal)


def _middle(y: Tensor, kappa: Tensor) -> Tensor:
    r""":math:`\int_0^y f / f(y)`, for y of the order of the standard deviation or smaller."""
    node, weight = on_unit(SHORT, y)
    y = y.unsqueeze(-1)
    rise = 2 * torch.sin(0.5 * y * (1 + node)) * torch.sin(0.5 * y * (1 - node))
    return (y * weight * torch.exp(kappa.unsqueeze(-1) * rise)).sum(-1)


@elementwise(_quantile_slope, _quantile_slope_kappa, of_value=True, wide=True, block=BLOCK, native="von_mises_icdf")
def von_mises_icdf(p: Tensor, kappa: Tensor) -> Tensor:
    r"""The von Mises quantile, the inverse of :func:`von_mises_cdf` in x.

    Newton steps in y on the logarithm of the smaller tail G; where they would leave the circle, steps on G or half of
    what is left. As G is convex, its tangent at :math:`\pi` bounds y from below. In the middle the last steps are on
    1/2 - G.

    Args:
        p: a probability; values outside [0, 1] give NaN.
        kappa: concentration, not negative.

    Example:
        >>> von_mises_icdf(torch.tensor([0.0, 1e-3, 0.75]), torch.tensor(2.0))
        tensor([-3.1416, -3.0362,  0.5297])
    """
    upper = p > 0.5
    small = torch.where(upper, 1 - p, p)
    inside = (small > 0) & (small < 0.5)
    goal = torch.where(inside, small, 0.25).log()
    with torch.no_grad():
        least = math.pi - torch.exp(goal - _log_density(kappa, torch.full_like(goal, 2.0)))
        y = torch.maximum(_start(goal, kappa), least)
        for _ in range(STEPS):
            tail = _tail(y, kappa)
            gap = _log_density(kappa, tail.w) + tail.width.log() - goal
            long = y + tail.width * gap
            short = torch.maximum(y - tail.width * torch.expm1(-gap), 0.5 * (y + math.pi))
            y = torch.where(long < math.pi, long, short).clamp(min=0.0).maximum(least)
        for _ in range(2):
            # near the middle the distance from it counts: steps on the integral from 0 to y
            centre = (y * y * kappa < 1) & (y < 1)
            step = _middle(torch.where(centre, y, 0.0), kappa) - (0.5 - small) / _density(y, kappa)
            y = torch.where(centre, y - step, y)
    y = torch.where(small == 0, math.pi, torch.where(small == 0.5, 0.0, y))
    found = torch.where(upper, y, -y)
    x = first_order(
        found,
        (p, lambda: 1 / _density(found, kappa)),
        (kappa, lambda: von_mises_quantile_grad(found, kappa)),
    )
    return torch.where((p >= 0) & (p <= 1) & ~kappa.isnan(), x, math.nan)
