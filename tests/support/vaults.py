"""A second vault in the emulated Azure."""

from __future__ import annotations

from lab.azure.arm.groups import new_group
from lab.azure.arm.vaults import new_vault
from lab.azure.state import Vault

from .emulated import Emulated

GROUP, NAME = "rg-partner", "contoso-partner"


def partner(azure: Emulated) -> Vault:
    """One under Azure RBAC, in a resource group of its own."""
    group = new_group(azure.state.subscription, GROUP, "eastus")
    azure.state.resource_groups[group["id"].lower()] = group
    properties = {"tenantId": azure.state.tenant, "sku": {"family": "A", "name": "standard"}, "enableRbacAuthorization": True}
    return new_vault(azure.state, GROUP, NAME, "eastus", properties)
