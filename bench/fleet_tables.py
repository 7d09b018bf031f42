"""What a run on many hosts costs, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from bench.fleets import EACH, STEEPER, Fleet, Slope
from bench.report import Titled

HEAD = ("hosts", "forks", "wall, s", "CPU a host, s", "to that of one", "memory, MiB", "requests to Azure a host")
NODE = ("hosts in one run", "forks", "of CPU", "of time as it was here, with 2 cores")
CORES = 4


def tables(lab: Slope, recorded: Slope, azure: Slope) -> list[Titled]:
    """Of site.yml on clusters of the lab and on recorded answers, and of the roles of Azure's part alone."""
    goals = f"the goals are {EACH} times the CPU of one host, no more requests, and with the same forks {STEEPER} times the time a host"
    return [
        *((f"{slope.what}, without a change; {goals}", HEAD, [_row(fleet, slope.fleets[0]) for fleet in slope.fleets]) for slope in (lab, recorded, azure)),
        (
            f"Clusters that an execution node of {CORES} cores takes in an hour, by the first two tables: at most what its CPU allows",
            NODE,
            _node([*lab.fleets, *recorded.fleets[1:]]),
        ),
    ]


def _row(fleet: Fleet, one: Fleet) -> Sequence[str]:
    memory = fleet.median(lambda spent: spent.memory)
    ratio = f"{fleet.cpu_each / one.cpu_each:.2f}"
    return str(fleet.hosts), str(fleet.forks), f"{fleet.wall:.0f}", f"{fleet.cpu_each:.1f}", ratio, f"{memory:.0f}", f"{fleet.requests_each:g}"


def _node(fleets: Sequence[Fleet]) -> list[Sequence[str]]:
    return [(str(fleet.hosts), str(fleet.forks), f"{CORES * 3600 / fleet.cpu_each:.0f}", f"{fleet.hosts * 3600 / fleet.wall:.0f}") for fleet in fleets]
