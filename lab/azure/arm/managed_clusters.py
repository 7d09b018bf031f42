"""Managed clusters: https://learn.microsoft.com/rest/api/aks/managed-clusters. Each is a real node; operations end when it serves."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from lab.azure.arm import cluster_users, groups, identities
from lab.azure.arm.cluster_properties import NAMESPACE, PATH_TYPE, changed, created, enabled
from lab.azure.arm.errors import ArmError, resource_not_found
from lab.azure.arm.gateway import GROUP, SUBSCRIPTION, Call, Operation, ResourceType, answer, nothing, page, versions
from lab.azure.context import Azure, blocking
from lab.azure.state import ManagedCluster, guid, now
from lab.azure.state import Operation as Job

_log = logging.getLogger(__name__)

TYPE = f"{NAMESPACE}/ManagedClusters"
"""As the provider spells it in answers."""
CLUSTERS = ResourceType(
    NAMESPACE,
    "managedClusters",
    versions("""
        2021-10-01 2022-01-01 2022-06-01 2022-09-01 2022-11-01 2023-01-01 2023-02-01 2023-03-01 2023-04-01 2023-05-01 2023-06-01
        2023-07-01 2023-08-01 2023-09-01 2023-10-01 2023-11-01 2024-01-01 2024-02-01 2024-05-01 2024-06-01 2024-07-01 2024-08-01
        2024-09-01 2024-10-01 2025-01-01 2025-02-01 2025-03-01 2025-04-01 2025-05-01 2025-06-01 2025-07-01 2025-08-01 2025-09-01
        2025-10-01 2026-01-01 2026-02-01 2026-03-01 2026-04-01 2026-05-01 2026-06-01 2026-07-01 2026-08-01
    """),
)
OPERATIONS_TYPE = ResourceType(NAMESPACE, "locations/operations", ["2016-03-30", *CLUSTERS.versions])
PATH = GROUP + f"/providers/{PATH_TYPE}/{{name}}"
ETAG_FROM = "2024-10-01"
LOCATIONS = SUBSCRIPTION + f"/providers/{NAMESPACE}/locations/{{location}}"


def _etag(cluster: ManagedCluster) -> str:
    """Another one after each change of the cluster, but not of a pool: https://learn.microsoft.com/azure/aks/use-etags"""
    counted = {key: value for key, value in cluster.properties.items() if key not in ("provisioningState", "powerState", "agentPoolProfiles")}
    return hashlib.sha256(json.dumps([cluster.tags, counted], sort_keys=True).encode()).hexdigest()[:32]


def _check_conditions(call: Call, existing: ManagedCluster | None) -> None:
    """Raise `ArmError` where the cluster is not the one that the caller has read."""
    match, none_match = (call.request.headers.get(name) for name in ("if-match", "if-none-match"))
    there = {"*", _etag(existing)} if existing else set()
    if (match and match not in there) or (none_match == "*" and existing):
        raise ArmError(412, "PreconditionFailed", "The eTag of the request does not match that of the managed cluster.")


def _view(call: Call, cluster: ManagedCluster) -> dict[str, Any]:
    view: dict[str, Any] = {"id": cluster.id, "location": cluster.location, "name": cluster.name}
    if call.version >= ETAG_FROM:
        view["eTag"] = _etag(cluster)
    if cluster.tags:
        view["tags"] = cluster.tags
    view |= {"type": TYPE, "properties": cluster.properties}
    return view | ({"identity": cluster.identity} if cluster.identity else {}) | {"sku": cluster.sku}


def _cluster(call: Call) -> ManagedCluster:
    cluster = call.azure.state.clusters.get(re.sub(r"/(listcluster(user|admin)credential|abort)$", "", call.key))
    if cluster is None:
        raise resource_not_found(PATH_TYPE, call["name"], call["group"])
    return cluster


async def _get(call: Call) -> Response:
    return answer(_view(call, _cluster(call)))


async def _list(call: Call) -> Response:
    prefix = call.key.partition("/providers/")[0] + "/"
    return page(call, [_view(call, cluster) for key, cluster in call.azure.state.clusters.items() if key.startswith(prefix)])


async def _put(call: Call) -> Response:
    existing = call.azure.state.clusters.get(call.key)
    _check_conditions(call, existing)
    if existing:
        _refuse_while_busy(existing)
    cluster = await changed(call, existing) if existing else await created(call)
    call.azure.state.clusters[call.key] = cluster
    call.azure.clusters_changed()
    return answer(_view(call, cluster), 200 if existing else 201, _begin(call, cluster))


async def _patch(call: Call) -> Response:
    """Tags only, as in Azure."""
    cluster = _cluster(call)
    _refuse_while_busy(cluster)
    cluster.tags = call.tags(cluster.tags)
    cluster.properties["provisioningState"] = "Updating"
    return answer(_view(call, cluster), 200, _begin(call, cluster))


async def _delete(call: Call) -> Response:
    cluster = call.azure.state.clusters.get(call.key)
    if cluster is None:
        return nothing(204)
    _refuse_while_busy(cluster)
    cluster.properties["provisioningState"] = "Deleting"
    return nothing(202, _both(_begin(call, cluster)))


def _both(headers: dict[str, str]) -> dict[str, str]:
    """The headers of an operation that can be followed in both ways."""
    return {**headers, "Location": headers["Azure-AsyncOperation"].replace("/operations/", "/operationresults/")}


async def _list_user_credential(call: Call) -> Response:
    return await cluster_users.user_credential(call, _with_control_plane(call))


async def _list_admin_credential(call: Call) -> Response:
    return await cluster_users.admin_credential(call, _with_control_plane(call))


async def _abort(call: Call) -> Response:
    """Cancel the latest operation. A node that is being started cannot be interrupted: it goes on, and then the cluster counts as canceled."""
    cluster = _cluster(call)
    running = call.azure.state.operations.get(cluster.operation)
    if running is None or running.status != "InProgress" or cluster.properties["provisioningState"] in ("Deleting", "Canceling"):
        raise ArmError(409, "OperationNotAllowed", f"There is no operation on the managed cluster '{cluster.name}' that can be aborted.")
    shown, job = answer(_view(call, cluster), 202), Job(id=guid(), status="InProgress", started=now())
    call.azure.state.operations[job.id], running.aborted_by = job, job.id
    cluster.properties["provisioningState"] = "Canceling"
    call.azure.save()
    shown.headers.update(_both(_poll_at(call, cluster, job)))
    return shown


def _with_control_plane(call: Call) -> ManagedCluster:
    cluster = _cluster(call)
    if cluster.properties["provisioningState"] == "Creating":
        raise ArmError(404, "ControlPlaneNotFound", f"Could not find ControlPlane with ID {guid().replace('-', '')[:24]}")
    return cluster


def _refuse_while_busy(cluster: ManagedCluster) -> None:
    state = cluster.properties["provisioningState"]
    if state not in ("Succeeded", "Failed", "Canceled"):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Operation is not allowed because there's an in progress {state.lower()} managed cluster operation on the managed cluster started at "
            f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}. Please wait for it to finish before starting a new operation. "
            "See https://aka.ms/aks-pending-operation for more details",
        )


def _begin(call: Call, cluster: ManagedCluster) -> dict[str, str]:
    """Start the operation that the cluster's provisioning state tells; the header that names it. There is no Retry-After, as recorded."""
    job = Job(id=guid(), status="InProgress", started=now())
    call.azure.state.operations[job.id] = job
    cluster.operation = job.id
    call.azure.save()
    call.azure.work(_run(call.azure, cluster, job))
    return _poll_at(call, cluster, job)


def _poll_at(call: Call, cluster: ManagedCluster, job: Job) -> dict[str, str]:
    path = f"subscriptions/{call['subscription']}/providers/{NAMESPACE}/locations/{cluster.location}/operations/{job.id}"
    return {"Azure-AsyncOperation": f"{call.request.base_url}{path}?api-version=2016-03-30"}


def resume(azure: Azure) -> None:
    """Take up the operations that the last stop interrupted."""
    for cluster in azure.state.clusters.values():
        job = azure.state.operations.get(cluster.operation)
        if job and job.status == "InProgress":
            azure.work(_run(azure, cluster, job))


async def _run(azure: Azure, cluster: ManagedCluster, job: Job) -> None:
    deleting = cluster.properties["provisioningState"] == "Deleting"
    try:
        await asyncio.sleep(azure.state.settings.operation_delay)
        await (delete(azure, cluster) if deleting else _provision(azure, cluster))
        job.status = "Succeeded"
    except Exception as error:
        _log.exception("operation %s on managed cluster %s failed", job.id, cluster.name)
        job.status = "Failed"
        job.error = {"code": "InternalOperationError", "message": f"{type(error).__name__}: {error}"}
    job.ended = now()
    if abort := azure.state.operations.get(job.aborted_by):
        job.status, abort.status, abort.ended = "Canceled", "Succeeded", now()
    cluster.properties["provisioningState"] = job.status
    azure.save()


async def _provision(azure: Azure, cluster: ManagedCluster) -> None:
    """Make the node and what runs on it as the cluster's properties say. What already is stays untouched."""
    properties, creating = cluster.properties, cluster.properties["provisioningState"] == "Creating"
    await blocking(azure.backend.start_cluster, cluster.name)
    if enabled(properties, "securityProfile", "workloadIdentity"):
        await blocking(azure.backend.install_workload_identity, cluster.name, azure.state.tenant)
    elif not creating:
        await blocking(azure.backend.remove_workload_identity, cluster.name)
    await cluster_users.provision(azure, cluster)
    if cluster.identity and "identityProfile" not in properties and properties["provisioningState"] != "Canceling":
        properties["identityProfile"] = {"kubeletidentity": _kubelet_identity(azure, cluster)}
    for pool in properties["agentPoolProfiles"]:
        pool["provisioningState"] = "Succeeded"


def _kubelet_identity(azure: Azure, cluster: ManagedCluster) -> dict[str, str]:
    """Create the identity of the cluster's nodes, in a resource group of their own, as AKS does."""
    group = cluster.properties["nodeResourceGroup"]
    made = groups.new_group(azure.state.subscription, group, cluster.location, managed_by=cluster.id)
    azure.state.resource_groups[made["id"].lower()] = made
    identity = identities.new_identity(azure.state, group, f"{cluster.name}-agentpool", cluster.location)
    return {"resourceId": identity.id, "clientId": identity.client_id, "objectId": identity.principal_id}


async def delete(azure: Azure, cluster: ManagedCluster) -> None:
    """Take away the node, the cluster, and the resource group of its nodes."""
    await blocking(azure.backend.delete_cluster, cluster.name)
    group = f"/subscriptions/{azure.state.subscription}/resourcegroups/{cluster.properties['nodeResourceGroup']}".lower()
    azure.state.resource_groups.pop(group, None)
    for key in [key for key in azure.state.identities if key.startswith(group + "/")]:
        del azure.state.identities[key]
    azure.state.clusters.pop(cluster.id.lower(), None)
    azure.clusters_changed()


def _job(call: Call) -> Job:
    job = call.azure.state.operations.get(call["operation"].lower())
    if job is None:
        raise ArmError(404, "NotFound", f"The entity was not found: operation {call['operation']}.")
    return job


async def _get_operation(call: Call) -> Response:
    job = _job(call)
    body: dict[str, Any] = {"name": job.id, "status": job.status, "startTime": _time(job.started)}
    if job.ended is not None:
        body["endTime"] = _time(job.ended)
    return answer(body | ({"error": job.error} if job.error else {}))


async def _get_operation_result(call: Call) -> Response:
    return nothing(202 if _job(call).status == "InProgress" else 204, {"Location": str(call.request.url)})


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"


OPERATIONS = [
    Operation("GET", SUBSCRIPTION + f"/providers/{PATH_TYPE}", f"{PATH_TYPE}/read", CLUSTERS, _list),
    Operation("GET", GROUP + f"/providers/{PATH_TYPE}", f"{PATH_TYPE}/read", CLUSTERS, _list),
    Operation("GET", PATH, f"{PATH_TYPE}/read", CLUSTERS, _get),
    Operation("PUT", PATH, f"{PATH_TYPE}/write", CLUSTERS, _put),
    Operation("PATCH", PATH, f"{PATH_TYPE}/write", CLUSTERS, _patch),
    Operation("DELETE", PATH, f"{PATH_TYPE}/delete", CLUSTERS, _delete),
    Operation("POST", PATH + "/abort", f"{PATH_TYPE}/abort/action", CLUSTERS, _abort),
    Operation("POST", PATH + "/listClusterUserCredential", f"{PATH_TYPE}/listClusterUserCredential/action", CLUSTERS, _list_user_credential),
    Operation("POST", PATH + "/listClusterAdminCredential", f"{PATH_TYPE}/listClusterAdminCredential/action", CLUSTERS, _list_admin_credential),
    Operation("GET", LOCATIONS + "/operations/{operation}", f"{NAMESPACE}/locations/operations/read", OPERATIONS_TYPE, _get_operation),
    Operation("GET", LOCATIONS + "/operationresults/{operation}", f"{NAMESPACE}/locations/operationresults/read", OPERATIONS_TYPE, _get_operation_result),
]
