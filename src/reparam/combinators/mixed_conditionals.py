r"""A mixture's standardisation by the conditional cdfs of its coordinates, and its pathwise gradient.

With :math:`r_k^d` the weight of component k given the coordinates before d, and :math:`F_k^d` its conditional cdf, a
mixture has the conditional cdf :math:`U^d = \sum_k r_k^d F_k^d`, whose derivatives in the coordinates are

.. math:: \frac{\partial \log U^d}{\partial x_j} = \sum_k \rho_k^d \frac{\partial \log F_k^d}{\partial x_j}
          + \sum_k (\rho_k^d - r_k^d) \frac{\partial}{\partial x_j} \sum_{i<d} \log p_k^i, \qquad
          \rho_k^d = r_k^d F_k^d / U^d,

likewise for the other tail and for parameters in the place of :math:`x_j`. The matrix of these is triangular and never
made: it is solved one coordinate after another, each of which only adds to a few sums over the components.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..families.categorical import Categorical
from ..implicit.law import smaller_tail
from .conditionals import Conditionals, Sums, Terms
from .weights import bounded_exp, by_logits, log_mean, log_weights, weighted

ENTRIES = 2**18  #: numbers of components times coordinates that are held at once, to stay in a cache


class MixedConditionals:
    """A mixture's standardisation by conditional cdfs, and its Jacobian.

    Args:
        choice: the law of the choice.
        laws: the conditional laws of the components.
        event_dim: the number of dimensions of an event.
    """

    def __init__(self, choice: Categorical, laws: Conditionals, event_dim: int) -> None:
        self.choice, self.laws, self.event_dim = choice, laws, event_dim
        past = before(laws.log_prob)
        # less those of the law that has most: differences are to be as fine as they can
        most = past.detach().amax(-2, keepdim=True)
        self.past = past - torch.where(most.isfinite(), most, 0.0)
        log_cdf, log_sf = laws.tails()
        self.whole, self.cdf, self.sf = (self._log_mean(self.past + t) for t in (0.0, log_cdf, log_sf))
        self.upper = self.cdf >= self.sf
        self.log_tail = torch.where(self.upper.unsqueeze(-2), log_sf, log_cdf)

    def _log_mean(self, values: Tensor) -> Tensor:
        return log_mean(self.choice[..., None], values.mT)

    def noise(self) -> Tensor:
        """The logarithm of the smaller tail, with a sign."""
        return smaller_tail(self.cdf - self.whole, self.sf - self.whole)

    def solve(self, v: Tensor, transposed: bool) -> Tensor:
        """By substitution."""
        tail = torch.where(self.upper, self.sf, self.cdf).unsqueeze(-2)
        held = weighted(self.choice, self.past + self.log_tail - tail)
        # the noise is minus the logarithm of an upper tail, whose slope is minus the hazard
        sign = 1 - 2 * self.upper.to(v.dtype).unsqueeze(-2)
        shift = sign * (held - weighted(self.choice, self.past - self.whole.unsqueeze(-2)))
        diagonal, sums = self.laws.system(held, hazard(self.laws.log_prob, self.log_tail), shift, transposed)
        flat = v.flatten(v.dim() - self.event_dim)
        return substituted(diagonal, sums, flat, transposed).reshape(v.shape)


def gradient_terms(choice: Categorical, laws: Conditionals, v: Tensor) -> Terms:
    """What has the gradient of a mixture's sample, weighted by v, in its parameters.

    That of :class:`MixedConditionals` at fixed noise, in fewer passes: one tail of each coordinate suffices, that on
    the side where components of more than half the weight have the sample, and only what the components say is
    differentiated by autograd.

    Args:
        choice: the law of the choice.
        laws: the conditional laws of the components.
        v: ``[..., D]``.
    """
    with torch.no_grad():
        log_prob = laws.log_prob.detach()
        past = before(log_prob)
        logs = log_weights(choice).unsqueeze(-1) + past
        share = _shares(logs)
        upper = (laws.above().to(v.dtype) * share).sum(-2, keepdim=True) > 0.5
        sign = 1 - 2 * upper.to(v.dtype)
        log_tail = laws.tail(upper, sign)
        held, hazards = _shares(logs + log_tail), hazard(log_prob, log_tail)
        shift = sign * (held - share)
        moved = -substituted(*laws.system(held, hazards, shift, True), v, True).unsqueeze(-2)
        on_past, on_tail = shift * moved, held * (sign * moved)
        if by_logits(choice):
            on_weights = on_past.sum(-1)
        else:
            on_weights = (sign * moved * _slopes_in_weights(choice, past, log_tail)).sum(-1)
    terms = laws.terms(upper, sign, on_tail, _later(on_past), hazards)
    of = choice._raw() if by_logits(choice) else choice.probs
    return [*terms, (of, on_weights.sum_to_size(of.shape))]


def _shares(logs: Tensor) -> Tensor:
    """The shares of the components in a sum of exponentials."""
    return logs.softmax(-2) if logs.shape[-1] > 1 else logs.squeeze(-1).softmax(-1).unsqueeze(-1)


def _slopes_in_weights(choice: Categorical, past: Tensor, log_tail: Tensor) -> Tensor:
    """The derivatives of the logarithm of a mixture's tail in its weights, which may be zero."""
    wide = choice[..., None]
    whole, part = (log_mean(wide, t.mT).unsqueeze(-2) for t in (past, past + log_tail))
    return bounded_exp(past + log_tail - part) - bounded_exp(past - whole)


def _later(values: Tensor) -> Tensor:
    """The sums of the values of later coordinates."""
    none = torch.zeros_like(values[..., :1])
    if values.shape[-1] == 1:
        return none.expand_as(values)
    return torch.cat([values.flip(-1).cumsum(-1).flip(-1)[..., 1:], none], -1)


def substituted(diagonal: Tensor, sums: Sums, v: Tensor, transposed: bool) -> Tensor:
    """The solution of triangular equations, from the last coordinate where transposed, or from the first."""
    right, divisors = v.unbind(-1), diagonal.unbind(-1)
    last = len(right) - 1
    order = range(last, -1, -1) if transposed else range(last + 1)
    found: list[Tensor] = []
    for d in order:
        rest = right[d] - sums.known(d) if found else right[d]
        found.append(rest / divisors[d])
        if len(found) <= last:
            sums.add(d, found[-1])
    return torch.stack(found[::-1] if transposed else found, -1)


def hazard(log_prob: Tensor, log_tail: Tensor) -> Tensor:
    """Densities over tails; none beyond an end of a support."""
    return bounded_exp(log_prob - log_tail.clamp(min=torch.finfo(log_tail.dtype).min))


def before(log_prob: Tensor) -> Tensor:
    """The log-densities ``[..., K, D]`` of the coordinates before d."""
    none = torch.zeros_like(log_prob[..., :1])
    # never the whole sum less the last entry: infinities are to stay apart
    return torch.cat([none, log_prob[..., :-1].cumsum(-1)], -1) if log_prob.shape[-1] > 1 else none
