"""Runs of ansible-playbook that are killed, with everything they started, as when the controller loses its power."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

TASK = "TASK ["


def run_killed(
    command: Sequence[str], environment: Mapping[str, str], *, when: Callable[[list[str]], bool], wait: Callable[[], object], bound: float = 600
) -> list[str]:
    """Run, and kill once `when` says so of the tasks that have begun, the last of them just now, and `wait` has returned.

    Returns the tasks that began; what the run prints is printed. It may have finished by itself before that, and is killed after `bound` seconds
    whatever happened.
    """
    began: list[str] = []
    # Ansible's default output: a header a task, when it begins.
    defaults = {**environment, "ANSIBLE_STDOUT_CALLBACK": "default", "ANSIBLE_FORCE_COLOR": "false"}
    run = subprocess.Popen(command, env=defaults, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    watchdog = threading.Timer(bound, kill_with_all, [run.pid])
    watchdog.start()
    try:
        assert run.stdout
        for line in run.stdout:
            print(line, end="")
            if line.startswith(TASK):
                began.append(line.removeprefix(TASK).partition("] ***")[0])
                if when(began):
                    wait()
                    break
    finally:
        kill_with_all(run.pid)
        run.wait()
        watchdog.cancel()
    return began


def kill_with_all(process: int) -> None:
    """SIGKILL for a process and all below it: workers of Ansible are in sessions of their own, so that the process group would not do."""
    family = [process]
    # A process cannot have new children while it is stopped.
    for member in family:
        if _signal(member, signal.SIGSTOP):
            family += _children(member)
    for member in family:
        _signal(member, signal.SIGKILL)


def _signal(process: int, number: signal.Signals) -> bool:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True


def _children(process: int) -> list[int]:
    return [int(status.parent.name) for status in Path("/proc").glob("[0-9]*/stat") if _parent(status) == process]


def _parent(status: Path) -> int | None:
    """From the file `stat` of a process, whose second field may hold anything, in parentheses."""
    try:
        return int(status.read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None
