"""The tables of docs/bench.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import fleet_tables, report, run_tables
from bench.commands import Spent
from bench.counting import Task
from bench.fleets import Fleet, Slope
from bench.measurements import Requests
from bench.pairs import Contender, Pairs, Run

WALKTHROUGH = Contender("walk-through", [Run(60, 10, Requests(19, 8, 1), 40), Run(50, 8, Requests(19, 8, 1), 50)], 19)
SITE = Contender("site.yml", [Run(12, 20, Requests(10, 0, 4), 80), Run(10, 20, Requests(10, 0, 4), 50)], 14, 45)
PAIRS = Pairs(WALKTHROUGH, SITE, [Task(f"task {number}", "m", number) for number in range(12)], 66)


def test_ratios_come_first_with_their_goals() -> None:
    title, head, rows = run_tables.tables(PAIRS)[0]
    assert "of 2 pairs" in title
    assert all(len(row) == len(head) for row in rows)
    assert [tuple(row) for row in rows] == [
        ("wall", "0.20 (0.20..0.20)", "at most 0.25"),
        ("CPU", "2.25 (2.00..2.50)", "at most 1.0"),
        ("requests to Azure", "0.50 (0.50..0.50)", ""),
        ("requests to the cluster", "1.50 (1.00..2.00)", ""),
    ]


def test_the_runs_are_reported_by_their_medians() -> None:
    _, head, rows = run_tables.tables(PAIRS)[1]
    assert [tuple(row) for row in rows] == [
        ("walk-through", "55.0", "9.0", "19", "", "19", "8", "1", "45"),
        ("site.yml", "11.0", "20.0", "14", "45", "10", "0", "4", "65"),
    ]
    assert all(len(row) == len(head) for row in rows)


def fleet(hosts: int, wall: float, cpu: float) -> Fleet:
    return Fleet(hosts, 5, [(Spent(wall, cpu, "", "", 100 * hosts), 7 * hosts)])


def test_fleets_have_the_cpu_a_host_and_its_ratio_to_one_and_a_node_is_bounded_by_it() -> None:
    azure, lab = Slope("two roles", [fleet(1, 5, 4)]), Slope("site.yml", [fleet(1, 20, 36), fleet(4, 60.4, 160)])
    recorded = Slope("recorded", [fleet(1, 20, 36), fleet(10, 144, 288)])
    of_lab, of_recorded, of_azure, node = fleet_tables.tables(lab, recorded, azure)
    assert "site.yml" in of_lab[0]
    assert "recorded" in of_recorded[0]
    assert "two roles" in of_azure[0]
    assert [tuple(row) for row in of_lab[2]] == [("1", "5", "20", "36.0", "1.00", "100", "7"), ("4", "5", "60", "40.0", "1.11", "400", "7")]
    assert [tuple(row) for row in node[2]] == [("1", "5", "400", "180"), ("4", "5", "360", "238"), ("10", "5", "500", "250")]
    assert all(len(row) == len(head) for _, head, rows in (of_lab, of_recorded, of_azure, node) for row in rows)


def test_a_first_run_is_reported_by_its_ten_longest_tasks() -> None:
    title, _, rows = run_tables.tables(PAIRS)[-1]
    assert title == "The 10 longest of 12 tasks of the first run of site.yml, which took 66 s"
    assert [row[0] for row in rows] == [*(f"task {number}" for number in range(11, 1, -1)), "all others"]
    assert rows[-1][2] == "1.0"


def test_a_page_keeps_what_is_not_between_the_marks_of_the_command(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("head\n\n<!-- what a measured -->\n\nold a\n\n<!-- end -->\n\nmiddle\n\n<!-- what b measured -->\n\nold b\n\n<!-- end -->\nfoot\n")
    report.keep([("Title", ("x", "y"), [("1", "2")])], "b", page)
    kept = page.read_text()
    assert kept.startswith("head\n\n<!-- what a measured -->\n\nold a\n\n<!-- end -->\n\nmiddle\n\n<!-- what b measured -->\n\nMeasured on ")
    assert kept.endswith("**Title**\n\n| x | y |\n| --- | --- |\n| 1 | 2 |\n\n<!-- end -->\nfoot\n")
    assert "old b" not in kept


def test_a_page_without_the_marks_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="has no place for what c measures"):
        report.keep([], "c", page)


@pytest.mark.parametrize("command", ["tasks", "walkthrough", "fleet", "signing"])
def test_the_real_page_has_a_place_for_each_command(command: str) -> None:
    assert f"<!-- what python -m bench {command} measured -->" in report.PAGE.read_text()
