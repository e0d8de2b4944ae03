"""The binomial law."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid

from ..constraints import integer_interval, nonnegative_integer, real, unit_interval
from ..core.checks import surely
from ..core.double import double, in_double
from ..core.noise import binomial
from ..core.params import one_of, param
from ..core.registry import register_kl
from ..kernels import all_within, fused
from ..special import (
    betainc_odds,
    log_betainc_odds,
    log_binomial,
    logit,
    stirling_error,
    xlog1py,
    xlogy,
)
from .bernoulli import Bernoulli, log_variance
from .exponential_family import ExponentialFamily
from .shared.counts import expect, quantile, shared_draws, summed_divergence
from .shared.masses import mass_divergence, of_trials
from .shared.shares import share_fit

LOG_TWO_PI = math.log(2 * math.pi)
SHORT = 32  # trials, up to which sums over all counts cancel by no more than a digit


class Binomial(ExponentialFamily):
    r"""The number of successes in ``total_count`` independent trials.

    .. math:: P(k) = \binom{n}{k} p^k (1-p)^{n-k}, \qquad 0 \le k \le n

    The log-mass is Loader's saddle-point form, right for the largest counts; probabilities are never clamped.

    Args:
        total_count: number of trials n, a non-negative integer, one for each law of the batch. Default 1.
        probs: probability of success, in [0, 1].
        logits: its log-odds, real. Give exactly one of ``probs`` and ``logits``.

    Shapes:
        ``total_count`` and the parameter broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: the
        integers 0 to ``total_count``.

    Raises:
        ValueError: if both or none of ``probs`` and ``logits`` are given, ``probs`` leaves [0, 1], or a count
            is negative or not whole.

    References:
        Johnson, Kemp and Kotz, Univariate Discrete Distributions, 2005, chapter 3.
        Loader, Fast and accurate computation of binomial probabilities, 2000.

    Example:
        >>> Binomial(1e6, 0.5).log_prob(torch.tensor(5e5))
        tensor(-7.1335)
    """

    total_count = param(nonnegative_integer, default=1, symbol="n", typical=(1, 20))
    probs, logits = one_of(
        probs=param(unit_interval, symbol="p", typical=(0.1, 0.9), derived=lambda d: torch.sigmoid(d.logits)),
        logits=param(real, symbol=r"\ell", typical=(-2.0, 2.0), derived=lambda d: logit(d.probs)),
    )
    support = integer_interval(0, "total_count")

    @fused("binomial_probs_log_prob", "total_count", "probs")
    @fused("binomial_logits_log_prob", "total_count", "logits")
    def _log_prob(self, x: Tensor) -> Tensor:
        n, p, q = self.total_count, self.probs, self._failure()
        inside = (x > 0) & (x < n)
        k = torch.where(inside, x, 1.0)
        rest = torch.where(inside, n - x, 1.0)
        count = k + rest
        errors = stirling_error(count) - stirling_error(k) - stirling_error(rest)
        spread = 0.5 * (count.log() - LOG_TWO_PI - k.log() - rest.log())
        inner = errors + spread
        for part, share, sign in ((k, p, 1), (rest, q, -1)):
            share = torch.where(inside, share, 0.5)
            log_share = logsigmoid(sign * self.logits) if "logits" in self._given else share.log()
            inner = inner + share_fit(part, count, share, log_share)
        return torch.where(inside, inner, self._at_ends(torch.where(inside, 0.0, x)))

    def _at_ends(self, x: Tensor) -> Tensor:
        rest = self.total_count - x
        if "logits" in self._given:
            return x * logsigmoid(self.logits) + rest * logsigmoid(-self.logits)
        return xlogy(x, self.probs) + xlog1py(rest, -self.probs)

    @property
    def param_shape(self) -> torch.Size:
        """The shape of the parameter."""
        return self.batch_shape

    def _failure(self) -> Tensor:
        return torch.sigmoid(-self.logits) if "logits" in self._given else 1 - self.probs

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        shared = shared_draws(self, shape, generator)
        if shared is not None:
            return shared
        if "probs" in self._given:
            return binomial(self.total_count, self.probs, shape, generator).to(self.dtype)
        # of the rarer outcome: a probability near one would be rounded
        rarer = binomial(self.total_count, torch.sigmoid(-self.logits.abs()), shape, generator).to(self.dtype)
        return torch.where(self.logits > 0, self.total_count - rarer, rarer)

    def _tail(self, f: Callable[..., Tensor], x: Tensor, upper: bool, below: float, beyond: float) -> Tensor:
        """A function of the beta law at the share of successes or failures; its limits outside 0, ..., n - 1."""
        n, x = double(self.total_count), double(x)  # what single precision has no range for are slopes in the odds
        inside = (x >= 0) & (x < n)
        k, rest = torch.where(inside, x, 0.0), torch.where(inside, n - x, 1.0)
        p, q, lost = self._odds(upper)
        p, q = torch.where(inside, p, 0.5), torch.where(inside, q, 0.5)
        value = f(k + 1, rest, p, q) if upper else f(rest, k + 1, q, p)
        if f is log_betainc_odds:
            value = value + (k + 1 if upper else rest) * lost
        limit = torch.where(x < 0, below, torch.where(x.isnan(), x, beyond))
        return torch.where(inside, value, limit).to(self.dtype)

    def _odds(self, upper: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Numbers in the ratio of the probabilities, and what log-odds that no numbers hold go further down."""
        if "probs" in self._given:
            p = double(self.probs)
            return p, 1 - p, torch.zeros_like(p)
        logits = double(self.logits)
        reach = -2 * math.log(torch.finfo(logits.dtype).tiny) - 16
        near = logits.clamp(-reach, reach)
        lost = torch.where(logits.abs() > reach, logits - near, 0.0)  # without slopes that cancel
        return torch.exp(0.5 * near), torch.exp(-0.5 * near), (lost if upper else -lost).clamp(max=0)

    def _cdf(self, x: Tensor) -> Tensor:
        return self._tail(betainc_odds, x, False, 0.0, 1.0)

    def _sf(self, x: Tensor) -> Tensor:
        return self._tail(betainc_odds, x, True, 1.0, 0.0)

    def _log_cdf(self, x: Tensor) -> Tensor:
        return self._tail(log_betainc_odds, x, False, -torch.inf, 0.0)

    def _log_sf(self, x: Tensor) -> Tensor:
        return self._tail(log_betainc_odds, x, True, 0.0, -torch.inf)

    def _icdf(self, p: Tensor) -> Tensor:
        return torch.minimum(quantile(self, p, upper=False), self.total_count)

    def _isf(self, p: Tensor) -> Tensor:
        return torch.minimum(quantile(self, p, upper=True), self.total_count)

    def _listed(self) -> Tensor:
        n = self.total_count
        return torch.arange(int(n.max().item()) + 1 if n.numel() else 1, dtype=n.dtype, device=n.device)

    def _enumerate_support(self) -> Tensor:
        n = self.total_count
        first = n.flatten()[:1]
        if not surely(n == first):
            raise NotImplementedError("Binomial: the support can be enumerated only where all total_count are equal")
        return self._listed()

    def _entropy(self) -> Tensor:
        law = in_double(self)
        if not self._is_short():
            return expect(law, lambda k, log_p: -log_p).to(self.dtype)
        name = law._given[-1]
        trial = Bernoulli(**{name: law.__dict__[name]}, validate_args=False)._entropy()
        _, ways, mass = law._masses()
        return (law.total_count * trial - (mass * ways).sum(0)).to(self.dtype)

    def _is_short(self) -> bool:
        """Whether it is known that there are few counts, and that both outcomes are possible."""
        name = self._given[-1]
        least, most = (0.0, 1.0) if name == "probs" else (-math.inf, math.inf)
        short = all_within(self.total_count, 0.0, SHORT) and all_within(self.__dict__[name], least, most, True, True)
        return short is True

    def _masses(self) -> tuple[Tensor, Tensor, Tensor]:
        """The counts along a new first dimension, the logarithms of their ways, and their masses, zero beyond."""
        n, listed = self.total_count, self._listed()
        most, listed = listed.numel() - 1.0, listed.reshape((-1,) + (1,) * n.dim())
        if "logits" in self._given:
            log_p, log_q = logsigmoid(self.logits), logsigmoid(-self.logits)
        else:
            log_p, log_q = self.probs.log(), torch.log1p(-self.probs)
        if all_within(n, most, most):
            ways = log_binomial(listed[-1:], listed)
            return listed, ways, torch.exp(ways + (listed * log_p + (most - listed) * log_q))
        k = torch.minimum(listed, n)
        ways = log_binomial(n, k)
        mass = torch.exp(ways + (k * log_p + (n - k) * log_q))
        return k, ways, torch.where(listed <= n, mass, 0.0)

    def _mean(self) -> Tensor:
        return self.total_count * self.probs

    def _mode(self) -> Tensor:
        return torch.minimum(((self.total_count + 1) * self.probs).floor(), self.total_count)

    def _variance(self) -> Tensor:
        return self.total_count * self.probs * self._failure()

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, logits: Tensor) -> Tensor:
        return -self.total_count * logsigmoid(-logits)

    @property
    def _mean_carrier_measure(self) -> Tensor:
        law = in_double(self)
        return expect(law, lambda k, _: log_binomial(law.total_count, k)).to(self.dtype)

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x,)

    @classmethod
    def _from_natural(cls, logits: Tensor, total_count: Any = 1) -> dict[str, Any]:
        return {"total_count": total_count, "logits": logits}

    @classmethod
    def _from_mean(cls, mean: Tensor, total_count: Any = 1) -> dict[str, Any]:
        return {"total_count": total_count, "probs": mean / total_count}

    def _skewness(self) -> Tensor:
        return (self._failure() - self.probs) * torch.exp(-0.5 * log_variance(self)) / self.total_count.sqrt()

    def _kurtosis(self) -> Tensor:
        return (torch.exp(-log_variance(self)) - 6) / self.total_count


@register_kl(Binomial, Binomial)
def _(p: Binomial, q: Binomial) -> Tensor:
    trial = mass_divergence(p.probs, q.probs) + mass_divergence(p._failure(), q._failure())
    equal = p.total_count == q.total_count
    of_equal = of_trials(p.total_count, trial)
    if surely(equal):
        return of_equal
    return torch.where(equal, of_equal, summed_divergence(p, q))
