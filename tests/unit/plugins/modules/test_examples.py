"""The examples of the documentation, run by Ansible as it packs and sends modules, by the collection's name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from tests.emulated import SECRET, Emulated
from tests.examples import examples, prepare
from tests.module_runs import Backend

ROOT = Path(__file__).parents[4]


def test_the_examples_run(azure: Emulated, backend: Backend, tmp_path: Path) -> None:
    prepare(azure)
    play = {"hosts": "localhost", "gather_facts": False, "tasks": examples()}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    (tmp_path / "inventory").write_text(f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "inventory", "-v", "play.yml"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / ".kube/lab1").read_text() == backend.kubeconfig_text
    assert azure.state.cluster_named("lab1")
    assert azure.state.identities.keys() == {key for key in azure.state.identities if key.endswith("lab1-agentpool")}
    assert SECRET not in done.stdout
