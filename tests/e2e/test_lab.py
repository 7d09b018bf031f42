"""The lab itself: two clusters side by side, killed, restored, stopped and resumed, with a home and ports of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import ROOT

PORT = 24430


@dataclass(frozen=True)
class Second:
    """A lab beside the one that the other tests use. A call is a command of it, and gives its result, or its progress where it has none."""

    home: Path

    def __call__(self, *arguments: str) -> str:
        environment = {**os.environ, "LAB_HOME": str(self.home), "LAB_AZURE_PORT": str(PORT)}
        done = subprocess.run([sys.executable, "-m", "lab", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout or done.stderr

    def outer(self, cluster: str) -> int:
        return int((self.home / "clusters" / cluster / "node.pid").read_text())


def processes(index: int) -> list[int]:
    """Processes in the cgroups of the cluster with this index, but for dead ones that this machine's process 1 has not collected."""
    name = f"image-trust-lab-{PORT + 100 + index}"
    found = []
    for entry in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            if name in entry.read_text() and "\nState:\tZ" not in (entry.parent / "status").read_text():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Second]:
    lab = Second(tmp_path_factory.mktemp("lab") / "home")
    try:
        lab("up", "--clusters", "2")
        yield lab
    finally:
        lab("down", "--delete")


def test_two_clusters_have_names_addresses_and_subnets_of_their_own(second: Second) -> None:
    seen = [second("exec", "--cluster", name, "--", "kubectl", "get", "nodes", "-o", "wide", "--no-headers").split() for name in ("lab1", "lab2")]
    assert [(node[0], node[1], node[5]) for node in seen] == [("lab1", "Ready", "10.240.0.4"), ("lab2", "Ready", "10.240.1.4")]


def test_a_second_up_has_nothing_to_do(second: Second) -> None:
    assert "already up" in second("up", "--clusters", "2")


def test_one_kill_removes_a_cluster_whole_and_only_it_and_up_brings_it_back(second: Second) -> None:
    second("exec", "--", "kubectl", "create", "configmap", "kept")
    other = processes(1)
    assert processes(0)
    os.kill(second.outer("lab1"), signal.SIGKILL)
    deadline = time.monotonic() + 30
    while processes(0) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes(0) == []
    assert set(other) & set(processes(1))
    second("up", "--clusters", "2")
    assert "kept" in second("exec", "--", "kubectl", "get", "configmap", "kept")


def test_what_was_stopped_goes_on_from_there(second: Second) -> None:
    secret = second("env")
    second("down")
    assert processes(0) + processes(1) == []
    second("up", "--clusters", "2")
    assert second("env") == secret
    assert "kept" in second("exec", "--", "kubectl", "get", "configmap", "kept")
