"""The geometric law."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid

from .. import kernels
from ..constraints import Constraint, interval, nonnegative_integer, real
from ..core.double import in_double
from ..core.noise import fine_uniform
from ..core.params import one_of, param
from ..core.registry import register_kl
from ..kernels import fused
from ..special import deviance, log1mexp, logit, xlog1py
from ..special.quotients import one_minus_exp
from .exponential_family import ExponentialFamily
from .shared.counts import from_zero


class _Chance(interval):
    """The probabilities of events that are possible."""

    lower_open = True

    def closure(self) -> Constraint:
        """The interval with both ends."""
        return interval(self.lower_bound, self.upper_bound)


class Geometric(ExponentialFamily):
    r"""The number of failures before the first success.

    .. math:: P(k) = (1-p)^k\,p, \qquad k = 0, 1, 2, \dots

    Args:
        probs: probability of success, in (0, 1].
        logits: its log-odds, real. Give exactly one of the two.

    Shapes:
        The parameter's shape is ``batch_shape``; ``event_shape`` is ``()``. Support: the integers from 0, in the
        dtype of the parameter.

    Raises:
        ValueError: if both or none of ``probs`` and ``logits`` are given, or ``probs`` leaves (0, 1].

    References:
        Johnson, Kemp and Kotz, Univariate Discrete Distributions, 2005, section 5.2.

    Example:
        >>> d = Geometric(probs=0.25)
        >>> d.mean, d.cdf(torch.tensor(1.0))
        (tensor(3.), tensor(0.4375))
    """

    probs, logits = one_of(
        probs=param(_Chance(0.0, 1.0), symbol="p", typical=(0.1, 0.9), derived=lambda d: torch.sigmoid(d.logits)),
        logits=param(real, symbol=r"\ell", typical=(-2.0, 2.0), derived=lambda d: logit(d.probs)),
    )
    support = nonnegative_integer

    @fused("geometric_probs_log_prob", "probs")
    @fused("geometric_logits_log_prob", "logits")
    def _log_prob(self, x: Tensor) -> Tensor:
        if "logits" in self._given:
            return logsigmoid(self.logits) + x * logsigmoid(-self.logits)
        return self.probs.log() + xlog1py(x, -self.probs)

    def _log_failure(self) -> Tensor:
        return logsigmoid(-self.logits) if "logits" in self._given else torch.log1p(-self.probs)

    def _log_success(self) -> Tensor:
        return logsigmoid(self.logits) if "logits" in self._given else self.probs.log()

    def _failure(self) -> Tensor:
        return torch.sigmoid(-self.logits) if "logits" in self._given else 1 - self.probs

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        log_failure = self._log_failure()  # zero, of either sign, where success is too rare
        if kernels.usable(log_failure):
            return kernels.draw("geometric_draw", kernels.key_of(shape, generator, log_failure), log_failure)
        count = (torch.log1p(-fine_uniform(shape, log_failure, generator)) / log_failure).abs().floor()
        return count.clamp(max=torch.finfo(self.dtype).max).to(self.dtype)

    def _log_tail(self, k: Tensor) -> Tensor:
        """The logarithm of P(X > k), in float64: rare successes would need subnormal numbers in float32."""
        rate = in_double(self)._log_failure()
        return (k + 1).to(rate.dtype) * rate

    def _cdf(self, x: Tensor) -> Tensor:
        return from_zero(x, lambda k: one_minus_exp(self._log_tail(k)), 0.0, 1.0).to(self.dtype)

    def _sf(self, x: Tensor) -> Tensor:
        return from_zero(x, lambda k: torch.exp(self._log_tail(k)), 1.0, 0.0).to(self.dtype)

    def _log_cdf(self, x: Tensor) -> Tensor:
        return from_zero(x, lambda k: log1mexp(self._log_tail(k)), -torch.inf, 0.0).to(self.dtype)

    def _log_sf(self, x: Tensor) -> Tensor:
        return from_zero(x, self._log_tail, 0.0, -torch.inf).to(self.dtype)

    def _icdf(self, p: Tensor) -> Tensor:
        k = self._rounded(torch.log1p(-p))
        k = torch.where(self._cdf(k - 1) >= p, k - 1, k)
        k = torch.where(self._cdf(k) < p, k + 1, k)
        return k.clamp(min=0)

    def _isf(self, p: Tensor) -> Tensor:
        k = self._rounded(p.log())
        k = torch.where(self._sf(k - 1) <= p, k - 1, k)
        k = torch.where(self._sf(k) > p, k + 1, k)
        return k.clamp(min=0)

    def _rounded(self, log_sf: Tensor) -> Tensor:
        """The least count with such a survival function, up to rounding."""
        rate = self._log_failure()
        return torch.where(rate > -torch.inf, log_sf / rate, 0.0).ceil().sub(1).clamp(min=0)

    def _entropy(self) -> Tensor:
        if "logits" not in self._given:
            p = self.probs
            return -(xlog1py(1 - p, -p) / p + p.log())
        return _entropy_of_logits(self.logits)

    def _mean(self) -> Tensor:
        return torch.exp(-self.logits) if "logits" in self._given else self._failure() / self.probs

    def _mode(self) -> Tensor:
        return torch.zeros_like(self.probs)

    def _variance(self) -> Tensor:
        return self._mean() / self.probs

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self._log_failure(),)

    @staticmethod
    def _log_normalizer(a: Tensor) -> Tensor:
        return -log1mexp(a)

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x,)

    @classmethod
    def _from_natural(cls, a: Tensor) -> dict[str, Tensor]:
        return {"probs": -torch.expm1(a)}

    @classmethod
    def _from_mean(cls, mean: Tensor) -> dict[str, Tensor]:
        return {"logits": -mean.log()}

    def _skewness(self) -> Tensor:
        return 2 * torch.cosh(0.5 * self._log_failure())  # its slope, p / 2 where success is rare, does not cancel

    def _kurtosis(self) -> Tensor:
        return 6 + self.probs**2 * torch.exp(-self._log_failure())


@kernels.kernel("geometric_entropy_logits")
def _entropy_of_logits(logits: Tensor) -> Tensor:
    # the odds of failure times -log(1 - p) tend to 1 where success is rare
    rare = logits < -40
    usual = torch.where(rare, 0.0, logits)
    return -logsigmoid(logits) - torch.where(rare, -1.0, torch.exp(-usual) * logsigmoid(-usual))


@register_kl(Geometric, Geometric)
def _(p: Geometric, q: Geometric) -> Tensor:
    if p._given != q._given:
        return _divergence(p, q)
    if "logits" in p._given:
        return _of_logits(p.logits, q.logits)
    # constant where it is infinite, so that its slopes are no infinity times zero
    infinite = (q.probs == 1) & (p.probs < 1)
    ours, theirs = (torch.where(infinite, 0.5, law.probs) for law in (p, q))
    return _of_probs(ours, theirs).masked_fill(infinite, torch.inf)


@kernels.kernel("geometric_logits_divergence")
def _of_logits(logits: Tensor, other_logits: Tensor) -> Tensor:
    return _divergence(*(Geometric(logits=x, validate_args=False) for x in (logits, other_logits)))


@kernels.kernel("geometric_probs_divergence")
def _of_probs(probs: Tensor, other_probs: Tensor) -> Tensor:
    return _divergence(*(Geometric(probs=x, validate_args=False) for x in (probs, other_probs)))


def _divergence(p: Geometric, q: Geometric) -> Tensor:
    """That of one trial, by the mean number of trials; where success is too rare for its probability, the limit."""
    trial = deviance(p.probs, q.probs) + deviance(p._failure(), q._failure())
    usual = p.probs >= torch.finfo(p.dtype).tiny
    rare = deviance(torch.ones_like(trial), torch.exp(q._log_success() - p._log_success()))
    return torch.where(usual, trial / torch.where(usual, p.probs, 1.0), rare)
