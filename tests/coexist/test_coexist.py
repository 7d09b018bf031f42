"""Living with azure.azcollection: one environment, one login, one play. Our requirements are there at their lowest versions."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from tests.support import azcollection
from tests.support.emulated import SECRET, Emulated, emulated
from tests.support.environments import ROOT
from tests.support.examples import cluster_of_the_examples, examples, prepare, prepare_machine
from tests.support.module_runs import Backend

GROUP = "image-trust"
LEFT_OUT = (
    *("admission_forecast", "admission_probe", "chart_values_check", "cluster_lease", "exact_objects", "exact_objects_examples", "helm_release_recovery"),
    *(
        "image_signature",
        "login_guide",
        "proof",
        "proof_report",
        "ratify_trial",
        "readiness",
        "return_documentation",
        "return_values",
        "signature_forecast",
        "verification_info",
    ),
)


@pytest.fixture(scope="module")
def folder() -> Path:
    return azcollection.ready()


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Emulated]:
    with emulated(tmp_path, Backend()) as azure:
        prepare(azure)
        yield azure


def installed(folder: Path) -> dict[str, str]:
    listed = subprocess.run([folder / "bin/pip", "list", "--format", "json", "--disable-pip-version-check"], capture_output=True, check=True).stdout
    return {package["name"].lower(): package["version"] for package in json.loads(listed)}


def test_all_that_azcollection_pins_and_all_that_we_need_is_there(folder: Path) -> None:
    have = installed(folder)
    assert sum("==" in line for line in azcollection.theirs()) > 40
    for requirement in map(Requirement, [*azcollection.theirs(), *azcollection.ours()]):
        assert have[requirement.name.lower()] in requirement.specifier, requirement
    assert subprocess.run([folder / "bin/pip", "check", "--disable-pip-version-check"], check=False).returncode == 0


def test_the_installed_versions_are_the_lowest_that_we_promise(folder: Path) -> None:
    have = installed(folder)
    assert [f"{r.name}=={have[r.name.lower()]}" for r in map(Requirement, azcollection.lowest())] == azcollection.lowest()


def test_the_modules_pass_their_tests_with_the_lowest_versions(folder: Path) -> None:
    left_out = (
        # No SDK is asked there; and faults are waited for in real time.
        "--ignore=tests/unit/plugins/modules/test_bad_input.py",
        "--ignore=tests/unit/plugins/modules/test_faults.py",
        # They ask no Azure, and the cluster as test_cluster_access and test_installed_info do; or most of their time is notation.
        *(f"--ignore=tests/unit/plugins/modules/test_{name}.py" for name in LEFT_OUT),
        # azure-identity 1.19 tells less of a refused managed identity.
        "--deselect=tests/unit/plugins/modules/test_login_methods.py::test_the_managed_identity_of_the_machine",
        # azure-mgmt-containerservice 32.1 does not tell a cluster's eTag.
        "--deselect=tests/unit/plugins/modules/test_aks_cluster.py::test_what_another_client_changes_between_reading_and_writing_is_kept",
    )
    command: list[str | Path] = [folder / "bin/pytest", "-q", "-n", "auto", "-p", "no:cacheprovider", "tests/unit/plugins/modules", *left_out]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout


def test_both_collections_work_in_one_play_with_one_login(folder: Path, azure: Emulated, tmp_path: Path) -> None:
    theirs: list[dict[str, Any]] = [
        {"azure.azcollection.azure_rm_resourcegroup_info": {"name": GROUP}, "register": "group"},
        {"azure.azcollection.azure_rm_keyvault_info": {"resource_group": GROUP, "name": "image-trust-lab"}, "register": "vault"},
        {
            "ansible.builtin.assert": {
                "that": ["group.resourcegroups | length == 1", "vault.keyvaults[0].vault_uri == 'https://image-trust-lab.vault.azure.net/'"]
            }
        },
    ]
    ours = examples()
    tasks = [*ours[: len(ours) // 2], *theirs, *ours[len(ours) // 2 :]]
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    (tmp_path / "inventory").write_text(f"localhost ansible_connection=local ansible_python_interpreter={folder}/bin/python\n")
    prepare_machine(tmp_path)
    here = {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "NO_PROXY": "127.0.0.1"}
    with cluster_of_the_examples(tmp_path):
        done = subprocess.run(
            [folder / "bin/ansible-playbook", "-i", "inventory", "-v", "play.yml"],
            cwd=tmp_path,
            env={**os.environ, **azure.public, **here, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build")},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed=0" in done.stdout
    assert azure.state.cluster_named("lab1")
    hosts = {"management.azure.com", "login.microsoftonline.com", "image-trust-lab.vault.azure.net", "contoso.blob.core.windows.net"}
    assert {entry.host for entry in azure.requests} == hosts
    assert SECRET not in done.stdout
