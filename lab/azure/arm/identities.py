"""User-assigned managed identities: https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities"""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from lab.azure.arm.errors import bad_request, resource_not_found
from lab.azure.arm.gateway import GROUP, SUBSCRIPTION, Call, Operation, ResourceType, answer, nothing, page, versions
from lab.azure.state import Identity, State, now

NAMESPACE = "Microsoft.ManagedIdentity"
TYPE = f"{NAMESPACE}/userAssignedIdentities"
IDENTITIES = ResourceType(
    NAMESPACE,
    "userAssignedIdentities",
    versions("""
        2015-08-31-preview 2018-11-30 2021-09-30-preview 2022-01-31-preview 2023-01-31 2023-07-31-preview 2024-11-30 2025-01-31-preview
        2025-05-31-preview
    """),
)
PATH = GROUP + f"/providers/{TYPE}/{{name}}"


def new_identity(state: State, group: str, name: str, location: str, tags: dict[str, str] | None = None) -> Identity:
    """Create an identity, as PUT does. Its principal becomes visible after `Settings.principal_delay`. The id is spelt as the provider spells it."""
    resource_id = f"/subscriptions/{state.subscription}/resourcegroups/{group}/providers/{TYPE}/{name}"
    identity = Identity(id=resource_id, name=name, location=location, tags=tags or {}, visible_at=now() + state.settings.principal_delay)
    state.identities[resource_id.lower()] = identity
    return identity


def _view(call: Call, identity: Identity) -> dict[str, Any]:
    properties: dict[str, Any] = {"tenantId": call.azure.state.tenant, "principalId": identity.principal_id, "clientId": identity.client_id}
    if call.version >= "2024-11-30":
        properties["isolationScope"] = "None"
    return {"location": identity.location, "tags": identity.tags, "id": identity.id, "name": identity.name, "type": TYPE, "properties": properties}


async def _get(call: Call) -> Response:
    identity = call.azure.state.identities.get(call.key)
    if identity is None:
        raise resource_not_found(TYPE, call["name"], call["group"])
    return answer(_view(call, identity))


async def _list(call: Call) -> Response:
    prefix = call.key.partition("/providers/")[0] + "/"
    return page(call, [_view(call, identity) for key, identity in call.azure.state.identities.items() if key.startswith(prefix)])


async def _put(call: Call) -> Response:
    name, existing = call["name"], call.azure.state.identities.get(call.key)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}", name):
        message = f"Resource name {name} is invalid. A name has 3 to 128 letters, digits, '-' and '_' and starts with a letter or digit."
        raise bad_request(message, "InvalidResourceName")
    location = call.location(existing.location if existing else None)
    if existing:
        existing.tags = call.tags()
        call.azure.save()
        return answer(_view(call, existing))
    identity = new_identity(call.azure.state, call["group"], name, location, call.tags())
    call.azure.save()
    return answer(_view(call, identity), 201, {"Location": identity.id})


async def _patch(call: Call) -> Response:
    identity = call.azure.state.identities.get(call.key)
    if identity is None:
        raise resource_not_found(TYPE, call["name"], call["group"])
    identity.tags = call.tags(identity.tags)
    call.azure.save()
    return answer(_view(call, identity))


async def _delete(call: Call) -> Response:
    """The identity's role assignments stay behind, as in Azure."""
    if call.azure.state.identities.pop(call.key, None) is None:
        return nothing(204)
    call.azure.save()
    return nothing(200)


OPERATIONS = [
    Operation("GET", SUBSCRIPTION + f"/providers/{TYPE}", f"{TYPE}/read", IDENTITIES, _list),
    Operation("GET", GROUP + f"/providers/{TYPE}", f"{TYPE}/read", IDENTITIES, _list),
    Operation("GET", PATH, f"{TYPE}/read", IDENTITIES, _get),
    Operation("PUT", PATH, f"{TYPE}/write", IDENTITIES, _put),
    Operation("PATCH", PATH, f"{TYPE}/write", IDENTITIES, _patch),
    Operation("DELETE", PATH, f"{TYPE}/delete", IDENTITIES, _delete),
]
