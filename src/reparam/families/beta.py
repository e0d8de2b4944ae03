"""The beta law."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid

from ..constraints import positive, unit_interval
from ..core.double import double
from ..core.params import param
from ..core.registry import register_kl
from ..implicit.gamma import beta, log_odds
from ..kernels import fused, kernel
from ..special import (
    betainc,
    betaincc,
    betainccinv,
    betainccinv_exp,
    betaincinv,
    betaincinv_exp,
    deviance,
    lbeta,
    log_betainc,
    log_betaincc,
    log_minus_digamma,
    stirling_bregman,
    stirling_error,
)
from .exponential_family import ExponentialFamily
from .normal import HALF_LOG_TWO_PI
from .shared.shares import share_density, share_term


class Beta(ExponentialFamily):
    r"""The beta law on the unit interval.

    .. math:: p(x) = \frac{x^{\alpha-1} (1-x)^{\beta-1}}{B(\alpha, \beta)}, \qquad 0 \le x \le 1

    The log-density is a sum of Stirling errors and deviances, right at any concentrations. A draw is the ratio
    of two gamma draws made in log space, so that small concentrations do not underflow; its gradient is exact.

    Args:
        concentration1: :math:`\alpha > 0`, the weight of 1.
        concentration0: :math:`\beta > 0`, the weight of 0.

    Shapes:
        The parameters broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: ``[0, 1]``.

    Raises:
        ValueError: if a concentration is not positive.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, 1995, chapter 25.
        Loader, Fast and accurate computation of binomial probabilities, 2000.

    Example:
        >>> d = Beta(2.0, 3.0)
        >>> d.mean, d.log_prob(torch.tensor(0.5)).exp()
        (tensor(0.4000), tensor(1.5000))
    """

    concentration1 = param(positive, symbol=r"\alpha", typical=(0.3, 10.0))
    concentration0 = param(positive, symbol=r"\beta", typical=(0.3, 10.0))
    support = unit_interval

    @fused("beta_log_prob", "concentration1", "concentration0")
    def _log_prob(self, x: Tensor) -> Tensor:
        a, b = self.concentration1, self.concentration0
        inside, n = (x > 0) & (x < 1), a + b
        safe = torch.where(inside, x, 0.5)
        core = share_density(a, n, safe) + share_density(b, n, 1 - safe) + self._log_constant()
        at_zero = _edge(a, b)
        at_one = _edge(b, a)
        return torch.where(inside, core, torch.where(x > 0.5, at_one, at_zero))

    def _log_constant(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        n = a + b
        errors = stirling_error(n) - stirling_error(a) - stirling_error(b)
        return errors + 0.5 * (a.log() + b.log() - n.log()) - HALF_LOG_TWO_PI

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return beta(self.concentration1, self.concentration0, shape, generator)

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        a, b = self.concentration1, self.concentration0
        odds, n = log_odds(a, b, shape, generator), a + b
        x, y = torch.sigmoid(odds), torch.sigmoid(-odds)
        terms = share_term(a, n, x, logsigmoid(odds)) + share_term(b, n, y, logsigmoid(-odds))
        return x, terms + self._log_constant()

    def _cdf(self, x: Tensor) -> Tensor:
        return betainc(self.concentration1, self.concentration0, x)

    def _sf(self, x: Tensor) -> Tensor:
        return betaincc(self.concentration1, self.concentration0, x)

    def _log_cdf(self, x: Tensor) -> Tensor:
        return log_betainc(self.concentration1, self.concentration0, x)

    def _log_sf(self, x: Tensor) -> Tensor:
        return log_betaincc(self.concentration1, self.concentration0, x)

    def _icdf(self, p: Tensor) -> Tensor:
        return betaincinv(self.concentration1, self.concentration0, p)

    def _isf(self, q: Tensor) -> Tensor:
        return betainccinv(self.concentration1, self.concentration0, q)

    def _icdf_exp(self, log_p: Tensor) -> Tensor:
        return betaincinv_exp(self.concentration1, self.concentration0, log_p)

    def _isf_exp(self, log_q: Tensor) -> Tensor:
        return betainccinv_exp(self.concentration1, self.concentration0, log_q)

    def _entropy(self) -> Tensor:
        return _entropy(self.concentration1, self.concentration0)

    def _mean(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return torch.where(a < b, a / (a + b), 1 - b / (a + b))  # so that no slope cancels

    def _mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        inner = (a > 1) & (b > 1)
        middle = torch.where(inner, a - 1, 1.0) / torch.where(inner, a + b - 2, 2.0)
        at_zero = (a < b) | (a < 1)  # two ends of equal height count as zero
        return torch.where(inner, middle, torch.where(a > b, 1.0, torch.where(at_zero, 0.0, middle)))

    def _variance(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        n = a + b
        return (a / n) * (b / n) / (n + 1)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self.concentration1, self.concentration0

    _log_normalizer = staticmethod(lbeta)

    @property
    def _mean_carrier_measure(self) -> Tensor:
        log_x, log_complement = self._mean_params()
        return -log_x - log_complement

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.log(), torch.log1p(-x)

    @classmethod
    def _from_natural(cls, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        return {"concentration1": a, "concentration0": b}

    def _skewness(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return 2 * (b - a) / (a + b + 2) * ((a + b + 1) / (a * b)).sqrt()

    def _kurtosis(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        n = a + b
        ratio = (a / b - 2 + b / a) * (n + 1) - n - 2
        return 6 * ratio / ((n + 2) * (n + 3))


def _edge(here: Tensor, there: Tensor) -> Tensor:
    """The log-density at the end of the interval where the weight is ``here``."""
    return torch.where(here < 1, torch.inf, torch.where(here > 1, -torch.inf, there.log()))


@kernel("beta_entropy")
def _entropy(a: Tensor, b: Tensor) -> Tensor:
    n = a + b
    errors = stirling_error(a) + stirling_error(b) - stirling_error(n)
    logs = 0.5 * (a.log() + b.log() - 3 * n.log())
    gaps = (a - 1) * log_minus_digamma(a) + (b - 1) * log_minus_digamma(b)
    return HALF_LOG_TWO_PI + errors + logs + gaps - (n - 2) * log_minus_digamma(n)


@register_kl(Beta, Beta)
def _(p: Beta, q: Beta) -> Tensor:
    given = (p.concentration1, p.concentration0, q.concentration1, q.concentration0)
    a, b, c, d = (double(t) for t in given)
    n, m = a + b, c + d
    shares = deviance(c, m * (a / n)) + deviance(d, m * (b / n))
    value = shares + stirling_bregman(c, a) + stirling_bregman(d, b) - stirling_bregman(m, n)
    return value.clamp(min=0).to(given[0].dtype)
