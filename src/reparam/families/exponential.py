"""The exponential law, and what laws made of exponential numbers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from ..constraints import nonnegative, positive
from ..core.distribution import Distribution
from ..core.noise import exponential
from ..core.params import param
from ..core.registry import register_kl
from ..kernels import fused
from ..special import deviance, log1mexp
from ..special.quotients import one_minus_exp
from .exponential_family import ExponentialFamily


class ExponentialTails(Distribution):
    """The base of laws whose draws are an increasing function of an exponential number with rate 1."""

    support: Any

    def _noise(self, x: Tensor) -> Tensor:
        """The exponential number that a draw x is made of."""
        raise NotImplementedError

    def _at(self, noise: Tensor) -> Tensor:
        """The draw that is made of an exponential number."""
        raise NotImplementedError

    def _cdf(self, x: Tensor) -> Tensor:
        return one_minus_exp(-self._noise(x))

    def _log_cdf(self, x: Tensor) -> Tensor:
        return log1mexp(-self._noise(x))

    def _sf(self, x: Tensor) -> Tensor:
        return torch.exp(-self._noise(x))

    def _log_sf(self, x: Tensor) -> Tensor:
        return -self._noise(x)

    def _icdf(self, p: Tensor) -> Tensor:
        return self._at(-torch.log1p(-p))

    def _isf(self, p: Tensor) -> Tensor:
        return self._at(-p.log())


class Exponential(ExponentialTails, ExponentialFamily):
    r"""The exponential law: the waiting time for an event that arrives at ``rate``.

    .. math:: p(x) = \lambda e^{-\lambda x}, \qquad x \ge 0

    Args:
        rate: inverse scale :math:`\lambda > 0`.

    Shapes:
        The shape of ``rate`` is ``batch_shape``; ``event_shape`` is ``()``. Support: ``[0, inf)``.

    Raises:
        ValueError: if ``rate`` is not positive.

    References:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 1994, chapter 19.

    Example:
        >>> d = Exponential(2.0)
        >>> d.cdf(torch.tensor(1e-9)), d.log_sf(torch.tensor(1e4))
        (tensor(2.0000e-09), tensor(-20000.))
    """

    rate = param(positive, symbol=r"\lambda", typical=(0.3, 3.0))
    support = nonnegative

    @fused("exponential_log_prob", "rate", tracked=False)
    def _log_prob(self, x: Tensor) -> Tensor:
        return self.rate.log() - self.rate * x

    def _log_shape(self, x: Tensor) -> Tensor:
        return -self.rate * x

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return exponential(shape, self.rate, generator) / self.rate

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        noise = exponential(shape, self.rate, generator)
        return noise / self.rate, self.rate.log() - noise

    def _noise(self, x: Tensor) -> Tensor:
        return self.rate * x

    def _at(self, noise: Tensor) -> Tensor:
        return noise / self.rate

    def _entropy(self) -> Tensor:
        return 1 - self.rate.log()

    def _mean(self) -> Tensor:
        return self.rate.reciprocal()

    _stddev = _mean

    def _mode(self) -> Tensor:
        return torch.zeros_like(self.rate)

    def _variance(self) -> Tensor:
        return self.rate**-2

    def _skewness(self) -> Tensor:
        return torch.full_like(self.rate, 2.0)

    def _kurtosis(self) -> Tensor:
        return torch.full_like(self.rate, 6.0)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (-self.rate,)

    @staticmethod
    def _log_normalizer(a: Tensor) -> Tensor:
        return -(-a).log()

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x,)

    @classmethod
    def _from_natural(cls, a: Tensor) -> dict[str, Tensor]:
        return {"rate": -a}

    @classmethod
    def _from_mean(cls, mean: Tensor) -> dict[str, Tensor]:
        return {"rate": 1 / mean}


def exponential_mean(f: Callable[[Tensor], Tensor], like: Tensor) -> Tensor:
    r"""E f(Z) for a standard exponential Z, by the trapezoidal rule in log z, which converges geometrically.

    Args:
        f: values ``[n, *batch]`` -> ``[n, *batch]``, of the growth of logarithms at 0 and of powers at infinity.
        like: a tensor of the batch's shape; f is asked in its dtype.
    """
    step = 0.1
    log_z = torch.arange(-40.0, 4.0, step, dtype=like.dtype, device=like.device).reshape((-1,) + (1,) * like.dim())
    z = log_z.exp()
    return step * (torch.exp(log_z - z) * f(z)).sum(0)


@register_kl(Exponential, Exponential)
def _(p: Exponential, q: Exponential) -> Tensor:
    return deviance(p.rate, q.rate) / p.rate
