"""What a run of site.yml costs beside the walk-through, as tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.counting import Task
from bench.pairs import CPU, MODULES, TASKS, WALL, Contender, Pairs, Run
from bench.report import Rows, Titled

LONGEST = 10
"""So many tasks of a first run are named."""
RATIOS = ("of a run", "site.yml to the walk-through", "goal")
RUNS = ("run", "wall, s", "CPU, s", "processes", "tasks", "Azure: reads", "writes", "logins", "requests to the cluster")
FIRST = ("task", "module", "s")

MEASURES: Sequence[tuple[str, Callable[[Run], float], str]] = (
    ("wall", lambda run: run.wall, f"at most {WALL}"),
    ("CPU", lambda run: run.cpu, f"at most {CPU}"),
    ("requests to Azure", lambda run: run.azure.reads + run.azure.writes + run.azure.logins, ""),
    ("requests to the cluster", lambda run: run.cluster, ""),
)


def tables(pairs: Pairs) -> list[Titled]:
    repetitions = len(pairs.site.runs)
    return [
        (f"A run of site.yml to one of the walk-through, both without a change: median (least..most) of {repetitions} pairs", RATIOS, ratios(pairs)),
        (
            f"What the ratios are made of: medians; the goals are {MODULES} processes and {TASKS} tasks",
            RUNS,
            [runs(pairs.walkthrough), runs(pairs.site)],
        ),
        (f"The {LONGEST} longest of {len(pairs.first)} tasks of the first run of site.yml, which took {pairs.first_wall:.0f} s", FIRST, first(pairs.first)),
    ]


def ratios(pairs: Pairs) -> Rows:
    return [(what, pairs.site.over(pairs.walkthrough, of).text(), goal) for what, of, goal in MEASURES]


def runs(contender: Contender) -> Sequence[str]:
    def median(of: Callable[[Run], float], digits: int = 0) -> str:
        return f"{contender.median(of):.{digits}f}"

    return (
        contender.title,
        median(lambda run: run.wall, 1),
        median(lambda run: run.cpu, 1),
        str(contender.processes),
        "" if contender.tasks is None else str(contender.tasks),
        median(lambda run: run.azure.reads),
        median(lambda run: run.azure.writes),
        median(lambda run: run.azure.logins),
        median(lambda run: run.cluster),
    )


def first(tasks: Sequence[Task]) -> Rows:
    longest = sorted(tasks, key=lambda task: task.seconds, reverse=True)[:LONGEST]
    rest = sum(task.seconds for task in tasks) - sum(task.seconds for task in longest)
    return [*((task.name, task.module, f"{task.seconds:.1f}") for task in longest), ("all others", "", f"{rest:.1f}")]
