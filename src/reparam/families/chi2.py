"""The chi-squared law."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from ..constraints import positive
from ..core.params import param
from ..core.registry import register_kl
from ..implicit.gamma import chi2
from ..kernels import fused
from ..special import deviance, lgamma, stirling_bregman
from .gamma import Gamma


class Chi2(Gamma):
    r"""The chi-squared law: the sum of ``df`` squared standard normal numbers; a gamma law with rate 1/2.

    .. math:: p(x) = \frac{x^{\nu/2-1} e^{-x/2}}{2^{\nu/2}\,\Gamma(\nu/2)}, \qquad x \ge 0

    Args:
        df: degrees of freedom :math:`\nu > 0`.

    Shapes:
        The shape of ``df`` is ``batch_shape``; ``event_shape`` is ``()``. Support: ``[0, inf)``.

    Raises:
        ValueError: if ``df`` is not positive.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 1994, chapter 18.

    Example:
        >>> d = Chi2(4.0)
        >>> d.mean, d.concentration, d.log_sf(torch.tensor(1e4))
        (tensor(4.), tensor(2.), tensor(-4991.4824))
    """

    df = param(positive, symbol=r"\nu", typical=(0.5, 20.0))

    @property
    def concentration(self) -> Tensor:  # type: ignore[override]
        """Half the degrees of freedom."""
        return 0.5 * self.df

    @property
    def rate(self) -> Tensor:  # type: ignore[override]
        """One half."""
        return torch.full_like(self.df, 0.5)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return chi2(self.df, shape, generator)

    @fused("chi2_log_prob", "df")
    def _log_prob(self, x: Tensor) -> Tensor:
        return Gamma(self.concentration, self.rate, validate_args=False)._log_prob(x)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (0.5 * self.df - 1,)

    @staticmethod
    def _log_normalizer(a: Tensor) -> Tensor:  # type: ignore[override]
        return lgamma(a + 1) + (a + 1) * math.log(2)

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x.log(),)

    @classmethod
    def _from_natural(cls, a: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        return {"df": 2 * (a + 1)}

    @property
    def _mean_carrier_measure(self) -> Tensor:
        return -0.5 * self.df


@register_kl(Chi2, Chi2)
def _(p: Chi2, q: Chi2) -> Tensor:
    """That of gamma laws of one rate."""
    a, b = p.concentration, q.concentration
    return deviance(b, a) + stirling_bregman(b, a)
