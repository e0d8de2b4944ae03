r"""Divergences between truncations of laws of one family, by quadrature.

With :math:`q'` the second law given that it lies between the first one's bounds a and b, of the probability Q,

.. math:: KL(p\,\|\,q) = KL(p\,\|\,q') - \log Q,

and neither part is negative. Between neighbours the first is the mean of :math:`q'/p - 1 - \log(q'/p) \ge 0`, in which
nothing cancels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..combinators.mixing import Mixing
from ..combinators.portions import Point, interval, point
from ..combinators.truncated import Truncated
from ..core.checks import surely
from ..core.double import in_double
from ..core.quadrature import mean_surprise, quantile_nodes
from ..core.registry import register_kl
from ..core.shapes import joint
from ..special.quotients import exp_remainder

GLANCE = 21  #: nodes for each half of the quantiles, by which neighbours are known
ALIKE = 1.0  #: the largest log-ratio of neighbours


@register_kl(Truncated, Truncated)
def _(p: Truncated, q: Truncated) -> Tensor:
    """The mean log-ratio between the first law's bounds, and what the second has beyond them."""
    kinds = type(p.base_dist), type(q.base_dist)
    if kinds[0] is not kinds[1] or issubclass(kinds[0], Mixing):
        raise NotImplementedError(
            f"the KL divergence between truncated laws is known only where both are of one family and no mixtures, not "
            f"from {kinds[0].__name__} to {kinds[1].__name__}; estimate it with a fallback of kl_divergence"
        )
    dtype, shape = p.dtype, joint(p.batch_shape, q.batch_shape)
    p, q = (in_double(law.expand(shape)._unchecked()) for law in (p, q))
    law = q.base_dist
    low, high = (point(law, end) for end in p._ends())
    ours, theirs = p._bounds()[2], interval(law, low, high)

    def log_ratio(x: Tensor) -> Tensor:
        return theirs.log_density(x) - ours.log_density(x)

    glance = log_ratio(quantile_nodes(p, GLANCE)[0].detach())
    alike = (glance.abs() <= ALIKE).all(0)
    same = ((glance == 0) | ~glance.isfinite()).all(0)

    def surprise(x: Tensor) -> Tensor:
        log = log_ratio(x)
        return torch.where(alike, exp_remainder(torch.where(alike, log, 0.0)), -log)

    # the log-density of a law may have a corner at its mode
    modes = [
        torch.fmin(torch.fmax(mode.detach(), low.value), high.value) for mode in (p.base_dist._mode(), law._mode())
    ]
    knots = torch.stack([torch.minimum(*modes), torch.maximum(*modes)])
    within = torch.where(same, 0.0, mean_surprise(p, surprise, knots=knots))
    unknown = within == -torch.inf
    if surely(unknown.any()):
        raise NotImplementedError(
            f"KL divergence of truncated laws: most quantiles of {type(p.base_dist).__name__} underflow, and with them "
            "what quadrature needs"
        )
    return (torch.where(unknown, torch.nan, within) + _log_excess(q, low, high)).to(dtype)


def _log_excess(q: Truncated, low: Point, high: Point) -> Tensor:
    """Minus the logarithm of the probability between two points, from one end and then from the other."""
    least, most, inside = q._bounds()
    above, between = inside.log_share(low, most), inside.log_share(low, high)
    below = _log_growth(inside.log_share(least, low), above, torch.zeros_like(above))
    return below + _log_growth(inside.log_share(high, most), between, above)


def _log_growth(more: Tensor, share: Tensor, total: Tensor) -> Tensor:
    """The logarithm of the ratio of two shares, of which the ``total`` has ``more``; with slopes where that is none."""
    some = more > -torch.inf
    growth = torch.where(some, more - share, 0.0)
    return torch.where(some, torch.logaddexp(torch.zeros_like(growth), growth), total - share)
