"""The Cauchy law and the half-Cauchy law."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from ..constraints import nonnegative, positive, real
from ..core.distribution import Distribution
from ..core.noise import cauchy
from ..core.params import param
from ..core.registry import register_kl
from ..kernels import fused, kernel

LOG_PI = math.log(math.pi)
LOG_TWO = math.log(2)
LARGE = 1e30  #: which is 1 more to no digit
FAR = 1e9  #: whose inverse is its angle, to all digits


class Cauchy(Distribution):
    r"""The Cauchy (Lorentz) law, whose tails are too heavy for a mean.

    .. math:: p(x) = \frac{\gamma}{\pi \left((x - x_0)^2 + \gamma^2\right)}

    The mean, skewness and kurtosis are NaN; the variance is infinite about every point.

    Args:
        loc: median :math:`x_0`, real.
        scale: half-width at half-maximum :math:`\gamma > 0`.

    Shapes:
        ``loc`` and ``scale`` broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: the real line.

    Raises:
        ValueError: if ``scale`` is not positive or ``loc`` is NaN.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 1994, chapter 16.

    Example:
        >>> d = Cauchy(0.0, 1.0)
        >>> d.icdf(torch.tensor(1e-10)), d.log_prob(torch.tensor(1e30))
        (tensor(-3.1831e+09), tensor(-139.2998))
    """

    loc = param(real, symbol="x_0", typical=(-2.0, 2.0))
    scale = param(positive, symbol=r"\gamma", typical=(0.3, 3.0))
    support = real

    @fused("cauchy_log_prob", "loc", "scale", light=True)
    def _log_prob(self, x: Tensor) -> Tensor:
        return torch.sub(self.scale.log(), _log_length(x - self.loc, self.scale), alpha=2) - LOG_PI

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return torch.addcmul(self.loc, cauchy(shape, self.loc, generator), self.scale)

    def _cdf(self, x: Tensor) -> Tensor:
        return _upper(self.loc - x, self.scale)

    def _sf(self, x: Tensor) -> Tensor:
        return _upper(x - self.loc, self.scale)

    def _log_cdf(self, x: Tensor) -> Tensor:
        return _log_upper(self.loc - x, self.scale)

    def _log_sf(self, x: Tensor) -> Tensor:
        return _log_upper(x - self.loc, self.scale)

    def _icdf(self, p: Tensor) -> Tensor:
        return self.loc + self.scale * _icdf(p)

    def _isf(self, p: Tensor) -> Tensor:
        return self.loc - self.scale * _icdf(p)

    def _entropy(self) -> Tensor:
        return LOG_PI + 2 * LOG_TWO + self.scale.log()

    def _mean(self) -> Tensor:
        return torch.full_like(self.loc, torch.nan)

    _skewness = _kurtosis = _mean

    def _mode(self) -> Tensor:
        return self.loc

    _median = _mode

    def _variance(self) -> Tensor:
        return torch.full_like(self.loc, torch.inf)


class HalfCauchy(Distribution):
    r"""The law of :math:`|X|` for a Cauchy X about zero.

    .. math:: p(x) = \frac{2 \gamma}{\pi \left(x^2 + \gamma^2\right)}, \qquad x \ge 0

    Args:
        scale: the median :math:`\gamma > 0`.

    Shapes:
        The shape of ``scale`` is ``batch_shape``; ``event_shape`` is ``()``. Support: ``[0, inf)``.

    Raises:
        ValueError: if ``scale`` is not positive.

    References:
        Gelman, Prior distributions for variance parameters in hierarchical models, 2006.

    Example:
        >>> HalfCauchy(1.0).isf(torch.tensor(1e-10))
        tensor(6.3662e+09)
    """

    scale = param(positive, symbol=r"\gamma", typical=(0.3, 3.0))
    support = nonnegative

    def _log_prob(self, x: Tensor) -> Tensor:
        return torch.sub(self.scale.log(), _log_length(x, self.scale), alpha=2) + (LOG_TWO - LOG_PI)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return cauchy(shape, self.scale, generator).abs() * self.scale

    def _cdf(self, x: Tensor) -> Tensor:
        far, z, ratio, _ = _parts(x, self.scale)
        return torch.where(far, 1 - ratio * (2 / math.pi), torch.atan(z) * (2 / math.pi))

    def _sf(self, x: Tensor) -> Tensor:
        return 2 * _upper(x, self.scale)

    def _log_sf(self, x: Tensor) -> Tensor:
        low = x <= self.scale
        body = torch.log1p(-self._cdf(torch.where(low, x, self.scale)))
        return torch.where(low, body, _log_upper(x, self.scale) + LOG_TWO)

    def _icdf(self, p: Tensor) -> Tensor:
        low = p < 0.5
        return self.scale * torch.where(low, _tan(torch.where(low, p, 0.5)), 1 / _tan(torch.where(low, 0.5, 1 - p)))

    def _isf(self, p: Tensor) -> Tensor:
        low = p < 0.5
        return self.scale * torch.where(low, 1 / _tan(torch.where(low, p, 0.5)), _tan(torch.where(low, 0.5, 1 - p)))

    def _entropy(self) -> Tensor:
        return LOG_PI + LOG_TWO + self.scale.log()

    def _mean(self) -> Tensor:
        return torch.full_like(self.scale, torch.inf)

    _variance = _mean

    def _mode(self) -> Tensor:
        return torch.zeros_like(self.scale)

    def _median(self) -> Tensor:
        return self.scale

    def _skewness(self) -> Tensor:
        return torch.full_like(self.scale, torch.nan)

    _kurtosis = _skewness


def _log_length(x: Tensor, y: Tensor) -> Tensor:
    r""":math:`\tfrac12 \log(x^2 + y^2)`, where neither square over- or underflows."""
    return torch.hypot(x, y).log()


def _parts(gap: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Whether a gap is far beyond the scale, their quotient z where it is not, and 1 / |z| with its logarithm if so."""
    far = gap.abs() > FAR * scale
    size = torch.where(far, gap.abs(), scale)
    return far, torch.where(far, 0.0, gap) / scale, scale / size, scale.log() - size.log()


def _upper(gap: Tensor, scale: Tensor) -> Tensor:
    """The probability beyond loc + gap; no square is taken that may over- or underflow."""
    far, z, ratio, _ = _parts(gap, scale)
    tail = ratio / math.pi
    return torch.where(far, torch.where(gap > 0, tail, 1 - tail), torch.atan2(torch.ones_like(z), z) / math.pi)


def _log_upper(gap: Tensor, scale: Tensor) -> Tensor:
    """The logarithm of the probability beyond loc + gap."""
    far, z, ratio, log_ratio = _parts(gap, scale)
    above, one = gap > 0, torch.ones_like(z)
    smaller = torch.where(far, ratio, torch.atan2(one, torch.where(above, z, -z))) / math.pi
    log_smaller = torch.where(far, log_ratio - LOG_PI, torch.where(far, 1.0, smaller).log())
    return torch.where(above, log_smaller, torch.log1p(-smaller))


def _tan(p: Tensor) -> Tensor:
    """The tangent of p right angles."""
    return torch.tan(0.5 * math.pi * p)


@kernel("cauchy_icdf")
def _icdf(p: Tensor) -> Tensor:
    """The standard quantile: -cot(pi p), by the distance from the nearest of 0, 1/2 and 1."""
    low, high = p < 0.25, p > 0.75
    middle = _tan(2 * torch.where(low | high, 0.0, p - 0.5))
    tail = 1 / _tan(2 * torch.where(low, p, torch.where(high, 1 - p, 0.25)))
    return torch.where(low, -tail, torch.where(high, tail, middle))


@register_kl(Cauchy, Cauchy)
def _(p: Cauchy, q: Cauchy) -> Tensor:
    r""":math:`\log\left(1 + \frac{(\gamma_p - \gamma_q)^2 + (x_p - x_q)^2}{4 \gamma_p \gamma_q}\right)`.

    Chyzak and Nielsen, A closed-form formula for the Kullback-Leibler divergence between Cauchy distributions, 2019.
    """
    return _divergence(p.loc, p.scale, q.loc, q.scale)


@register_kl(HalfCauchy, HalfCauchy)
def _(p: HalfCauchy, q: HalfCauchy) -> Tensor:
    """That of the Cauchy laws about zero."""
    zero = p.scale.new_zeros(())
    return _divergence(zero, p.scale, zero, q.scale)


@kernel("cauchy_divergence")
def _divergence(loc: Tensor, scale: Tensor, other_loc: Tensor, other_scale: Tensor) -> Tensor:
    """By logarithms where the squares overflow."""
    gap, shift = scale - other_scale, loc - other_loc
    square = 0.25 * ((gap / scale) * (gap / other_scale) + (shift / scale) * (shift / other_scale))
    near = square < LARGE
    size = torch.hypot(torch.where(near, 1.0, gap), torch.where(near, 1.0, shift))
    far = 2 * (size.log() - LOG_TWO) - scale.log() - other_scale.log()
    return torch.where(near, torch.log1p(torch.where(near, square, 0.0)), far)
