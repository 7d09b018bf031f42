"""Container registries: https://learn.microsoft.com/rest/api/containerregistry/registries

Of a registry's properties, only `roleAssignmentMode` has an effect; the admin user and the policies are stored and do nothing.
"""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from lab.azure.arm.errors import ArmError, bad_request, resource_not_found
from lab.azure.arm.gateway import GROUP, SUBSCRIPTION, Call, Operation, ResourceType, answer, nothing, page, versions
from lab.azure.context import Azure
from lab.azure.state import Operation as Job
from lab.azure.state import Registry, State, guid, now

TYPE = "Microsoft.ContainerRegistry/registries"
REGISTRIES = ResourceType(
    "Microsoft.ContainerRegistry",
    "registries",
    versions("""
        2017-10-01 2019-05-01 2019-12-01-preview 2020-11-01-preview 2021-06-01-preview 2021-09-01 2021-12-01-preview 2022-02-01-preview
        2022-12-01 2023-01-01-preview 2023-06-01-preview 2023-07-01 2023-08-01-preview 2023-11-01-preview 2024-11-01-preview
        2025-03-01-preview 2025-04-01 2025-05-01-preview 2025-06-01-preview 2025-11-01 2026-01-01-preview 2026-09-01-preview
    """),
)
PATH = GROUP + f"/providers/{TYPE}/{{name}}"
MODES = ("LegacyRegistryPermissions", "AbacRepositoryPermissions")
MODES_FROM = "2024-11-01-preview"
"""The first api-version with `roleAssignmentMode`."""
SKUS = ("Basic", "Standard", "Premium")
CAN_CHANGE = {"adminUserEnabled", "policies", "roleAssignmentMode"}


def new_registry(state: State, group: str, name: str, location: str, mode: str = MODES[0]) -> Registry:
    """Create a registry with the properties that Azure gives to a new one."""
    resource_id = f"/subscriptions/{state.subscription}/resourceGroups/{group}/providers/{TYPE}/{name}"
    registry = Registry(resource_id, name, location, {}, {**_defaults(name), "roleAssignmentMode": mode})
    state.registries[resource_id.lower()] = registry
    return registry


def _defaults(name: str) -> dict[str, Any]:
    at = _time()
    return {
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
        "roleAssignmentMode": MODES[0],
    }


def _time() -> str:
    return f"{datetime.fromtimestamp(now(), UTC):%Y-%m-%dT%H:%M:%S.%f}0"


def _view(call: Call, registry: Registry) -> dict[str, Any]:
    properties = dict(registry.properties)
    if call.version < MODES_FROM:
        properties.pop("roleAssignmentMode", None)
    if not call.version.endswith("-preview"):
        properties.pop("metadataSearch", None)
    if registry.sku != "Premium":
        properties.pop("networkRuleSet", None)
    return {
        "sku": {"name": registry.sku, "tier": registry.sku},
        "type": TYPE,
        "id": registry.id,
        "name": registry.name,
        "location": registry.location,
        "tags": registry.tags,
        "properties": properties,
    }


def _registry(call: Call) -> Registry:
    registry = call.azure.state.registries.get(call.key.partition("/operationstatuses/")[0])
    if registry is None:
        raise resource_not_found(TYPE, call["name"], call["group"])
    return registry


async def _get(call: Call) -> Response:
    return answer(_view(call, _registry(call)))


async def _list(call: Call) -> Response:
    prefix = call.key.partition("/providers/")[0] + "/"
    return page(call, [_view(call, registry) for key, registry in call.azure.state.registries.items() if key.startswith(prefix)])


async def _put(call: Call) -> Response:
    """Creating is asynchronous: 201 with `Azure-AsyncOperation`. What exists is changed at once."""
    state, name, existing = call.azure.state, call["name"], call.azure.state.registries.get(call.key)
    if not re.fullmatch(r"[a-zA-Z0-9]{5,50}", name):
        raise bad_request(f"The registry name '{name}' is invalid. It has 5 to 50 letters and digits.", "InvalidResourceName")
    location, sku = call.location(existing.location if existing else None), str(call.required("sku", "name")).capitalize()
    if sku not in SKUS:
        raise bad_request(f"The SKU '{sku}' is not one of {', '.join(SKUS)}.", "InvalidSku")
    changes = _changes(call, existing)
    if existing:
        return _changed(call, existing, changes, sku)
    if state.registry_named(name):
        message = f"The registry DNS name {name.lower()}.azurecr.io is already in use. Please choose another name."
        raise ArmError(409, "AlreadyInUse", message)
    registry = new_registry(state, call["group"], name, location)
    registry.sku, registry.tags = sku, call.tags()
    registry.properties |= {**changes, "provisioningState": "Creating"}
    job = Job(id=f"registries-{guid()}", status="Creating", started=now())
    state.operations[job.id] = job
    call.azure.save()
    call.azure.work(_finish(call.azure, registry, job))
    return answer(_view(call, registry), 201, _poll_at(call, registry, job))


async def _finish(azure: Azure, registry: Registry, job: Job) -> None:
    await asyncio.sleep(azure.state.settings.operation_delay)
    registry.properties["provisioningState"] = job.status = "Succeeded"
    job.ended = now()
    azure.save()


def _poll_at(call: Call, registry: Registry, job: Job) -> dict[str, str]:
    path = f"{registry.id.lstrip('/')}/operationStatuses/{job.id}"
    return {"Azure-AsyncOperation": f"{call.request.base_url}{path}?api-version={call.version}"}


async def _operation_status(call: Call) -> Response:
    registry, job = _registry(call), call.azure.state.operations.get(call["operation"].lower())
    if job is None:
        raise ArmError(404, "NotFound", f"The operation {call['operation']} was not found.")
    return answer({"status": job.status}, headers=_poll_at(call, registry, job))


async def _patch(call: Call) -> Response:
    registry = _registry(call)
    return _changed(call, registry, _changes(call, registry), registry.sku)


def _changed(call: Call, registry: Registry, changes: dict[str, Any], sku: str) -> Response:
    registry.properties |= changes
    registry.tags, registry.sku = call.tags(registry.tags), sku
    call.azure.save()
    return answer(_view(call, registry))


def _changes(call: Call, registry: Registry | None) -> dict[str, Any]:
    """What the body says about properties that can be changed; others are refused unless they say what is so anyway."""
    wanted = {key: value for key, value in call.properties().items() if value is not None}
    if "roleAssignmentMode" in wanted and (wanted["roleAssignmentMode"] not in MODES or call.version < MODES_FROM):
        message = f"The value '{wanted['roleAssignmentMode']}' of roleAssignmentMode is not one of {', '.join(MODES)} in api-version {call.version}."
        raise bad_request(message, "InvalidParameter")
    has = registry.properties if registry else _defaults(call["name"])
    if other := [key for key, value in wanted.items() if key not in CAN_CHANGE and value != has.get(key)]:
        raise bad_request(f"The lab's registry cannot change {', '.join(sorted(other))}.")
    changes = {key: value for key, value in wanted.items() if key in CAN_CHANGE}
    if "policies" in changes:
        changes["policies"] = {name: _policy(old, changes["policies"].get(name)) for name, old in has["policies"].items()}
    return changes


def _policy(old: dict[str, Any], new: dict[str, Any] | None) -> dict[str, Any]:
    return {**old, **(new or {}), **({"lastUpdatedTime": _time() + "+00:00"} if new and "lastUpdatedTime" in old else {})}


async def _delete(call: Call) -> Response:
    """The images stay in the storage behind it: a registry of the same name has them again."""
    if call.azure.state.registries.pop(call.key, None) is None:
        return nothing(204)
    call.azure.save()
    return nothing(200)


OPERATIONS = [
    Operation("GET", SUBSCRIPTION + f"/providers/{TYPE}", f"{TYPE}/read", REGISTRIES, _list),
    Operation("GET", GROUP + f"/providers/{TYPE}", f"{TYPE}/read", REGISTRIES, _list),
    Operation("GET", PATH, f"{TYPE}/read", REGISTRIES, _get),
    Operation("PUT", PATH, f"{TYPE}/write", REGISTRIES, _put),
    Operation("PATCH", PATH, f"{TYPE}/write", REGISTRIES, _patch),
    Operation("DELETE", PATH, f"{TYPE}/delete", REGISTRIES, _delete),
    Operation("GET", PATH + "/operationStatuses/{operation}", f"{TYPE}/operationStatuses/read", REGISTRIES, _operation_status),
]
