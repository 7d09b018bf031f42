"""The tables of what a task costs."""

from __future__ import annotations

from bench import task_tables
from bench.measurements import Comparison, Cost, Count, Requests
from bench.tasks import PAIRS


def test_every_row_has_all_columns_and_the_ratios_come_first() -> None:
    ours, theirs, ping = (Cost((seconds,), (seconds,), (seconds,), (seconds * 100,)) for seconds in (1.0, 4.0, 0.5))
    tables = task_tables.tables([Comparison(PAIRS[0], ours, theirs, ping)], [Count("a play", 6, 7, Requests(11, 6, 5), Requests(6, 0, 4))])
    assert all(len(row) == len(head) for _, head, rows in tables for row in rows)
    assert [row[2] for row in tables[0][2]] == ["0.25 (0.25..0.25)", "2.00 (2.00..2.00)"]
    assert tuple(tables[2][2][0]) == ("a play", "7", "6", "11", "6", "5", "6", "0", "4")
