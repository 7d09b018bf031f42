"""The examples of the documentation, run by Ansible as it packs and sends modules, by the collection's name."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from lab.azure.arm.groups import new_group
from lab.azure.arm.registries import new_registry
from lab.azure.arm.vaults import new_vault
from tests.emulated import SECRET, Emulated
from tests.module_runs import Backend

ROOT = Path(__file__).parents[4]
IN_ORDER = (
    "registry_info",
    "keyvault_info",
    "aks_cluster",
    "aks_kubeconfig",
    "user_assigned_identity",
    "federated_credential",
    "keyvault_access_policy",
    "role_assignment",
    "aks_cluster_info",
    "user_assigned_identity_info",
    "federated_credential_info",
    "keyvault_access_policy_info",
    "role_assignment_info",
)


def examples() -> list[dict[str, Any]]:
    """The tasks, those that take away at the end."""
    tasks = []
    for name in IN_ORDER:
        module = importlib.import_module(f"ansible_collections.image_trust.azure.plugins.modules.{name}")
        tasks += yaml.safe_load(module.EXAMPLES)
    return sorted(tasks, key=lambda task: any(isinstance(value, dict) and value.get("state") == "absent" for value in task.values()))


def test_the_examples_run(azure: Emulated, backend: Backend, tmp_path: Path) -> None:
    subscription = azure.state.subscription
    group = new_group(subscription, "image-trust", "eastus")
    azure.state.resource_groups[group["id"].lower()] = group
    azure.state.registries.clear()
    azure.state.vaults.clear()
    new_registry(azure.state, "image-trust", "imagetrustlab", "eastus")
    properties = {"tenantId": azure.state.tenant, "sku": {"family": "A", "name": "standard"}}
    new_vault(azure.state, "image-trust", "image-trust-lab", "eastus", properties)
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
