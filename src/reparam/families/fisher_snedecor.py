"""The F law of Fisher and Snedecor."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from ..constraints import nonnegative, positive
from ..core.distribution import Distribution
from ..core.double import double
from ..core.params import param
from ..core.registry import register_kl
from ..implicit.gamma import log_standard_gamma
from ..kernels import fused
from ..special import betainc_odds, betaincinv_odds, log_betainc_odds, log_minus_digamma, stirling_error
from ..special.beta_inverse import betainccinv_odds
from .normal import HALF_LOG_TWO_PI
from .shared.shares import odds_fit

# of the divergence: what exp(-EXPONENT) is left of the density at the last node, and the number of nodes
EXPONENT = 45.0
NODES = 501


class FisherSnedecor(Distribution):
    r"""The F law: the ratio of two independent chi-squared numbers, each over its degrees of freedom.

    .. math:: p(x) = \frac{(\nu_1/\nu_2)^{\nu_1/2}}{B(\nu_1/2, \nu_2/2)} x^{\nu_1/2-1}
        \left(1 + \frac{\nu_1}{\nu_2} x\right)^{-(\nu_1+\nu_2)/2}, \qquad x \ge 0

    With :math:`a = \nu_1/2`, :math:`b = \nu_2/2` and the share :math:`u = \nu_1 x / (\nu_2 + \nu_1 x)`, which is
    beta, the log-density is a sum of Stirling errors and deviances, right at any degrees of freedom. Moments that
    diverge are infinite; those in units of an infinite deviation are NaN.

    Args:
        df1: degrees of freedom :math:`\nu_1 > 0` of the numerator.
        df2: degrees of freedom :math:`\nu_2 > 0` of the denominator.

    Shapes:
        ``df1`` and ``df2`` broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: ``[0, inf)``.

    Raises:
        ValueError: if a parameter is not positive.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, 1995, chapter 27.
        Loader, Fast and accurate computation of binomial probabilities, 2000.

    Example:
        >>> d = FisherSnedecor(4.0, 10.0)
        >>> d.mean, d.mode
        (tensor(1.2500), tensor(0.4167))
    """

    df1 = param(positive, symbol=r"\nu_1", typical=(1.0, 20.0))
    df2 = param(positive, symbol=r"\nu_2", typical=(3.0, 30.0))
    support = nonnegative

    @fused("fisher_snedecor_log_prob", "df1", "df2")
    def _log_prob(self, x: Tensor) -> Tensor:
        inside = (x > 0) & (x < torch.inf)
        log_x = torch.where(inside, x, 1.0).log()
        steep = torch.where(self.df1 > 2, torch.full_like(self.df1, -torch.inf), 0.0)
        at_zero = torch.where(self.df1 < 2, torch.inf, steep)
        return torch.where(inside, self._log_density(log_x) - log_x, torch.where(x > 0, -torch.inf, at_zero))

    def _log_odds(self, log_x: Tensor) -> Tensor:
        """Of the share u."""
        return log_x + (self.df1 / self.df2).log()

    def _log_density(self, log_x: Tensor) -> Tensor:
        """Of log X."""
        a, b = 0.5 * self.df1, 0.5 * self.df2
        n = a + b
        errors = stirling_error(n) - stirling_error(a) - stirling_error(b)
        spread = 0.5 * (a.log() + b.log() - n.log()) - HALF_LOG_TWO_PI
        return errors + spread + odds_fit(a, b, self._log_odds(log_x))

    def _log_rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        first = log_standard_gamma(0.5 * self.df1, shape, generator)
        second = log_standard_gamma(0.5 * self.df2, shape, generator)
        return (first - second) - (self.df1 / self.df2).log()

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self._log_rsample(shape, generator).exp()

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        log_x = self._log_rsample(shape, generator)
        return log_x.exp(), self._log_density(log_x) - log_x

    # in float64: slopes in many degrees of freedom are small differences

    def _halves(self) -> tuple[Tensor, Tensor, Tensor]:
        """The halves of the degrees of freedom, and their ratio."""
        df1, df2 = double(self.df1), double(self.df2)
        return 0.5 * df1, 0.5 * df2, df2 / df1

    def _cdf(self, x: Tensor) -> Tensor:
        a, b, ratio = self._halves()
        return betainc_odds(a, b, x, ratio).to(self._joint_dtype(x))

    def _sf(self, x: Tensor) -> Tensor:
        a, b, ratio = self._halves()
        return betainc_odds(b, a, ratio, x).to(self._joint_dtype(x))

    def _log_cdf(self, x: Tensor) -> Tensor:
        a, b, ratio = self._halves()
        return log_betainc_odds(a, b, x, ratio).to(self._joint_dtype(x))

    def _log_sf(self, x: Tensor) -> Tensor:
        a, b, ratio = self._halves()
        return log_betainc_odds(b, a, ratio, x).to(self._joint_dtype(x))

    def _icdf(self, p: Tensor) -> Tensor:
        a, b, ratio = self._halves()
        return (ratio * betaincinv_odds(a, b, p)).to(self._joint_dtype(p))

    def _isf(self, q: Tensor) -> Tensor:
        a, b, ratio = self._halves()
        return (ratio * betainccinv_odds(a, b, q)).to(self._joint_dtype(q))

    def _joint_dtype(self, value: Tensor) -> torch.dtype:
        return torch.promote_types(value.dtype, self.dtype)

    def _entropy(self) -> Tensor:
        a, b = 0.5 * double(self.df1), 0.5 * double(self.df2)
        n = a + b
        errors = stirling_error(a) + stirling_error(b) - stirling_error(n)
        logs = 0.5 * (n.log() - a.log() - b.log())
        gaps = (a - 1) * _gap(a) + (b + 1) * _gap(b) - n * _gap(n)
        return (HALF_LOG_TWO_PI + errors + logs + gaps + (1 + (1 / b - 1 / a))).to(self.dtype)

    def _mean(self) -> Tensor:
        finite, n = self._where_above(2.0)
        return torch.where(finite, 1 + 2 / (n - 2), torch.inf)

    def _mode(self) -> Tensor:
        return (1 - 2 / self.df1).clamp(min=0) * (self.df2 / (self.df2 + 2))

    def _variance(self) -> Tensor:
        finite, n = self._where_above(4.0)
        spread = (1 + 2 / self.df1) / (n - 4) + 1 / self.df1
        return torch.where(finite, 2 * (1 + 2 / (n - 2)) ** 2 * spread, torch.inf)

    def _skewness(self) -> Tensor:
        finite, n = self._where_above(6.0)
        m, above = self.df1, n - 2
        value = (2 + above / m) * (8 * (n - 4) / (1 + above / m)).sqrt() / (n - 6)
        return torch.where(finite, value, self._infinite())

    def _kurtosis(self) -> Tensor:
        finite, n = self._where_above(8.0)
        m = self.df1
        ratio = (n - 2) / m
        parts = (5 * n - 22) + (n - 4) * ratio * (ratio / (1 + ratio))
        return torch.where(finite, 12 * parts / (n - 6) / (n - 8), self._infinite())

    def _where_above(self, order: float) -> tuple[Tensor, Tensor]:
        """Whether the moment of half an order is finite, and ``df2`` where it is."""
        finite = self.df2 > order
        return finite, torch.where(finite, self.df2, 2 * order)

    def _infinite(self) -> Tensor:
        return torch.where(self.df2 > 4, torch.full_like(self.df2, torch.inf), torch.nan)


def _gap(a: Tensor) -> Tensor:
    """What log a - digamma(a) exceeds 1/a by."""
    return log_minus_digamma(a + 1) - torch.log1p(1 / a)


@register_kl(FisherSnedecor, FisherSnedecor)
def _(p: FisherSnedecor, q: FisherSnedecor) -> Tensor:
    r"""The mean of the log-ratio, by the trapezoidal rule in t with :math:`\log x = s \sinh t`, in float64.

    Near its centre the law of log X is about normal and :math:`s = \sqrt{2/\nu_1 + 2/\nu_2}` wide; its tails are
    exponential. The nodes reach beyond where either would leave :math:`e^{-45}` of the density.
    """
    dtype, dims = p.dtype, max(len(p.batch_shape), len(q.batch_shape))
    p, q = p.to(torch.float64), q.to(torch.float64)
    with torch.no_grad():
        width = (2 / p.df1 + 2 / p.df2).sqrt()
        tail = 2 * EXPONENT / (torch.minimum(p.df1, p.df2) * width)
        reach = torch.asinh(tail + math.sqrt(2 * EXPONENT))
        share = torch.linspace(-1, 1, NODES, dtype=torch.float64, device=p.device).reshape((-1,) + (1,) * dims)
        log_x = width * torch.sinh(reach * share)
        weight = width * torch.cosh(reach * share) * (2 * reach / (NODES - 1))
    log_p = p._log_density(log_x)
    return (weight * log_p.exp() * (log_p - q._log_density(log_x))).sum(0).clamp(min=0).to(dtype)
