from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.daemon import Daemon, tail
from lab.progress import wait_for

FOREVER = ("sh", "-c", "echo started; exec sleep 600")
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path, "thing")
    yield daemon
    daemon.stop()


def test_it_starts_once(daemon: Daemon) -> None:
    assert daemon.pid() is None
    assert daemon.start(FOREVER, ENVIRONMENT)
    first = daemon.pid()
    assert first
    assert not daemon.start(FOREVER, ENVIRONMENT)
    assert daemon.pid() == first


def test_it_is_gone_when_stopped_and_starts_again(daemon: Daemon) -> None:
    daemon.start(FOREVER, ENVIRONMENT)
    daemon.stop()
    assert daemon.pid() is None
    assert daemon.start(FOREVER, ENVIRONMENT)


def test_one_that_ignores_being_asked_is_killed(daemon: Daemon) -> None:
    ignoring = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
    daemon.start((sys.executable, "-c", ignoring), ENVIRONMENT)
    wait_for("start", lambda: "ready" in daemon.tail(), 10)
    daemon.stop(seconds=0.3)
    assert daemon.pid() is None


def test_a_killed_one_is_seen_as_gone_at_once_whatever_its_pid_file_says(daemon: Daemon) -> None:
    daemon.start(FOREVER, ENVIRONMENT)
    pid = daemon.pid()
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_for("end", lambda: daemon.pid() is None, 5)
    daemon.pid_file.write_text(str(os.getpid()))
    assert daemon.pid() is None
    daemon.stop()


def test_it_gets_no_variable_of_its_starter(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_SECRET", "not for others")
    daemon.start(("sh", "-c", "env; exec sleep 600"), ENVIRONMENT)
    wait_for("output", lambda: "PATH=" in daemon.tail(), 5)
    assert "AZURE_SECRET" not in daemon.tail(100)


def test_what_it_starts_does_not_hold_its_lock(daemon: Daemon) -> None:
    starter = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True)"
    daemon.start((sys.executable, "-c", starter), ENVIRONMENT)
    wait_for("end", lambda: daemon.tail() and daemon.pid() is None, 10)
    os.kill(int(daemon.tail()), signal.SIGKILL)


def test_the_log_is_readable_by_its_owner_only_and_emptied_at_start(daemon: Daemon) -> None:
    for _ in range(2):
        daemon.start(FOREVER, ENVIRONMENT)
        wait_for("output", lambda: daemon.tail(), 5)
        daemon.stop()
    assert daemon.tail() == "started"
    assert daemon.log.stat().st_mode & 0o777 == 0o600


def test_the_tail_of_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert tail(tmp_path / "none", 3) == ""
    (tmp_path / "some").write_text("1\n2\n3\n4\n")
    assert tail(tmp_path / "some", 2) == "3\n4"


def test_asking_often_does_not_stop_a_start(tmp_path: Path) -> None:
    """Readers hold the lock for an instant; a start must not take them for the process."""
    daemon = Daemon(tmp_path, "asked")
    child = os.fork()
    if child == 0:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            daemon._held()
        os._exit(0)
    started = 0
    for _ in range(20):
        started += daemon.start(FOREVER, ENVIRONMENT)
        daemon.stop()
    os.waitpid(child, 0)
    assert started == 20
