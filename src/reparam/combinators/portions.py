r"""The mass of a continuous scalar law between two points, and its quantiles of log-probabilities.

A mass is the difference of two tails, of which those that are smaller cancel less. What still cancels does so because
the points are near each other; there the density is smooth, and Gauss-Legendre quadrature of it is exact. It is taken
where the two differ by no more than the rounding of the difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..core.checks import surely
from ..core.ranges import ends, interior, member
from ..special import logsubexp
from ..special._quadrature import gauss_legendre, on_unit

RULE = gauss_legendre(12)
ROUNDINGS = 16  #: of the logarithm of a tail
NEAR = 8.0  #: by how much tails differ at most whose difference is also taken by the density
VARIATION = 3.0  #: of the log-density, over which the rule leaves 1e-20 of an exponential function


class Point(NamedTuple):
    """A point of the closed support, and the logarithms of the probabilities up to it and beyond it."""

    value: Tensor
    below: Tensor
    above: Tensor


def point(law: Any, value: Tensor) -> Point:
    """The point at a value, with gradients of its probabilities that are zero at the ends of the support.

    Args:
        law: unchecked; continuous and scalar.
        value: in the closed support.
    """
    inner, safe = interior(law.support, value)
    at_low = value <= ends(law.support, value)[0]
    below = torch.where(inner, law._log_cdf(safe), torch.where(at_low, -torch.inf, 0.0))
    above = torch.where(inner, law._log_sf(safe), torch.where(at_low, 0.0, -torch.inf))
    return Point(value, below, above)


class Interval(NamedTuple):
    r"""What a law has between two points a and b.

    Where its density hardly varies there, shares and densities given that interval are by its shape alone: a factor
    that depends on no point has slopes in the parameters beside which the rest may be lost.

    Args:
        law: unchecked; continuous and scalar. It may have a ``_log_shape``, its log-density less what is the same at
            every point.
        log_integral: the logarithm of the integral of the shape, -inf where b is not above a.
        smooth: where that is exact.
        log_mass: :math:`\log P(a < X \le b)`, -inf where b is not above a.
    """

    law: Any
    log_integral: Tensor
    smooth: Tensor
    log_mass: Tensor

    def log_density(self, x: Tensor) -> Tensor:
        """That at a point between a and b, given that interval."""
        plain: Tensor = self.law._log_prob(x) - self.log_mass
        shape = _shape(self.law)
        return plain if shape is None else torch.where(self.smooth, shape(x) - self.log_integral, plain)

    def log_share(self, low: Point, high: Point) -> Tensor:
        """The log-probability of what lies between two points of the interval, given that."""
        part = interval(self.law, low, high, self.smooth)
        plain = part.log_mass - self.log_mass
        return torch.where(self.smooth, part.log_integral - self.log_integral, plain)


def interval(law: Any, low: Point, high: Point, near: Tensor | None = None) -> Interval:
    """What the law has between two points, which may be known to be near each other."""
    whole, less = _nested_tails(low, high)
    narrow = less.detach() > whole.detach() - NEAR
    near = narrow if near is None else near | narrow
    if _shape(law) is not None:  # which is smooth up to the ends of the support
        near = near | (low.below == -torch.inf) & (low.value == ends(law.support, low.value)[0])
    shape, factor, even = _log_integral(law, low, high, near)
    by_density = shape + factor
    fixed, own = whole.detach(), by_density.detach()
    difference = logsubexp(fixed, torch.minimum(less.detach(), fixed))
    rounding = ROUNDINGS * torch.finfo(fixed.dtype).eps * (1 + fixed.abs()) * torch.exp(fixed - difference)
    smooth = even & ((own - difference).abs() <= rounding)
    some = high.value > low.value
    apart = some & ~smooth
    by_tails = logsubexp(torch.where(apart, whole, 0.0), torch.where(apart, less, -torch.inf))
    missing = torch.where(low.value.isnan() | high.value.isnan(), torch.nan, -torch.inf)
    mass = torch.where(some, torch.where(smooth, by_density, by_tails), missing)
    return Interval(law, torch.where(some, shape, missing), smooth, mass)


def is_wide(low: Point, high: Point) -> bool:
    """Whether every interval is known to hold so much of a tail that quantiles of the law resolve it."""
    whole, less = _nested_tails(low, high)
    return surely(less < whole - 0.01)


def quantile(law: Any, log_p: Tensor, lower: Tensor) -> Tensor | None:
    """The value with this log-probability up to it where ``lower`` holds, or beyond it, without a gradient.

    Where probabilities may underflow, only a law with ``_icdf_exp`` and ``_isf_exp`` has an answer; None otherwise.
    """
    if hasattr(law, "_icdf_exp"):
        up, down = law._icdf_exp, law._isf_exp
    else:
        if not surely(log_p >= math.log(torch.finfo(log_p.dtype).tiny)):
            return None
        up, down, log_p = law._icdf, law._isf, log_p.exp()
    some = log_p.new_full((), -1.0 if hasattr(law, "_icdf_exp") else 0.4)
    found: Tensor = torch.where(lower, up(torch.where(lower, log_p, some)), down(torch.where(lower, some, log_p)))
    return found.detach()


def _nested_tails(low: Point, high: Point) -> tuple[Tensor, Tensor]:
    """The log-probabilities of two tails on one side whose difference is the mass: of the pair that cancels less."""
    lower = high.below < low.above
    return torch.where(lower, high.below, low.above), torch.where(lower, low.below, high.above)


def _log_integral(law: Any, low: Point, high: Point, near: Tensor) -> tuple[Tensor, Tensor | float, Tensor]:
    """The logarithms of the integral of the shape by one rule and of the rest, and where it is exact, as little varies.

    Only where the points are ``near`` each other: far from all mass, derivatives of a log-density may overflow.
    """
    width = high.value - low.value
    some = near & width.isfinite() & (width > 0)
    length, start = torch.where(some, width, 1.0), torch.where(some, low.value, _innermost(law, low, high))
    node, weight = (v.reshape(-1, *(1,) * length.dim()) for v in on_unit(RULE, length))
    at = start + torch.where(some, width, 0.0) * node
    shape = _shape(law)
    density = law._log_prob(at) if shape is None else shape(at)
    factor = 0.0 if shape is None else law._log_prob(at[0]) - density[0]
    top, least = density.detach().amax(0), density.detach().amin(0)
    top = torch.where(top.isfinite(), top, 0.0)
    total = (weight * torch.exp((density - top).clamp(max=0.0))).sum(0)
    seen = total > 0
    value = torch.where(seen, top + torch.where(seen, total, 1.0).log() + length.log(), -torch.inf)
    return value, factor, some & (top - least < VARIATION)


def _shape(law: Any) -> Callable[[Tensor], Tensor] | None:
    """The method ``_log_shape`` of a law that has one beside its ``_log_prob``."""
    owner = next(cls for cls in type(law).__mro__ if "_log_prob" in vars(cls))
    return law._log_shape if "_log_shape" in vars(owner) else None


def _innermost(law: Any, low: Point, high: Point) -> Tensor:
    """That of two points which has more mass on either side; some other one where they are the ends of the support."""
    depth, other = (torch.minimum(at.below, at.above).detach() for at in (low, high))
    inner = torch.where(depth >= other, low.value, high.value).detach()
    return torch.where(torch.maximum(depth, other) > -torch.inf, inner, member(law.support, inner))
