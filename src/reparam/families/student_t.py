"""Student's t law."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from ..constraints import positive, real
from ..core.distribution import Distribution
from ..core.params import param
from ..core.registry import register_kl
from ..implicit.gamma import student
from ..kernels import fused
from ..special import digamma_difference, log_stdtr, stdtr, stdtrit, stdtrit_exp
from ..special.student import finite_df
from .normal import normal_divergence
from .shared.student_density import log_fall, log_peak
from .shared.student_divergence import student_divergence


class StudentT(Distribution):
    r"""Student's t law with ``df`` degrees of freedom, shifted by ``loc`` and stretched by ``scale``.

    .. math:: p(x) = \frac{\Gamma(\frac{\nu+1}{2})}{\Gamma(\frac{\nu}{2})\sqrt{\nu\pi}\,\sigma}
        \left(1 + \frac{z^2}{\nu}\right)^{-\frac{\nu+1}{2}}, \qquad z = \frac{x - \mu}{\sigma}

    A draw is a normal one over the root of a gamma one; the gradient in ``df`` is the exact implicit one. With
    infinite ``df`` it is the normal law.

    Args:
        df: degrees of freedom :math:`\nu > 0`, perhaps infinite.
        loc: location :math:`\mu`, real. Default 0.
        scale: scale :math:`\sigma > 0`. Default 1.

    Shapes:
        The parameters broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: the real line.

    Raises:
        ValueError: if ``df`` or ``scale`` is not positive.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, 1995, chapter 28.

    Example:
        >>> StudentT(1.0).log_prob(torch.tensor(0.0)).exp()  # the Cauchy law: 1 / pi
        tensor(0.3183)
        >>> StudentT(2.0).variance
        tensor(inf)
    """

    df = param(positive, symbol=r"\nu", typical=(1.5, 30.0))
    loc = param(real, default=0.0, symbol=r"\mu", typical=(-2.0, 2.0))
    scale = param(positive, default=1.0, symbol=r"\sigma", typical=(0.3, 3.0))
    support = real

    @fused("studentt_log_prob", "df", "loc", "scale")
    def _log_prob(self, x: Tensor) -> Tensor:
        return log_peak(self.df) - log_fall(x - self.loc, self.scale, self.df)

    def _log_constant(self) -> Tensor:
        return log_peak(self.df) - self.scale.log()

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return student(self.df, self.loc, self.scale, shape, generator)

    def _standardised(self, x: Tensor) -> Tensor:
        return (x - self.loc) / self.scale

    def _cdf(self, x: Tensor) -> Tensor:
        return stdtr(self.df, self._standardised(x))

    def _sf(self, x: Tensor) -> Tensor:
        return stdtr(self.df, -self._standardised(x))

    def _log_cdf(self, x: Tensor) -> Tensor:
        return log_stdtr(self.df, self._standardised(x))

    def _log_sf(self, x: Tensor) -> Tensor:
        return log_stdtr(self.df, -self._standardised(x))

    def _icdf(self, p: Tensor) -> Tensor:
        return self.loc + self.scale * stdtrit(self.df, p)

    def _isf(self, q: Tensor) -> Tensor:
        return self.loc - self.scale * stdtrit(self.df, q)

    def _icdf_exp(self, log_p: Tensor) -> Tensor:
        return self.loc + self.scale * stdtrit_exp(self.df, log_p)

    def _isf_exp(self, log_q: Tensor) -> Tensor:
        return self.loc - self.scale * stdtrit_exp(self.df, log_q)

    def _entropy(self) -> Tensor:
        endless, df = finite_df(self.df)
        half = df / 2
        change = digamma_difference(half, torch.full_like(half, 0.5))
        return torch.where(endless, 0.5, (half + 0.5) * change) - self._log_constant()

    def _mean(self) -> Tensor:
        return torch.where(self.df > 1, self.loc, torch.nan)

    def _mode(self) -> Tensor:
        return self.loc

    _median = _mode

    def _where_finite(self, spread: Callable[[Tensor], Tensor]) -> Tensor:
        """A function of the variance at scale 1, where that is finite."""
        finite = self.df > 2
        unit = 1 + 2 / torch.where(finite, self.df - 2, 2.0)
        infinite = torch.where(self.df > 1, torch.full_like(self.df, torch.inf), torch.nan)
        return torch.where(finite, spread(unit), infinite)

    def _variance(self) -> Tensor:
        return self._where_finite(lambda unit: self.scale**2 * unit)

    def _stddev(self) -> Tensor:
        return self._where_finite(lambda unit: self.scale * unit.sqrt())

    def _skewness(self) -> Tensor:
        return torch.where(self.df > 3, 0.0, torch.full_like(self.df, torch.nan))

    def _kurtosis(self) -> Tensor:
        finite = self.df > 4
        infinite = torch.where(self.df > 2, torch.full_like(self.df, torch.inf), torch.nan)
        return torch.where(finite, 6 / torch.where(finite, self.df - 4, 1.0), infinite)


@register_kl(StudentT, StudentT)
def _(p: StudentT, q: StudentT) -> Tensor:
    dtype = p.df.dtype
    p, q = p.to(torch.float64), q.to(torch.float64)
    normal = (p.df == math.inf) & (q.df == math.inf)
    log_scale, shift = q.scale.log() - p.scale.log(), (q.loc - p.loc) / p.scale
    student = student_divergence(p.df, q.df, *(torch.where(normal, 0.0, v) for v in (log_scale, shift)))
    limit = normal_divergence(*(torch.where(normal, v, 1.0) for v in (p.loc, p.scale, q.loc, q.scale)))
    return torch.where(normal, limit, student).to(dtype)
