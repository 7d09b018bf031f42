"""Ratios from measurements, and the goals that they miss."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.counting import Task
from bench.measurements import Requests
from bench.pairs import Contender, Pairs, Run


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
