"""Moments and entropies of laws given by one conditional law after another, by quadrature over their quantiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..core.derived import refuse_missing
from ..core.distribution import Distribution
from ..core.quadrature import NODES, quantile_nodes

MOST = 4  #: coordinates
FEW = 31  #: nodes for each half of the quantiles where three coordinates are integrated over

Given = tuple[Distribution, Tensor, Tensor]


def laws_at_nodes(law: Any, wanted: str) -> Iterator[Given]:
    """Of each coordinate the law given the earlier ones, at all nodes of these; the nodes, and their weights.

    Nodes ``[n, *batch, d]`` and weights ``[n, *batch]`` have a first dimension for all combinations of the quantiles
    of d coordinates. The law of the last coordinate is not integrated over: its own moments serve.
    """
    size = law._event_shape[0]
    if size > MOST:
        raise refuse_missing(law, wanted, f"by quadrature it has one for up to {MOST} coordinates; average over draws")
    batch = law._batch_shape
    like = law._first_tensor()
    x, weight = like.new_empty((1, *batch, 0)), like.new_ones((1, *batch))
    for d in range(size):
        part: Any = law._law(d, x)
        part = part.expand(weight.shape)
        yield part, x, weight
        if d == size - 1:
            return
        if part.support.is_discrete or hasattr(part, "_quantile_terms"):
            raise refuse_missing(law, wanted, f"the quantiles of coordinate {d} jump; average over draws")
        values, share = quantile_nodes(part, NODES if size < MOST else FEW)
        weight = (share * weight).flatten(0, 1)
        x = torch.cat([x.expand(values.shape[:1] + x.shape), values.unsqueeze(-1)], -1).flatten(0, 1)


def mean(value: Tensor, weight: Tensor) -> Tensor:
    """The mean over the nodes; those whose weight is nothing do not count, whatever they have."""
    return (weight * torch.where(weight > 0, value, 0.0)).sum(0)


def means(law: Any) -> Tensor:
    """Of every coordinate."""
    return torch.stack([mean(part._mean(), w) for part, _, w in laws_at_nodes(law, "mean")], -1)


def entropy(law: Any) -> Tensor:
    """The sum of the mean entropies of the conditional laws."""
    total: Tensor = sum(mean(part._entropy(), w) for part, _, w in laws_at_nodes(law, "entropy"))  # type: ignore[assignment]
    return total


def central_moments(law: Any, order: int, wanted: str) -> list[Tensor]:
    """The second up to the given central moment of every coordinate: those given the earlier ones, and of the means."""
    found = []
    for part, _, weight in laws_at_nodes(law, wanted):
        own = part._mean()
        shift = own - mean(own, weight)
        variance = part._variance()
        moments = [variance + shift**2]
        third = part._skewness() * variance**1.5 if order > 2 else shift
        if order > 2:
            moments.append(third + shift * (3 * variance + shift**2))
        if order > 3:
            fourth = (part._kurtosis() + 3) * variance**2
            moments.append(fourth + shift * (4 * third + shift * (6 * variance + shift**2)))
        found.append([mean(value, weight) for value in moments])
    return [torch.stack(coordinates, -1) for coordinates in zip(*found, strict=True)]


def covariance(law: Any) -> Tensor:
    """Of every pair: of the earlier coordinate and the mean of the later one given all before it."""
    size, rows = law._event_shape[0], []
    centre = law._first_tensor().new_empty((*law._batch_shape, 0))
    for d, (part, x, weight) in enumerate(laws_at_nodes(law, "covariance")):
        own = part._mean()
        middle = mean(own, weight)
        shift = own - middle
        earlier = mean(shift.unsqueeze(-1) * (x - centre), weight.unsqueeze(-1))
        variance = 0.5 * mean(part._variance() + shift**2, weight)
        rows.append(pad(torch.cat([earlier, variance.unsqueeze(-1)], -1), (0, size - 1 - d)))
        centre = torch.cat([centre, middle.unsqueeze(-1)], -1)
    lower = torch.stack(rows, -2)
    return lower + lower.mT
