"""Tables of measurements, on the screen and in docs/bench.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.support.azcollection import PINS
from tests.support.environments import ROOT

PAGE = ROOT / "docs/bench.md"
END = "<!-- end -->"
Rows = Sequence[Sequence[str]]
Titled = tuple[str, Sequence[str], Rows]
"""A table: its title, the names of its columns, its rows."""


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = f"Python {platform.python_version()}, {', '.join(pin.replace('==', ' ') for pin in PINS)}"
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {versions}"


def show(tables: Sequence[Titled]) -> None:
    console = Console(width=160)
    for title, head, rows in tables:
        table = Table(*head, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        console.print(table)


def keep(tables: Sequence[Titled], command: str, page: Path = PAGE) -> None:
    """Write the tables between the page's marks for the command that measures them."""
    parts = [f"Measured on {datetime.now(UTC):%Y-%m-%d}: {machine()}."]
    for title, head, rows in tables:
        lines = [head, ["---"] * len(head), *rows]
        parts.append(f"**{title}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))
    begin = f"<!-- what {command} measured -->"
    before, found, rest = page.read_text().partition(begin)
    if not found:
        raise ValueError(f"{page} has no place for what {command} measures: a line {begin}, and a line {END} after it")
    page.write_text(f"{before}{begin}\n\n" + "\n\n".join(parts) + f"\n\n{END}{rest.partition(END)[2]}")
