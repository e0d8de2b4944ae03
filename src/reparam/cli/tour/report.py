"""The report of the tour and of its like: one file of HTML that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import resources

from .part import Finding, Part, Plot

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<h1>{title}</h1>
<p class="soft">{setting}</p>
{summary}
{parts}
</body>
</html>
"""


def page(parts: Sequence[Part], setting: str, title: str) -> str:
    """The whole report.

    Args:
        parts: what the tour visited.
        setting: a sentence on versions, machine and time.
        title: its heading.

    Example:
        >>> text = page([Part("One", "What it does.", findings=[Finding("x", "1")])], "Here.", "All")
        >>> text.count("<h2"), "<td>x</td>" in text
        (1, True)
    """
    style = resources.files(__package__).joinpath("style.css").read_text("utf-8")
    return PAGE.format(
        style=style,
        title=escape(title),
        setting=escape(setting),
        summary=table(parts),
        parts="\n".join(section(i, part) for i, part in enumerate(parts, 1)),
    )


def table(parts: Sequence[Part]) -> str:
    """Each part with its time, and its figures, their goals, and whether they were reached."""
    lines = []
    for part in parts:
        lines.append(f"<tr><th>{escape(part.title)}</th><th>{part.seconds:.1f} s</th><th></th></tr>")
        lines += map(row, part.findings)
    body = "\n".join(lines)
    return f'<div class="wide"><table>\n{body}\n</table></div>'


def row(finding: Finding) -> str:
    """A figure's row of the table."""
    mark = "met" if finding.met else "missed"
    goal = f'<span class="{mark}">{mark}</span>: {escape(finding.goal)}' if finding.goal else ""
    cells = (escape(finding.name), escape(finding.value), goal)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def section(number: int, part: Part) -> str:
    """A part with its text, pictures and code."""
    figures = "\n".join(map(figure, part.plots))
    code = f"<details><summary>The code that ran</summary><pre>{escape(part.code)}</pre></details>" if part.code else ""
    return (
        f"<section>\n<h2>{number}. {escape(part.title)}</h2>\n<p>{escape(part.text)}</p>\n"
        f'{code}\n<div class="plots">\n{figures}\n</div>\n</section>'
    )


def figure(plot: Plot) -> str:
    """A picture with its caption, which also describes it to those who cannot see it."""
    caption = escape(plot.caption)
    svg = plot.svg.replace("<svg ", f'<svg role="img" aria-label="{caption}" ', 1)
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"
