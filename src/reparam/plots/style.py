"""The look of every plot, and its form as a piece of HTML. No global of matplotlib is touched."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Lines and fills, told apart by people of every colour vision and on light and dark paper.
BLUE, ORANGE, GREEN, PINK = "#3b82c4", "#e07b39", "#2f9e77", "#c2609a"
#: Stands for the text colour of the page around a plot; `to_svg` puts that in its place.
INK = "#7f7f7e"

STYLE: Any = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "lines.linewidth": 1.8,
    "savefig.dpi": 144,
    "svg.fonttype": "none",
    "xtick.color": INK,
    "xtick.labelsize": 8.0,
    "ytick.color": INK,
    "ytick.labelsize": 8.0,
}


def axes(columns: int = 1, *, rows: int = 1, width: float = 3.2, height: float = 2.3) -> list[Axes]:
    """Empty axes in one row after another, on a figure that belongs to no window.

    Args:
        columns: how many stand side by side.
        rows: how many rows of them.
        width: of each, in inches.
        height: of each, in inches.

    Example:
        >>> len(axes(2))
        2
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
        return [figure.add_subplot(rows, columns, i + 1) for i in range(rows * columns)]


def legend(ax: Axes, **options: Any) -> None:
    """The legend of ``ax``, in the ink of the page.

    Args:
        ax: axes with labelled lines.
        options: of matplotlib's legend.
    """
    ax.legend(**{"frameon": False, "labelcolor": INK, "fontsize": 8.5, **options})


def to_svg(ax: Axes, name: str) -> str:
    """The figure of ``ax`` as an ``<svg>`` element of a page of HTML, in the page's ink.

    Args:
        ax: any axes of the figure.
        name: different for each figure of the page, so that no two share an identifier.

    Example:
        >>> to_svg(axes()[0], "empty")[:5]
        '<svg '
    """
    file = io.StringIO()
    figure = ax.get_figure(root=True)
    assert figure is not None
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace(INK, "currentColor")
