"""Plays, run by the environment's Ansible against the emulated Azure, and what they took."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.commands import stand_in
from bench.tasks import Task
from tests.support.environments import ROOT


@dataclass(frozen=True)
class Taken:
    """What a play took: seconds of the whole command, and of each module's process seconds and peak memory (MiB)."""

    seconds: float
    modules: tuple[tuple[float, float], ...]


class Ansible:
    """The Ansible of an environment in a folder of its own. The processes of the modules are measured one by one."""

    def __init__(self, environment: Path, folder: Path, login: Mapping[str, str]) -> None:
        self._playbook = environment / "bin/ansible-playbook"
        self._folder, self._measures = folder, folder / "measures"
        python = stand_in(environment / "bin/python", folder)
        (folder / "inventory").write_text(f"localhost ansible_connection=local ansible_python_interpreter={python}\n")
        self._environment = {
            **os.environ,
            **login,
            "HOME": str(folder),
            "ANSIBLE_REMOTE_TMP": str(folder / "modules"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
            "BENCH_PYTHON": str(environment / "bin/python"),
            "BENCH_MEASURES": str(self._measures),
        }

    def play(self, tasks: Sequence[Task]) -> Taken:
        """Run one play; raises where a task fails."""
        (self._folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}]))
        self._measures.write_text("")
        began = time.monotonic()
        done = subprocess.run(
            [self._playbook, "-i", "inventory", "play.yml"], cwd=self._folder, env=self._environment, capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - began
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        lines = (line.split() for line in self._measures.read_text().splitlines())
        return Taken(seconds, tuple((float(took), int(peak) / 1024) for took, peak in lines))
