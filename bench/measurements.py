"""Ratios of what our tasks take to what others take, and how many requests a run sends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.runs import Ansible, Taken
from bench.tasks import NOTHING, OBJECTS, PAIRS, PING, SET, Pair, Task
from lab.progress import say
from tests.support.emulated import Emulated

TASKS = 3
"""Tasks of a measured play."""
GOAL = 0.33
"""At most this part of what azure.azcollection takes."""


@dataclass(frozen=True)
class Spread:
    """Median and range of repetitions."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    def text(self, digits: int = 2) -> str:
        return f"{self.median:.{digits}f} ({min(self.values):.{digits}f}..{max(self.values):.{digits}f})"


@dataclass(frozen=True)
class Cost:
    """What one contender's task takes in each repetition: seconds that it adds to a play, its process's seconds and peak memory (MiB), and those of the
    first task of the play, which logs in.
    """

    task: tuple[float, ...]
    process: tuple[float, ...]
    first: tuple[float, ...]
    memory: tuple[float, ...]

    def over(self, other: Cost) -> Ratios:
        def ratio(mine: Sequence[float], its: Sequence[float]) -> Spread:
            return Spread(tuple(a / b for a, b in zip(mine, its, strict=True)))

        return Ratios(ratio(self.task, other.task), ratio(self.process, other.process), ratio(self.first, other.first), ratio(self.memory, other.memory))


@dataclass(frozen=True)
class Ratios:
    task: Spread
    process: Spread
    first: Spread
    memory: Spread


@dataclass(frozen=True)
class Comparison:
    pair: Pair
    ours: Cost
    theirs: Cost
    ping: Cost

    @property
    def met(self) -> bool:
        ratios = self.ours.over(self.theirs)
        return ratios.task.median <= GOAL and ratios.memory.median <= GOAL


def compare(ansible: Ansible, repetitions: int) -> list[Comparison]:
    """All contenders by turns, so that what else the machine does hits all of them; a first round, which fills caches, does not count."""
    contenders: list[Task] = [PING, *(task for pair in PAIRS for task in (pair.ours, pair.theirs))]
    rounds = []
    for number in range(repetitions + 1):
        say(f"round {number} of {repetitions}" + ("" if number else ", which does not count"))
        nothing = ansible.play([NOTHING])
        rounds.append([_taken(ansible.play([task] * TASKS), nothing) for task in contenders])
    ping, *others = (_cost([measured[place] for measured in rounds[1:]]) for place in range(len(contenders)))
    return [Comparison(pair, others[2 * place], others[2 * place + 1], ping) for place, pair in enumerate(PAIRS)]


def _taken(taken: Taken, nothing: Taken) -> tuple[float, float, float, float]:
    seconds, peaks = zip(*taken.modules, strict=True)
    return ((taken.seconds - nothing.seconds) / TASKS, sum(seconds) / TASKS, seconds[0], max(peaks))


def _cost(repetitions: Sequence[tuple[float, float, float, float]]) -> Cost:
    return Cost(*(tuple(column) for column in zip(*repetitions, strict=True)))


@dataclass(frozen=True)
class Requests:
    """Requests of a run to Resource Manager, and of its logins."""

    reads: int
    writes: int
    logins: int


@dataclass(frozen=True)
class Count:
    """Requests of the first and the second run about `objects` objects in `tasks` tasks."""

    what: str
    objects: int
    tasks: int
    first: Requests
    second: Requests


def count(ansible: Ansible, azure: Emulated) -> list[Count]:
    """Run each play twice and look into the emulated Azure's log."""

    def run(tasks: Sequence[Task]) -> Requests:
        azure.forget_requests()
        ansible.play(tasks)
        logins = sum(entry.path.endswith("/token") for entry in azure.requests)
        return Requests(len(azure.reads), len(azure.writes), logins)

    def counted(what: str, objects: int, tasks: Sequence[Task]) -> Count:
        return Count(what, objects, len(tasks), run(tasks), run(tasks))

    return [counted("one object a task", len(OBJECTS), OBJECTS), counted("ten federated credentials in one task", 1, [SET])]
