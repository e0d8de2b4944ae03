"""The generalised Pareto law."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor

from ..constraints import interval, positive, real
from ..core.noise import exponential
from ..core.params import param
from ..core.registry import register_kl
from ..kernels import fused, kernel
from ..special.quotients import expm1_quotient, log1p_quotient
from .exponential import ExponentialTails, exponential_mean


class GeneralizedPareto(ExponentialTails):
    r"""The generalised Pareto law: the limit law of what exceeds a high threshold.

    .. math:: P(X > x) = (1 + \xi z)^{-1/\xi}, \qquad p(x) = \frac1\sigma (1 + \xi z)^{-1/\xi-1}, \qquad
        z = \frac{x - \mu}{\sigma}

    For :math:`\xi = 0` it is exponential, and everything is smooth there; for :math:`\xi > 0` its tail is that of a
    Pareto law, for :math:`\xi < 0` it ends at :math:`\mu - \sigma/\xi`, and :math:`\xi = -1` is uniform. Moments
    that diverge are infinite; those in units of an infinite deviation are NaN.

    Args:
        loc: the least value :math:`\mu`, real.
        scale: :math:`\sigma > 0`.
        concentration: shape :math:`\xi`, real.

    Shapes:
        The parameters broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: ``[loc, upper]``, where
        ``upper`` is infinite unless :math:`\xi < 0`.

    Raises:
        ValueError: if ``scale`` is not positive or another parameter is NaN.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 1994, section 20.12.
        Hosking and Wallis, Parameter and quantile estimation for the generalized Pareto distribution, 1987.

    Example:
        >>> d = GeneralizedPareto(0.0, 1.0, torch.tensor([-0.5, 0.0, 0.25]))
        >>> d.upper, d.mean
        (tensor([2., inf, inf]), tensor([0.6667, 1.0000, 1.3333]))
    """

    loc = param(real, symbol=r"\mu", typical=(-2.0, 2.0))
    scale = param(positive, symbol=r"\sigma", typical=(0.3, 3.0))
    concentration = param(real, symbol=r"\xi", typical=(-0.4, 0.4))
    support = interval("loc", "upper")

    @property
    def upper(self) -> Tensor:
        """The upper end of the support."""
        return _upper(self.loc, self.scale, self.concentration)

    @fused("generalized_pareto_log_prob", "loc", "scale", "concentration")
    def _log_prob(self, x: Tensor) -> Tensor:
        noise = self._noise(x)
        # at the closed end of the uniform law, 0 times infinity is 0
        void = (self.concentration == -1) & (noise == torch.inf)
        return -(1 + self.concentration) * torch.where(void, 0.0, noise) - self.scale.log()

    def _noise(self, x: Tensor) -> Tensor:
        return _noise(x, self.loc, self.scale, self.concentration)

    def _at(self, noise: Tensor) -> Tensor:
        return self.loc + self.scale * expm1_quotient(self.concentration, noise)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self._at(exponential(shape, self.loc, generator))

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        noise = exponential(shape, self.loc, generator)
        return self._at(noise), -(1 + self.concentration) * noise - self.scale.log()

    def log_survival_function(self, value: Any) -> Tensor:
        """:meth:`log_sf`, under the name that ``torch.distributions`` has for it here."""
        return self.log_sf(value)

    def _entropy(self) -> Tensor:
        return self.scale.log() + self.concentration + 1

    def _mean(self) -> Tensor:
        finite, k = self._where_below(1.0)
        return torch.where(finite, self.loc + self.scale / (1 - k), torch.inf)

    def _mode(self) -> Tensor:
        return torch.where(self.concentration < -1, self.upper, self.loc)

    def _variance(self) -> Tensor:
        finite, k = self._where_below(0.5)
        return torch.where(finite, (self.scale / (1 - k)) ** 2 / (1 - 2 * k), torch.inf)

    def _stddev(self) -> Tensor:
        finite, k = self._where_below(0.5)
        return torch.where(finite, self.scale / (1 - k) * (1 - 2 * k).rsqrt(), torch.inf)

    def _skewness(self) -> Tensor:
        finite, k = self._where_below(1 / 3)
        return torch.where(finite, 2 * (1 + k) * (1 - 2 * k).sqrt() / (1 - 3 * k), self._infinite())

    def _kurtosis(self) -> Tensor:
        finite, k = self._where_below(0.25)
        value = 6 * (1 + k - 6 * k**2 - 2 * k**3) / ((1 - 3 * k) * (1 - 4 * k))
        return torch.where(finite, value, self._infinite())

    def _where_below(self, bound: float) -> tuple[Tensor, Tensor]:
        """Whether a moment is finite, and the concentration where it is."""
        finite = self.concentration < bound
        return finite, torch.where(finite, self.concentration, 0.0)

    def _infinite(self) -> Tensor:
        return torch.where(self.concentration < 0.5, torch.full_like(self.concentration, torch.inf), torch.nan)


def _upper(loc: Tensor, scale: Tensor, k: Tensor) -> Tensor:
    bounded = k < 0
    return torch.where(bounded, loc - scale / torch.where(bounded, k, -1.0), torch.inf)


@kernel("generalized_pareto_noise")
def _noise(x: Tensor, loc: Tensor, scale: Tensor, k: Tensor) -> Tensor:
    """The logarithm of the survival function with the sign changed: exponential noise where x is a draw."""
    end = x >= _upper(loc, scale, k)
    z = (torch.where(end, loc, x) - loc) / scale
    return torch.where(end, torch.inf, log1p_quotient(k, z))


@register_kl(GeneralizedPareto, GeneralizedPareto)
def _(p: GeneralizedPareto, q: GeneralizedPareto) -> Tensor:
    """The mean of the log-ratio over exponential noise, by quadrature in float64."""
    dtype = p.dtype
    p, q = p.to(torch.float64), q.to(torch.float64)

    def log_ratio(noise: Tensor) -> Tensor:
        k, m = p.concentration, q.concentration
        z = (p.loc - q.loc) / q.scale + p.scale / q.scale * expm1_quotient(k, noise)
        # where z is lost, 1 + m z is in proportion to exp(k noise), plus near the end of p what q reaches further
        low, high = (k * noise < -0.7) & (m < 0), (k * noise > 36) & (m > 0)
        far = low | high
        ours, theirs = torch.where(far, k, 1.0), torch.where(far, m, 1.0)
        gap = torch.where(low, q.upper - p.upper, 0.0).clamp(min=0.0) * (-ours / p.scale)
        apart, growth = gap > 0, ours * noise
        further = torch.logaddexp(torch.where(apart, gap, 1.0).log(), growth)
        rest = (p.scale / q.scale * (theirs / ours)).log() + torch.where(apart, further, growth)
        inside = ~far & (z >= 0) & (m * z > -1)
        other = torch.where(far, rest / theirs, log1p_quotient(m, torch.where(inside, z, 0.0)))
        return (1 + m) * other + q.scale.log() - (1 + k) * noise - p.scale.log()

    value = exponential_mean(log_ratio, p.loc + q.loc)
    # no negative rounding; between equal laws the slope in loc, which is 1 / scale on one side, stays
    return (value - value.detach().clamp(max=0)).to(dtype)
