"""The Poisson law."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ..constraints import nonnegative, nonnegative_integer
from ..core.double import in_double
from ..core.params import param
from ..core.registry import register_kl
from ..kernels import fused
from ..special import deviance, gammainc, gammaincc, lgamma, log_gammainc, log_gammaincc, stirling_error
from .exponential_family import ExponentialFamily
from .normal import HALF_LOG_TWO_PI
from .shared.counts import expect, from_zero, poisson, quantile, shared_draws
from .shared.masses import mass_divergence


class Poisson(ExponentialFamily):
    r"""The number of events that arrive independently at ``rate`` in a unit of time.

    .. math:: P(k) = \frac{\lambda^k e^{-\lambda}}{k!}, \qquad k = 0, 1, 2, \dots

    The log-mass is Stirling's error plus a deviance (Loader 2000), right for the largest counts; probabilities are
    incomplete gamma functions. The entropy is a sum over every count that matters, or a trapezoidal sum beyond
    :math:`\lambda \approx 700`; less than 1e-16 of it is left out.

    Args:
        rate: mean :math:`\lambda \ge 0`.

    Shapes:
        ``rate.shape`` is ``batch_shape``; ``event_shape`` is ``()``. Support: the integers from 0, in the dtype of
        ``rate``.

    Raises:
        ValueError: if ``rate`` is negative.

    References:
        Johnson, Kemp and Kotz, Univariate Discrete Distributions, 2005, chapter 4.
        Loader, Fast and accurate computation of binomial probabilities, 2000.

    Example:
        >>> Poisson(1e6).log_prob(torch.tensor(1e6))
        tensor(-7.8267)
        >>> Poisson(4.0).icdf(torch.tensor(0.5))
        tensor(4.)
    """

    rate = param(nonnegative, symbol=r"\lambda", typical=(0.3, 30.0))
    support = nonnegative_integer

    @fused("poisson_log_prob", "rate")
    def _log_prob(self, x: Tensor) -> Tensor:
        some, possible = x > 0, self.rate > 0
        k = torch.where(some, x, 1.0)
        core = -stirling_error(k) - deviance(k, torch.where(some & possible, self.rate, 1.0))
        some_events = torch.where(possible, core - HALF_LOG_TWO_PI - 0.5 * k.log(), -torch.inf)
        return torch.where(some, some_events, -self.rate)

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        shared = shared_draws(self, shape, generator)
        return poisson(self.rate, shape, self.rate.dtype, generator) if shared is None else shared

    def _cdf(self, x: Tensor) -> Tensor:
        return from_zero(x, lambda k: gammaincc(k + 1, self.rate), 0.0, 1.0)

    def _sf(self, x: Tensor) -> Tensor:
        return from_zero(x, lambda k: gammainc(k + 1, self.rate), 1.0, 0.0)

    def _log_cdf(self, x: Tensor) -> Tensor:
        return from_zero(x, lambda k: log_gammaincc(k + 1, self.rate), -torch.inf, 0.0)

    def _log_sf(self, x: Tensor) -> Tensor:
        return from_zero(x, lambda k: log_gammainc(k + 1, self.rate), 0.0, -torch.inf)

    def _icdf(self, p: Tensor) -> Tensor:
        return quantile(self, p, upper=False)

    def _isf(self, p: Tensor) -> Tensor:
        return quantile(self, p, upper=True)

    def _entropy(self) -> Tensor:
        return expect(in_double(self), lambda k, log_p: -log_p).to(self.dtype)

    def _mean(self) -> Tensor:
        return self.rate

    def _mode(self) -> Tensor:
        return self.rate.floor()

    def _variance(self) -> Tensor:
        return self.rate

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.rate.log(),)

    @staticmethod
    def _log_normalizer(a: Tensor) -> Tensor:
        return a.exp()

    @property
    def _mean_carrier_measure(self) -> Tensor:
        return expect(in_double(self), lambda k, _: -lgamma(k + 1)).to(self.dtype)

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x,)

    @classmethod
    def _from_natural(cls, a: Tensor) -> dict[str, Tensor]:
        return {"rate": a.exp()}

    @classmethod
    def _from_mean(cls, mean: Tensor) -> dict[str, Tensor]:
        return {"rate": mean}

    def _skewness(self) -> Tensor:
        return self.rate.rsqrt()

    def _kurtosis(self) -> Tensor:
        return self.rate.reciprocal()


@register_kl(Poisson, Poisson)
def _(p: Poisson, q: Poisson) -> Tensor:
    return mass_divergence(p.rate, q.rate)
