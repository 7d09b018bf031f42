"""What a task costs, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from bench.measurements import GOAL, TASKS, Comparison, Cost, Count
from bench.report import Rows, Titled
from bench.tasks import name

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


def tables(comparisons: Sequence[Comparison], counted: Sequence[Count]) -> list[Titled]:
    repetitions = len(comparisons[0].ping.task)
    return [
        (f"One task of ours to another's: median (least..most) of {repetitions} runs of {TASKS} tasks; the goal is {GOAL}", COSTS, ratios(comparisons)),
        ("What the ratios are made of: medians", MODULES, costs(comparisons)),
        ("Requests", COUNTS, counts(counted)),
    ]


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
