"""Container registries: https://learn.microsoft.com/rest/api/containerregistry/registries. They are made by the lab's seed, and read and patched here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from lab.azure.arm.errors import bad_request, resource_not_found
from lab.azure.arm.gateway import GROUP, SUBSCRIPTION, Call, Operation, ResourceType, answer, page, versions
from lab.azure.state import Registry, State, now

TYPE = "Microsoft.ContainerRegistry/registries"
REGISTRIES = ResourceType(
    "Microsoft.ContainerRegistry",
    "registries",
    versions("""
        2017-10-01 2019-05-01 2019-12-01-preview 2020-11-01-preview 2021-06-01-preview 2021-09-01 2021-12-01-preview 2022-02-01-preview
        2022-12-01 2023-01-01-preview 2023-06-01-preview 2023-07-01 2023-08-01-preview 2023-11-01-preview 2024-11-01-preview
        2025-03-01-preview 2025-04-01 2025-05-01-preview 2025-06-01-preview 2025-11-01 2026-01-01-preview
    """),
)
PATH = GROUP + f"/providers/{TYPE}/{{name}}"
MODES = ("LegacyRegistryPermissions", "AbacRepositoryPermissions")
MODES_FROM = "2024-11-01-preview"
"""The first api-version with `roleAssignmentMode`."""


def new_registry(state: State, group: str, name: str, location: str, mode: str = MODES[0]) -> Registry:
    """Create a registry with the properties that Azure gives to a new one."""
    at = f"{datetime.fromtimestamp(now(), UTC):%Y-%m-%dT%H:%M:%S.%f}0"
    properties: dict[str, Any] = {
        "loginServer": f"{name.lower()}.azurecr.io",
        "creationDate": at + "Z",
        "provisioningState": "Succeeded",
        "adminUserEnabled": False,
        "networkRuleSet": {"defaultAction": "Allow", "ipRules": []},
        "policies": {
            "quarantinePolicy": {"status": "disabled"},
            "trustPolicy": {"type": "Notary", "status": "disabled"},
            "retentionPolicy": {"days": 7, "lastUpdatedTime": at + "+00:00", "status": "disabled"},
            "exportPolicy": {"status": "enabled"},
            "azureADAuthenticationAsArmPolicy": {"status": "enabled"},
            "softDeletePolicy": {"retentionDays": 7, "lastUpdatedTime": at + "+00:00", "status": "disabled"},
        },
        "encryption": {"status": "disabled"},
        "dataEndpointEnabled": False,
        "dataEndpointHostNames": [],
        "privateEndpointConnections": [],
        "publicNetworkAccess": "Enabled",
        "networkRuleBypassOptions": "AzureServices",
        "zoneRedundancy": "Disabled",
        "anonymousPullEnabled": False,
        "metadataSearch": "Disabled",
        "roleAssignmentMode": mode,
    }
    resource_id = f"/subscriptions/{state.subscription}/resourceGroups/{group}/providers/{TYPE}/{name}"
    registry = Registry(resource_id, name, location, {}, properties)
    state.registries[resource_id.lower()] = registry
    return registry


def _view(call: Call, registry: Registry) -> dict[str, Any]:
    properties = dict(registry.properties)
    if call.version < MODES_FROM:
        properties.pop("roleAssignmentMode", None)
    return {
        "sku": {"name": "Premium", "tier": "Premium"},
        "type": TYPE,
        "id": registry.id,
        "name": registry.name,
        "location": registry.location,
        "tags": registry.tags,
        "properties": properties,
    }


def _registry(call: Call) -> Registry:
    registry = call.azure.state.registries.get(call.key)
    if registry is None:
        raise resource_not_found(TYPE, call["name"], call["group"])
    return registry


async def _get(call: Call) -> Response:
    return answer(_view(call, _registry(call)))


async def _list(call: Call) -> Response:
    prefix = call.key.partition("/providers/")[0] + "/"
    return page(call, [_view(call, registry) for key, registry in call.azure.state.registries.items() if key.startswith(prefix)])


async def _patch(call: Call) -> Response:
    """Tags and `roleAssignmentMode`; other properties are not emulated and refused."""
    registry, wanted = _registry(call), call.properties()
    if unknown := wanted.keys() - {"roleAssignmentMode"}:
        raise bad_request(f"The lab's registry cannot change {', '.join(sorted(unknown))}.")
    mode = wanted.get("roleAssignmentMode", registry.properties["roleAssignmentMode"])
    if mode not in MODES or (wanted and call.version < MODES_FROM):
        raise bad_request(f"The value '{mode}' of roleAssignmentMode is not one of {', '.join(MODES)} in api-version {call.version}.", "InvalidParameter")
    registry.properties["roleAssignmentMode"] = mode
    registry.tags = call.tags(registry.tags)
    call.azure.save()
    return answer(_view(call, registry))


OPERATIONS = [
    Operation("GET", SUBSCRIPTION + f"/providers/{TYPE}", f"{TYPE}/read", REGISTRIES, _list),
    Operation("GET", GROUP + f"/providers/{TYPE}", f"{TYPE}/read", REGISTRIES, _list),
    Operation("GET", PATH, f"{TYPE}/read", REGISTRIES, _get),
    Operation("PATCH", PATH, f"{TYPE}/write", REGISTRIES, _patch),
]
