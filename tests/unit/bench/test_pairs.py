"""Ratios and slopes from measurements, and the goals that they miss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bench.commands import Spent
from bench.counting import Task
from bench.measurements import Requests
from bench.pairs import Contender, Fleet, Pairs, Run, Slope, slope


def run(wall: float, cpu: float) -> Run:
    return Run(wall, cpu, Requests(1, 0, 0), 10)


WALKTHROUGH = Contender("walk-through", [run(60, 10), run(40, 10), run(40, 10)], 19)
SITE = Contender("site.yml", [run(12, 9), run(10, 8), run(4, 8)], 14, 45)
PAIRS = Pairs(WALKTHROUGH, SITE, [Task("wait", "m", 1)], 30)


def test_ratios_are_of_runs_that_followed_each_other() -> None:
    assert SITE.over(WALKTHROUGH, lambda run: run.wall).values == (0.2, 0.25, 0.1)


def test_goals_that_are_just_met_are_met() -> None:
    met = replace(PAIRS, site=replace(SITE, runs=[run(15, 10), run(10, 10), run(10, 10)]))
    assert met.missed == []


@pytest.mark.parametrize(
    ("site", "missed"),
    [
        (replace(SITE, processes=15), "module processes of site.yml"),
        (replace(SITE, tasks=46), "tasks of site.yml"),
        (replace(SITE, runs=[run(10, 10.1)] * 3), "CPU of site.yml"),
        (replace(SITE, runs=[run(16, 9)] * 3), "wall of site.yml"),
    ],
)
def test_each_goal_can_be_missed(site: Contender, missed: str) -> None:
    assert replace(PAIRS, site=site).missed == [missed]


def test_a_slope_compares_the_cpu_of_each_cluster() -> None:
    one, two, four = Fleet(1, [(10, 8), (10, 10), (10, 30)]), Fleet(2, [(11, 22)]), Fleet(4, [(12, 50)])
    assert [fleet.each_over(one) for fleet in (one, two, four)] == [1, 1.1, 1.25]
    assert Slope("site.yml", [one, two, four]).missed == ["CPU a cluster of 4 (site.yml)"]


def test_the_sizes_of_a_slope_take_turns() -> None:
    asked = []

    def spend(hosts: Sequence[str]) -> Spent:
        asked.append(list(hosts))
        return Spent(1, len(hosts), "", "")

    found = slope("any", (1, 3), 2, spend)
    assert asked == [["lab1"], ["lab1", "lab2", "lab3"]] * 2
    assert [(fleet.clusters, fleet.cpu, len(fleet.runs)) for fleet in found.fleets] == [(1, 1, 2), (3, 3, 2)]
