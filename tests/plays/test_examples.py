"""The examples of the documentation, run by Ansible as it packs and sends modules, by the collection's name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import CLUSTER_USER
from tests.support.blobs import permit
from tests.support.emulated import OBJECT_ID, SECRET, Emulated
from tests.support.examples import ELSEWHERE, IN_ORDER, cluster_of_the_examples, examples, prepare, prepare_machine
from tests.support.module_runs import Backend
from tests.support.proofs import faults
from tests.support.role_definitions import be_the_least

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("whose", ["of its task", "of its own"])
def test_the_examples_run_with_the_documented_roles_alone_each_module_in_a_process(
    azure: Emulated, backend: Backend, tmp_path: Path, another_python: str, whose: str
) -> None:
    python = sys.executable if whose == "of its task" else another_python
    prepare(azure)
    be_the_least(azure, "image-trust")
    # For the list of all clusters of the subscription.
    new_assignment(azure.state, f"/subscriptions/{azure.state.subscription}", CLUSTER_USER.guid, OBJECT_ID)
    account = azure.state.storage_account_named("contoso")
    assert account
    permit(azure, account)
    play = {"hosts": "localhost", "gather_facts": False, "tasks": examples()}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    (tmp_path / "inventory").write_text(f"localhost ansible_connection=local ansible_python_interpreter={python}\n")
    prepare_machine(tmp_path)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    with cluster_of_the_examples(tmp_path):
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", "inventory", "-v", "play.yml"],
            cwd=tmp_path,
            env={**os.environ, **azure.public, "NO_PROXY": "127.0.0.1", "PATH": path, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / ".kube/lab1").read_text() == backend.kubeconfig_text
    assert azure.state.cluster_named("lab1")
    assert azure.state.identities.keys() == {key for key in azure.state.identities if key.endswith("lab1-agentpool")}
    assert faults(json.loads((tmp_path / "proofs/web.json").read_text())) == []
    assert (tmp_path / "proofs/web.json.sig").exists()
    assert SECRET not in done.stdout


def test_every_module_has_its_examples_here() -> None:
    modules = {file.stem for file in (ROOT / "plugins/modules").glob("*.py")}
    assert modules ^ {*IN_ORDER, *ELSEWHERE} == set(), "put it into IN_ORDER of tests/support/examples.py, at a place where what its examples need is there"
