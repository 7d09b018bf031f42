"""The service principals of the tenant, as role assignments and Microsoft Graph find them. There are no users and no groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import NAMESPACE_OID, uuid5

from lab.azure.state import State, now


@dataclass(frozen=True)
class Principal:
    object_id: str
    client_id: str
    name: str
    kind: str
    """`Application` or `ManagedIdentity`."""
    resource_id: str = ""
    """Of a managed identity: the Azure resource that it belongs to."""


def principals(state: State) -> dict[str, Principal]:
    """By lower-cased object id. A managed identity is found from `Identity.visible_at` on."""
    return {principal.object_id.lower(): principal for principal in _all(state)}


def _all(state: State) -> Iterator[Principal]:
    for application in state.service_principals.values():
        yield Principal(application.object_id, application.client_id, application.name, "Application")
    for identity in state.identities.values():
        if identity.visible_at <= now():
            yield Principal(identity.principal_id, identity.client_id, identity.name, "ManagedIdentity", identity.id)
    for cluster in state.clusters.values():
        if object_id := cluster.identity.get("principalId"):
            # Resource Manager tells no client id of a system-assigned identity; the directory has one.
            yield Principal(object_id, str(uuid5(NAMESPACE_OID, object_id)), cluster.name, "ManagedIdentity", cluster.id)
