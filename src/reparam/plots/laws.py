"""Density, cdf and samples of a law on the line, discrete or continuous."""

from __future__ import annotations

from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Generator, Tensor

from ..core.distribution import Distribution
from .style import BLUE, ORANGE, axes

DRAWS = 20_000
POINTS = 400
BINS = 50
TAIL = 0.002


def _one_law(d: Distribution) -> None:
    if d.batch_shape or d.event_shape:
        raise ValueError(
            f"a plot shows one law on the line; {type(d).__name__} has batch_shape "
            f"{tuple(d.batch_shape)} and event_shape {tuple(d.event_shape)}: index it first"
        )


def draws(d: Distribution, n: int, generator: Generator | None = None) -> Tensor:
    """``n`` samples, by default the same ones every time.

    Args:
        d: the law.
        n: how many.
        generator: draws from it instead.
    """
    with torch.no_grad():
        return d.sample((n,), generator=generator or torch.Generator().manual_seed(0))


def grid(d: Distribution) -> Tensor:
    """The points at which a law is drawn: the bulk of its samples, whole numbers if discrete.

    Args:
        d: the law.
    """
    x = draws(d, DRAWS).double()
    low, high = (float(x.quantile(q)) for q in (TAIL, 1 - TAIL))
    if d.support.is_discrete:
        return torch.arange(round(low), round(high) + 1, dtype=d.dtype)
    room = 0.08 * (high - low)
    points = torch.linspace(low - room, high + room, POINTS, dtype=d.dtype)
    return points[d.support.check(points)]


def density(d: Distribution, ax: Axes | None = None, **style: Any) -> Axes:
    """Draws the density as a line, or the mass of a discrete law as stems.

    Args:
        d: a law with scalar batch and event.
        ax: where to draw; new axes by default.
        style: options of matplotlib, such as ``color`` and ``label``.

    Returns:
        The axes.

    Raises:
        ValueError: if ``d`` is a batch of laws, or its draws are not scalars.

    Example:
        >>> import reparam
        >>> density(reparam.Gamma(2.0, 1.0)).get_ylabel()
        'density'
    """
    _one_law(d)
    ax = axes()[0] if ax is None else ax
    style = {"color": BLUE, **style}
    x = grid(d)
    with torch.no_grad():
        y = d.prob(x)
    if d.support.is_discrete:
        ax.vlines(x.tolist(), 0, y.tolist(), linewidth=2.4, **style)
        ax.plot(x.tolist(), y.tolist(), "o", markersize=4, color=style["color"])
    else:
        finite = y.isfinite()
        ax.plot(x[finite].tolist(), y[finite].tolist(), **style)
        ax.set_ylim(top=1.15 * _ceiling(y[finite]))
    ax.set_ylim(bottom=0)
    ax.set_ylabel("probability" if d.support.is_discrete else "density")
    return ax


def _ceiling(y: Tensor) -> float:
    """The largest value worth showing: where a density runs off to infinity, its bulk."""
    top, bulk = float(y.max()), float(y.quantile(0.97))
    return top if top < 6 * bulk else 2.5 * bulk


def cdf(d: Distribution, ax: Axes | None = None, **style: Any) -> Axes:
    """Draws the cdf, as steps if the law is discrete.

    Args:
        d: a law with scalar batch and event.
        ax: where to draw; new axes by default.
        style: options of matplotlib, such as ``color`` and ``label``.

    Returns:
        The axes.

    Raises:
        ValueError: if ``d`` is a batch of laws, or its draws are not scalars.
        NotImplementedError: if the law has no cdf.

    Example:
        >>> import reparam
        >>> cdf(reparam.Normal(0.0, 1.0)).get_ylabel()
        'cdf'
    """
    _one_law(d)
    x = grid(d)
    with torch.no_grad():
        y = d.cdf(x)
    ax = axes()[0] if ax is None else ax
    how = {"drawstyle": "steps-post"} if d.support.is_discrete else {}
    ax.plot(x.tolist(), y.tolist(), **{"color": BLUE, **how, **style})
    ax.set_ylim(0, 1.03)
    ax.set_ylabel("cdf")
    return ax


def samples(
    d: Distribution,
    ax: Axes | None = None,
    *,
    n: int = DRAWS,
    generator: Generator | None = None,
    **style: Any,
) -> Axes:
    """Draws samples as a histogram that :func:`density` can be laid over.

    Args:
        d: a law with scalar batch and event.
        ax: where to draw; new axes by default.
        n: the number of samples.
        generator: draws from it; by default the same samples every time.
        style: options of matplotlib, such as ``color`` and ``label``.

    Returns:
        The axes.

    Raises:
        ValueError: if ``d`` is a batch of laws, or its draws are not scalars.

    Example:
        >>> import reparam
        >>> ax = samples(reparam.Beta(2.0, 3.0), n=1000)
        >>> len(ax.patches) > 10
        True
    """
    _one_law(d)
    ax = axes()[0] if ax is None else ax
    x, points = draws(d, n, generator).to(d.dtype), grid(d)
    low, high = float(points.min()), float(points.max())
    edges = torch.linspace(low, high, BINS + 1)
    if d.support.is_discrete:
        edges = torch.arange(low - 0.5, high + 1)
    shares = torch.histogram(x, edges.to(x.dtype)).hist / n / edges.diff()
    style = {"color": ORANGE, "alpha": 0.35, **style}
    middles, widths = (edges[1:] + edges[:-1]) / 2, edges.diff() * 0.92
    ax.bar(middles.tolist(), shares.tolist(), widths.tolist(), linewidth=0, **style)
    return ax
