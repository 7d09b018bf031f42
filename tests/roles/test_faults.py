"""Roles while Azure fails, and runs that are killed: in the end Azure holds what it holds after an undisturbed run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.azure_states import comparable, labelled, labels
from tests.emulated import Emulated
from tests.killing import run_killed
from tests.random_faults import SHARE, random_faults
from tests.roles.conftest import Command, Play, Played
from tests.seeds import SOAK, seeds

ROLES = ("aks", "identity")


def outcome(azure: Emulated, played: Played) -> dict[str, Any]:
    """What changed, what the roles say, and what Azure holds, comparable with that of another run."""
    state = asdict(azure.state)
    return {"changed": played.changed, "facts": labelled(played.facts, labels(state)), "azure": comparable(state)}


@pytest.mark.parametrize("seed", seeds(2, 25))
def test_with_three_of_ten_requests_failing_nothing_is_lost_or_doubled(play: Play, azure: Emulated, tmp_path: Path, seed: int) -> None:
    undisturbed = outcome(azure, play(*ROLES))
    azure.reset()
    (tmp_path / "kubeconfig").unlink()
    for fault in random_faults(seed):
        azure.fail(**fault)
    disturbed = play(*ROLES)
    assert disturbed.errors == []
    assert outcome(azure, disturbed) == undisturbed
    struck = sum(fault.struck for fault in azure.azure.faults.active)
    assert SHARE / 2 < struck / len(azure.requests) < SHARE * 2
    azure.azure.faults.active.clear()
    again = play(*ROLES)
    assert (again.changed, azure.writes) == ([], [])


IDLE = ("Validating arguments", "Result", "is as asked")
"""Tasks that do nothing outside Ansible: killed after one of these is killed before it."""


@pytest.mark.parametrize("half", [0, 1], ids=["odd", "even"])  # of the tasks, for two workers
@pytest.mark.parametrize("into", [0.0, *([0.3, 0.6, 0.9, 1.5] if SOAK else [])], ids=lambda seconds: f"{seconds} s into the next one")
def test_killed_after_a_task_that_writes_and_in_a_soak_after_any_the_next_run_ends_as_an_undisturbed_one(
    play: Play, command: Command, azure: Emulated, tmp_path: Path, into: float, half: int
) -> None:
    def from_nothing() -> None:
        azure.reset()
        (tmp_path / "kubeconfig").unlink(missing_ok=True)
        azure.state.settings.operation_delay = azure.state.settings.write_duration = 0.3

    def killed(when: Callable[[list[str]], bool]) -> list[str]:
        words, environment = command(*ROLES)
        return run_killed(words, environment, when=when, wait=lambda: time.sleep(into))

    def after(task: str) -> Callable[[list[str]], bool]:
        return lambda began: began[-2:-1] == [task]

    from_nothing()
    wanted = outcome(azure, play(*ROLES))
    from_nothing()
    tasks = killed(lambda began: False)
    writing = {task for task in tasks if any(change.startswith(f"{task}:") for change in wanted["changed"])}
    assert len(writing) > 4
    candidates = [task for task in tasks[:-1] if task in writing or (SOAK and not any(word in task for word in IDLE))]
    for task in candidates[half::2]:
        from_nothing()
        began = killed(after(task))
        assert began == tasks[: tasks.index(task) + 2]
        resumed = play(*ROLES)
        assert resumed.errors == [], f"killed after {task!r}"
        found = outcome(azure, resumed)
        assert (found["facts"], found["azure"]) == (wanted["facts"], wanted["azure"]), f"killed after {task!r}"
        assert [path.name for path in tmp_path.glob("*kubeconfig*")] == ["kubeconfig"]
