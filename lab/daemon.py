"""Processes of the lab that outlive the command that started them."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.progress import wait_for

ROOT = Path(__file__).resolve().parent.parent
"""Folder that holds the package `lab`, for PYTHONPATH of its processes."""


@dataclass(frozen=True)
class Daemon:
    """One process in the background, its pid file and its log.

    The process inherits an exclusive lock on the pid file and holds it as long as it lives: "it runs" is "the lock is held", whatever
    number the file names, so neither a crash nor a reboot nor another process with the same number is mistaken for it.
    """

    folder: Path
    name: str

    @property
    def pid_file(self) -> Path:
        return self.folder / f"{self.name}.pid"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def pid(self) -> int | None:
        """Process id, or None where it does not run."""

        def written() -> int | None:
            return int(self.pid_file.read_text() or 0) or None

        return wait_for(f"process id in {self.pid_file}", written, 5, interval=0.01) if self._held() else None

    def start(self, argv: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Start `argv` with exactly this environment, in a session of its own, with output to the log (emptied first). False where it already runs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.pid_file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                # A reader of `pid` holds the lock for an instant, so one refusal does not yet mean that the process runs.
                wait_for("lock", lambda: _try_lock(lock), 0.2, interval=0.01)
            except LabError:
                return False
            os.ftruncate(lock, 0)
            with open(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as log:
                process = subprocess.Popen(
                    argv, env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/", pass_fds=(lock,)
                )
            os.write(lock, str(process.pid).encode())
            return True
        finally:
            os.close(lock)

    def stop(self, seconds: float = 10) -> None:
        """Ask it to end, then kill it; returns when it is gone."""
        pid = self.pid()
        if pid is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            with suppress(LabError):
                wait_for(f"end of {self.name}", lambda: not self._held(), seconds)
                return
        raise LabError(f"process {pid} ({self.name}) cannot be killed")

    def tail(self, lines: int = 15) -> str:
        """Last lines of the log."""
        return tail(self.log, lines)

    def _held(self) -> bool:
        try:
            with self.pid_file.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False


def tail(file: Path, lines: int) -> str:
    """Last lines of a text file; empty where there is none."""
    return "\n".join(file.read_text(errors="replace").splitlines()[-lines:]) if file.exists() else ""


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
