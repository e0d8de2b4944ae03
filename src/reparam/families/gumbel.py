"""The Gumbel law."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from ..constraints import positive, real
from ..core.distribution import Distribution
from ..core.double import double
from ..core.noise import exponential
from ..core.params import param
from ..core.registry import register_kl
from ..kernels import fused
from ..special import deviance, log_gamma_ratio, stirling_bregman
from ..special._derivatives import elementwise
from ..special.quotients import exp_remainder, log_inverse_cloglog, one_minus_exp

EULER = 0.57721566490153286
ZETA_3 = 1.2020569031595943
LEAST = 1e-300  #: ratio of scales, in divergences


class Gumbel(Distribution):
    r"""The Gumbel law: the limit law of largest values.

    .. math:: p(x) = \frac1\beta e^{-z - e^{-z}}, \qquad z = \frac{x - \mu}{\beta}

    Args:
        loc: mode :math:`\mu`, real.
        scale: :math:`\beta > 0`.

    Shapes:
        ``loc`` and ``scale`` broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: the real line.

    Raises:
        ValueError: if ``scale`` is not positive or ``loc`` is NaN.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, 1995, chapter 22.

    Example:
        >>> d = Gumbel(0.0, 1.0)
        >>> d.log_sf(torch.tensor(1e4)), d.isf(torch.tensor(1e-20))
        (tensor(-10000.), tensor(46.0517))
    """

    loc = param(real, symbol=r"\mu", typical=(-2.0, 2.0))
    scale = param(positive, symbol=r"\beta", typical=(0.3, 3.0))
    support = real

    @fused("gumbel_log_prob", "loc", "scale")
    def _log_prob(self, x: Tensor) -> Tensor:
        return _log_density(self._standardised(x)) - self.scale.log()

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        noise = exponential(shape, self.loc, generator).log()
        return torch.addcmul(self.loc, noise, self.scale, value=-1)

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        noise = exponential(shape, self.loc, generator)
        log_noise = noise.log()
        x = torch.addcmul(self.loc, log_noise, self.scale, value=-1)
        return x, (log_noise - noise) - self.scale.log()

    def _standardised(self, x: Tensor) -> Tensor:
        """-z, of which the cdf is exp(-exp(-z))."""
        return (self.loc - x) / self.scale

    def _cdf(self, x: Tensor) -> Tensor:
        return torch.exp(-noise_of_log(self._standardised(x)))

    def _log_cdf(self, x: Tensor) -> Tensor:
        return -torch.exp(self._standardised(x))

    def _sf(self, x: Tensor) -> Tensor:
        return one_minus_exp(-noise_of_log(self._standardised(x)))

    def _log_sf(self, x: Tensor) -> Tensor:
        return log_inverse_cloglog(self._standardised(x))

    def _icdf(self, p: Tensor) -> Tensor:
        return self.loc - self.scale * (-p.log()).log()

    def _isf(self, p: Tensor) -> Tensor:
        return self.loc - self.scale * (-torch.log1p(-p)).log()

    def _entropy(self) -> Tensor:
        return 1 + EULER + self.scale.log()

    def _mean(self) -> Tensor:
        return self.loc + EULER * self.scale

    def _mode(self) -> Tensor:
        return self.loc

    def _variance(self) -> Tensor:
        return math.pi**2 / 6 * self.scale**2

    def _stddev(self) -> Tensor:
        return math.pi / math.sqrt(6) * self.scale

    def _skewness(self) -> Tensor:
        return torch.full_like(self.loc, 12 * math.sqrt(6) * ZETA_3 / math.pi**3)

    def _kurtosis(self) -> Tensor:
        return torch.full_like(self.loc, 2.4)


@elementwise(lambda y: -torch.expm1(y))
def _log_density(y: Tensor) -> Tensor:
    """That of the logarithm y of a standard exponential number; -inf at infinity, too."""
    return y.clamp(max=1e4) - y.exp()


def noise_of_log(y: Tensor) -> Tensor:
    """exp(y), no larger than the exponent of a probability that is 0."""
    return y.clamp(max=10.0).exp()


def gumbel_divergence(p_scale: Tensor, q_scale: Tensor, shift: Tensor) -> Tensor:
    r"""The divergence of two Gumbel laws, :math:`\delta = (\mu_q - \mu_p) / \beta_q` apart.

    With :math:`r = \beta_p / \beta_q` and :math:`v = \delta + \log\Gamma(1 + r)` it is

    .. math:: \left(e^v - 1 - v\right) + \left(\log\Gamma(r) - \log\Gamma(1) - (r - 1) \psi(1)\right),

    two terms that are never negative: the second is a Bregman divergence, too.
    """
    dtype = p_scale.dtype
    p_scale, q_scale, shift = (double(t) for t in (p_scale, q_scale, shift))
    ratio = (p_scale / q_scale).clamp(LEAST, 1 / LEAST)
    one = torch.ones_like(ratio)
    scales = deviance(p_scale, q_scale) / q_scale + stirling_bregman(ratio, one)
    return (exp_remainder((shift + log_gamma_ratio(one, ratio)).clamp(max=1e4)) + scales).to(dtype)


@register_kl(Gumbel, Gumbel)
def _(p: Gumbel, q: Gumbel) -> Tensor:
    return gumbel_divergence(p.scale, q.scale, double(q.loc - p.loc) / double(q.scale))
