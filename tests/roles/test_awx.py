"""The roles as AWX runs them: by ansible-runner, with the environment of its credentials, on a read-only checkout, and in slices."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible.parsing.yaml.loader import AnsibleLoader

from tests.support.azure_states import comparable
from tests.support.emulated import Emulated
from tests.support.jobs import run as run_job
from tests.support.logins import federated_identity, service_account_token
from tests.support.module_runs import Backend

from .conftest import GROUP, ROOT

CLUSTERS = ["web", "shop", "intern"]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


class Job:
    """Folder of a job that sets the clusters' Azure side up, as AWX lays it out, but for the environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        variables: dict[str, Any] = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "aks_resource_group": GROUP,
            "aks_create": True,
            "aks_location": "eastus",
            "aks_registries": [{"name": "imagetrustlab", "resource_group": GROUP}],
            "aks_kubeconfig": str(folder / "kubeconfigs/{{ inventory_hostname }}"),
            "identity_resource_group": GROUP,
            "identity_vaults": [{"name": GROUP, "resource_group": GROUP}],
        }
        play = {"hosts": "clusters", "gather_facts": False, "roles": ["image_trust.azure.aks", "image_trust.azure.identity"]}
        (folder / "kubeconfigs").mkdir()
        for name, content in {
            "inventory/hosts.yml": {"clusters": {"hosts": dict.fromkeys(CLUSTERS), "vars": variables}},
            "project/azure.yml": [play],
        }.items():
            (folder / name).parent.mkdir()
            (folder / name).write_text(yaml.safe_dump(content))

    def forget_kubeconfigs(self) -> None:
        for kubeconfig in (self.folder / "kubeconfigs").iterdir():
            kubeconfig.unlink()

    def run(self, environment: dict[str, str], limit: str = "all") -> dict[str, Any]:
        """Runs it; the numbers that AWX shows, by cluster."""
        own = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"), "HOME": str(self.folder), "PATH": os.environ["PATH"]}
        done = run_job(self.folder, "azure.yml", {**environment, **own}, limit=limit)
        assert done.status == "successful", done.printed
        return done.stats


def held(azure: Emulated) -> Any:
    """What Azure holds; the entries of a vault stand in the order in which they came."""
    state = comparable(asdict(azure.state))
    for vault in state["vaults"].values():
        vault["properties"]["accessPolicies"].sort(key=json.dumps)
    return state


def slices(number: int) -> Sequence[str]:
    """As AWX slices an inventory: every n-th host."""
    return [",".join(CLUSTERS[first::number]) for first in range(number)]


def built_in(azure: Emulated) -> dict[str, str]:
    """What the credential type Microsoft Azure Resource Manager puts into the environment."""
    names = ("AZURE_CLIENT_ID", "AZURE_SECRET", "AZURE_TENANT", "AZURE_SUBSCRIPTION_ID", "AZURE_CLOUD_ENVIRONMENT")
    return {**{name: azure.environment[name] for name in names}, "REQUESTS_CA_BUNDLE": azure.environment["REQUESTS_CA_BUNDLE"]}


def test_slices_leave_what_one_job_leaves_and_after_them_a_job_changes_nothing(azure: Emulated, backend: Backend, job: Job) -> None:
    changes = job.run(built_in(azure))["changed"]
    assert set(changes) == set(CLUSTERS)
    whole = held(azure)

    azure.reset()
    job.forget_kubeconfigs()
    sliced: dict[str, int] = {}
    for limit in slices(len(CLUSTERS)):
        sliced |= job.run(built_in(azure), limit)["changed"]
    assert held(azure) == whole
    assert sliced == changes

    azure.forget_requests()
    assert job.run(built_in(azure))["changed"] == {}
    assert azure.writes == []


def test_our_credential_type_logs_in_by_federation(azure: Emulated, backend: Backend, job: Job) -> None:
    (kind,) = AnsibleLoader((ROOT / "awx/controller.yml").read_text()).get_single_data()["controller_credential_types"]
    identity = federated_identity(azure, backend)
    given = {"client": identity.client_id, "tenant": azure.state.tenant, "subscription": azure.state.subscription, "cloud": azure.azure.arm_url}
    given["token"] = service_account_token()
    file = job.folder / "token"
    file.write_text(jinja2.Template(kind["injectors"]["file"]["template.token"]).render(given))
    injected = {name: jinja2.Template(value).render(given, tower={"filename": {"token": file}}) for name, value in kind["injectors"]["env"].items()}
    job.run({**injected, "REQUESTS_CA_BUNDLE": azure.environment["REQUESTS_CA_BUNDLE"]}, CLUSTERS[0])
    assert {entry.principal for entry in azure.requests if entry.method == "PUT"} == {identity.principal_id}
    assert given["token"] not in "".join(path.read_text() for path in (job.folder / "artifacts").rglob("*") if path.is_file())
