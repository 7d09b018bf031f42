"""The walk-through beside site.yml, both without a change, in turn; and what the first run of site.yml waits for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.commands import Spent
from bench.contenders import Lab, Site, Walkthrough
from bench.counting import Task
from bench.measurements import Requests, Spread
from lab.azure.state import ServicePrincipal
from lab.progress import say

IDLE = 30
"""Seconds for which a cluster is watched without any request."""
MODULES, TASKS, CPU, WALL = 14, 45, 1.0, 0.25
"""At most: module processes and tasks of a run on one cluster, its CPU and its wall over the walk-through's."""


@dataclass(frozen=True)
class Run:
    """Seconds of wall and of CPU of a run, and its requests to Azure and to the cluster."""

    wall: float
    cpu: float
    azure: Requests
    cluster: float


@dataclass(frozen=True)
class Contender:
    """Runs without a change of the walk-through or of site.yml, and how many processes each starts: commands, or modules."""

    title: str
    runs: Sequence[Run]
    processes: int
    tasks: int | None = None
    """Of Ansible."""

    def over(self, other: Contender, of: Callable[[Run], float]) -> Spread:
        """Ratios of what `of` says of the runs, pair by pair."""
        return Spread(tuple(of(mine) / of(its) for mine, its in zip(self.runs, other.runs, strict=True)))

    def median(self, of: Callable[[Run], float]) -> float:
        return median(of(run) for run in self.runs)


@dataclass(frozen=True)
class Pairs:
    """`first` are the tasks of the first run of site.yml, which took `first_wall` seconds."""

    walkthrough: Contender
    site: Contender
    first: Sequence[Task]
    first_wall: float

    @property
    def missed(self) -> list[str]:
        """The goals that are not met."""
        goals = {
            "CPU of site.yml": self.site.over(self.walkthrough, lambda run: run.cpu).median <= CPU,
            "wall of site.yml": self.site.over(self.walkthrough, lambda run: run.wall).median <= WALL,
            "module processes of site.yml": self.site.processes <= MODULES,
            "tasks of site.yml": (self.site.tasks or 0) <= TASKS,
        }
        return [goal for goal, met in goals.items() if not met]


def measure(lab: Lab, site: Site, walkthrough: Walkthrough, repetitions: int) -> Pairs:
    """Needs a lab on which neither has run."""
    say("first run of site.yml")
    first, first_tasks = site.first()
    say("first run of the walk-through")
    walkthrough.run()
    say("what is counted, and not timed")
    tasks, processes = site.counted()
    commands = walkthrough.commands()
    idle = _idle(lab, ("lab1", walkthrough.cluster))

    def measured(caller: ServicePrincipal, cluster: str, run: Callable[[], Spent]) -> Run:
        lab.forget_requests()
        before = lab.cluster_requests(cluster)
        spent = run()
        asked = lab.cluster_requests(cluster) - before - 1
        return Run(spent.wall, spent.cpu, lab.requests(caller), max(0, asked - idle[cluster] * spent.wall))

    runs = []
    for number in range(1, repetitions + 1):
        say(f"pair {number} of {repetitions}")
        by_script = measured(walkthrough.caller, walkthrough.cluster, walkthrough.run)
        runs.append((by_script, measured(site.caller, "lab1", site.run)))
    by_script_runs, site_runs = zip(*runs, strict=True)
    return Pairs(Contender(walkthrough.title, by_script_runs, commands), Contender(site.title, site_runs, processes, tasks), first_tasks, first.wall)


def _idle(lab: Lab, clusters: Sequence[str]) -> dict[str, float]:
    """Requests a second that each cluster's own programs send as administrators."""
    before = [lab.cluster_requests(cluster) for cluster in clusters]
    time.sleep(IDLE)
    return {cluster: (lab.cluster_requests(cluster) - then - 1) / IDLE for cluster, then in zip(clusters, before, strict=True)}
