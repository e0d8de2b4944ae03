"""A scalar law between two bounds."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from .. import _torch, constraints
from ..constraints import greater_than, real
from ..core.checks import surely
from ..core.derived import has_probabilities
from ..core.distribution import Distribution
from ..core.noise import uniform
from ..core.params import component, param
from ..core.ranges import ends, member
from ..core.search import invert_cdf
from ..implicit.law import reparameterised, smaller_tail
from ..implicit.standard import Diagonal, Jacobian
from ..special import log1mexp
from .portions import Interval, Point, interval, is_wide, point, quantile

STEPS = 4  #: of Newton's method, from an even spread over the interval


def _in_double(method: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The method computed in float64 and rounded: in a tail, what cancels is large."""

    @functools.wraps(method)
    def precise(self: Truncated, *args: Any) -> Tensor:
        values = [a for a in args if isinstance(a, Tensor)]
        dtype = functools.reduce(torch.promote_types, [v.dtype for v in values], self.dtype)
        if self.dtype is torch.float64 or self.device.type == "mps":
            return method(self, *args)
        args = tuple(a.double() if isinstance(a, Tensor) else a for a in args)
        return method(self.to(torch.float64), *args).to(dtype)

    return precise


class Truncated(Distribution):
    r"""A continuous scalar law, given that it lies between two bounds.

    .. math:: p(x) = \frac{p_0(x)}{P_0(a < X \le b)}, \qquad a \le x \le b

    Masses are logarithms of differences of the base's smaller tails, or by quadrature of its density where the bounds
    are near each other, so that a piece far out in a tail is like any other: a normal law between 30 and 31 standard
    deviations, or between 1 and 1 + 1e-12. Draws have the exact implicit gradient, of first and second order, in the
    parameters of the base and in both bounds. Moments and entropy are by quadrature.

    Quantiles are those of the base. Where its tails underflow, it may give its quantiles of log-probabilities as
    ``_icdf_exp`` and ``_isf_exp``, as :class:`Normal`, :class:`Gamma`, :class:`Beta` and :class:`StudentT` do; those of
    other laws are searched for.

    Args:
        base_distribution: the law; also read as ``base_dist``.
        low: lower bound :math:`a`; none by default.
        high: upper bound :math:`b > a`; none by default.

    Shapes:
        ``low``, ``high`` and the base broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: the part of
        the base's support from ``low`` to ``high``, both included.

    Raises:
        TypeError: if the base is discrete, is a law of vectors, or has no cdf.
        ValueError: if no part of the base's support lies between the bounds.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 1994, section 13.10.
        Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.

    Example:
        >>> import reparam
        >>> d = Truncated(reparam.Normal(0.0, 1.0), low=30.0, high=31.0)
        >>> d.mean, d.log_prob(torch.tensor(30.0))
        (tensor(30.0333), tensor(3.4023))
        >>> half = Truncated(reparam.Normal(torch.zeros(3), 2.0), low=0.0)
        >>> half.batch_shape, half.support.check(torch.tensor([-1.0, 0.0, 1.0]))
        (torch.Size([3]), tensor([False,  True,  True]))
    """

    base_distribution = component()
    low = param(real, default=-math.inf, symbol="a")
    high = param(greater_than("low"), default=math.inf, symbol="b")
    has_rsample = True

    @property
    def base_dist(self) -> Distribution:
        """The law that is truncated."""
        base: Distribution = self.base_distribution
        return base

    @property
    def support(self) -> constraints.Constraint:  # type: ignore[override]
        """What the bounds leave of the base's support."""
        return constraints.interval(*self._ends())

    def _prepare(self, values: dict[str, Any]) -> dict[str, Any]:
        base = values["base_distribution"]
        if not isinstance(base, Distribution):
            return values
        if base.event_shape or base.support.is_discrete or not has_probabilities(base):
            raise TypeError(f"Truncated: {type(base).__name__} is no continuous scalar law with a cdf")
        given = [values["low"], values["high"]]
        wide = [v.dtype for v in given if isinstance(v, Tensor) and v.dtype.is_floating_point and v.dtype != base.dtype]
        for dtype in wide:
            base = base.to(torch.promote_types(dtype, base.dtype))
        low, high = (_like(base, v) for v in given)
        return {**values, "base_distribution": base, "low": low, "high": high}

    def _check(self) -> None:
        low, high = self._ends()
        empty = ~(low < high)
        if surely(empty.any()):
            empty = _torch.unwrapped(empty)
            raise ValueError(
                f"Truncated: the support of {type(self.base_dist).__name__} must reach between low and high, but "
                f"{int(empty.sum())} of {empty.numel()} intervals hold no part of it"
            )

    def _derive_event_shape(self) -> torch.Size:
        return torch.Size(())

    def _inner(self) -> Distribution:
        return self.base_dist._unchecked()

    def _ends(self) -> tuple[Tensor, Tensor]:
        """The ends of the support."""
        least, most = ends(self.base_dist.support, self.low)
        return torch.where(self.low > least, self.low, least), torch.where(self.high < most, self.high, most)

    # -- densities and probabilities ---------------------------------------------------------------------

    def _bounds(self) -> tuple[Point, Point, Interval]:
        """The ends as points of the base, and what it has between them."""
        law = self._inner()
        low, high = (point(law, end) for end in self._ends())
        return low, high, interval(law, low, high)

    @_in_double
    def _log_prob(self, x: Tensor) -> Tensor:
        return self._bounds()[2].log_density(x)

    def _logs(self, x: Tensor, bounds: tuple[Point, Point, Interval]) -> tuple[Tensor, Tensor]:
        """The logarithms of cdf and sf: of the larger from the smaller."""
        low, high, inside = bounds
        at = point(inside.law, x)
        below, above = inside.log_share(low, at), inside.log_share(at, high)
        lower = below < above
        small = torch.where(lower, below, above).clamp(max=-0.5)  # of rounding alone: the smaller is at most one half
        large = log1mexp(small)
        return torch.where(lower, small, large), torch.where(lower, large, small)

    def _log_tail(self, x: Tensor, lower: Tensor, bounds: tuple[Point, Point, Interval]) -> Tensor:
        """One of the two, where it is at most one half: the cdf's where ``lower``, or the other's."""
        low, high, inside = bounds
        at = point(inside.law, x)
        first, last = (
            Point(*(torch.where(lower, one, other) for one, other in zip(*pair, strict=True)))
            for pair in ((low, at), (at, high))
        )
        return inside.log_share(first, last)

    @_in_double
    def _log_cdf(self, x: Tensor) -> Tensor:
        return self._logs(x, self._bounds())[0]

    @_in_double
    def _log_sf(self, x: Tensor) -> Tensor:
        return self._logs(x, self._bounds())[1]

    def _standardization(self, x: Tensor) -> tuple[Tensor, Callable[[], Jacobian]]:
        bounds = self._bounds()
        log_cdf, log_sf = self._logs(x, bounds)
        log_share = torch.minimum(log_cdf, log_sf)
        return smaller_tail(log_cdf, log_sf), lambda: Diagonal(torch.exp(bounds[2].log_density(x) - log_share))

    # -- quantiles and draws -----------------------------------------------------------------------------

    @_in_double
    def _icdf(self, p: Tensor) -> Tensor:
        return self._at(p.log(), torch.log1p(-p))

    @_in_double
    def _isf(self, p: Tensor) -> Tensor:
        return self._at(torch.log1p(-p), p.log())

    def _at(self, log_below: Tensor, log_above: Tensor) -> Tensor:
        """The value with these log-probabilities up to it and beyond it, with its implicit gradient."""
        low, high = self._ends()
        found = self._found(log_below, log_above)
        inside, lower = (found > low) & (found < high), log_below < log_above
        logs = [
            torch.where(inside, log_p, torch.where(nearer, torch.full_like(log_p, -1.5), -0.5))
            for log_p, nearer in ((log_below, lower), (log_above, ~lower))
        ]
        x = reparameterised(self, self._interior(found), _gap, logs)
        return torch.where(inside, x, torch.where(found <= low, low, high))

    def _interior(self, x: Tensor) -> Tensor:
        """The nearest number between the ends."""
        low, high = self._ends()
        return torch.maximum(torch.minimum(x, torch.nextafter(high, low)), torch.nextafter(low, high)).detach()

    def _found(self, log_below: Tensor, log_above: Tensor) -> Tensor:
        """The same without a gradient: by the base's quantiles, or by search where they underflow."""
        law = self._inner()
        with torch.no_grad():
            low, high, inside = bounds = self._bounds()
            total = inside.log_mass
            below, above = torch.logaddexp(low.below, log_below + total), torch.logaddexp(high.above, log_above + total)
            lower = below < above
            x = quantile(law, torch.where(lower, below, above), lower)
            if x is None:
                return self._searched(log_below, log_above)
            x = torch.maximum(torch.minimum(x, high.value), low.value)
            return x if is_wide(low, high) else self._refined(x, log_below, log_above, bounds)

    def _searched(self, log_below: Tensor, log_above: Tensor) -> Tensor:
        """By search, from the nearer end."""
        lower = log_below < log_above
        left = invert_cdf(self, torch.where(lower, log_below, -1.0).exp(), upper=False)
        right = invert_cdf(self, torch.where(lower, -1.0, log_above).exp(), upper=True)
        return torch.where(lower, left, right).detach()

    def _refined(
        self, x: Tensor, log_below: Tensor, log_above: Tensor, bounds: tuple[Point, Point, Interval]
    ) -> Tensor:
        """By Newton steps, where the base's quantiles do not resolve so short an interval."""
        low, high = bounds[0].value, bounds[1].value
        lower = log_below < log_above
        target = torch.where(lower, log_below, log_above)
        evenly = low + log_below.exp() * (high - low)
        x = torch.where((x > low) & (x < high) | ~evenly.isfinite(), x, evenly)
        for _ in range(STEPS):
            inside = (x > low) & (x < high)
            at = torch.where(inside, x, member(self.support, x))
            log_tail = self._log_tail(at, lower, bounds)
            gap = torch.where(lower, target - log_tail, log_tail - target)
            step = gap * torch.exp(log_tail - bounds[2].log_density(at))
            moved = torch.maximum(torch.minimum(at + step, high), low)
            x = torch.where(inside & step.isfinite(), moved, x)
        return x.detach()

    @_in_double
    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        u = uniform(shape, self.low, generator)
        upper = u >= 0.5
        tail = torch.where(upper, u - 0.5, u).clamp(min=torch.finfo(u.dtype).tiny)
        near, far = tail.log(), torch.log1p(-tail)
        x = self._found(torch.where(upper, far, near), torch.where(upper, near, far))
        return self._interior(x)

    @_in_double
    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        with torch.no_grad():
            sample = self._sample(shape, generator)
        return reparameterised(self, sample)

    # -- summaries ---------------------------------------------------------------------------------------

    def _mode(self) -> Tensor:
        """The base's mode or the end that is nearer to it, or for a density with its least value inside, an end."""
        low, high = self._ends()
        nearest = self.base_dist._mode()
        nearest = torch.where(nearest < low, low, torch.where(nearest > high, high, nearest))
        best, most = nearest, self._height(nearest)
        for end in (low, high):
            height = self._height(end)
            best, most = torch.where(height > most, end, best), torch.maximum(height, most)
        return best

    def _height(self, x: Tensor) -> Tensor:
        """The base's log-density, and none at infinity."""
        bounded = x.detach().isfinite()
        value = self._inner()._log_prob(torch.where(bounded, x.detach(), member(self.support, x)))
        return torch.where(bounded, value, -math.inf)


def _gap(law: Truncated, x: Tensor, log_below: Tensor, log_above: Tensor) -> tuple[Tensor, Callable[[], Jacobian]]:
    """By what the smaller probability at x differs from a given one, in units of the former: noise that is always zero.

    The given one counts by itself, not by that at x, which near an end is that of a rounded number.
    """
    lower, bounds = log_below < log_above, law._bounds()
    log_tail = law._log_tail(x, lower, bounds)
    unit = log_tail.detach()
    gap = torch.exp(log_tail - unit) - torch.exp(torch.where(lower, log_below, log_above) - unit)
    return torch.where(lower, gap, -gap), lambda: Diagonal(torch.exp(bounds[2].log_density(x) - unit))


def _like(base: Distribution, bound: Any) -> Any:
    """A number as a tensor of the base's dtype, on its device."""
    if isinstance(bound, (int, float)):
        return torch.as_tensor(bound, dtype=base.dtype, device=base.device)
    return bound
