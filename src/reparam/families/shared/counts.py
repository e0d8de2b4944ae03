"""What laws of counts share: expectations over a window of whole numbers, and quantiles by search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from ... import kernels
from ..._torch import can_read, is_ordinary_mode, must_share_noise, repeat
from ...core.checks import surely
from ...core.double import in_double
from ...core.noise import normal, open_uniform
from ...core.shapes import joint
from ...special import ndtri

NODES, FEW = 513, 33
REACH = 9.0
STEPS = 64


def from_zero(x: Tensor, f: Callable[[Tensor], Tensor], below: float, above: float) -> Tensor:
    """F at the finite x from 0 upwards, and its limits elsewhere."""
    inside = (x >= 0) & (x < torch.inf)
    limit = torch.where(x < 0, below, torch.where(x.isnan(), x, above))
    return torch.where(inside, f(torch.where(inside, x, 0.0)), limit)


def poisson(rate: Tensor, shape: torch.Size, dtype: torch.dtype, generator: Generator | None) -> Tensor:
    """Poisson numbers; without the native sampler rounded normal ones above 1e15, where no test can tell.

    References:
        Hörmann, The transformed rejection method for generating Poisson random variables, 1993.
    """
    if kernels.usable(rate):
        drawn = kernels.draw("poisson_draw", kernels.key_of(shape, generator, rate), rate)
        return drawn if drawn.dtype is dtype else drawn.clamp(max=torch.finfo(dtype).max).to(dtype)
    rate = rate.double().expand(shape)
    large = rate > 1e15
    if surely(~large):
        return torch.poisson(rate, generator).to(dtype)
    few = torch.poisson(torch.where(large, 1.0, rate), generator)
    many = rate + rate.sqrt() * normal(rate.shape, rate, generator)
    return torch.where(large, many.round(), few).clamp(max=torch.finfo(dtype).max).to(dtype)


def shared_draws(self: Any, shape: torch.Size, generator: Generator | None) -> Tensor | None:
    """Quantiles of uniform numbers where the rows of a ``vmap`` must share these; None anywhere else."""
    if not must_share_noise(*[self.__dict__[name] for name in self._given]):
        return None
    drawn: Tensor = self._icdf(open_uniform(shape, self._first_tensor(), generator)).to(self.dtype)
    return drawn


def window(self: Any, scale: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
    r"""Whole numbers and their spacing h for sums of P(k) f(k), along a new first dimension.

    The law's tails are sub-gamma, the upper one with that scale c and the lower one with 1:
    :math:`P(X > \mu + \sqrt{2vL} + cL) \le e^{-L}` and :math:`P(X < \mu - \sqrt{2vL} - L) \le e^{-L}`, v the
    variance; with L = 40.5 less than 1e-17 is left out. While 513 numbers suffice the sum is over all (h = 1).
    Beyond, a standard deviation is more than five steps, and a trapezoidal sum of so smooth a function is exact to
    rounding. Where the law has no more than 33 numbers, they are all of them.

    References:
        Boucheron, Lugosi and Massart, Concentration inequalities, 2013, section 2.4.
        Trefethen and Weideman, The exponentially convergent trapezoidal rule, 2014.
    """
    with torch.no_grad():
        most = self.support.upper_bound
        if is_ordinary_mode() and isinstance(most, Tensor) and surely(most < FEW):
            step = torch.ones_like(most)
            return step * self._listed().reshape((-1,) + (1,) * most.dim()), step
        mean, spread, far = self._mean(), REACH * self._stddev(), REACH * REACH / 2
        low = (mean - spread - far).clamp(min=0).floor()
        high = (mean + spread + far * scale).ceil().clamp(max=most)
        nodes = FEW if surely(high - low <= FEW - 2) else NODES
        # powers of two, of which the numbers are multiples, so that none is rounded
        step = torch.exp2(((high - low) / (nodes - 2)).log2().ceil().clamp(min=0))
        index = torch.arange(nodes, dtype=low.dtype, device=low.device)
        return step * ((low / step).floor() + index.reshape((-1,) + (1,) * low.dim())), step


def expect(self: Any, f: Callable[[Tensor, Tensor], Tensor], scale: Tensor | float = 1.0) -> Tensor:
    """E f(X, log P(X)) over the window; where the mass is zero neither f nor its gradient counts."""
    law = self._unchecked()
    k, step = window(law, scale)
    log_p = law._log_prob(k)
    possible, terms = log_p > -torch.inf, log_p.exp() * f(k, log_p)
    if terms.requires_grad or not is_ordinary_mode():
        k = torch.where(possible, k, law._mode().detach())
        log_p = law._log_prob(k)
        terms = log_p.exp() * f(k, log_p)
    return step * torch.where(possible, terms, 0.0).sum(0)


def summed_divergence(p: Any, q: Any) -> Tensor:
    """The divergence between two laws of counts as a sum over p's window; constant where it is infinite."""
    first, second = in_double(p).expand(joint(p._batch_shape, q._batch_shape)), in_double(q)._unchecked()
    value = expect(first, lambda k, log_p: log_p - second._log_prob(k))
    if surely(value < torch.inf):
        return value.to(p.dtype)

    def impossible(k: Tensor) -> Tensor:
        certain: Tensor = second._log_prob(k).detach() == -torch.inf
        return certain

    def ratio(k: Tensor, log_p: Tensor) -> Tensor:
        excess: Tensor = log_p - second._log_prob(torch.where(impossible(k), second._mode().detach(), k))
        return excess

    with torch.no_grad():
        infinite = expect(first, lambda k, _: impossible(k).to(k.dtype)) > 0
    return expect(first, ratio).masked_fill(infinite, torch.inf).to(p.dtype)


def quantile(self: Any, p: Tensor, upper: bool, scale: Tensor | float = 1.0) -> Tensor:
    """The least whole number whose cdf is at least p, or whose sf is at most p if ``upper``.

    It lies within the bounds that sub-gamma tails give (see :func:`window`); these are halved until they meet,
    after an attempt to narrow them around the expansion of Cornish and Fisher. In float64, which tells large counts
    apart.

    References:
        Cornish and Fisher, Moments and cumulants in the specification of distributions, 1938.
    """
    with torch.no_grad():
        law, wide = in_double(self), p.expand(joint(p.shape, self._batch_shape))
        mean, spread, skewness = law._mean(), law._stddev(), law._skewness()
        wide = wide.to(mean.dtype)

        def reached(k: Tensor) -> Tensor:
            yes: Tensor = law._sf(k) <= wide if upper else law._cdf(k) >= wide
            return yes

        tail = -wide.log() if upper else -torch.log1p(-wide)
        most = (mean + spread * (2 * tail).sqrt() + scale * tail).ceil()
        high = torch.where(most < torch.inf, most, mean.ceil())
        low = torch.full_like(high, -1.0)
        z = -ndtri(wide) if upper else ndtri(wide)
        guess = mean + spread * (z + skewness * (z * z - 1) / 6)
        guess = torch.where(guess.isfinite(), guess, mean).floor()
        near = 2 + (spread / 64).floor()
        if can_read():  # otherwise there is no stopping early
            for k in (guess - near, guess + near):
                low, high = _narrowed(reached, torch.minimum(k.clamp(min=0), high), low, high)

        def halved(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
            return _narrowed(reached, ((low + high) / 2).floor().clamp(min=0), low, high)

        _, high = repeat(STEPS, halved, low, high, done=lambda low, high: surely(high - low <= 1))
        endless = (wide == (0.0 if upper else 1.0)) & (mean > 0)
        return torch.where(endless, torch.inf, high).to(p.dtype)


def _narrowed(reached: Callable[[Tensor], Tensor], k: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """The bounds after a question about k: a number that is reached bounds from above."""
    yes = reached(k)
    return torch.where(yes, low, torch.maximum(low, k)), torch.where(yes, torch.minimum(high, k), high)
