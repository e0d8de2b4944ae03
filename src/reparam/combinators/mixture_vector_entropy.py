r"""Entropies of mixtures of normal vectors of few coordinates, by quadrature over one coordinate after another.

Given the earlier coordinates, the next is a mixture of scalar normal laws. Between points that stand about the
middle of each of these, in units of its deviation, Gauss-Legendre rules integrate the whole. Two of them must agree:
where thin components cross far from their middles they do not, and there is no value.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..core import derived
from ..core.checks import surely
from ..special._quadrature import gauss_legendre, on_unit
from .mixture_entropy import weighed
from .mixture_vectors import are_normal, factor_of

KNOTS = (-9.0, -3.0, 0.0, 3.0, 9.0)  #: about the middle of every component, in its deviations
RULES = gauss_legendre(12), gauss_legendre(16)
MOST = 2**23  #: numbers that are evaluated at a time, for each law of a batch
AGREEMENT = 1e-6  #: of the two rules


@derived.in_double
def entropy_of_vectors(mixture: Any) -> Tensor:
    """The integral; not a number, or an error, where two rules differ by more than 1e-6."""
    estimate = "minus the mean log_prob of draws estimates it"
    if not are_normal(mixture):
        raise derived.refuse_missing(mixture, "entropy", f"of vectors it has no closed form; {estimate}")
    loc = mixture._each(lambda law: law._mean(), 1)
    kinds, size = loc.shape[-2:]
    count: int = (len(RULES[1][0]) * (len(KNOTS) * kinds - 1)) ** size * kinds
    if count > MOST:
        raise derived.refuse_missing(
            mixture, "entropy", f"{kinds} components of {size} coordinates are too many for quadrature; {estimate}"
        )
    factor = mixture._each(factor_of, 2)
    with torch.no_grad():
        coarse = _integral(mixture, *_nodes(loc, factor, 0))
        x, weight = _nodes(loc, factor, 1)
    fine = _integral(mixture, x, weight)
    apart = (fine - coarse).detach().abs()
    if apart.numel() and surely(apart > AGREEMENT):
        raise derived.refuse_missing(
            mixture, "entropy", f"two rules of quadrature differ by {float(apart.max()):.1g}; {estimate}"
        )
    return torch.where(apart <= AGREEMENT, fine, torch.nan)


def _integral(mixture: Any, x: Tensor, weight: Tensor) -> Tensor:
    return (weight * weighed(mixture._unchecked()._log_prob(x))).sum(0)


def _nodes(loc: Tensor, factor: Tensor, rule: int) -> tuple[Tensor, Tensor]:
    """Points ``[n, ..., D]`` and their weights ``[n, ...]``, without a gradient: the integral does not depend on them.

    Args:
        loc: the means of the components ``[..., K, D]``.
        factor: the lower Cholesky factors of their covariances.
        rule: which one.
    """
    nodes, weights = on_unit(RULES[rule], loc)
    knots = torch.tensor(KNOTS, dtype=loc.dtype, device=loc.device)
    batch = loc.shape[:-2]
    x, weight, noise = loc.new_empty((1, *batch, 0)), loc.new_ones((1, *batch)), loc.new_empty((1, *loc.shape[:-1], 0))
    for d in range(loc.shape[-1]):
        middle = loc[..., d] + (noise * factor[..., d, :d]).sum(-1)
        scale = factor[..., d, d]
        ends = (middle.unsqueeze(-1) + scale.unsqueeze(-1) * knots).flatten(-2).sort(-1).values
        gap = ends.diff(dim=-1).unsqueeze(-1)
        values = (ends[..., :-1].unsqueeze(-1) + gap * nodes).flatten(-2).movedim(-1, 0)
        share = (gap * weights).flatten(-2).movedim(-1, 0)
        weight = (weight * share).flatten(0, 1)
        white = (values.unsqueeze(-1) - middle) / scale
        x, noise = (
            torch.cat([old.expand(len(values), *old.shape), new.unsqueeze(-1)], -1).flatten(0, 1)
            for old, new in ((x, values), (noise, white))
        )
    return x, weight
