"""Samples of a law in the plane over the contours of its density."""

from __future__ import annotations

from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Generator, Tensor

from ..core.distribution import Distribution
from .laws import draws
from .style import BLUE, ORANGE, axes

POINTS = 120
LEVELS = (0.05, 0.2, 0.5, 0.8)


def scatter(
    d: Distribution,
    ax: Axes | None = None,
    *,
    n: int = 1500,
    generator: Generator | None = None,
    **style: Any,
) -> Axes:
    """Draws samples in their first two coordinates, and contours of the density.

    The contours hold 5, 20, 50 and 80 % of the samples outside. They are drawn for laws whose first
    two coordinates determine the draw: those of the plane, and of the simplex with three corners.

    Args:
        d: a law whose draws are vectors of two entries or more.
        ax: where to draw; new axes by default.
        n: the number of samples.
        generator: draws from it; by default the same samples every time.
        style: options of matplotlib for the samples.

    Returns:
        The axes.

    Raises:
        ValueError: if ``d`` is a batch of laws, or its draws are no such vectors.

    Example:
        >>> import reparam
        >>> scatter(reparam.Dirichlet(torch.tensor([2.0, 3.0, 4.0])), n=100).get_xlabel()
        '$x_1$'
    """
    if d.batch_shape or len(d.event_shape) != 1 or d.event_shape[0] < 2:
        raise ValueError(
            f"a scatter plot shows one law of vectors; {type(d).__name__} has batch_shape "
            f"{tuple(d.batch_shape)} and event_shape {tuple(d.event_shape)}"
        )
    ax = axes()[0] if ax is None else ax
    x = draws(d, n, generator)
    look = {"color": ORANGE, "alpha": 0.45, "linewidth": 0, "s": 5, "rasterized": True, **style}
    ax.scatter(x[:, 0].tolist(), x[:, 1].tolist(), **look)
    low, high = x[:, :2].quantile(0.001, 0), x[:, :2].quantile(0.999, 0)
    across, up = (torch.linspace(float(a), float(b), POINTS, dtype=x.dtype) for a, b in zip(low, high, strict=True))
    points = torch.stack(torch.meshgrid(across, up, indexing="xy"), -1)
    height = _log_density(d, points)
    if height is not None:
        with torch.no_grad():
            levels = d.log_prob(x).quantile(torch.tensor(LEVELS, dtype=x.dtype))
        ax.contour(across, up, height, sorted(set(levels.tolist())), colors=[BLUE], linewidths=1.1, linestyles="solid")
    ax.set_xlabel("$x_1$")
    ax.set_ylabel("$x_2$")
    return ax


def _log_density(d: Distribution, points: Tensor) -> Tensor | None:
    """At points of the plane, with what completes them to draws; NaN where they are none."""
    rest = 1 - points.sum(-1, keepdim=True)
    for candidate in (points, torch.cat([points, rest], -1)):
        if candidate.shape[-1] == d.event_shape[0]:
            inside = d.support.check(candidate)
            if inside.any():
                height = torch.full(inside.shape, torch.nan, dtype=points.dtype)
                with torch.no_grad():
                    height[inside] = d.log_prob(candidate[inside])
                return height
    return None
