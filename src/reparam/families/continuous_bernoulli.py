"""The continuous Bernoulli law."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Generator, Tensor

from .. import kernels
from ..constraints import real, unit_interval
from ..core.linear import product
from ..core.noise import fine_uniform
from ..core.params import one_of, param
from ..core.registry import register_kl
from ..implicit.scalar import reparameterise
from ..kernels import fused
from ..special import log1mexp, log_expm1, logit
from ..special._derivatives import elementwise
from ..special._quadrature import gauss_legendre, on_unit
from ..special.polygamma import horner
from ..special.quotients import expm1_quotient, log1p_quotient
from .exponential_family import ExponentialFamily

# sinh(t)/t = 1 + q p(q) and cosh(t) - sinh(t)/t = q a(q), with q = t^2
SINHC = tuple(1 / math.factorial(2 * n + 3) for n in range(8))
LANGEVIN = tuple((2 * n + 2) / math.factorial(2 * n + 3) for n in range(8))
REMAINDER = tuple(1 / math.factorial(n + 2) for n in range(11))
FLAT, MOST = 1e-200, 1e30
RULE = gauss_legendre(12)


class _Tilted(ExponentialFamily):
    """The parameters and formulas of :class:`ContinuousBernoulli`."""

    probs, logits = one_of(
        probs=param(unit_interval, symbol=r"\lambda", typical=(0.1, 0.9), derived=lambda d: torch.sigmoid(d.logits)),
        logits=param(real, symbol=r"\ell", typical=(-3.0, 3.0), derived=lambda d: logit(d.probs)),
    )
    support = unit_interval

    def _slope(self) -> Tensor:
        """The log-odds, those of a point mass as large numbers."""
        if "logits" in self._given:
            return self.logits.clamp(-MOST, MOST)
        return _log_odds(self.probs)

    @fused("continuous_bernoulli_probs_log_prob", "probs")
    @fused("continuous_bernoulli_logits_log_prob", "logits")
    def _log_prob(self, x: Tensor) -> Tensor:
        return _log_density(self._slope(), x)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        name = self._given[0]
        given = self.__dict__[name]
        if kernels.usable(given):
            return _NATIVELY[name](kernels.key_of(shape, generator, given), given)
        slope = self._slope().expand(shape)
        with torch.no_grad():
            fall = -slope.double().abs().clamp(min=FLAT)
            distance = torch.log1p(fine_uniform(shape, slope, generator) * torch.expm1(fall)) / fall
            x = torch.where(slope > 0, 1 - distance, distance).to(slope.dtype)
        return reparameterise(slope, x, _quantile_slope)

    def _cdf(self, x: Tensor) -> Tensor:
        slope = self._slope()
        return _by_smaller(_below(x, 1 - x, slope), _below(1 - x, x, -slope))

    def _sf(self, x: Tensor) -> Tensor:
        slope = self._slope()
        return _by_smaller(_below(1 - x, x, -slope), _below(x, 1 - x, slope))

    def _log_cdf(self, x: Tensor) -> Tensor:
        slope = self._slope()
        return _log_by_smaller(_log_below(x, 1 - x, slope), _below(1 - x, x, -slope))

    def _log_sf(self, x: Tensor) -> Tensor:
        slope = self._slope()
        return _log_by_smaller(_log_below(1 - x, x, -slope), _below(x, 1 - x, slope))

    def _icdf(self, p: Tensor) -> Tensor:
        return _icdf(p, self._slope())

    def _isf(self, p: Tensor) -> Tensor:
        return _by_smaller_part(p, self._slope(), True)

    def _entropy(self) -> Tensor:
        return _entropy(self._slope())

    def _mean(self) -> Tensor:
        return _mean(self._slope())

    def _mode(self) -> Tensor:
        return (self._slope() > 0).to(self.dtype)

    def _variance(self) -> Tensor:
        return _variance(self._slope())

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self._slope(),)

    @staticmethod
    def _log_normalizer(a: Tensor) -> Tensor:
        return _log_normaliser(a) + a * _centre(a)

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x,)

    @classmethod
    def _from_natural(cls, a: Tensor) -> dict[str, Tensor]:
        return {"logits": a}


class ContinuousBernoulli(_Tilted):
    r"""The continuous Bernoulli law on the unit interval: an exponential law cut off at 1, rising or falling.

    .. math:: p(x) \propto \lambda^x (1 - \lambda)^{1-x}, \qquad
        p(x) = \frac{\ell\, e^{\ell x}}{e^\ell - 1}, \quad \ell = \log\frac{\lambda}{1-\lambda}, \qquad 0 \le x \le 1

    Near :math:`\lambda = 1/2`, where it is uniform, power series take the place of quotients that cancel; nothing is
    clamped. ``probs`` of 0 and 1 give a point mass at that end.

    Args:
        probs: :math:`\lambda` in [0, 1].
        logits: its log-odds :math:`\ell`, real. Give exactly one of the two.
        lims: accepted for programs that pass it and not used: the series need no such limits.

    Shapes:
        The parameter's shape is ``batch_shape``; ``event_shape`` is ``()``. Support: ``[0, 1]``.

    Raises:
        ValueError: if both or none of ``probs`` and ``logits`` are given, or ``probs`` leaves [0, 1].

    References:
        Loaiza-Ganem and Cunningham, The continuous Bernoulli: fixing a pervasive error in variational
        autoencoders, 2019.

    Example:
        >>> ContinuousBernoulli(probs=0.5 + 1e-6).variance
        tensor(0.0833)
    """

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(probs, logits, validate_args)

    @property
    def param_shape(self) -> torch.Size:
        """The shape of the parameter."""
        return self.batch_shape


@kernels.sampler("continuous_bernoulli_probs_draw")
def _by_probs(key: Tensor, probs: Tensor) -> Tensor:
    x = kernels.draw("continuous_bernoulli_probs_draw", key, probs)
    return reparameterise(_log_odds(probs).expand(x.shape), x, _quantile_slope)


@kernels.sampler("continuous_bernoulli_logits_draw")
def _by_logits(key: Tensor, logits: Tensor) -> Tensor:
    x = kernels.draw("continuous_bernoulli_logits_draw", key, logits)
    return reparameterise(logits.clamp(-MOST, MOST).expand(x.shape), x, _quantile_slope)


_NATIVELY = {"probs": _by_probs, "logits": _by_logits}


def _log_odds(p: Tensor) -> Tensor:
    """The logit, as large numbers for a point mass."""
    inside = (p > 0) & (p < 1)
    return torch.where(inside, logit(torch.where(inside, p, 0.5)), (p.detach() - 0.5) * (2 * MOST))


def _centre(slope: Tensor) -> Tensor:
    """The point about which the density is written: 1/2 for flat laws, else the end where it is largest."""
    return torch.where(slope.abs() < 1, 0.5, (slope > 0).to(slope.dtype))


def _halves(slope: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Whether the law is flat, half the slope where it is, and half its size where it is not."""
    near = slope.abs() < 1
    return near, torch.where(near, 0.5 * slope, 0.0), torch.where(near, 1.0, 0.5 * slope.abs())


def _log_normaliser(slope: Tensor) -> Tensor:
    """The logarithm of the integral of exp(slope (x - centre))."""
    near, small, large = _halves(slope)
    square = small * small
    return torch.where(near, torch.log1p(square * horner(SINHC, square)), log1mexp(-2 * large) - (2 * large).log())


def _log_density(slope: Tensor, x: Tensor) -> Tensor:
    return slope * (x - _centre(slope)) - _log_normaliser(slope)


def _mean_gap(slope: Tensor) -> Tensor:
    """The mean less the centre."""
    near, small, large = _halves(slope)
    square = small * small
    body = 0.5 * small * horner(LANGEVIN, square) / (1 + square * horner(SINHC, square))
    gap = -torch.exp(-2 * large) / torch.expm1(-2 * large) - 0.5 / large
    return torch.where(near, body, torch.where(slope > 0, gap, -gap))


@kernels.kernel("continuous_bernoulli_mean")
def _mean(slope: Tensor) -> Tensor:
    return _centre(slope) + _mean_gap(slope)


@kernels.kernel("continuous_bernoulli_variance")
def _variance(slope: Tensor) -> Tensor:
    near, small, large = _halves(slope)
    square = small * small
    rest = horner(SINHC, square)
    body = 0.25 * rest * (2 + square * rest) / (1 + square * rest) ** 2
    return torch.where(near, body, 0.25 * (large**-2 - (2 * torch.exp(-large) / torch.expm1(-2 * large)) ** 2))


@kernels.kernel("continuous_bernoulli_entropy")
def _entropy(slope: Tensor) -> Tensor:
    return _log_normaliser(slope) - slope * _mean_gap(slope)


def _below(x: Tensor, rest: Tensor, slope: Tensor) -> Tensor:
    """The probability below x = 1 - rest."""
    rising = slope > 1
    fall = torch.where(rising, -slope, slope)
    part = expm1_quotient(fall, x) / expm1_quotient(fall, torch.ones_like(fall))
    return part * torch.exp(torch.where(rising, fall * rest, 0.0))


def _log_below(x: Tensor, rest: Tensor, slope: Tensor) -> Tensor:
    """The logarithm of the probability below x = 1 - rest."""
    rising = slope > 1
    fall = torch.where(rising, -slope, slope)
    above = x > 0
    part = expm1_quotient(fall, torch.where(above, x, 1.0)).log() - expm1_quotient(fall, torch.ones_like(fall)).log()
    return torch.where(above, part + torch.where(rising, fall * rest, 0.0), -torch.inf)


def _by_smaller(own: Tensor, other: Tensor) -> Tensor:
    """A probability, by that of the complement where it is the smaller, so that its slopes are as exact."""
    return torch.where(other < 0.5, 1 - other, own)


def _log_by_smaller(own: Tensor, other: Tensor) -> Tensor:
    """A log-probability, by the probability of the complement where that is the smaller."""
    small = other < 0.5
    return torch.where(small, torch.log1p(-torch.where(small, other, 0.0)), own)


def _distances(part: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """How far from an end and from the other one the point is within which ``part`` of the mass lies, up to 1/2.

    The slope is that of the log-density from the end on.
    """
    steep, some = slope > 1, part > 0
    flat, rise = torch.where(steep, 0.5, slope), torch.where(steep, slope, 2.0)
    body = log1p_quotient(flat, part * expm1_quotient(flat, torch.ones_like(flat)))
    log_part = torch.where(some, part, 1.0).log()
    near = torch.logaddexp(torch.zeros_like(rise), log_part + log_expm1(rise)) / rise
    far = -torch.logaddexp(-rise, log_part + log1mexp(-rise)) / rise
    near, far = torch.where(some, near, 0.0), torch.where(some, far, 1.0)
    return torch.where(steep, near, body), torch.where(steep, far, 1 - body)


def _in_part(part: Tensor, slope: Tensor) -> Tensor:
    """The derivative of the distance in the mass: one over the density there, which is linear in the mass."""
    falls = slope < 0
    size = torch.where(falls, slope, -slope)
    least = torch.exp(size) / expm1_quotient(size, torch.ones_like(size))
    return 1 / (least - size * torch.where(falls, 1 - part, part))


def _in_slope(part: Tensor, slope: Tensor) -> Tensor:
    """The derivative of the distance in the slope."""
    near, far = _distances(part, slope)
    low = near < 0.5
    return _tilt(torch.where(low, near, far), torch.where(low, -slope, slope))


@elementwise(_in_part, _in_slope, wide=True)
def _distance(part: Tensor, slope: Tensor) -> Tensor:
    return _distances(part, slope)[0]


@elementwise(lambda p, slope: -_in_part(p, slope), lambda p, slope: -_in_slope(p, slope), wide=True)
def _rest(part: Tensor, slope: Tensor) -> Tensor:
    return _distances(part, slope)[1]


def _by_smaller_part(p: Tensor, slope: Tensor, upper: bool) -> Tensor:
    """The x with probability p below it, or above it; its distance from either end is as exact as p."""
    low = p < 0.5
    part = torch.where(low, p, 1 - p)
    return torch.where(low != upper, _distance(part, slope), _rest(part, -slope))


@kernels.kernel("continuous_bernoulli_icdf")
def _icdf(p: Tensor, slope: Tensor) -> Tensor:
    return _by_smaller_part(p, slope, False)


def _quantile_slope(slope: Tensor, x: Tensor) -> Tensor:
    """The derivative of x in the slope at fixed probability."""
    low = x < 0.5
    return _tilt(torch.where(low, x, 1 - x), torch.where(low, -slope, slope))


def _tilt(y: Tensor, m: Tensor) -> Tensor:
    r"""The derivative of a quantile in the slope, at the distance y from an end towards which the slope is m.

    It is :math:`\frac1m \left(y - \frac{e^{my} - 1}{e^m - 1}\right)`, or for small m, with
    :math:`e^w = 1 + w + w^2 r(w)`, :math:`\frac{y (r(m) - y\,r(my))}{1 + m\,r(m)}`.
    """
    near = m.abs() < 0.25
    small, large = torch.where(near, m, 0.0), torch.where(near, 1.0, m)
    powers = torch.stack([small, small * y]).unsqueeze(-1) ** torch.arange(len(REMAINDER), device=y.device)
    whole, part = product(powers, y.new_tensor(REMAINDER))
    capped = large.clamp(max=80.0)  # beyond, the share is lost beside y
    share = torch.expm1(capped * y) / torch.expm1(capped)
    return torch.where(near, y * (whole - y * part) / (1 + small * whole), (y - share) / large)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _(p: ContinuousBernoulli, q: ContinuousBernoulli) -> Tensor:
    return _divergence(p._slope(), q._slope())


@kernels.kernel("continuous_bernoulli_divergence")
def _divergence(slope: Tensor, other_slope: Tensor) -> Tensor:
    r"""The Bregman divergence of the log-normaliser; near by, :math:`\delta^2 \int_0^1 (1-s) V(\ell_p + s\delta)\,ds`.

    Here V is the variance and :math:`\delta = \ell_q - \ell_p`, so that nothing cancels.
    """
    ours, theirs = torch.broadcast_tensors(slope, other_slope)
    gap = theirs - ours
    near = gap.abs() < torch.clamp(0.5 * ours.abs(), min=2.0)
    small = torch.where(near, gap, 0.0)
    s, weight = on_unit(RULE, small)
    between = _variance(ours.unsqueeze(-1) + small.unsqueeze(-1) * s)
    integral = small * small * (weight * (1 - s) * between).sum(-1)
    mean = _centre(ours) + _mean_gap(ours)
    return torch.where(near, integral, _log_density(ours, mean) - _log_density(theirs, mean))
