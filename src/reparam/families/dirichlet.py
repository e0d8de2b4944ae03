"""The Dirichlet law."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ..constraints import independent, positive, simplex
from ..core.double import double
from ..core.linear import product
from ..core.params import param
from ..core.registry import register_kl
from ..implicit.gamma import dirichlet, log_standard_gamma
from ..kernels import all_within, fused, kernel
from ..special import deviance, digamma, lgamma, stirling_bregman, stirling_error
from ..special.logs import log_softmax
from .beta import Beta
from .exponential_family import ExponentialFamily
from .gamma import standard_entropy
from .normal import HALF_LOG_TWO_PI
from .shared.shares import share_density, share_term
from .shared.weighted import indicator_covariance, indicators

USUAL = 1e-9, 1e9  #: concentrations whose divergences float32 holds


class Dirichlet(ExponentialFamily):
    r"""The Dirichlet law on the simplex of K non-negative numbers that sum to one.

    .. math:: p(x) = \frac{\Gamma(\sum_k \alpha_k)}{\prod_k \Gamma(\alpha_k)} \prod_k x_k^{\alpha_k - 1}

    Where coordinates sum to one but for rounding, the density is that at the normalised point, to first order.
    Draws are normalised gamma draws, made and normalised in log space, with the exact implicit gradient. Use
    :meth:`rsample_and_log_prob` for concentrations so small that coordinates of a draw round to zero.

    Args:
        concentration: :math:`\alpha`, positive vectors ``[..., K]``.

    Shapes:
        ``batch_shape`` is ``concentration.shape[:-1]``, ``event_shape`` is ``[K]``. Support: the simplex.

    Raises:
        ValueError: if a concentration is not positive.

    References:
        Kotz, Balakrishnan and Johnson, Continuous Multivariate Distributions 1, 2000, chapter 49.
        Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.

    Example:
        >>> d = Dirichlet(torch.tensor([1.0, 1.0, 2.0]))
        >>> d.mean
        tensor([0.2500, 0.2500, 0.5000])
    """

    concentration = param(independent(positive, 1), symbol=r"\alpha", typical=(0.3, 10.0))
    support = simplex

    @fused("dirichlet_log_prob", "concentration")
    def _log_prob(self, x: Tensor) -> Tensor:
        a, n = self.concentration, self._total()
        inside = x > 0
        inner = share_density(a, n[..., None], torch.where(inside, x, 1.0))
        # at x_k = 0 the term is a_k and the limit of (a_k - 1) log x_k, which is 0 or infinite
        outer = torch.where(a < 1, torch.inf, torch.where(a > 1, -torch.inf, n[..., None].log() + 1))
        return torch.where(inside, inner, outer).sum(-1) + self._log_constant()

    def _total(self) -> Tensor:
        return self.concentration.sum(-1)

    def _log_constant(self) -> Tensor:
        a, n = self.concentration, self._total()
        spread = 0.5 * (a.log().sum(-1) - n.log()) - (a.shape[-1] - 1) * HALF_LOG_TWO_PI
        return stirling_error(n) - stirling_error(a).sum(-1) + spread

    def _log_rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return log_softmax(log_standard_gamma(self.concentration, shape, generator))

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return dirichlet(self.concentration, shape, generator)

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        log_x = self._log_rsample(shape, generator)
        x, n = log_x.exp(), self._total()[..., None]
        terms = share_term(self.concentration, n, x, log_x)
        return x, terms.sum(-1) + self._log_constant()

    def _entropy(self) -> Tensor:
        return _entropy(self.concentration)

    def _mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, True)

    def _mode(self) -> Tensor:
        excess = (self.concentration - 1).clamp(min=0)
        corner = indicators(self.concentration.argmax(-1), self.concentration.shape[-1], self.dtype)
        total = excess.sum(-1, keepdim=True)
        return torch.where(total > 0, excess / torch.where(total > 0, total, 1.0), corner)

    def _variance(self) -> Tensor:
        total = self.concentration.sum(-1, True)
        mean = self.concentration / total
        return torch.addcmul(mean, mean, mean, value=-1) / (total + 1)

    def _others(self) -> Tensor:
        """The sum of the other concentrations, which with each one are those of its coordinate's beta law."""
        unlike = 1 - torch.eye(self.concentration.shape[-1], dtype=self.dtype, device=self.device)
        return product(self.concentration, unlike)

    def _median(self) -> Tensor:
        return Beta(self.concentration, self._others(), validate_args=False)._median()

    def _skewness(self) -> Tensor:
        a, b, n = self.concentration, self._others(), self._total()[..., None]
        return 2 * (b - a) / (n + 2) * ((n + 1) / (a * b)).sqrt()

    def _kurtosis(self) -> Tensor:
        a, b, n = self.concentration, self._others(), self._total()[..., None]
        return 6 * ((a / b - 2 + b / a) * (n + 1) - n - 2) / ((n + 2) * (n + 3))

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.concentration,)

    @staticmethod
    def _log_normalizer(a: Tensor) -> Tensor:
        return lgamma(a).sum(-1) - lgamma(a.sum(-1))

    @property
    def _mean_carrier_measure(self) -> Tensor:
        (log_x,) = self._mean_params()
        return -log_x.sum(-1)

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x.log(),)

    @classmethod
    def _from_natural(cls, a: Tensor) -> dict[str, Tensor]:
        return {"concentration": a}

    def _covariance(self) -> Tensor:
        return indicator_covariance(self._mean()) / (self._total()[..., None, None] + 1)


@kernel("dirichlet_entropy")
def _entropy(a: Tensor) -> Tensor:
    n = a.sum(-1)
    return standard_entropy(a).sum(-1) - standard_entropy(n) - (a.shape[-1] - 1) * digamma(n)


@register_kl(Dirichlet, Dirichlet)
def _(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    if not (all_within(a, *USUAL) and all_within(b, *USUAL)):
        a, b = double(a), double(b)
    return _divergence(a, b).clamp(min=0).to(p.concentration.dtype)


@kernel("dirichlet_divergence")
def _divergence(a: Tensor, b: Tensor) -> Tensor:
    n, m = a.sum(-1), b.sum(-1)
    shares = deviance(b, m[..., None] * (a / n[..., None])).sum(-1)
    return shares + stirling_bregman(b, a).sum(-1) - stirling_bregman(m, n)
