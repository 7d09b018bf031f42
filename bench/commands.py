"""A command, and what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event, Thread

import psutil

ANSIBLE_PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))
MEASURED = Path(__file__).with_name("measured.py")


@dataclass(frozen=True)
class Spent:
    """What a command took: seconds of wall, seconds of CPU (user and system) of it and of all processes that it waited for, and the most memory (MiB) that
    its processes had together, what they share counted once; that is looked at each second.
    """

    wall: float
    cpu: float
    out: str
    err: str
    memory: float = 0.0


def run(words: Sequence[str], environment: Mapping[str, str], folder: Path) -> Spent:
    """Run it to its end; raises RuntimeError with what it printed where it fails."""
    with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        began = time.monotonic()
        process = subprocess.Popen(words, env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        with _watched(process.pid) as peak:
            _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        spent = Spent(wall, usage.ru_utime + usage.ru_stime, out.read(), err.read(), peak())
    if process.returncode:
        raise RuntimeError(f"{words[0]} failed with {process.returncode}:\n{spent.out[-5000:]}\n{spent.err[-5000:]}")
    return spent


@contextmanager
def _watched(pid: int) -> Iterator[Callable[[], float]]:
    """What it gives tells the most memory (MiB) that the process and those below it had at once."""
    ended, seen = Event(), [0.0]

    def watch() -> None:
        while not ended.wait(1):
            with suppress(psutil.NoSuchProcess):
                first = psutil.Process(pid)
                seen.append(sum(_memory(each) for each in (first, *first.children(recursive=True))))

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield lambda: max(seen)
    finally:
        ended.set()
        watcher.join()


def _memory(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return float(process.memory_full_info().pss) / 2**20
    return 0.0


def stand_in(python: Path, folder: Path) -> Path:
    """A program in `folder` that Ansible can run modules by: it runs them by $BENCH_PYTHON and adds a line for each to $BENCH_MEASURES."""
    program = folder / "python"
    program.write_text(f"#!{python} -IS\n{MEASURED.read_text()}")
    program.chmod(0o755)
    return program
