"""Azure Resource Manager: one module a resource type, behind `gateway`."""

from __future__ import annotations

from starlette.applications import Starlette

from lab.azure.arm import (
    deleted_vaults,
    federated_credentials,
    gateway,
    identities,
    managed_clusters,
    metadata,
    permissions,
    registries,
    resource_groups,
    role_assignments,
    role_definitions,
    vaults,
)
from lab.azure.context import Azure

_SERVED = (
    permissions,
    role_assignments,
    role_definitions,
    identities,
    federated_credentials,
    vaults,
    deleted_vaults,
    registries,
    managed_clusters,
    resource_groups,
)


def app(azure: Azure) -> Starlette:
    """Resource Manager, as management.azure.com."""
    return gateway.build(azure, [operation for module in _SERVED for operation in module.OPERATIONS], [metadata.route(azure)])
