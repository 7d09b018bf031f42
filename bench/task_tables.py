"""The measurements as tables, on the screen and in docs/bench.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measurements import GOAL, TASKS, Comparison, Cost, Count
from bench.tasks import name
from tests.azcollection import PINS
from tests.environments import ROOT

PAGE = ROOT / "docs/bench.md"
BEGIN, END = "<!-- what make bench measured -->", "<!-- end -->"
Rows = Sequence[Sequence[str]]
COSTS = ("work", "beside", "wall of a task", "wall of its process", "wall of the first process", "peak memory")
MODULES = ("module", "a task, s", "its process, s", "first process, s", "peak memory, MiB")
COUNTS = ("play", "tasks", "objects to read", "first run: reads", "writes", "logins", "second run: reads", "writes", "logins")


def ratios(comparisons: Sequence[Comparison]) -> Rows:
    rows = []
    for comparison in comparisons:
        for other, cost in ((name(comparison.pair.theirs), comparison.theirs), ("ansible.builtin.ping", comparison.ping)):
            over = comparison.ours.over(cost)
            rows.append((comparison.pair.what, other, *(spread.text() for spread in (over.task, over.process, over.first, over.memory))))
    return rows


def costs(comparisons: Sequence[Comparison]) -> Rows:
    measured: dict[str, Cost] = {"ansible.builtin.ping": comparisons[0].ping}
    for comparison in comparisons:
        measured |= {name(comparison.pair.ours): comparison.ours, name(comparison.pair.theirs): comparison.theirs}
    return [(module, *(f"{_median(v):.2f}" for v in (c.task, c.process, c.first)), f"{_median(c.memory):.0f}") for module, c in measured.items()]


def counts(counted: Sequence[Count]) -> Rows:
    return [
        (c.what, str(c.tasks), str(c.objects), *(str(number) for run in (c.first, c.second) for number in (run.reads, run.writes, run.logins))) for c in counted
    ]


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = f"Python {platform.python_version()}, {', '.join(pin.replace('==', ' ') for pin in PINS)}"
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {versions}"


def show(comparisons: Sequence[Comparison], counted: Sequence[Count]) -> None:
    console = Console(width=160)
    for title, head, rows in _tables(comparisons, counted):
        table = Table(*head, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        console.print(table)


def keep(comparisons: Sequence[Comparison], counted: Sequence[Count], page: Path = PAGE) -> None:
    """Write the tables between the page's marks."""
    parts = [f"Measured on {datetime.now(UTC):%Y-%m-%d}: {machine()}."]
    for title, head, rows in _tables(comparisons, counted):
        lines = [head, ["---"] * len(head), *rows]
        parts.append(f"**{title}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{rest.partition(END)[2]}")


def _tables(comparisons: Sequence[Comparison], counted: Sequence[Count]) -> list[tuple[str, Sequence[str], Rows]]:
    repetitions = len(comparisons[0].ping.task)
    return [
        (f"One task of ours to another's: median (least..most) of {repetitions} runs of {TASKS} tasks; the goal is {GOAL}", COSTS, ratios(comparisons)),
        ("What the ratios are made of: medians", MODULES, costs(comparisons)),
        ("Requests", COUNTS, counts(counted)),
    ]


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
