"""The gamma law."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ..constraints import nonnegative, positive
from ..core.double import double
from ..core.params import param
from ..core.registry import register_kl
from ..implicit.gamma import gamma, log_standard_gamma
from ..kernels import all_within, fused, kernel
from ..special import (
    deviance,
    gammainc,
    gammaincc,
    gammainccinv,
    gammainccinv_exp,
    gammaincinv,
    gammaincinv_exp,
    lgamma,
    log_gammainc,
    log_gammaincc,
    log_minus_digamma,
    stirling_bregman,
    stirling_error,
)
from .exponential_family import ExponentialFamily
from .normal import HALF_LOG_TWO_PI
from .shared.shares import share_density, share_fit


class Gamma(ExponentialFamily):
    r"""The gamma law: the waiting time for ``concentration`` events that arrive at ``rate``.

    .. math:: p(x) = \frac{\beta^\alpha}{\Gamma(\alpha)} x^{\alpha-1} e^{-\beta x}, \qquad x \ge 0

    The log-density is evaluated as Stirling's error plus a deviance (Loader 2000), which loses nothing at large
    concentrations; draws are made in log space, so that small ones do not underflow before their logarithm is
    taken, and carry the exact implicit gradient. :meth:`rsample_and_log_prob` gives the density also of draws that
    round to zero; from it their logarithms follow.

    Args:
        concentration: shape :math:`\alpha > 0`.
        rate: inverse scale :math:`\beta > 0`.

    Shapes:
        ``concentration`` and ``rate`` broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support:
        ``[0, inf)``.

    Raises:
        ValueError: if ``concentration`` or ``rate`` is not positive.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 1994, chapter 17.
        Loader, Fast and accurate computation of binomial probabilities, 2000.
        Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.

    Example:
        >>> d = Gamma(2.0, 1.0)
        >>> d.mean, d.log_prob(torch.tensor(2.0))
        (tensor(2.), tensor(-1.3069))
    """

    concentration = param(positive, symbol=r"\alpha", typical=(0.1, 10.0))
    rate = param(positive, symbol=r"\beta", typical=(0.1, 10.0))
    support = nonnegative

    @fused("gamma_log_prob", "concentration", "rate")
    def _log_prob(self, x: Tensor) -> Tensor:
        a = self.concentration
        at_zero = torch.where(a < 1, torch.inf, torch.where(a > 1, -torch.inf, self.rate.log()))
        inside = share_density(a, self.rate, torch.where(x > 0, x, 1.0))
        return torch.where(x > 0, inside + (0.5 * a.log() - stirling_error(a) - HALF_LOG_TWO_PI), at_zero)

    def _log_rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return log_standard_gamma(self.concentration, shape, generator) - self.rate.log()

    def _log_density(self, log_x: Tensor) -> Tensor:
        """The log-density at a point given by its logarithm, which may round to zero."""
        a, log_scaled = self.concentration, log_x + self.rate.log()
        fit = share_fit(a, torch.ones_like(a), log_scaled.exp(), log_scaled)
        return fit - log_x + (0.5 * a.log() - stirling_error(a) - HALF_LOG_TWO_PI)

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        log_x = self._log_rsample(shape, generator)
        return log_x.exp(), self._log_density(log_x)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return gamma(self.concentration, self.rate, shape, generator)

    def _cdf(self, x: Tensor) -> Tensor:
        return gammainc(self.concentration, self.rate * x)

    def _sf(self, x: Tensor) -> Tensor:
        return gammaincc(self.concentration, self.rate * x)

    def _log_cdf(self, x: Tensor) -> Tensor:
        return log_gammainc(self.concentration, self.rate * x)

    def _log_sf(self, x: Tensor) -> Tensor:
        return log_gammaincc(self.concentration, self.rate * x)

    def _icdf(self, p: Tensor) -> Tensor:
        return gammaincinv(self.concentration, p) / self.rate

    def _isf(self, q: Tensor) -> Tensor:
        return gammainccinv(self.concentration, q) / self.rate

    def _icdf_exp(self, log_p: Tensor) -> Tensor:
        return gammaincinv_exp(self.concentration, log_p) / self.rate

    def _isf_exp(self, log_q: Tensor) -> Tensor:
        return gammainccinv_exp(self.concentration, log_q) / self.rate

    def _entropy(self) -> Tensor:
        return standard_entropy(self.concentration) - self.rate.log()

    def _mean(self) -> Tensor:
        return self.concentration / self.rate

    def _mode(self) -> Tensor:
        return (self.concentration - 1).clamp(min=0) / self.rate

    def _variance(self) -> Tensor:
        return self.concentration / self.rate**2

    def _stddev(self) -> Tensor:
        return self.concentration.sqrt() / self.rate

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self.concentration - 1, -self.rate

    @staticmethod
    def _log_normalizer(a: Tensor, b: Tensor) -> Tensor:
        return lgamma(a + 1) - (a + 1) * (-b).log()

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.log(), x

    @classmethod
    def _from_natural(cls, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        return {"concentration": a + 1, "rate": -b}

    def _skewness(self) -> Tensor:
        return 2 * self.concentration.rsqrt()

    def _kurtosis(self) -> Tensor:
        return 6 / self.concentration


@kernel("gamma_entropy")
def standard_entropy(a: Tensor) -> Tensor:
    r"""The entropy of a gamma law with rate 1, :math:`a + \log\Gamma(a) + (1-a)\psi(a)`, without cancellation."""
    return HALF_LOG_TWO_PI + 0.5 * a.log() + stirling_error(a) + (a - 1) * log_minus_digamma(a)


@register_kl(Gamma, Gamma)
def _(p: Gamma, q: Gamma) -> Tensor:
    given = (p.concentration, p.rate, q.concentration, q.rate)
    value = _divergence(*given)
    if value.dtype is torch.float64 or all_within(value, 0.0, torch.inf, False, True):
        return value
    return _divergence(*(double(t) for t in given)).to(value.dtype)


@kernel("gamma_divergence")
def _divergence(a: Tensor, rate: Tensor, b: Tensor, other_rate: Tensor) -> Tensor:
    """By the deviance from the mean count, or its logarithm where that is no number of the dtype."""
    mean = a * (other_rate / rate)
    held = (mean >= torch.finfo(mean.dtype).tiny) & (mean < torch.inf)
    far = b * (b.log() - a.log() - (other_rate.log() - rate.log())) + (mean - b)
    return torch.where(held, deviance(b, torch.where(held, mean, 1.0)), far) + stirling_bregman(b, a)
