"""The relaxed categorical law, and that of its logarithms."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Generator, Tensor

from ..constraints import positive, real_vector, simplex
from ..core.derived import refuse_missing
from ..core.double import in_double
from ..core.noise import gumbel
from ..core.params import param
from ..core.registry import register_kl
from ..kernels import fused
from ..kernels.checks import all_finite
from ..special.logs import log_softmax, softmax
from .categorical import Categorical
from .shared.exponential_powers import Shares, gumbel_central_moments, gumbel_shares, mean_log_sum
from .shared.weighted import Weighted


class _Concrete(Weighted):
    """What the two laws share: the parameters, the density and the draws of logarithms."""

    support: Any
    temperature = param(positive, symbol="T", typical=(0.3, 2.0))
    probs, logits = Categorical.probs, Categorical.logits

    def _scores(self, log_x: Tensor) -> Tensor:
        """What each coordinate adds to the log-density of the logarithms: of one that is always zero, -inf."""
        logits = self._raw_logits()
        if all_finite(logits):
            return log_softmax(logits - self.temperature[..., None] * log_x)
        possible = logits > -torch.inf
        logits, log_x = torch.where(possible, logits, 0.0), torch.where(possible, log_x, 0.0)
        return torch.where(possible, log_softmax(logits - self.temperature[..., None] * log_x), -torch.inf)

    def _log_constant(self) -> Tensor:
        free = self.num_events - 1
        return math.lgamma(free + 1) + free * self.temperature.log()

    def _entropy_of_logarithms(self) -> Tensor:
        """The shares that the scores are logarithms of are those of exponential variables, whatever the weights."""
        k = self.num_events
        return k * harmonic(k - 1) - self._log_constant()

    def _shares(self) -> Shares:
        """The moments of the relaxed variable, in float64."""
        law = in_double(self)
        return gumbel_shares(law.logits, law.temperature)

    def _noisy_logits(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        """The logarithms of a draw but for what makes it sum to one."""
        noise, logits = gumbel(shape, self.temperature, generator), self._raw_logits()
        if all_finite(logits):
            return (logits + noise) / self.temperature[..., None]
        possible = logits > -torch.inf
        return torch.where(possible, (torch.where(possible, logits, 0.0) + noise) / self.temperature[..., None], logits)


class ExpRelaxedCategorical(_Concrete):
    r"""The logarithms of a relaxed categorical variable, which reach as far as low temperatures send them.

    .. math:: p(x) = \Gamma(K)\,T^{K-1} \prod_k \frac{e^{\ell_k - T x_k}}{\sum_j e^{\ell_j - T x_j}}, \qquad
              \sum_k e^{x_k} = 1

    The density is with respect to :math:`dx_1 \cdots dx_{K-1} / e^{x_K}`, the same measure whichever coordinate is
    left out, as in ``torch.distributions``.

    Args:
        temperature: T > 0.
        probs: non-negative weights ``[..., K]`` of the categories; they need not sum to one.
        logits: unnormalised log-probabilities ``[..., K]``. Give exactly one of ``probs`` and ``logits``.

    Shapes:
        ``temperature`` and the weights without their last dimension broadcast to ``batch_shape``; ``event_shape``
        is ``[K]``. Support: real vectors, of which draws fill the surface where the exponentials sum to one.

    Raises:
        ValueError: if both or none of ``probs`` and ``logits`` are given, a weight is negative, all are zero, or
            ``temperature`` is not positive.

    References:
        Maddison, Mnih and Teh, The concrete distribution, 2017.

    Example:
        >>> d = ExpRelaxedCategorical(0.05, logits=torch.zeros(1000))
        >>> x = d.rsample()
        >>> bool(x.isfinite().all()), bool(d.log_prob(x).isfinite())
        (True, True)
    """

    support = real_vector

    def _log_prob(self, x: Tensor) -> Tensor:
        return self._scores(x).sum(-1) + self._log_constant()

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return log_softmax(self._noisy_logits(shape, generator))

    def _entropy(self) -> Tensor:
        return self._entropy_of_logarithms()

    def _mode(self) -> Tensor:
        """Where all scores are equal."""
        return log_softmax(self._raw_logits() / self.temperature[..., None])

    def _mean(self) -> Tensor:
        law = in_double(self)
        surplus = self._shares().surplus
        return (law.logits / law.temperature[..., None] - surplus[..., None]).to(self.dtype)


class RelaxedOneHotCategorical(_Concrete):
    r"""A continuous relaxation of the categorical law over one-hot vectors: a softmax of Gumbel variables.

    .. math:: Y_k = \frac{e^{(\ell_k + G_k)/T}}{\sum_j e^{(\ell_j + G_j)/T}}, \qquad
              p(y) = \Gamma(K)\,T^{K-1} \prod_k \frac{e^{\ell_k} y_k^{-T-1}}{\sum_j e^{\ell_j} y_j^{-T}}

    For T towards 0 draws become one-hot. Everything is in logarithms: :meth:`rsample_and_log_prob` gives the density
    of a draw also where its coordinates round to zero. From the rounded draw alone it cannot be told, and
    :meth:`log_prob` is -inf there; :class:`ExpRelaxedCategorical` is the law of the logarithms. Moments, entropy and
    divergences are integrals of products over the categories, right to 1e-14 of the largest number in them.

    Args:
        temperature: T > 0.
        probs: non-negative weights ``[..., K]`` of the categories; they need not sum to one.
        logits: unnormalised log-probabilities ``[..., K]``. Give exactly one of ``probs`` and ``logits``.

    Shapes:
        ``temperature`` and the weights without their last dimension broadcast to ``batch_shape``; ``event_shape``
        is ``[K]``. Support: the simplex.

    Raises:
        ValueError: if both or none of ``probs`` and ``logits`` are given, a weight is negative, all are zero, or
            ``temperature`` is not positive.

    References:
        Maddison, Mnih and Teh, The concrete distribution, 2017.
        Jang, Gu and Poole, Categorical reparameterization with Gumbel-softmax, 2017.

    Example:
        >>> d = RelaxedOneHotCategorical(0.05, logits=torch.zeros(1000))
        >>> x, log_prob = d.rsample_and_log_prob()
        >>> bool(log_prob.isfinite())
        True
    """

    support = simplex

    @fused("relaxed_categorical_probs_log_prob", "temperature", "probs")
    @fused("relaxed_categorical_logits_log_prob", "temperature", "logits")
    def _log_prob(self, x: Tensor) -> Tensor:
        inside = (x > 0).all(-1, keepdim=True)
        value = self._of_logarithms(torch.where(inside, x, 1.0).log())
        return torch.where(inside.squeeze(-1), value, -torch.inf)

    def _of_logarithms(self, log_x: Tensor) -> Tensor:
        """The log-density at a point given by its logarithms."""
        scores = self._scores(log_x)
        return (scores - torch.where(scores > -torch.inf, log_x, 0.0)).sum(-1) + self._log_constant()

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return softmax(self._noisy_logits(shape, generator))

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        log_x = log_softmax(self._noisy_logits(shape, generator))
        return log_x.exp(), self._of_logarithms(log_x)

    def _entropy(self) -> Tensor:
        """That of the logarithms, and the sum of their means."""
        law = in_double(self)
        logs = law.logits.sum(-1) / law.temperature - self.num_events * self._shares().surplus
        return (law._entropy_of_logarithms() + logs).to(self.dtype)

    def _mean(self) -> Tensor:
        return self._shares().mean.to(self.dtype)

    def _mode(self) -> Tensor:
        raise refuse_missing(self, "mode", "below a temperature of K - 1 its density is unbounded at every corner")

    def _variance(self) -> Tensor:
        return self._central()[0].to(self.dtype)

    def _central(self) -> tuple[Tensor, Tensor, Tensor]:
        """The second to fourth central moments, in float64."""
        law = in_double(self)
        return gumbel_central_moments(law.logits, law.temperature)

    def _skewness(self) -> Tensor:
        second, third, _ = self._central()
        return (third * second**-1.5).to(self.dtype)

    def _kurtosis(self) -> Tensor:
        second, _, fourth = self._central()
        return (fourth / second**2 - 3).to(self.dtype)

    def _covariance(self) -> Tensor:
        """The rows sum to zero, as do the deviations of shares."""
        mean, second, _ = self._shares()
        unlike = ~torch.eye(self.num_events, dtype=torch.bool, device=self.device)
        covariance = torch.where(unlike, second - mean[..., :, None] * mean[..., None, :], 0.0)
        return (covariance - torch.diag_embed(covariance.sum(-1))).to(self.dtype)


def harmonic(n: int) -> float:
    """The sum of 1/j for j up to n."""
    return sum([1 / j for j in range(1, n + 1)])


@register_kl(ExpRelaxedCategorical, ExpRelaxedCategorical)
@register_kl(RelaxedOneHotCategorical, RelaxedOneHotCategorical)
def _(p: _Concrete, q: _Concrete) -> Tensor:
    """Of the scores under p, of which q's are powers: a divergence that all invertible maps share."""
    first, second, k = in_double(p), in_double(q), p.num_events
    if q.num_events != k:
        raise ValueError(f"KL of relaxed laws over different numbers of categories: {k} and {q.num_events}")
    ours, theirs = torch.broadcast_tensors(first.logits, second.logits)
    certain = (ours.isinf() | theirs.isinf()).any(-1, keepdim=True)
    power = second.temperature / first.temperature
    log_weights = torch.where(certain, 0.0, theirs - power[..., None] * ours)
    value = k * (mean_log_sum(log_weights, power) - harmonic(k - 1)) - log_weights.sum(-1) - (k - 1) * power.log()
    same = torch.where((ours == theirs).all(-1) & (power == 1), torch.zeros_like(power), torch.inf)
    return torch.where(certain.squeeze(-1), same, value.clamp(min=0)).to(p.dtype)
