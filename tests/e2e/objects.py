"""Where Azure keeps what site.yml made, relative to the subscription."""

from __future__ import annotations

from typing import Any

from lab.config import REGISTRY, RESOURCE_GROUP, VAULT

from .conftest import Lab

GROUP = f"/resourceGroups/{RESOURCE_GROUP}/providers"
REGISTRY_PATH = f"{GROUP}/Microsoft.ContainerRegistry/registries/{REGISTRY}"
VAULT_PATH = f"{GROUP}/Microsoft.KeyVault/vaults/{VAULT}"
CLUSTER_PATH = f"{GROUP}/Microsoft.ContainerService/managedClusters/lab1"
IDENTITY_PATH = f"{GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/ratify-lab1"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"


def identity(lab: Lab) -> dict[str, Any]:
    return dict(lab.arm("GET", IDENTITY_PATH, "2024-11-30")["properties"])
