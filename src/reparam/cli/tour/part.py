"""What a part of the tour hands back: figures with their goals, plots, and the code that ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

#: Called as a part goes on, with the share that is done and what to say of it.
Tick = Callable[[float, str], None]


@dataclass(frozen=True)
class Finding:
    """One figure.

    Args:
        name: what was measured.
        value: how it is printed.
        goal: what was to be reached, in words; empty where there is no goal.
        met: whether the goal was reached.
    """

    name: str
    value: str
    goal: str = ""
    met: bool = True


@dataclass(frozen=True)
class Plot:
    """One picture.

    Args:
        svg: an ``<svg>`` element.
        caption: a sentence on what it shows.
    """

    svg: str
    caption: str


@dataclass
class Part:
    """A part of the tour.

    Args:
        title: its heading.
        text: a paragraph on what it does.
        code: the source that did it.
        findings: its figures.
        plots: its pictures.
        seconds: the time it took; filled in by the one who runs it.
    """

    title: str
    text: str
    code: str = ""
    findings: list[Finding] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    seconds: float = 0.0
