"""The categorical law."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from ..constraints import Constraint, independent, integer_interval, nonnegative, real_vector
from ..core.noise import fine_uniform
from ..core.params import one_of, param
from ..core.registry import register_kl
from ..core.shapes import joint
from ..kernels import fused, kernel, samplers
from ..special import xlog1py, xlogy
from ..special.logs import log_softmax, softmax
from .exponential_family import ExponentialFamily
from .shared.masses import mass_divergence
from .shared.weighted import Weighted, indicators, log_shares, log_total, logarithms

Choice = Callable[[Tensor], Tensor]  #: of some categories


class Categorical(Weighted, ExponentialFamily):
    r"""A choice of one of K categories.

    .. math:: P(k) = p_k = \frac{e^{\ell_k}}{\sum_j e^{\ell_j}}

    The parameters are kept as given and normalised only when read as ``probs`` or ``logits``: building the law
    costs nothing, and a log-probability one pass over the logits. Draws are exact for any number of categories.

    Args:
        probs: non-negative weights ``[..., K]``; they need not sum to one.
        logits: unnormalised log-probabilities ``[..., K]``; ``-inf`` makes a category impossible. Give exactly
            one of the two.

    Shapes:
        ``batch_shape`` is the parameter's shape without its last dimension; ``event_shape`` is ``()``. Support:
        the integers 0 to K - 1, of dtype int64.

    Raises:
        ValueError: if both or none of ``probs`` and ``logits`` are given, a weight is negative, or all are zero.

    References:
        Johnson, Kotz and Balakrishnan, Discrete Multivariate Distributions, 1997, chapter 35.

    Example:
        >>> d = Categorical(probs=torch.tensor([1.0, 1.0, 2.0]))
        >>> d.log_prob(torch.tensor(2)).exp(), d.probs
        (tensor(0.5000), tensor([0.2500, 0.2500, 0.5000]))
    """

    probs, logits = one_of(
        probs=param(
            independent(nonnegative, 1),
            symbol="p",
            typical=(0.1, 0.9),
            normalised=lambda probs: probs / probs.sum(-1, keepdim=True),
            derived=lambda d: softmax(d._raw_logits()),
        ),
        logits=param(
            real_vector,
            symbol=r"\ell",
            typical=(-2.0, 2.0),
            normalised=log_softmax,
            derived=lambda d: logarithms(d.probs),
        ),
    )
    sample_dtype = torch.int64
    _event_shape = torch.Size(())

    @property
    def support(self) -> Constraint:  # type: ignore[override]
        """The integers from 0 to K - 1."""
        return integer_interval(0, self.num_events - 1)

    @fused("categorical_probs_log_prob", "probs")
    @fused("categorical_logits_log_prob", "logits")
    def _log_prob(self, x: Tensor) -> Tensor:
        x = x.long()
        log_p = self._log_probs()
        shape = joint(x.shape, log_p.shape[:-1])
        return log_p.expand(shape + log_p.shape[-1:]).gather(-1, x.expand(shape)[..., None]).squeeze(-1)

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        raw = self._raw()
        if samplers.usable(raw):
            return samplers.categorical(raw, shape, generator, logarithms="logits" in self._given)
        weights = raw if "probs" in self._given else raw.softmax(-1, dtype=torch.float64)
        return choose(weights, shape, generator)

    def _enumerate_support(self) -> Tensor:
        return torch.arange(self.num_events, device=self.device)

    def _entropy(self) -> Tensor:
        if "logits" in self._given:
            return _entropy(self._raw())
        p = self.probs
        first = p.argmax(-1, keepdim=True)
        others = p.scatter(-1, first, 0.0)
        largest = p.gather(-1, first).squeeze(-1)
        return -xlogy(others, others).sum(-1) - xlog1py(largest, -others.sum(-1))

    def _cdf(self, x: Tensor) -> Tensor:
        return self._sum_where(lambda k: k <= x[..., None])

    def _sf(self, x: Tensor) -> Tensor:
        return self._sum_where(lambda k: k > x[..., None])

    def _log_cdf(self, x: Tensor) -> Tensor:
        return self._log_sum_where(lambda k: k <= x[..., None], lambda k: k > x[..., None])

    def _log_sf(self, x: Tensor) -> Tensor:
        return self._log_sum_where(lambda k: k > x[..., None], lambda k: k <= x[..., None])

    def _log_sum_where(self, chosen: Choice, others: Choice) -> Tensor:
        """From the logarithms, which do not underflow, or near 1 from the complement."""
        k = torch.arange(self.num_events, device=self.device)
        rest = self._sum_where(others)
        likely = rest < 0.5
        log_sum = log_total(torch.where(chosen(k), self._log_probs(), -torch.inf))
        return torch.where(likely, torch.log1p(-torch.where(likely, rest, 0.0)), log_sum)

    def _sum_where(self, chosen: Choice) -> Tensor:
        k = torch.arange(self.num_events, device=self.device)
        return torch.where(chosen(k), self.probs, 0.0).sum(-1)

    def _icdf(self, p: Tensor) -> Tensor:
        return (self.probs.cumsum(-1)[..., :-1] < p[..., None]).sum(-1)

    def _mean(self) -> Tensor:
        return torch.full(self._batch_shape, torch.nan, dtype=self.dtype, device=self.device)

    _variance = _skewness = _kurtosis = _mean

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    @staticmethod
    def _log_normalizer(logits: Tensor) -> Tensor:
        return logits.logsumexp(-1)

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (indicators(x, self.num_events, self.dtype),)

    @classmethod
    def _from_natural(cls, logits: Tensor) -> dict[str, Tensor]:
        return {"logits": logits}

    @classmethod
    def _from_mean(cls, probs: Tensor) -> dict[str, Tensor]:
        return {"probs": probs}

    def _mode(self) -> Tensor:
        return self._raw().argmax(-1)


def choose(weights: Tensor, shape: torch.Size, generator: Generator | None) -> Tensor:
    """Indices drawn with probability proportional to ``weights[..., K]``, by the inverse of their running sum.

    In float64, so that rounding stays below 1e-15 for any number of categories; one of weight zero is never
    drawn.
    """
    rows, draws = weights.shape[:-1].numel(), 0
    if rows:
        draws = shape.numel() // rows
    total = weights.double().cumsum(-1).reshape(rows, weights.shape[-1])
    u = fine_uniform(torch.Size((rows, draws)), weights, generator)
    # u is at most 1 - 2^-53, so that the product is below the total: it rounds to no more than its predecessor
    found = torch.searchsorted(total, u * total[:, -1:], right=True)
    return found.T.reshape(shape)


@kernel("entropy_of_logits")
def _entropy(logits: Tensor) -> Tensor:
    log_p = log_shares(logits)
    return -(softmax(logits) * torch.where(log_p > -torch.inf, log_p, 0.0)).sum(-1)


def choice(law: Weighted) -> Categorical:
    """The law of one category, whose weights another law has."""
    return Categorical(**{law._given[-1]: law._raw()}, validate_args=False)


@register_kl(Categorical, Categorical)
def _(p: Categorical, q: Categorical) -> Tensor:
    if p.num_events != q.num_events:
        raise ValueError(
            f"KL of Categorical laws over different numbers of categories: {p.num_events} and {q.num_events}"
        )
    return mass_divergence(p.probs, q.probs).sum(-1)
