"""The multinomial law."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Generator, Tensor

from .. import kernels
from ..constraints import multinomial, nonnegative_integer
from ..core.checks import surely
from ..core.double import in_double
from ..core.params import param
from ..core.registry import kl_rules, register_kl
from ..kernels import fused
from ..special import deviance, lgamma, log_factorial, stirling_error
from .binomial import Binomial
from .categorical import Categorical, choice
from .exponential_family import ExponentialFamily
from .normal import HALF_LOG_TWO_PI
from .shared.counts import expect
from .shared.masses import of_trials
from .shared.shares import share_fit
from .shared.weighted import Weighted, complements, indicator_covariance, log_complements, log_indicator_variance

HALVINGS = 64


class Multinomial(Weighted, ExponentialFamily):
    r"""How often each of K categories comes in ``total_count`` independent choices.

    .. math:: P(x) = \frac{n!}{\prod_k x_k!} \prod_k p_k^{x_k}, \qquad \sum_k x_k = n

    The log-mass is the saddle-point form, right for the largest counts; that of counts whose sum is not n is -inf.
    Draws are a tree of binomial draws, which halves the categories at every level: their cost does not depend on n.

    Args:
        total_count: number of trials n, a non-negative integer, one for each law of the batch. Default 1.
        probs: non-negative weights ``[..., K]``; they need not sum to one.
        logits: unnormalised log-probabilities ``[..., K]``; ``-inf`` makes a category impossible. Give exactly
            one of the two.

    Shapes:
        ``total_count`` and the weights without their last dimension broadcast to ``batch_shape``; ``event_shape``
        is ``[K]``. Support: vectors of counts, in the dtype of the weights.

    Raises:
        ValueError: if both or none of ``probs`` and ``logits`` are given, a weight is negative, all are zero,
            or a count is negative or not whole.

    References:
        Johnson, Kotz and Balakrishnan, Discrete Multivariate Distributions, 1997, chapter 35.
        Loader, Fast and accurate computation of binomial probabilities, 2000.
        Finucan, The mode of a multinomial distribution, 1964.

    Example:
        >>> d = Multinomial(torch.tensor([4, 1000]), probs=torch.tensor([1.0, 1.0, 2.0]))
        >>> d.log_prob(torch.tensor([[1.0, 1.0, 2.0], [250.0, 250.0, 500.0]])).exp()
        tensor([0.1875, 0.0009])
    """

    total_count = param(nonnegative_integer, default=1, symbol="n", typical=(1, 5))
    probs, logits = Categorical.probs, Categorical.logits
    support = multinomial("total_count")

    @fused("multinomial_probs_log_prob", "total_count", "probs")
    @fused("multinomial_logits_log_prob", "total_count", "logits")
    def _log_prob(self, x: Tensor) -> Tensor:
        n, p = self.total_count[..., None], self.probs
        # a sum of large counts in a short dtype is known to a rounding or two
        complete = (x.sum(-1, keepdim=True, dtype=torch.float64) - n).abs() <= 2 * torch.finfo(p.dtype).eps * n
        possible = self._raw() > (-torch.inf if "logits" in self._given else 0)
        complete = complete & (possible | (x <= 0)).all(-1, keepdim=True)
        some = possible & (x > 0)
        k = torch.where(some, x, 1.0)
        log_share = self.logits if "logits" in self._given else torch.where(some, p, 1.0).log()
        share, log_share = torch.where(some, p, 0.5), torch.where(some, log_share, 0.0)
        alone = x == n  # in one arrangement
        present = share_fit(k, torch.where(some, n, 1.0), share, log_share) - torch.where(alone, 0.0, _size(k))
        value = torch.where(some, present, -n * p).sum(-1, keepdim=True)
        value = value + torch.where(alone.any(-1, keepdim=True), 0.0, _size(n))
        return torch.where(complete, value, -torch.inf).squeeze(-1)

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        weights = self.probs if "probs" in self._given else self._raw().double().softmax(-1)
        if kernels.usable(weights):
            key, counts = kernels.key_of(shape[:-1], generator), self.total_count.to(weights.dtype)
            return kernels.draw("multinomial_draw", key, counts, weights).to(self.dtype)
        counts = self.total_count.double()[..., None]
        levels = [weights.double()]
        while (width := levels[-1].shape[-1]) > 1:
            whole = torch.nn.functional.pad(levels[-1], (0, width % 2))
            levels.append(whole[..., 0::2] + whole[..., 1::2])
        lead = shape[: len(shape) - self.probs.dim()]
        counts = counts.expand(lead + counts.shape)
        for below, above in zip(levels[-2::-1], levels[:0:-1]):
            left = below[..., 0::2]
            chance = torch.where(above > 0, left / torch.where(above > 0, above, 1.0), 0.0).clamp(max=1.0)
            first = Binomial(counts, probs=chance, validate_args=False)._sample(counts.shape, generator)
            counts = torch.stack([first, counts - first], -1).flatten(-2)[..., : below.shape[-1]]
        return counts.to(self.dtype)

    def _enumerate_support(self) -> Tensor:
        first = self.total_count.flatten()[:1]
        if not surely(self.total_count == first):
            raise NotImplementedError("Multinomial: the support can be enumerated only where all total_count are equal")
        n, k = int(first.item()) if first.numel() else 0, self.num_events
        # K - 1 bars among n stars part them into K counts
        bars = torch.tensor(list(itertools.combinations(range(n + k - 1), k - 1)), dtype=self.dtype, device=self.device)
        edges = torch.nn.functional.pad(bars.reshape(-1, k - 1), (1, 0), value=-1.0)
        edges = torch.nn.functional.pad(edges, (0, 1), value=float(n + k - 1))
        return edges.diff() - 1

    def _entropy(self) -> Tensor:
        """By the binomial marginals: a sum over categories of what each adds to the log-mass.

        The largest count is compared with n, so that nothing cancels where it is nearly certain to be n.
        """
        law = in_double(self)
        n = law.total_count[..., None]
        log_p, p = torch.broadcast_tensors(law._log_probs(), law.probs)
        odds = log_p - log_complements(log_p)
        open_ = odds.isfinite() & (p > 0)  # counts that are certain add nothing
        law_of_each = Binomial(n, logits=torch.where(open_, odds, 0.0), validate_args=False)
        largest = torch.zeros_like(p).scatter(-1, p.argmax(-1, keepdim=True), 1.0)
        if law_of_each._is_short():
            k, _, mass = law_of_each._masses()
            factorials = (mass * (log_factorial(k) - largest * log_factorial(n))).sum(0)
            added = torch.where(open_, factorials, 0.0).sum(-1)
            return (law.total_count * choice(law)._entropy() + added).to(self.dtype)
        mean = torch.where(open_, n * p, 1.0)
        added = expect(law_of_each, lambda k, _: deviance(k, mean) + _size(k) - largest * _size(n))
        return torch.where(open_, added, 0.0).sum(-1).to(self.dtype)

    def _mean(self) -> Tensor:
        return self.total_count[..., None] * self.probs

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, logits: Tensor) -> Tensor:
        return self.total_count * logits.logsumexp(-1)

    @property
    def _mean_carrier_measure(self) -> Tensor:
        law = in_double(self)
        counts = Binomial(law.total_count[..., None], probs=law.probs, validate_args=False)
        arranged = expect(counts, lambda k, _: lgamma(k + 1)).sum(-1)
        return (lgamma(law.total_count + 1) - arranged).to(self.dtype)

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x,)

    @classmethod
    def _from_natural(cls, logits: Tensor, total_count: Any = 1) -> dict[str, Any]:
        return {"total_count": total_count, "logits": logits}

    @classmethod
    def _from_mean(cls, mean: Tensor, total_count: Any = 1) -> dict[str, Any]:
        return {"total_count": total_count, "probs": mean}

    def _mode(self) -> Tensor:
        r"""The largest :math:`\lfloor s p_k \rfloor` with a sum of at most n, and of the next ones as many as lack."""
        n, p = self.total_count[..., None].double(), self.probs.double()
        with torch.no_grad():
            low, high = n.clone(), n + p.shape[-1]
            for _ in range(HALVINGS):
                middle = (low + high) / 2
                fits = (middle * p).floor().sum(-1, keepdim=True) <= n
                low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
            x = (low * p).floor()
            missing = n - x.sum(-1, keepdim=True)
            rank = (p / (x + 1)).argsort(-1, descending=True).argsort(-1)
            return (x + (rank < missing)).to(self.dtype)

    def _variance(self) -> Tensor:
        p = self.probs
        return self.total_count[..., None] * p * complements(p)

    def _median(self) -> Tensor:
        return Binomial(self.total_count[..., None], probs=self.probs, validate_args=False)._median()

    def _skewness(self) -> Tensor:
        p = self.probs
        scale = torch.exp(-0.5 * log_indicator_variance(self._log_probs()))
        return (complements(p) - p) * scale / self.total_count[..., None].sqrt()

    def _kurtosis(self) -> Tensor:
        return (torch.exp(-log_indicator_variance(self._log_probs())) - 6) / self.total_count[..., None]

    def _covariance(self) -> Tensor:
        return self.total_count[..., None, None] * indicator_covariance(self.probs)


def _size(x: Tensor) -> Tensor:
    r""":math:`\log x! - x \log x + x`, which is 0 at x = 0."""
    some = x > 0
    k = torch.where(some, x, 1.0)
    return torch.where(some, stirling_error(k) + HALF_LOG_TWO_PI + 0.5 * k.log(), 0.0)


@register_kl(Multinomial, Multinomial)
def _(p: Multinomial, q: Multinomial) -> Tensor:
    """That of one choice, n times; infinite between unequal numbers of trials."""
    rule = kl_rules.dispatch(Categorical, Categorical)
    assert rule is not None
    trial: Tensor = rule(choice(p), choice(q))
    return torch.where(p.total_count == q.total_count, of_trials(p.total_count, trial), torch.inf)
