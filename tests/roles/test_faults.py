"""Roles while Azure fails, and runs that are killed: in the end Azure holds what it holds after an undisturbed run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.roles.conftest import Command, Play, Played
from tests.support.azure_states import comparable, labelled, labels
from tests.support.emulated import Emulated
from tests.support.killing import run_killed
from tests.support.random_faults import SHARE, random_faults
from tests.support.seeds import SOAK, seeds, soak

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


IDLE = ("Validating arguments", "Check the variables", "Require", "Result", "Return the result", "Configure or remove")
"""Tasks that do nothing outside Ansible: killed after one of these is killed before it."""
PATIENCE = 120
"""Seconds within which a run gets to its next write."""


@pytest.mark.parametrize("half", [0, pytest.param(1, marks=soak("the other half of the moments"))], ids=["odd", "even"])  # of the moments, for two workers
@pytest.mark.parametrize("into", [0.0, *([0.3, 0.6, 0.9, 1.5] if SOAK else [])], ids=lambda seconds: f"{seconds} s into what comes next")
def test_killed_after_each_write_and_each_task_that_writes_and_in_a_soak_after_any_task_the_next_run_ends_as_an_undisturbed_one(
    play: Play, command: Command, azure: Emulated, tmp_path: Path, into: float, half: int
) -> None:
    def from_nothing() -> None:
        azure.reset()
        (tmp_path / "kubeconfig").unlink(missing_ok=True)
        azure.state.settings.operation_delay = azure.state.settings.write_duration = 0.3

    def killed(when: Callable[[list[str]], bool], wait: Callable[[], object] = lambda: None) -> list[str]:
        def wait_and_sleep() -> None:
            wait()
            time.sleep(into)

        words, environment = command(*ROLES)
        return run_killed(words, environment, when=when, wait=wait_and_sleep)

    def after_writes(number: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while len(azure.writes) < number:
            assert time.monotonic() < deadline, f"there was no write {number}"
            time.sleep(0.02)

    def after_write(number: int) -> None:
        killed(lambda began: True, lambda: after_writes(number))
        assert number <= len(azure.writes) < writes or number == writes

    def after_task(task: str) -> None:
        began = killed(lambda began: began[-2:-1] == [task])
        assert began == tasks[: tasks.index(task) + 2]

    from_nothing()
    azure.forget_requests()
    wanted = outcome(azure, play(*ROLES))
    writes = len(azure.writes)
    assert writes > 4
    from_nothing()
    tasks = killed(lambda began: False)
    writing = {task for task in tasks if any(change.startswith(f"{task}:") for change in wanted["changed"])}
    assert len(writing) > 1
    candidates = [task for task in tasks[:-1] if task in writing or (SOAK and not any(word in task for word in IDLE))]
    moments: list[tuple[str, Callable[[], None]]] = [(f"write {number}", partial(after_write, number)) for number in range(1, writes + 1)]
    moments += [(repr(task), partial(after_task, task)) for task in candidates]
    for moment, kill in moments[half::2]:
        from_nothing()
        azure.forget_requests()
        kill()
        resumed = play(*ROLES)
        assert resumed.errors == [], f"killed after {moment}"
        found = outcome(azure, resumed)
        assert (found["facts"], found["azure"]) == (wanted["facts"], wanted["azure"]), f"killed after {moment}"
        assert [path.name for path in tmp_path.glob("*kubeconfig*")] == ["kubeconfig"]
