"""The log-normal law."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ..combinators.transformed import TransformedDistribution
from ..constraints import positive, real
from ..core.params import param
from ..core.registry import kl_rules, register_kl
from ..kernels import fused
from ..transforms import ExpTransform
from .exponential_family import ExponentialFamily
from .normal import Normal


class LogNormal(TransformedDistribution, ExponentialFamily):
    r"""The law of :math:`e^X` for a normal X.

    .. math:: p(x) = \frac{1}{x\sigma\sqrt{2\pi}} \exp\left(-\frac{(\log x-\mu)^2}{2\sigma^2}\right), \qquad x > 0

    Args:
        loc: mean :math:`\mu` of log X, real.
        scale: standard deviation :math:`\sigma > 0` of log X.

    Shapes:
        ``loc`` and ``scale`` broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: the positive
        numbers.

    Raises:
        ValueError: if ``scale`` is not positive.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 1994, chapter 14.

    Example:
        >>> d = LogNormal(0.0, 1.0)
        >>> d.median, d.mean
        (tensor(1.), tensor(1.6487))
    """

    loc = param(real, symbol=r"\mu", typical=(-1.0, 1.0))
    scale = param(positive, symbol=r"\sigma", typical=(0.2, 1.0))
    support = positive
    has_rsample = True
    transforms = (ExpTransform(),)

    @property
    def base_distribution(self) -> Normal:
        """The law of log X."""
        return Normal(self.loc, self.scale, validate_args=False)

    @fused("log_normal_log_prob", "loc", "scale")
    def _log_prob(self, x: Tensor) -> Tensor:
        return super()._log_prob(x)

    # What rounds to zero is the least normal number: draws lie in the support.

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return super()._sample(shape, generator).clamp(min=torch.finfo(self.dtype).tiny)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return super()._rsample(shape, generator).clamp(min=torch.finfo(self.dtype).tiny)

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        x, log_prob = super()._rsample_and_log_prob(shape, generator)
        return x.clamp(min=torch.finfo(self.dtype).tiny), log_prob

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self.base_distribution._natural_params

    _log_normalizer = staticmethod(Normal._log_normalizer)

    @property
    def _mean_carrier_measure(self) -> Tensor:
        return -self.loc

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        log_x = x.log()
        return log_x, log_x * log_x

    _from_natural = Normal._from_natural
    _from_mean = Normal._from_mean

    def _entropy(self) -> Tensor:
        return self.base_distribution._entropy() + self.loc

    def _mean(self) -> Tensor:
        return torch.exp(self.loc + self.scale**2 / 2)

    def _mode(self) -> Tensor:
        return torch.exp(self.loc - self.scale**2)

    def _variance(self) -> Tensor:
        return torch.expm1(self.scale**2) * torch.exp(2 * self.loc + self.scale**2)

    def _stddev(self) -> Tensor:
        return torch.expm1(self.scale**2).sqrt() * torch.exp(self.loc + self.scale**2 / 2)

    def _skewness(self) -> Tensor:
        growth = torch.expm1(self.scale**2)
        return (growth + 3) * growth.sqrt()

    def _kurtosis(self) -> Tensor:
        s = self.scale**2
        return torch.expm1(4 * s) + 2 * torch.expm1(3 * s) + 3 * torch.expm1(2 * s)


@register_kl(LogNormal, LogNormal)
def _(p: LogNormal, q: LogNormal) -> Tensor:
    """That of the normal laws of the logarithms."""
    rule = kl_rules.dispatch(Normal, Normal)
    assert rule is not None
    inner: Tensor = rule(p.base_distribution, q.base_distribution)
    return inner
