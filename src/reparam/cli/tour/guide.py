"""Visits parts one after another with a progress bar, prints their figures and writes their report."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ... import __version__
from ..doctor import native_path
from .part import Part, Tick
from .report import page

SEED = 0


def visit(
    parts: Mapping[str, Callable[[Tick, bool], Part]],
    output: Path,
    *,
    title: str,
    quick: bool = False,
    seed: int = SEED,
) -> bool:
    """Run every part from the same seed, print the figures and write the report.

    Args:
        parts: a short name for the progress bar, and the function that is the part.
        output: the file of the report; its folder is made.
        title: of the report and of the table.
        quick: take few steps, and ask for no goals.
        seed: of every part.

    Returns:
        Whether every goal was reached (true for a quick visit).
    """
    console = Console()
    start = perf_counter()
    seen = []
    with reproducible(), progress(console) as bar:
        for name, run in parts.items():
            task = bar.add_task(name, total=1.0, what="")

            def tick(share: float, what: str, task: int = task) -> None:
                bar.update(task, completed=share, what=what)  # type: ignore[arg-type]

            torch.manual_seed(seed)
            began = perf_counter()
            part = run(tick, quick)
            part.seconds = perf_counter() - began
            if quick:
                part.findings = [replace(f, goal="", met=True) for f in part.findings]
            seen.append(part)
            tick(1.0, f"done in {part.seconds:.1f} s")
            if not console.is_terminal:
                console.print(f"{name}: done in {part.seconds:.1f} s")
    seconds = perf_counter() - start
    setting = (
        f"reparam {__version__}, torch {torch.__version__}, Python "
        f"{platform.python_version()}, kernels: {native_path()}. It took {seconds:.0f} s on one thread."
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page(seen, setting, title), "utf-8")
    console.print(figures(seen, title))
    missed = [finding.name for part in seen for finding in part.findings if not finding.met]
    console.print(f"{setting}\nReport: {output}", highlight=False)
    if missed:
        console.print("Missed: " + "; ".join(missed), style="red")
    return not missed


@contextmanager
def reproducible() -> Iterator[None]:
    """One thread, which small networks are fastest on, and a generator that is put back at the end."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)


def progress(console: Console) -> Progress:
    """A line for each part: its name, a bar, the time and its own words; only on a terminal."""
    return Progress(
        TextColumn("{task.description:<26}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}"),
        console=console,
        disable=not console.is_terminal,
    )


def figures(parts: list[Part], title: str) -> Table:
    """The figures of all parts, as the terminal shows them."""
    table = Table(title=title, show_header=False)
    for part in parts:
        table.add_row(f"[bold]{part.title}", f"[bold]{part.seconds:.1f} s", "")
        for finding in part.findings:
            mark = ("[green]met[/]: " if finding.met else "[red]missed[/]: ") if finding.goal else ""
            table.add_row(finding.name, finding.value, mark + finding.goal)
        table.add_section()
    return table
