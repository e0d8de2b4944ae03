r"""Entropies of scalar mixtures: of densities by quadrature between the points where they may bend, of counts by sums.

A density of components that are smooth but for their ends and medians (where a Laplace density has its corner, and
where a narrow component stands out from a wide one) is integrated between those points by a rule whose nodes gather
at both ends of each piece: right to about 1e-12 where the widths of components are alike, 1e-10 where they are as one
to a thousand and 1e-8 as one to a million, relative to the entropies of the components.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..core import derived
from ..core.quadrature import integral_between, mean_surprise

NODES = 321  #: of the quadrature for each side of a piece: components may differ much in scale
COUNTS = 2**14  #: the most numbers that are summed one by one for each component
OUTSIDE = 1e-18  #: the probability of each tail that the sums leave out


@derived.in_double
def entropy_of_densities(mixture: Any) -> Tensor:
    """Beyond the outer medians over the quantiles of each component, which reach to both ends, and directly between.

    Where densities may jump, or be infinite, inside the support, over the quantiles throughout.
    """
    medians = mixture._each(lambda law: law._median(), 0).movedim(-1, 0).sort(0).values
    jumps = mixture._knots()
    if jumps is None:
        between = integral_between(lambda x: weighed(mixture._log_prob(x)), medians[:-1], medians[1:], NODES)
        knots = mixture._spread(torch.stack([medians[0], medians[-1]]))
    else:
        between = torch.zeros_like(medians[0])
        medians = mixture._spread(medians)
        knots = torch.cat([jumps.expand(jumps.shape[:1] + medians.shape[1:]), medians]).sort(0).values

    surprise = mixture._at_values(lambda x: -mixture._log_prob(x))

    def missed(law: Any) -> Tensor:
        return mean_surprise(law, surprise, NODES, knots, outermost=jumps is None)

    found: Tensor = between + (mixture._choice().probs * mixture._each(missed, 0)).sum(-1)
    return found


def weighed(log_p: Tensor) -> Tensor:
    """Minus the density times its logarithm."""
    some = log_p > -torch.inf
    log_p = torch.where(some, log_p, 0.0)
    return torch.where(some, -log_p * log_p.exp(), 0.0)


@derived.in_double
def entropy_of_counts(mixture: Any) -> Tensor:
    """By summation under each component; of one that spreads over more than 16,384 counts, in equal steps."""
    surprise = mixture._at_values(lambda x: -mixture._log_prob(x))

    def missed(law: Any) -> Tensor:
        with torch.no_grad():
            edge = torch.full(law.batch_shape, OUTSIDE, dtype=law.dtype, device=law.device)
            low, high = law._icdf(edge), law._isf(edge)
            step = torch.exp2(((high - low + 1) / COUNTS).log2().ceil().clamp(min=0))
            index = torch.arange(COUNTS, dtype=low.dtype, device=low.device)
            x = low + step * index.reshape((-1,) + (1,) * low.dim())
            possible = law._unchecked()._log_prob(x) > -torch.inf
            x = torch.where(possible, x, low)
        mass = torch.where(possible, step * law._unchecked()._log_prob(x).exp(), 0.0)
        total: Tensor = (mass * surprise(x)).sum(0)
        return total

    found: Tensor = (mixture._choice().probs * mixture._each(missed, 0)).sum(-1)
    return found
