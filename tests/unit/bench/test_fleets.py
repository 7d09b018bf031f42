"""What a host costs as they become more, and the goals that a fleet misses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.commands import Spent
from bench.fleets import Fleet, Slope, slope


def fleet(hosts: int, forks: int, wall: float, cpu: float, requests: int | None = None) -> Fleet:
    return Fleet(hosts, forks, [(Spent(wall, cpu, "", ""), 3 * hosts if requests is None else requests)])


ONE, TEN = fleet(1, 5, 8, 10), fleet(10, 5, 20, 100)


def test_goals_that_are_just_met_are_met() -> None:
    assert Slope("x", [ONE, TEN, fleet(100, 5, 210, 1100), fleet(10, 50, 1, 10), fleet(100, 50, 10, 100)]).missed == []


@pytest.mark.parametrize(
    ("hundred", "missed"),
    [
        (fleet(100, 5, 100, 1101), "CPU a host of 100 hosts with 5 forks (x)"),
        (fleet(100, 5, 211, 1000), "wall of 100 hosts with 5 forks (x)"),
        (fleet(100, 5, 100, 1000, 301), "requests a host of 100 hosts with 5 forks (x)"),
    ],
)
def test_each_goal_can_be_missed(hundred: Fleet, missed: str) -> None:
    assert Slope("x", [ONE, TEN, hundred]).missed == [missed]


def test_time_is_compared_with_the_same_forks_only() -> None:
    assert Slope("x", [ONE, fleet(10, 50, 2, 100), fleet(100, 5, 210, 1000)]).missed == []


def test_the_shapes_of_a_slope_take_turns() -> None:
    asked: list[tuple[Sequence[str], int]] = []

    def play(hosts: Sequence[str], forks: int) -> tuple[Spent, int]:
        asked.append((hosts, forks))
        return Spent(1, len(hosts), "", ""), 3 * len(hosts)

    found = slope("any", [(1, 5), (3, 10)], 2, play)
    assert asked == [(["lab1"], 5), (["lab1", "lab2", "lab3"], 10)] * 2
    assert [(fleet.hosts, fleet.forks, fleet.cpu_each, fleet.requests_each, len(fleet.runs)) for fleet in found.fleets] == [(1, 5, 1, 3, 2), (3, 10, 1, 3, 2)]


def test_a_run_that_changes_something_is_not_measured() -> None:
    with pytest.raises(RuntimeError, match="changed something"):
        slope("any", [(1, 5)], 1, lambda hosts, forks: (Spent(1, 1, "lab1 : ok=3  changed=1 ", ""), 3))
