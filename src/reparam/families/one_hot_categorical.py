"""The categorical law over one-hot vectors, and its straight-through relaxation."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ..constraints import one_hot
from ..core.registry import kl_rules, register_kl
from .categorical import Categorical, choice
from .exponential_family import ExponentialFamily
from .shared.weighted import Weighted, complements, indicator_covariance, indicators, log_indicator_variance


class OneHotCategorical(Weighted, ExponentialFamily):
    r"""A choice of one of K categories, as a vector with a one in its place.

    .. math:: P(e_k) = p_k = \frac{e^{\ell_k}}{\sum_j e^{\ell_j}}

    Args:
        probs: non-negative weights ``[..., K]``; they need not sum to one.
        logits: unnormalised log-probabilities ``[..., K]``; ``-inf`` makes a category impossible. Give exactly
            one of the two.

    Shapes:
        ``batch_shape`` is the parameter's shape without its last dimension; ``event_shape`` is ``[K]``. Support:
        one-hot vectors, in the dtype of the parameter.

    Raises:
        ValueError: if both or none of ``probs`` and ``logits`` are given, a weight is negative, or all are zero.

    References:
        Johnson, Kotz and Balakrishnan, Discrete Multivariate Distributions, 1997, chapter 35.

    Example:
        >>> d = OneHotCategorical(probs=torch.tensor([1.0, 1.0, 2.0]))
        >>> d.log_prob(torch.tensor([0.0, 0.0, 1.0])).exp(), d.mean
        (tensor(0.5000), tensor([0.2500, 0.2500, 0.5000]))
    """

    probs, logits = Categorical.probs, Categorical.logits
    support = one_hot

    def _log_prob(self, x: Tensor) -> Tensor:
        return choice(self)._log_prob(x.argmax(-1))

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self._indicator(choice(self)._sample(shape[:-1], generator))

    def _indicator(self, index: Tensor) -> Tensor:
        """The one-hot vectors of categories."""
        return indicators(index, self.num_events, self.dtype)

    def _enumerate_support(self) -> Tensor:
        return torch.eye(self.num_events, dtype=self.dtype, device=self.device)

    def _entropy(self) -> Tensor:
        return choice(self)._entropy()

    def _mean(self) -> Tensor:
        return self.probs

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    @staticmethod
    def _log_normalizer(logits: Tensor) -> Tensor:
        return logits.logsumexp(-1)

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x,)

    @classmethod
    def _from_natural(cls, logits: Tensor) -> dict[str, Tensor]:
        return {"logits": logits}

    @classmethod
    def _from_mean(cls, probs: Tensor) -> dict[str, Tensor]:
        return {"probs": probs}

    def _mode(self) -> Tensor:
        return self._indicator(choice(self)._mode())

    def _variance(self) -> Tensor:
        p = self.probs
        return p * complements(p)

    def _median(self) -> Tensor:
        return (self.probs >= 0.5).to(self.dtype)

    def _skewness(self) -> Tensor:
        p = self.probs
        return (complements(p) - p) * torch.exp(-0.5 * log_indicator_variance(self._log_probs()))

    def _kurtosis(self) -> Tensor:
        return torch.exp(-log_indicator_variance(self._log_probs())) - 6

    def _covariance(self) -> Tensor:
        return indicator_covariance(self.probs)


class OneHotCategoricalStraightThrough(OneHotCategorical):
    r"""The categorical law over one-hot vectors with the straight-through gradient.

    A reparameterised draw is a one-hot vector whose derivative in the parameters is that of its mean,

    .. math:: Y = X + p - \operatorname{stop}(p), \qquad P(X = e_k) = p_k,

    a biased estimate, of low variance, of the gradient of an expectation.

    Args:
        probs: non-negative weights ``[..., K]``; they need not sum to one.
        logits: unnormalised log-probabilities ``[..., K]``. Give exactly one of the two.

    Shapes:
        As :class:`OneHotCategorical`. Support: one-hot vectors.

    Raises:
        ValueError: if both or none of ``probs`` and ``logits`` are given, a weight is negative, or all are zero.

    References:
        Bengio, Leonard and Courville, Estimating or propagating gradients through stochastic neurons for
        conditional computation, 2013.

    Example:
        >>> logits = torch.zeros(3, requires_grad=True)
        >>> x = OneHotCategoricalStraightThrough(logits=logits).rsample()
        >>> torch.autograd.grad(x[0], logits)
        (tensor([ 0.2222, -0.1111, -0.1111]),)
    """

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        with torch.no_grad():
            x = self._sample(shape, generator)
        p = self.probs
        return x + (p - p.detach())


@register_kl(OneHotCategorical, OneHotCategorical)
def _(p: OneHotCategorical, q: OneHotCategorical) -> Tensor:
    """That of the categories."""
    rule = kl_rules.dispatch(Categorical, Categorical)
    assert rule is not None
    inner: Tensor = rule(choice(p), choice(q))
    return inner
