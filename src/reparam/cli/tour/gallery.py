"""Gallery: every family of the library, its density and cdf against its samples."""

from __future__ import annotations

import inspect
import itertools
import math
import re
from collections.abc import Iterator

import torch
from matplotlib.axes import Axes
from torch import Tensor

import reparam

from ... import plots
from ...plots.laws import DRAWS, draws
from ...plots.style import BLUE, GREEN, ORANGE, PINK, legend
from ...testing import classes_in, families
from ...testing.space import varying
from .part import Finding, Part, Plot, Tick

FALSE_ALARM = 1e-3
SEED = 8
SHOWN = 1500
COLOURS = (ORANGE, GREEN, PINK)


def laws() -> Iterator[reparam.Distribution]:
    """A law with typical parameters for every class among the public names."""
    for cls in classes_in(reparam):
        family = families(cls)[0]
        values = family.parameters(seed=SEED)
        yield family.build(**{name: rounded(value) for name, value in values.items()})


def rounded(value: Tensor) -> Tensor:
    """A number in two digits; vectors and matrices, which may have sums to keep, as they are."""
    return value if value.dim() else value.new_tensor(float(f"{value.item():.2g}"))


def distance(law: reparam.Distribution, x: Tensor) -> float:
    """The largest gap between the law's cdf and the share of samples at or below a point."""
    x = x.sort().values
    values, counts = torch.unique_consecutive(x, return_counts=True)
    share = counts.cumsum(0) / len(x)
    exact = law.cdf(values).double()
    gap = (share - exact).abs().max()
    if not law.support.is_discrete:
        below = share - counts / len(x)
        gap = torch.maximum(gap, (exact - below).abs().max())
    return float(gap)


def bound(tests: int) -> float:
    """The gap that any of some tests exceeds with probability `FALSE_ALARM` at most.

    By the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart (Ann. Probab. 18, 1990).
    """
    return math.sqrt(math.log(2 * tests / FALSE_ALARM) / (2 * DRAWS))


def line_plot(law: reparam.Distribution) -> tuple[Plot, float | None]:
    """A law on the line, and how far its samples are from its cdf, where there is one."""
    left, right = plots.axes(2, width=2.7, height=1.9)
    plots.samples(law, left)
    plots.density(law, left)
    try:
        plots.cdf(law, right)
    except NotImplementedError:
        right.set_axis_off()
        return drawn(left, law), None
    x = draws(law, DRAWS)
    shares = torch.arange(1, DRAWS + 1) / DRAWS
    right.plot(x.sort().values.tolist(), shares.tolist(), color=ORANGE, alpha=0.6, rasterized=True)
    right.set_xlim(left.get_xlim())
    return drawn(left, law), distance(law, x)


def vector_plot(law: reparam.Distribution) -> Plot:
    """A law of vectors or matrices: samples in the plane, and the marginals of its coordinates."""
    left, right = plots.axes(2, width=2.7, height=1.9)
    names, x = coordinates(law)
    if law.support.is_discrete:
        shares_plot(law, left)
    elif len(law.event_shape) == 1:
        plots.scatter(law, left)
    else:
        across, up = x[:SHOWN, :2].T.tolist()
        left.scatter(across, up, color=ORANGE, alpha=0.45, linewidth=0, s=5, rasterized=True)
        left.set_xlabel(names[0])
        left.set_ylabel(names[1])
    for i, (name, values) in enumerate(zip(names, x.unbind(-1), strict=True)):
        right.hist(values.tolist(), 60, density=True, histtype="step", color=COLOURS[i % len(COLOURS)], label=name)
    right.set_ylabel("density of samples")
    legend(right)
    return drawn(left, law)


def coordinates(law: reparam.Distribution) -> tuple[list[str], Tensor]:
    """The coordinates of a law's draws that vary: their names, and samples along the columns."""
    kept = varying(law)
    places = itertools.product(*(range(1, n + 1) for n in law.event_shape))
    names = [f"$x_{{{''.join(map(str, place))}}}$" for place in places]
    return list(itertools.compress(names, kept.tolist())), draws(law, DRAWS).flatten(1)[:, kept]


def shares_plot(law: reparam.Distribution, ax: Axes) -> None:
    """The probability of every value of a finite support, over its share of the samples."""
    values, x = law.enumerate_support(), draws(law, DRAWS)
    shares = (x[:, None] == values).flatten(2).all(-1).double().mean(0)
    ax.bar(range(len(values)), shares.tolist(), color=ORANGE, alpha=0.35, linewidth=0)
    ax.plot(law.prob(values).tolist(), "o", markersize=4, color=BLUE)
    ax.set_xlabel("vector")
    ax.set_ylabel("probability")


def drawn(ax: Axes, law: reparam.Distribution) -> Plot:
    """The finished picture of a law."""
    return Plot(plots.to_svg(ax, f"gallery-{type(law).__name__}"), spelled(law))


def spelled(law: reparam.Distribution) -> str:
    """A law with its parameters, in two digits."""
    parts = []
    for name in law._given:
        value = getattr(law, name)
        if isinstance(value, reparam.Distribution):
            parts.append(spelled(value))
        elif isinstance(value, Tensor):
            digits = re.sub(r"-?[\d.]+(e[+-]\d+)?", lambda n: f"{float(n[0]):.2g}", str(value.tolist()))
            parts.append(f"{name}={digits}")
        else:
            parts.append(repr(value))
    return f"{type(law).__name__}({', '.join(parts)})"


def run(tick: Tick, quick: bool) -> Part:
    """Draw them all; a quick tour draws them all too."""
    found = list(laws())
    part = Part(
        title="Gallery",
        text=(
            "Every family at typical parameters. Blue: density and cdf. Orange: "
            f"{DRAWS:,} samples. Vectors: samples, contours of the density, and marginals."
        ),
        code=inspect.getsource(laws),
    )
    gaps = {}
    for i, law in enumerate(found):
        name = type(law).__name__
        tick(i / len(found), name)
        if law.event_shape:
            part.plots.append(vector_plot(law))
            continue
        plot, gap = line_plot(law)
        part.plots.append(plot)
        if gap is not None:
            gaps[name] = gap
    worst, limit = max(gaps, key=lambda name: gaps[name]), bound(len(gaps))
    part.findings = [
        Finding("families shown", f"{len(found)}"),
        Finding(
            f"largest gap between cdf and samples, of {len(gaps)} laws ({worst})",
            f"{gaps[worst]:.4f}",
            f"at most {limit:.4f} (false alarms: {FALSE_ALARM:.0e})",
            gaps[worst] <= limit,
        ),
    ]
    return part
