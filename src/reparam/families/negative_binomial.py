"""The negative binomial law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid

from ..constraints import half_open_interval, nonnegative, nonnegative_integer, real
from ..core.checks import surely
from ..core.double import in_double
from ..core.params import one_of, param
from ..core.registry import register_kl
from ..implicit.gamma import log_standard_gamma
from ..kernels import fused
from ..special import betainc_odds, lbeta, log1mexp, log_betainc_odds, logit, stirling_error
from .binomial import LOG_TWO_PI
from .exponential_family import ExponentialFamily
from .shared.counts import expect, from_zero, poisson, quantile, shared_draws, window
from .shared.masses import mass_divergence, of_trials
from .shared.negative_binomial_integrals import dispersion_gain, log_coefficient
from .shared.shares import share_fit

LARGE = 40.0
RARE = 1e-30  #: a count of failures for which every draw is 0


class NegativeBinomial(ExponentialFamily):
    r"""The number of successes before ``total_count`` failures; a Poisson law whose rate has a gamma law.

    .. math:: P(k) = \binom{k+r-1}{k} p^k (1-p)^r, \qquad k = 0, 1, 2, \dots

    The log-mass is the saddle-point form (Loader 2000), right for the largest counts; probabilities are incomplete
    beta functions. The entropy is a sum over the counts that matter, or where these are too many and r < 40 a
    one-dimensional integral, right to 1e-12.

    Args:
        total_count: number of failures r at which to stop, non-negative and not necessarily whole.
        probs: probability of success, in [0, 1).
        logits: its log-odds, real. Give exactly one of ``probs`` and ``logits``.

    Shapes:
        ``total_count`` and the other parameter broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support:
        the integers from 0, in the dtype of the parameters.

    Raises:
        ValueError: if both or none of ``probs`` and ``logits`` are given, ``probs`` leaves [0, 1), or
            ``total_count`` is negative.

    References:
        Johnson, Kemp and Kotz, Univariate Discrete Distributions, 2005, chapter 5.
        Loader, Fast and accurate computation of binomial probabilities, 2000.

    Example:
        >>> d = NegativeBinomial(3.0, probs=0.25)
        >>> d.mean, d.log_prob(torch.tensor(0.0)).exp()
        (tensor(1.), tensor(0.4219))
    """

    total_count = param(nonnegative, symbol="r", typical=(0.5, 20.0))
    probs, logits = one_of(
        probs=param(
            half_open_interval(0.0, 1.0), symbol="p", typical=(0.1, 0.9), derived=lambda d: torch.sigmoid(d.logits)
        ),
        logits=param(real, symbol=r"\ell", typical=(-2.0, 2.0), derived=lambda d: logit(d.probs)),
    )
    support = nonnegative_integer

    @property
    def param_shape(self) -> torch.Size:
        """The shape of the parameter."""
        return self.batch_shape

    @classmethod
    def from_mean(cls, mean: Any, dispersion: Any, validate_args: bool | None = None) -> NegativeBinomial:
        r"""The law with mean :math:`\mu` and variance :math:`\mu + \alpha\mu^2`.

        Args:
            mean: :math:`\mu`, positive.
            dispersion: :math:`\alpha = 1/r`, positive.
            validate_args: whether to check parameters and values; the default setting if None.

        Raises:
            ValueError: if the mean or the dispersion is not positive.

        Example:
            >>> NegativeBinomial.from_mean(torch.tensor(10.0), 0.5).variance
            tensor(60.)
        """
        like = next((v for v in (mean, dispersion) if isinstance(v, Tensor) and v.is_floating_point()), torch.empty(()))
        mean, dispersion = (torch.as_tensor(v, dtype=like.dtype, device=like.device) for v in (mean, dispersion))
        if validate_args is not False and not surely((mean > 0) & (dispersion > 0)):
            raise ValueError("NegativeBinomial: mean and dispersion must be positive")
        return cls(1 / dispersion, logits=mean.log() + dispersion.log(), validate_args=validate_args)

    @fused("negative_binomial_probs_log_prob", "total_count", "probs")
    @fused("negative_binomial_logits_log_prob", "total_count", "logits")
    def _log_prob(self, x: Tensor) -> Tensor:
        r, p, q = self.total_count, self.probs, self._failure()
        some, possible = x > 0, (self.total_count > 0) & (p > 0)
        inside = some & possible
        k, rest = torch.where(inside, x, 1.0), torch.where(inside, r, 1.0)
        count = k + rest
        errors = stirling_error(count) - stirling_error(k) - stirling_error(rest)
        inner = errors + 0.5 * (rest.log() - count.log() - k.log() - LOG_TWO_PI)
        for part, share, sign in ((k, p, 1), (rest, q, -1)):
            if "logits" in self._given:
                # as many as there are values: the derivatives in both forms of a share are added before they are summed
                log_odds = sign * torch.where(inside, self.logits, 0.0)
                share, log_share = torch.sigmoid(log_odds), logsigmoid(log_odds)
            else:
                share = torch.where(inside, share, 0.5)
                log_share = share.log()
            inner = inner + share_fit(part, count, share, log_share)
        return torch.where(some, torch.where(possible, inner, -torch.inf), r * self._log_failure())

    def _failure(self) -> Tensor:
        return torch.sigmoid(-self.logits) if "logits" in self._given else 1 - self.probs

    def _log_success(self) -> Tensor:
        return logsigmoid(self.logits) if "logits" in self._given else self.probs.log()

    def _log_failure(self) -> Tensor:
        return logsigmoid(-self.logits) if "logits" in self._given else torch.log1p(-self.probs)

    def _odds(self) -> Tensor:
        return torch.exp(self.logits) if "logits" in self._given else self.probs / self._failure()

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        shared = shared_draws(self, shape, generator)
        if shared is not None:
            return shared
        log_rate = log_standard_gamma(self.total_count.clamp(min=RARE), shape, generator)
        return poisson(torch.exp(log_rate.double() + self.logits), shape, self.dtype, generator)

    def _cdf(self, x: Tensor) -> Tensor:
        return self._lower(x, betainc_odds, 0.0, 1.0)

    def _sf(self, x: Tensor) -> Tensor:
        return self._upper(x, betainc_odds, 0.0, 1.0)

    def _log_cdf(self, x: Tensor) -> Tensor:
        return self._lower(x, log_betainc_odds, -torch.inf, 0.0)

    def _log_sf(self, x: Tensor) -> Tensor:
        return self._upper(x, log_betainc_odds, -torch.inf, 0.0)

    def _lower(self, x: Tensor, f: Any, none: float, all_: float) -> Tensor:
        """The lower tail, an incomplete beta function of the two chances; all mass is at 0 where r = 0."""
        law, possible = in_double(self), self.total_count > 0
        r = torch.where(possible, law.total_count, 1.0)
        value = from_zero(x, lambda k: f(r, k + 1, law._failure(), law.probs), none, all_)
        return torch.where(possible, value, torch.where(x < 0, none, all_)).to(self.dtype)

    def _upper(self, x: Tensor, f: Any, none: float, all_: float) -> Tensor:
        """The upper tail, likewise."""
        law, possible = in_double(self), self.total_count > 0
        r = torch.where(possible, law.total_count, 1.0)
        value = from_zero(x, lambda k: f(k + 1, r, law.probs, law._failure()), all_, none)
        return torch.where(possible, value, torch.where(x < 0, all_, none)).to(self.dtype)

    def _icdf(self, p: Tensor) -> Tensor:
        return quantile(self, p, False, self._scale())

    def _isf(self, p: Tensor) -> Tensor:
        return quantile(self, p, True, self._scale())

    def _scale(self) -> Tensor:
        """That of the upper tail, which is sub-gamma."""
        return torch.exp(-in_double(self)._log_failure().detach())

    def _entropy(self) -> Tensor:
        def integral(r: Tensor, odds: Tensor) -> Tensor:
            return r * odds * torch.log1p(1 / odds) + r * torch.log1p(odds) - log_coefficient(r, odds)

        return self._mean_of(lambda k, log_p: -log_p, integral)

    def _mean_of(
        self, term: Callable[[Tensor, Tensor], Tensor], integral: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        """The mean of a function of the count and its log-mass: a sum, or where that is too long an integral."""
        law, scale = in_double(self), self._scale()
        summed = expect(law, term, scale)
        summable = (window(law, scale)[1] == 1) | (law.total_count >= LARGE)
        if surely(summable):
            return summed.to(self.dtype)
        # where the sum serves, any law will do for the integral
        r, odds = torch.where(summable, 1.0, law.total_count), torch.where(summable, 1.0, law._odds())
        return torch.where(summable, summed, integral(r, odds)).to(self.dtype)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self._log_success(),)

    def _log_normalizer(self, a: Tensor) -> Tensor:
        return -self.total_count * log1mexp(a)

    @property
    def _mean_carrier_measure(self) -> Tensor:
        r = in_double(self).total_count

        def log_ways(k: Tensor, _: Tensor) -> Tensor:
            some = k > 0
            k = torch.where(some, k, 1.0)
            return torch.where(some, -lbeta(k, r) - k.log(), 0.0)

        return self._mean_of(log_ways, log_coefficient)

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x,)

    @classmethod
    def _from_natural(cls, a: Tensor, total_count: Any = 1.0) -> dict[str, Any]:
        return {"total_count": total_count, "logits": a - log1mexp(a)}

    @classmethod
    def _from_mean(cls, mean: Tensor, total_count: Any = 1.0) -> dict[str, Any]:
        return {"total_count": total_count, "logits": (mean / total_count).log()}

    def _mean(self) -> Tensor:
        return self.total_count * self._odds()

    def _mode(self) -> Tensor:
        return ((self.total_count - 1).clamp(min=0) * self._odds()).floor()

    def _variance(self) -> Tensor:
        return self._mean() / self._failure()

    def _skewness(self) -> Tensor:
        return (1 + self.probs) * torch.exp(-0.5 * self._log_success()) * self.total_count.rsqrt()

    def _kurtosis(self) -> Tensor:
        return (6 + self._failure() ** 2 * torch.exp(-self._log_success())) / self.total_count


@register_kl(NegativeBinomial, NegativeBinomial)
def _(p: NegativeBinomial, q: NegativeBinomial) -> Tensor:
    """By way of the law with q's count and p's mean: a gain in dispersion, and a divergence of equal counts."""
    first, second = in_double(p), in_double(q)
    mean, count = first._mean(), second.total_count
    total = mean + count
    safe = torch.where(total > 0, total, 1.0)
    trial = mass_divergence(mean / safe, second.probs) + mass_divergence(count / safe, second._failure())
    equal_counts = of_trials(total, trial)
    if surely(first.total_count == count):
        return equal_counts.to(p.dtype)
    usual = (mean > 0) & (count > 0)
    gain = dispersion_gain(*(torch.where(usual, v, 1.0) for v in (first.total_count, first._odds(), count)))
    return torch.where(usual | (mean == 0), equal_counts + torch.where(usual, gain, 0.0), torch.inf).to(p.dtype)
