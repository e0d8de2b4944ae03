"""The inverse gamma law."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ..constraints import positive
from ..core.double import in_double
from ..core.params import param
from ..core.registry import kl_rules, register_kl
from ..implicit.gamma import log_standard_gamma
from ..kernels import all_within
from ..special import (
    gammainc,
    gammaincc,
    lgamma,
    log_gammainc,
    log_gammaincc,
    log_minus_digamma,
    stirling_error,
)
from ..special.gamma_inverse import reciprocal_gammainccinv, reciprocal_gammaincinv
from .exponential_family import ExponentialFamily
from .gamma import Gamma
from .normal import HALF_LOG_TWO_PI


class InverseGamma(ExponentialFamily):
    r"""The law of :math:`1/X` for a gamma X with the same parameters.

    .. math:: p(x) = \frac{\beta^\alpha}{\Gamma(\alpha)} x^{-\alpha-1} e^{-\beta/x}, \qquad x > 0

    Moments that diverge are infinite; those in units of an infinite deviation are NaN.

    Args:
        concentration: shape :math:`\alpha > 0`.
        rate: :math:`\beta > 0`, a scale of this law.

    Shapes:
        ``concentration`` and ``rate`` broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: the positive
        numbers.

    Raises:
        ValueError: if a parameter is not positive.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 1994, section 17.8.4.

    Example:
        >>> d = InverseGamma(3.0, 2.0)
        >>> d.mean, d.mode, d.variance
        (tensor(1.), tensor(0.5000), tensor(1.))
    """

    concentration = param(positive, symbol=r"\alpha", typical=(1.5, 10.0))
    rate = param(positive, symbol=r"\beta", typical=(0.3, 3.0))
    support = positive

    def _log_prob(self, x: Tensor) -> Tensor:
        y = x.detach().reciprocal()
        # up to the square root of the largest number second derivatives are made of numbers
        if all_within(y, 0.0, torch.finfo(y.dtype).max ** 0.5, lower_open=True):
            return self._of_inverse(x, y)
        usual = (y > 0) & (y < torch.inf)
        wide = in_double(self)
        at, inverse = (torch.where(usual, v, 1.0).to(wide.dtype) for v in (x, y))
        value = torch.where(usual, wide._of_inverse(at, inverse), -torch.inf)
        return value.to(torch.promote_types(x.dtype, self.dtype))

    def _of_inverse(self, x: Tensor, y: Tensor) -> Tensor:
        """The log-density at x, of which y is the inverse; differentiated by log x, in steps that no dtype loses."""
        log_x = x.log()
        moving = y * torch.exp(log_x.detach() - log_x)
        inner = Gamma(self.concentration, self.rate, validate_args=False)._log_prob(moving)
        return torch.sub(inner, log_x, alpha=2)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        draw = self.rate * torch.exp(-log_standard_gamma(self.concentration, shape, generator))
        return draw.clamp(min=torch.finfo(draw.dtype).tiny)  # positive, as rounded too

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        inverse = Gamma(self.concentration, self.rate, validate_args=False)
        log_y = inverse._log_rsample(shape, generator)
        return torch.exp(-log_y), torch.add(inverse._log_density(log_y), log_y, alpha=2)

    def _cdf(self, x: Tensor) -> Tensor:
        return gammaincc(self.concentration, self.rate / x)

    def _sf(self, x: Tensor) -> Tensor:
        return gammainc(self.concentration, self.rate / x)

    def _log_cdf(self, x: Tensor) -> Tensor:
        return log_gammaincc(self.concentration, self.rate / x)

    def _log_sf(self, x: Tensor) -> Tensor:
        return log_gammainc(self.concentration, self.rate / x)

    def _icdf(self, p: Tensor) -> Tensor:
        return self.rate * reciprocal_gammainccinv(self.concentration, p)

    def _isf(self, p: Tensor) -> Tensor:
        return self.rate * reciprocal_gammaincinv(self.concentration, p)

    def _entropy(self) -> Tensor:
        a = self.concentration
        gap = (a + 1) * log_minus_digamma(a) + stirling_error(a)
        return HALF_LOG_TWO_PI + self.rate.log() - 1.5 * a.log() + gap

    def _mean(self) -> Tensor:
        finite, a = self._where_above(1.0)
        return torch.where(finite, self.rate / (a - 1), torch.inf)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.concentration - 1, -self.rate

    @staticmethod
    def _log_normalizer(a: Tensor, b: Tensor) -> Tensor:
        return lgamma(-a - 1) + (a + 1) * (-b).log()

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.log(), 1 / x

    @classmethod
    def _from_natural(cls, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        return {"concentration": -a - 1, "rate": -b}

    def _mode(self) -> Tensor:
        return self.rate / (self.concentration + 1)

    def _variance(self) -> Tensor:
        finite, a = self._where_above(2.0)
        return torch.where(finite, (self.rate / (a - 1)) ** 2 / (a - 2), torch.inf)

    def _stddev(self) -> Tensor:
        finite, a = self._where_above(2.0)
        return torch.where(finite, self.rate / (a - 1) * (a - 2).rsqrt(), torch.inf)

    def _skewness(self) -> Tensor:
        finite, a = self._where_above(3.0)
        return torch.where(finite, 4 * (a - 2).sqrt() / (a - 3), self._infinite())

    def _kurtosis(self) -> Tensor:
        finite, a = self._where_above(4.0)
        return torch.where(finite, 6 * (5 - 11 / a) / ((a - 3) * (1 - 4 / a)), self._infinite())

    def _where_above(self, order: float) -> tuple[Tensor, Tensor]:
        """Whether the moment of an order is finite, and the concentration where it is."""
        finite = self.concentration > order
        return finite, torch.where(finite, self.concentration, 2 * order)

    def _infinite(self) -> Tensor:
        return torch.where(self.concentration > 2, torch.full_like(self.concentration, torch.inf), torch.nan)


@register_kl(InverseGamma, InverseGamma)
def _(p: InverseGamma, q: InverseGamma) -> Tensor:
    """That of the gamma laws of 1/X, whose rule reads the same parameters."""
    rule = kl_rules.dispatch(Gamma, Gamma)
    assert rule is not None
    value: Tensor = rule(p, q)
    return value
