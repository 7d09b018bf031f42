"""How a run is named, and when its name says that it is over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes import holder as _holder
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.holder import holder, is_over, machine

HERE = "9f2c41d07e3b"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_holder, "machine", lambda: HERE)


@pytest.mark.parametrize(
    ("job", "folder", "named"),
    [
        ("", "/home/ops/.ansible/home/ops/tmp/ansible-local-4711abcdefgh", f"ops@controller, process 4711, run {HERE}:ansible-local-4711abcdefgh"),
        ("815", "/runner/home/ops/tmp/ansible-local-7k3v9x_2a", f"ops@controller, AWX job 815, run {HERE}:ansible-local-7k3v9x_2a"),
        ("", "/home/ops/tmp/ansible-local-471112345678", f"ops@controller, process 4711, run {HERE}:ansible-local-471112345678"),
        ("", "/home/ops/other", f"ops@controller, run {HERE}:other"),
    ],
)
def test_a_run_is_named_by_user_machine_and_job_or_process(job: str, folder: str, named: str) -> None:
    assert holder("ops", "controller", job, folder) == named


def gone() -> int:
    """The id of a process that was there a moment ago."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


@pytest.mark.parametrize("job", ["", "815"])
def test_a_run_on_this_machine_is_over_when_its_process_is_gone(job: str) -> None:
    assert is_over(holder("ops", "controller", job, f"/home/ops/tmp/ansible-local-{gone()}12345678"))
    assert not is_over(holder("ops", "controller", job, f"/home/ops/tmp/ansible-local-{os.getpid()}12345678"))


def test_a_process_of_another_user_is_not_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_process: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbidden)
    assert not is_over(holder("ops", "controller", "", "/home/ops/tmp/ansible-local-4711abcdefgh"))


@pytest.mark.parametrize(
    "run",
    [
        "0123456789ab:ansible-local-PROCESSabcdefgh",
        ":ansible-local-PROCESSabcdefgh",
        f"{HERE}:other",
        f"{HERE}:ansible-local-99999999999999999999abcdefgh",
        f"{HERE}:ansible-local-PROCESSabcdefgh of another form",
    ],
)
def test_of_another_machine_or_another_form_it_is_not_known(run: str) -> None:
    assert not is_over(f"ops@controller, process 1, run {run.replace('PROCESS', str(gone()))}")


def test_a_machine_that_is_not_known_is_never_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_holder, "machine", lambda: "")
    assert not is_over(holder("ops", "controller", "", f"/home/ops/tmp/ansible-local-{gone()}abcdefgh"))


def test_a_machine_is_one_boot_and_one_namespace_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    first = machine()
    assert len(first) == len(HERE)
    assert machine() == first
    monkeypatch.setattr(os, "readlink", lambda _path: "pid:[1]")
    assert machine() not in (first, "")

    def without_proc(_path: Path) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", without_proc)
    assert machine() == ""
