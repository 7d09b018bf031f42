"""The emulated Azure, and processes that work on it at the same time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulated import Emulated, emulated
from tests.support.module_runs import Backend

ROOT = Path(__file__).parents[2]
SDK = ("azure.identity", "azure.mgmt.msi", "azure.mgmt.keyvault")
Task = tuple[str, dict[str, Any]]
"""A module and its options."""
Together = Callable[[Sequence[Sequence[Task]]], list[list[dict[str, Any]]]]


@pytest.fixture(scope="session")
def running_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    with emulated(tmp_path_factory.mktemp("azure"), Backend()) as azure:
        yield azure


@pytest.fixture
def azure(running_azure: Emulated) -> Emulated:
    running_azure.reset()
    return running_azure


@pytest.fixture
def together(azure: Emulated) -> Together:
    """`together(work)`: one process for each list of tasks, all at the same time; what the modules answered, by process and task."""

    def work(lists: Sequence[Sequence[Task]]) -> list[list[dict[str, Any]]]:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.many.worker", *SDK],
                cwd=ROOT,
                env={**os.environ, **azure.environment, "PYTHONPATH": f"{ROOT}:{ROOT / '.build'}"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in lists
        ]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process, tasks in zip(processes, lists, strict=True):
            assert process.stdin
            process.stdin.writelines(json.dumps(task) + "\n" for task in tasks)
            process.stdin.close()
        results = [[json.loads(line) for line in process.stdout or ()] for process in processes]
        assert [process.wait(60) for process in processes] == [0] * len(processes)
        return results

    return work
