"""Runs of ansible-playbook that are killed, with everything they started, as when the controller loses its power."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

TASK = "TASK ["


def run_killed(command: Sequence[str], environment: Mapping[str, str], *, after: int, seconds: float = 0.0, timeout: float = 600) -> list[str]:
    """Run and kill once so many tasks are done, or `seconds` into the next one. The tasks that began; the run may have ended by itself before that."""
    began: list[str] = []
    run = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    killer = threading.Timer(timeout, kill_with_all, [run.pid])
    killer.start()
    assert run.stdout
    for line in run.stdout:
        if line.startswith(TASK):
            began.append(line.removeprefix(TASK).partition("] ***")[0])
            if len(began) == after + 1:
                killer.cancel()
                killer = threading.Timer(seconds, kill_with_all, [run.pid])
                killer.start()
    run.wait()
    killer.cancel()
    killer.join()
    return began


def kill_with_all(process: int) -> None:
    """SIGKILL for a process and all below it: workers of Ansible are in sessions of their own, so that the process group would not do."""
    family = [process]
    # Nobody can have children while it is stopped.
    for member in family:
        try:
            os.kill(member, signal.SIGSTOP)
            family += _children(member)
        except ProcessLookupError:
            continue
    for member in family:
        try:
            os.kill(member, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _children(process: int) -> list[int]:
    try:
        return [int(child) for thread in Path(f"/proc/{process}/task").iterdir() for child in (thread / "children").read_text().split()]
    except FileNotFoundError:
        return []
