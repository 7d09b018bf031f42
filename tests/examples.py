"""The examples of the modules' documentation as one play, and the subscription that they are about."""

from __future__ import annotations

import importlib
from typing import Any

import yaml

from lab.azure.arm.groups import new_group
from lab.azure.arm.registries import new_registry
from lab.azure.arm.vaults import new_vault
from tests.emulated import Emulated

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


def prepare(azure: Emulated) -> None:
    """What is there before the examples run."""
    group = new_group(azure.state.subscription, "image-trust", "eastus")
    azure.state.resource_groups[group["id"].lower()] = group
    azure.state.registries.clear()
    azure.state.vaults.clear()
    new_registry(azure.state, "image-trust", "imagetrustlab", "eastus")
    properties = {"tenantId": azure.state.tenant, "sku": {"family": "A", "name": "standard"}}
    new_vault(azure.state, "image-trust", "image-trust-lab", "eastus", properties)
