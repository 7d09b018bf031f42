"""Plays that take the Lease of a cluster, beside runs that live or were killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.killing import kill_with_all
from tests.support.kubernetes_api import serving
from tests.support.leases import OTHER, Leases, lease

ROOT = Path(__file__).parents[2]
HOLDER = "{{ lookup('image_trust.azure.run_holder') }}"
NAMED = r"ops@\S+, process \d+, run [0-9a-f]{12}:ansible-local-\d+\w{8}"


@pytest.fixture
def leases(tmp_path: Path) -> Iterator[Leases]:
    leases = Leases()
    with serving(lambda *asked: leases.answer(*asked), tmp_path / "kubeconfig"):
        yield leases


def command(folder: Path, *tasks: dict[str, Any], **play: Any) -> tuple[list[str], dict[str, str]]:
    """A run of these tasks."""
    file = folder / f"play-{len(list(folder.glob('play-*')))}.yml"
    file.write_text(yaml.safe_dump([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": list(tasks), **play}]))
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    words = [program, "-i", "localhost,", "-e", f"ansible_python_interpreter={sys.executable}", str(file)]
    return words, {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"), "HOME": str(folder), "USER": "ops"}


def run(folder: Path, *tasks: dict[str, Any], **play: Any) -> subprocess.CompletedProcess[str]:
    words, environment = command(folder, *tasks, **play)
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def task(folder: Path, state: str = "present", **keywords: Any) -> dict[str, Any]:
    options = {"kubeconfig": str(folder / "kubeconfig"), "holder": HOLDER, "state": state}
    return {"name": state, "image_trust.azure.cluster_lease": options, **keywords}


def test_a_run_takes_the_lease_and_releases_it(leases: Leases, tmp_path: Path) -> None:
    done = run(tmp_path, task(tmp_path), task(tmp_path), task(tmp_path, "absent"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=0" in done.stdout
    assert "WARNING" not in done.stdout + done.stderr
    assert [method for method, _holder in leases.log] == ["POST", "PUT", "DELETE"]
    (holder,) = {holder for _method, holder in leases.log if holder}
    assert re.fullmatch(NAMED, holder)


def test_a_run_in_awx_is_named_by_its_job_and_user(leases: Leases, tmp_path: Path) -> None:
    done = run(tmp_path, task(tmp_path), vars={"awx_job_id": 815, "awx_user_name": "alice"})
    assert done.returncode == 0, done.stdout
    assert re.fullmatch(NAMED.replace("ops", "alice").replace(r"process \d+", "AWX job 815"), leases.holder)


def test_another_run_is_named_and_a_check_warns(leases: Leases, tmp_path: Path) -> None:
    leases.store(lease())
    done = run(tmp_path, task(tmp_path))
    assert done.returncode == 2
    assert f"Another run configures the cluster: {OTHER}, since" in " ".join(done.stdout.split())
    checked = run(tmp_path, task(tmp_path), check_mode=True)
    assert checked.returncode == 0
    assert f"Another run configures the cluster: {OTHER}, since" in " ".join((checked.stdout + checked.stderr).split())
    assert leases.log == []


def test_an_option_that_the_module_does_not_have_is_named(leases: Leases, tmp_path: Path) -> None:
    done = run(tmp_path, {"image_trust.azure.cluster_lease": {"kubeconfig": str(tmp_path / "kubeconfig"), "holder": "x", "seconds": 1}})
    assert done.returncode == 2
    assert "Unsupported parameters for" in done.stdout
    assert "seconds" in done.stdout
    assert leases.log == []


def test_a_run_that_lives_keeps_a_second_one_off_and_one_that_was_killed_does_not(leases: Leases, tmp_path: Path) -> None:
    words, environment = command(tmp_path, task(tmp_path), {"name": "wait", "ansible.builtin.wait_for": {"path": str(tmp_path / "never"), "timeout": 60}})
    first = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert first.stdout
        assert any("TASK [wait]" in line for line in first.stdout)
        holder = leases.holder
        assert f"process {first.pid}, " in holder
        refused = run(tmp_path, task(tmp_path), task(tmp_path, "absent"))
        assert refused.returncode == 2
        assert holder in " ".join(refused.stdout.split())
        assert leases.holder == holder
    finally:
        kill_with_all(first.pid)
        first.wait()
    # Nothing has released it.
    assert leases.holder == holder
    again = run(tmp_path, task(tmp_path), task(tmp_path, "absent"))
    assert again.returncode == 0, again.stdout
    assert leases.found is None
