"""Subscriptions and resource groups: https://learn.microsoft.com/rest/api/resources/resource-groups"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from lab.azure.arm import groups, managed_clusters, vaults
from lab.azure.arm.errors import bad_request, group_not_found, location_conflict
from lab.azure.arm.gateway import GROUP, SUBSCRIPTION, Call, Operation, ResourceType, answer, nothing, page, versions
from lab.azure.context import Azure
from lab.azure.state import Operation as Job
from lab.azure.state import guid, now

_VERSIONS = versions("""
        2014-04-01 2015-01-01 2015-11-01 2016-06-01 2016-09-01 2017-05-10 2018-02-01 2018-05-01 2019-05-01 2019-10-01 2019-11-01
        2020-01-01 2020-06-01 2020-10-01 2021-01-01 2021-04-01 2022-09-01 2022-12-01 2023-07-01 2024-03-01 2024-07-01 2024-11-01
        2025-03-01 2025-04-01
    """)
GROUPS = ResourceType("Microsoft.Resources", "resourceGroups", _VERSIONS)
SUBSCRIPTIONS = ResourceType("Microsoft.Resources", "subscriptions", _VERSIONS)
RESOURCES = ResourceType("Microsoft.Resources", "resources", _VERSIONS)


async def _list_subscriptions(call: Call) -> Response:
    return page(call, [_subscription(call.azure)])


async def _get_subscription(call: Call) -> Response:
    return answer(_subscription(call.azure))


def _subscription(azure: Azure) -> dict[str, Any]:
    subscription = azure.state.subscription
    return {
        "id": f"/subscriptions/{subscription}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription,
        "tenantId": azure.state.tenant,
        "displayName": "Image trust lab",
        "state": "Enabled",
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
    }


async def _list_groups(call: Call) -> Response:
    return page(call, list(call.azure.state.resource_groups.values()))


async def _get_group(call: Call) -> Response:
    group = call.azure.state.resource_groups.get(call.key)
    if group is None:
        raise group_not_found(call["group"])
    return answer(group)


async def _head_group(call: Call) -> Response:
    return nothing(204 if call.key in call.azure.state.resource_groups else 404)


async def _put_group(call: Call) -> Response:
    name, kept = call["group"], call.azure.state.resource_groups
    if not re.fullmatch(r"[-\w._()]{0,89}[-\w_()]", name):
        raise bad_request(
            f"The provided resource group name '{name}' has these invalid characters. The name can only be a letter, digit, '-', '.', '(', ')' or '_' "
            "and may not end with '.'; at most 90 characters.",
            "InvalidResourceGroup",
        )
    existing, wanted = kept.get(call.key), str(call.required("location")).replace(" ", "").lower()
    if existing and existing["location"] != wanted:
        raise location_conflict(name, name, existing["location"], wanted)
    kept[call.key] = groups.new_group(call["subscription"], existing["name"] if existing else name, wanted, call.tags())
    call.azure.save()
    return answer(kept[call.key], 200 if existing else 201)


async def _delete_group(call: Call) -> Response:
    """Asynchronous: 202 with `Location`, to be polled until 200."""
    if call.key not in call.azure.state.resource_groups:
        raise group_not_found(call["group"])
    job = Job(id=guid(), status="InProgress", started=now(), deletes=call.key)
    call.azure.state.operations[job.id] = job
    call.azure.state.resource_groups[call.key]["properties"]["provisioningState"] = "Deleting"
    call.azure.save()
    call.azure.work(_empty(call.azure, job))
    return nothing(202, _poll_at(call, job))


def _poll_at(call: Call, job: Job) -> dict[str, str]:
    return {"Location": f"{call.request.base_url}subscriptions/{call['subscription']}/operationresults/{job.id}?api-version={call.version}", "Retry-After": "1"}


def resume(azure: Azure) -> None:
    """Take up the deletions that the last stop interrupted."""
    for job in azure.state.operations.values():
        if job.deletes and job.status == "InProgress":
            azure.work(_empty(azure, job))


async def _empty(azure: Azure, job: Job) -> None:
    """Delete the group with all that lies in it. Role assignments stay, as in Azure, but those on vaults."""
    state, key = azure.state, job.deletes
    await asyncio.sleep(state.settings.operation_delay)
    for cluster in [cluster for name, cluster in state.clusters.items() if name.startswith(key + "/")]:
        await managed_clusters.delete(azure, cluster)
    for vault in [vault for name, vault in state.vaults.items() if name.startswith(key + "/")]:
        vaults.soft_delete(state, vault)
    kinds: tuple[dict[str, Any], ...] = (state.identities, state.registries, state.storage_accounts)
    for kept in kinds:
        for name in [name for name in kept if name.startswith(key + "/")]:
            del kept[name]
    state.resource_groups.pop(key, None)
    job.status, job.ended = "Succeeded", now()
    azure.save()


async def _operation_result(call: Call) -> Response:
    job = call.azure.state.operations.get(call["operation"])
    if job is None:
        return nothing(404)
    return nothing(202, _poll_at(call, job)) if job.status == "InProgress" else nothing(200)


def _summary(resource: Any, resource_type: str) -> dict[str, Any]:
    return {"id": resource.id, "name": resource.name, "type": resource_type, "location": resource.location, "tags": resource.tags}


_FILTERED: dict[str, Callable[[dict[str, Any]], str]] = {
    "resourcetype": lambda resource: str(resource["type"]),
    "name": lambda resource: str(resource["name"]),
    "resourcegroup": lambda resource: str(resource["id"].split("/")[4]),
}
"""What a filter compares."""


async def _list_resources(call: Call) -> Response:
    """All resources of the subscription or group; `$filter` knows `resourceType eq`, `name eq`, `resourceGroup eq` and `and`."""
    state, prefix = call.azure.state, call.key.removesuffix("/resources") + "/"
    kinds: dict[str, dict[str, Any]] = {
        "Microsoft.ManagedIdentity/userAssignedIdentities": dict(state.identities),
        "Microsoft.KeyVault/vaults": dict(state.vaults),
        "Microsoft.ContainerRegistry/registries": dict(state.registries),
        "Microsoft.Storage/storageAccounts": dict(state.storage_accounts),
        "Microsoft.ContainerService/ManagedClusters": dict(state.clusters),
    }
    found = [_summary(resource, kind) for kind, kept in kinds.items() for key, resource in kept.items() if key.startswith(prefix)]
    for term in re.split(r"\s+and\s+", call.odata_filter) if call.odata_filter else []:
        match = re.fullmatch(r"(resourceType|name|resourceGroup) eq '([^']*)'", term, re.IGNORECASE)
        if not match:
            raise bad_request(f"The filter '{call.odata_filter}' is invalid or not supported.", "InvalidFilterInQueryString")
        filtered = _FILTERED[match[1].lower()]
        found = [resource for resource in found if filtered(resource).lower() == match[2].lower()]
    return page(call, found)


OPERATIONS = [
    Operation("GET", "/subscriptions", None, SUBSCRIPTIONS, _list_subscriptions),
    Operation("GET", SUBSCRIPTION, "Microsoft.Resources/subscriptions/read", SUBSCRIPTIONS, _get_subscription),
    Operation("GET", SUBSCRIPTION + "/resourceGroups", "Microsoft.Resources/subscriptions/resourceGroups/read", GROUPS, _list_groups),
    Operation("GET", GROUP, "Microsoft.Resources/subscriptions/resourceGroups/read", GROUPS, _get_group),
    Operation("HEAD", GROUP, "Microsoft.Resources/subscriptions/resourceGroups/read", GROUPS, _head_group),
    Operation("PUT", GROUP, "Microsoft.Resources/subscriptions/resourceGroups/write", GROUPS, _put_group),
    Operation("DELETE", GROUP, "Microsoft.Resources/subscriptions/resourceGroups/delete", GROUPS, _delete_group),
    Operation("GET", SUBSCRIPTION + "/operationresults/{operation}", None, GROUPS, _operation_result),
    Operation("GET", SUBSCRIPTION + "/resources", "Microsoft.Resources/subscriptions/resources/read", RESOURCES, _list_resources),
    Operation("GET", GROUP + "/resources", "Microsoft.Resources/subscriptions/resourceGroups/resources/read", RESOURCES, _list_resources),
]
