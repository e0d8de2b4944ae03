r"""The distribution function of Student's t law, its logarithm and their derivatives in the degrees of freedom.

With :math:`t = \sqrt\nu \sinh w` the density is a power of the hyperbolic cosine,

.. math:: P(T > t) = c_\nu \int_w^\infty \cosh^{-\nu}(s)\,ds, \qquad
          c_\nu = \frac{\Gamma(\frac{\nu+1}{2})}{\sqrt\pi\,\Gamma(\frac\nu2)},

and moves with :math:`\nu`, at fixed t, by the factor

.. math:: k(s) = \tfrac12\left[\psi\bigl(\tfrac{\nu+1}2\bigr) - \psi\bigl(\tfrac\nu2\bigr) - \tfrac1\nu
          + \tfrac{1}{\nu} \tanh^2 s - (2 \log\cosh s - \tanh^2 s)\right],

positive in the centre, negative in the tails. The integral is taken from the side where k keeps its sign. Below
:math:`\nu = 2` the tail is by its recurrence in :math:`\nu` that for :math:`\nu + 2` and a term more.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ._derivatives import elementwise
from ._quadrature import BLOCK, gauss_legendre, on_reach
from .logs import log1mexp
from .normal import inverse_mills, log_ndtr, ndtr, normal_density
from .polygamma import BERNOULLI, SHIFT, digamma_difference, horner, steps
from .stirling import HALF_LOG_TWO_PI, log_gamma_ratio, stirling_error

# exp(-EXPONENT) is lost against 1 in float64.
EXPONENT = 40.0
RULE = gauss_legendre(40)
NEWTON_STEPS = 3
LOG_TWO = math.log(2)
# Below CENTRE = asinh(t / sqrt(df)) the integral from 0 may serve.
CENTRE = 1.5
# -log(1 - q) - q = q^2 (1/2 + q/3 + ...), for q below NEAR
NEAR = 0.1
LOG_SERIES = tuple(1 / k for k in range(2, 18))
# psi(z + 1/2) - psi(z) - 1/(2z) = sum of these over z^2k (DLMF 5.11.2 and its duplication)
HALF_STEP_SERIES = tuple((2 - 2.0 ** (1 - 2 * k)) * c / (2 * k) for k, c in enumerate(BERNOULLI, start=1))


class Place(NamedTuple):
    r"""Where t >= 0 lies: :math:`w = \operatorname{asinh}(t/\sqrt\nu)`, and functions of w."""

    w: Tensor
    tanh: Tensor
    log_cosh: Tensor
    sech2: Tensor


class Tail(NamedTuple):
    """The upper tail T at t >= 0.

    It has log T, the logarithm of the density over T, the derivative of log T in df, and in the centre 1/2 - T, else 0.
    """

    log_value: Tensor
    log_hazard: Tensor
    slope: Tensor
    inner: Tensor


def finite_df(df: Tensor) -> tuple[Tensor, Tensor]:
    """Whether the degrees of freedom are infinite, as the normal law's are, and they or then 1."""
    endless = df == math.inf
    return endless, torch.where(endless, 1.0, df)


def half_step(z: Tensor) -> Tensor:
    r""":math:`\psi(z+\tfrac12) - \psi(z) - \tfrac{1}{2z} > 0`, which tends to :math:`1/(8z^2)`."""
    u, k = 1 / (z + SHIFT), steps(z)
    return horner(HALF_STEP_SERIES, u * u) * u * u + (1 / (2 * k * (k + 1) * (2 * k + 1))).sum(-1)


def log_constant(df: Tensor) -> Tensor:
    r""":math:`\log c_\nu`."""
    return _log_factor(df) + 0.5 * df.log()


def _log_factor(df: Tensor) -> Tensor:
    r""":math:`\log(c_\nu / \sqrt\nu)`, from :math:`\log(\sqrt{\nu/2\pi}/\sqrt\nu)` by Stirling's errors."""
    half = df / 2
    gap = half * torch.log1p(1 / df) - 0.5
    return gap + (stirling_error(half + 0.5) - stirling_error(half)) - HALF_LOG_TWO_PI


def _place(df: Tensor, t: Tensor) -> Place:
    far = t > 1e8 * df.sqrt()
    ratio = torch.where(far, 1.0, t) / df.sqrt()
    log_ratio = torch.where(far, t, 1.0).log() - 0.5 * df.log()
    square = ratio * ratio
    return Place(
        torch.where(far, log_ratio + math.log(2), torch.asinh(ratio)),
        torch.where(far, 1.0, ratio * torch.rsqrt(1 + square)),
        torch.where(far, log_ratio, 0.5 * torch.log1p(square)),
        torch.where(far, torch.exp(-2 * log_ratio), 1 / (1 + square)),
    )


def _drift(df: Tensor, lag: Tensor, log_cosh: Tensor, tanh: Tensor) -> Tensor:
    """The factor k by which the density moves with the degrees of freedom."""
    q = tanh * tanh
    near = q < NEAR
    small = torch.where(near, q, 0.0)
    excess = torch.where(near, small * small * horner(LOG_SERIES, small), 2 * log_cosh - q)
    return 0.5 * (lag + q / df - excess)


def _reach(df: Tensor, tanh: Tensor) -> Tensor:
    r"""Where :math:`\nu \log(\cosh(w+u) / \cosh w)` is EXPONENT, or a little beyond: Newton steps from before it."""
    rise = df * tanh
    u = 2 * EXPONENT / (rise + torch.hypot(rise, (2 * EXPONENT * df * (1 - tanh * tanh)).sqrt()))
    for _ in range(NEWTON_STEPS):
        h, step = _growth(tanh, u)
        u = u + (EXPONENT - df * torch.log1p(h)) * (1 + h) / (df * step)
    return u


def _growth(tanh: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`\cosh(w+u)/\cosh w - 1` and :math:`\sinh(w+u)/\cosh w`."""
    half, sinh = torch.sinh(0.5 * u), torch.sinh(u)
    change = 2 * half * half
    return change + tanh * sinh, tanh * (1 + change) + sinh


def upper_tail(df: Tensor, t: Tensor) -> Tail:
    """P(T > t) for t >= 0."""
    at, lag = _place(df, t), half_step(df / 2)
    central = (at.w <= CENTRE) & (_drift(df, lag, at.log_cosh, at.tanh) > 0)
    lifted = (df < 2) & ~central
    power = torch.where(lifted, df + 2, df)
    start = torch.where(central, 0.0, at.tanh)
    with torch.no_grad():
        beyond = _reach(power, start)
    reach = torch.where(central, torch.where(central, at.w, 1.0), beyond)
    u, weight = on_reach(RULE, reach)
    h, step = _growth(start.unsqueeze(-1), u)
    gain = torch.log1p(h)
    mass = weight * torch.exp(-power.unsqueeze(-1) * gain)
    log_cosh = torch.where(central, 0.0, at.log_cosh).unsqueeze(-1) + gain
    drift = _drift(df.unsqueeze(-1), lag.unsqueeze(-1), log_cosh, step / (1 + h))
    total, moved, risen = mass.sum(-1), (mass * drift).sum(-1), (mass * log_cosh).sum(-1)

    log_scale = log_constant(df)
    order = -0.5 * digamma_difference(0.5 * (df + 1), torch.full_like(df, 0.5))
    change = at.tanh * (0.5 - at.log_cosh) + at.sech2 * (total - (df + 1) * risen)
    series = torch.where(lifted, at.tanh + (df + 1) * at.sech2 * total, 1.0)
    # P(T > t) = c cosh^(-df) span beyond the centre, one half less an integral from 0 in it
    span = torch.where(lifted, series / df, torch.where(central, 1.0, total))
    inner = torch.exp(log_scale) * torch.where(central, total, 0.0)
    half = 0.5 - inner
    # log(c / df), with nothing lost where the tail is hardly below 1/2
    few = log_gamma_ratio(torch.full_like(df, 0.5), 0.5 * df) - log_gamma_ratio(torch.ones_like(df), 0.5 * df) - LOG_TWO
    outer = torch.where(lifted, few + series.log(), log_scale + span.log()) - df * at.log_cosh
    log_density = log_scale - 0.5 * df.log() - (df + 1) * at.log_cosh
    return Tail(
        torch.where(central, half.log(), outer),
        torch.where(central, log_density - half.log(), -0.5 * df.log() - at.log_cosh - span.log()),
        torch.where(
            central,
            -torch.exp(log_scale) * moved / half,
            torch.where(lifted, order + change / series, moved / torch.where(central, 1.0, total)),
        ),
        inner,
    )


def tail_at(df: Tensor, t: Tensor) -> tuple[Tail, Tensor]:
    """The tail beyond |t|, at infinity that of some other point or law, and whether t is in the right half."""
    size = _size(t)
    return upper_tail(finite_df(df)[1], torch.where(size == math.inf, 1.0, size)), t > 0


def _size(t: Tensor) -> Tensor:
    """|t|, with a derivative at 0 too, where even functions have their curvature by it."""
    return torch.where(t > 0, t, -t)


def _with_limits(df: Tensor, t: Tensor, value: Tensor, left: float, right: float, normal: Tensor | float) -> Tensor:
    """With the limits at the ends and, for df = inf, of the normal law; NaN where there is no law or no point."""
    value = torch.where(t == -math.inf, left, torch.where(t == math.inf, right, value))
    return torch.where((df > 0) & (t == t), torch.where(df == math.inf, normal, value), math.nan)


def log_density(df: Tensor, t: Tensor) -> Tensor:
    """The logarithm of the density."""
    return _log_factor(df) - (df + 1) * _place(df, _size(t)).log_cosh


def _slope(df: Tensor, t: Tensor) -> Tensor:
    part, right = tail_at(df, t)
    value = torch.exp(part.log_value) * part.slope
    return _with_limits(df, t, torch.where(right, -value, value), 0.0, 0.0, 0.0)


def _log_slopes(df: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    part, right = tail_at(df, t)
    log_odds = torch.where(right, part.log_value - log1mexp(part.log_value), 0.0)
    slope = part.slope * torch.exp(log_odds)
    return (
        _with_limits(df, t, torch.where(right, -slope, slope), -math.inf, 0.0, 0.0),
        _with_limits(df, t, torch.exp(part.log_hazard + log_odds), 0.0, 0.0, inverse_mills(t)),
    )


def _density(df: Tensor, t: Tensor) -> Tensor:
    inner = torch.exp(log_density(finite_df(df)[1], torch.where(t.abs() == math.inf, 0.0, t)))
    return _with_limits(df, t, inner, 0.0, 0.0, normal_density(t))


@elementwise(_slope, _density, wide=True, block=BLOCK, native="stdtr")
def stdtr(df: Tensor, t: Tensor) -> Tensor:
    r"""The distribution function of Student's t law, to full relative accuracy in the lower tail.

    .. math:: P(T \le t) = \frac{\Gamma(\frac{\nu+1}{2})}{\sqrt{\pi\nu}\,\Gamma(\frac\nu2)}
              \int_{-\infty}^t \left(1 + \frac{s^2}{\nu}\right)^{-\frac{\nu+1}{2}} ds

    Args:
        df: degrees of freedom :math:`\nu`, positive; infinite for the normal law.
        t: real. For the upper tail give -t.

    References:
        DLMF 8.17(i); Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, 1995, chapter 28.

    Example:
        >>> stdtr(torch.tensor([1.0, 1e6]), torch.tensor([-1.0, -5.0]))
        tensor([2.5000e-01, 2.8670e-07])
    """
    part, right = tail_at(df, t)
    value = torch.exp(part.log_value)
    return _with_limits(df, t, torch.where(right, 1 - value, value), 0.0, 1.0, ndtr(t))


@elementwise(_log_slopes, wide=True, block=BLOCK, native="log_stdtr")
def log_stdtr(df: Tensor, t: Tensor) -> Tensor:
    r""":math:`\log P(T \le t)` of Student's t law, finite and accurate on the whole line.

    Args:
        df: degrees of freedom, positive; infinite for the normal law.
        t: real. For the upper tail give -t.

    Example:
        >>> log_stdtr(torch.tensor(100.0), torch.tensor([-1e20, 0.0]))
        tensor([-4.3781e+03, -6.9315e-01])
    """
    part, right = tail_at(df, t)
    value = torch.where(right, log1mexp(part.log_value), part.log_value)
    return _with_limits(df, t, value, -math.inf, 0.0, log_ndtr(t))
