"""The Bernoulli law."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid, softplus

from ..constraints import boolean, real, unit_interval
from ..core.noise import fine_uniform, uniform_bits
from ..core.params import one_of, param
from ..core.registry import register_kl
from ..kernels import fused, kernel
from ..special import logit, xlog1py, xlogy
from .exponential_family import ExponentialFamily
from .shared.masses import mass_divergence


class Bernoulli(ExponentialFamily):
    r"""One trial that succeeds with probability ``probs``.

    .. math:: P(1) = p, \qquad P(0) = 1 - p

    Probabilities are never clamped: both logarithms stay exact for the smallest ``probs`` and for any ``logits``.

    Args:
        probs: probability of 1, in [0, 1].
        logits: its log-odds :math:`\log p - \log(1 - p)`, real. Give exactly one of the two.

    Shapes:
        The parameter's shape is ``batch_shape``; ``event_shape`` is ``()``. Support: {0, 1}.

    Raises:
        ValueError: if both or none of ``probs`` and ``logits`` are given, or ``probs`` leaves [0, 1].

    References:
        Johnson, Kemp and Kotz, Univariate Discrete Distributions, 2005, chapter 3.

    Example:
        >>> Bernoulli(probs=1e-10).log_prob(torch.tensor(1.0))
        tensor(-23.0259)
    """

    probs, logits = one_of(
        probs=param(unit_interval, symbol="p", typical=(0.1, 0.9), derived=lambda d: torch.sigmoid(d.logits)),
        logits=param(real, symbol=r"\ell", typical=(-2.0, 2.0), derived=lambda d: logit(d.probs)),
    )
    support = boolean

    @fused("bernoulli_probs_log_prob", "probs")
    @fused("bernoulli_logits_log_prob", "logits")
    def _log_prob(self, x: Tensor) -> Tensor:
        if "logits" in self._given:
            return logsigmoid((2 * x - 1) * self.logits)
        return xlogy(x, self.probs) + xlog1py(1 - x, -self.probs)

    @property
    def param_shape(self) -> torch.Size:
        """The shape of the parameter."""
        return self.batch_shape

    def _failure(self) -> Tensor:
        return torch.sigmoid(-self.logits) if "logits" in self._given else 1 - self.probs

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        if "logits" in self._given:
            return _draw(uniform_bits(shape, self.logits, generator), self.logits)
        p = self.probs
        return (fine_uniform(shape, p, generator) < p).to(p.dtype)

    def _enumerate_support(self) -> Tensor:
        return torch.arange(2, dtype=self.dtype, device=self.device)

    def _cdf(self, x: Tensor) -> Tensor:
        return torch.where(x < 0, 0.0, torch.where(x < 1, self._failure(), 1.0))

    def _sf(self, x: Tensor) -> Tensor:
        return torch.where(x < 0, 1.0, torch.where(x < 1, self.probs, 0.0))

    def _log_cdf(self, x: Tensor) -> Tensor:
        return torch.where(x < 0, -torch.inf, torch.where(x < 1, self._log_prob(torch.zeros_like(x)), 0.0))

    def _log_sf(self, x: Tensor) -> Tensor:
        return torch.where(x < 0, 0.0, torch.where(x < 1, self._log_prob(torch.ones_like(x)), -torch.inf))

    def _icdf(self, p: Tensor) -> Tensor:
        return (p > self._failure()).to(p.dtype)

    def _isf(self, p: Tensor) -> Tensor:
        return (p < self.probs).to(p.dtype)

    def _entropy(self) -> Tensor:
        return _entropy_of_logits(self.logits) if "logits" in self._given else _entropy_of_probs(self.probs)

    def _mean(self) -> Tensor:
        return self.probs

    def _mode(self) -> Tensor:
        return (self.probs >= 0.5).to(self.dtype)

    def _variance(self) -> Tensor:
        return self.probs * self._failure()

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    @staticmethod
    def _log_normalizer(logits: Tensor) -> Tensor:
        return -logsigmoid(-logits)

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x,)

    @classmethod
    def _from_natural(cls, logits: Tensor) -> dict[str, Tensor]:
        return {"logits": logits}

    @classmethod
    def _from_mean(cls, mean: Tensor) -> dict[str, Tensor]:
        return {"probs": mean}

    def _skewness(self) -> Tensor:
        return (self._failure() - self.probs) * torch.exp(-0.5 * log_variance(self))

    def _kurtosis(self) -> Tensor:
        return torch.exp(-log_variance(self)) - 6


@kernel("binary_entropy_probs")
def _entropy_of_probs(probs: Tensor) -> Tensor:
    return -xlogy(probs, probs) - xlog1py(1 - probs, -probs)


@kernel("binary_entropy_logits")
def _entropy_of_logits(logits: Tensor) -> Tensor:
    size = torch.where(logits > 0, logits, -logits)  # whose slope at 0 is not 0: the entropy has a curvature there
    return softplus(-size) + size * torch.sigmoid(-size)


@kernel("bernoulli_logits_draw")
def _draw(bits: Tensor, logits: Tensor) -> Tensor:
    """One where a uniform number, given by its 53 bits, is below the probability."""
    return (bits.double() * 2.0**-53 < torch.sigmoid(logits)).to(logits.dtype)


def log_variance(self: Any) -> Tensor:
    """The logarithm of p (1 - p) for a law given by ``probs`` or ``logits``, also where p underflows."""
    if "logits" in self._given:
        logits: Tensor = self.logits
        return logsigmoid(logits) + logsigmoid(-logits)
    probs: Tensor = self.probs
    return probs.log() + torch.log1p(-probs)


@register_kl(Bernoulli, Bernoulli)
def _(p: Bernoulli, q: Bernoulli) -> Tensor:
    return mass_divergence(p.probs, q.probs) + mass_divergence(p._failure(), q._failure())
