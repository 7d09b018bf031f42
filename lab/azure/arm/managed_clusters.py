"""Managed clusters: https://learn.microsoft.com/rest/api/aks/managed-clusters. Each is a real node; operations end when it serves."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from lab.azure.arm import cluster_users, groups, identities
from lab.azure.arm.errors import ArmError, bad_request, resource_not_found
from lab.azure.arm.gateway import GROUP, SUBSCRIPTION, Call, Operation, ResourceType, answer, nothing, page, versions
from lab.azure.context import Azure, blocking
from lab.azure.state import ManagedCluster, guid, now
from lab.azure.state import Operation as Job
from lab.errors import LabError

_log = logging.getLogger(__name__)

NAMESPACE = "Microsoft.ContainerService"
PATH_TYPE = f"{NAMESPACE}/managedClusters"
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
ISSUER_IS_DEFAULT_FROM = (1, 34)
"""New clusters of this Kubernetes version have the OIDC issuer on unless the request says otherwise."""
LOCATIONS = SUBSCRIPTION + f"/providers/{NAMESPACE}/locations/{{location}}"


def _view(cluster: ManagedCluster) -> dict[str, Any]:
    view: dict[str, Any] = {"id": cluster.id, "location": cluster.location, "name": cluster.name}
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
    return answer(_view(_cluster(call)))


async def _list(call: Call) -> Response:
    prefix = call.key.partition("/providers/")[0] + "/"
    return page(call, [_view(cluster) for key, cluster in call.azure.state.clusters.items() if key.startswith(prefix)])


async def _put(call: Call) -> Response:
    existing = call.azure.state.clusters.get(call.key)
    cluster = await _changed(call, existing) if existing else await _new(call)
    call.azure.state.clusters[call.key] = cluster
    call.azure.clusters_changed()
    return answer(_view(cluster), 200 if existing else 201, _begin(call, cluster))


async def _patch(call: Call) -> Response:
    """Tags only, as in Azure."""
    cluster = _cluster(call)
    _refuse_while_busy(cluster)
    cluster.tags = call.tags(cluster.tags)
    cluster.properties["provisioningState"] = "Updating"
    return answer(_view(cluster), 200, _begin(call, cluster))


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
    shown, job = answer(_view(cluster), 202), Job(id=guid(), status="InProgress", started=now())
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


def _enabled(properties: dict[str, Any], *path: str) -> bool | None:
    """The flag `enabled` below `path`; None when the request does not say."""
    value: Any = properties
    for step in (*path, "enabled"):
        value = value.get(step) if isinstance(value, dict) else None
    return None if value is None else bool(value)


async def _new(call: Call) -> ManagedCluster:
    azure, name, group, sent = call.azure, call["name"], call["group"], call.properties()
    if not re.fullmatch(r"[a-zA-Z0-9]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?", name):
        message = (
            "The value of parameter name is invalid. Error details: it has 1 to 63 letters, digits, '-' and '_', and starts and ends with a letter or digit."
        )
        raise bad_request(message, "InvalidParameter")
    if azure.state.cluster_named(name):
        raise ArmError(409, "NodeInUse", f"The lab has one node '{name}', and it is a managed cluster of another resource group already.")
    location = call.location()
    for required in ("agentPoolProfiles", "dnsPrefix"):
        if not sent.get(required):
            raise bad_request(f"Required parameter {required} is missing (null).", "InvalidParameter")
    identity = call.body.get("identity") or {}
    if not identity.get("type") and not sent.get("servicePrincipalProfile"):
        raise bad_request("Required parameter servicePrincipalProfile is missing (null).", "InvalidParameter")
    version = await _version(azure, name, sent)
    oidc = _enabled(sent, "oidcIssuerProfile")
    if oidc is None:
        oidc = tuple(map(int, version.split(".")[:2])) >= ISSUER_IS_DEFAULT_FROM
    if _enabled(sent, "securityProfile", "workloadIdentity") and not oidc:
        raise _workload_identity_needs_issuer()
    try:
        issuer = await blocking(azure.backend.issuer, name)
    except LabError as error:
        raise bad_request(f"The value of parameter name is invalid. Error details: {error}", "InvalidParameter") from error
    if call.key in azure.state.clusters:
        raise ArmError(409, "Conflict", f"The managed cluster '{name}' is being created by another request.")
    fqdn = f"{sent['dnsPrefix']}-{guid()[:8]}"
    properties: dict[str, Any] = {
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "kubernetesVersion": version,
        "currentKubernetesVersion": version,
        "dnsPrefix": sent["dnsPrefix"],
        "fqdn": f"{fqdn}.hcp.{location}.azmk8s.io",
        "azurePortalFQDN": f"{fqdn}.portal.hcp.{location}.azmk8s.io",
        "agentPoolProfiles": [_pool(pool, version) for pool in sent["agentPoolProfiles"]],
        "servicePrincipalProfile": {"clientId": (sent.get("servicePrincipalProfile") or {}).get("clientId", "msi")},
        "nodeResourceGroup": sent.get("nodeResourceGroup") or f"MC_{group}_{name}_{location}"[:80],
        "enableRBAC": sent.get("enableRBAC", True),
        "supportPlan": "KubernetesOfficial",
        "networkProfile": _network(sent.get("networkProfile") or {}),
        "maxAgentPools": 100,
        "disableLocalAccounts": sent.get("disableLocalAccounts", False),
        "securityProfile": {},
        "storageProfile": {"diskCSIDriver": {"enabled": True}, "fileCSIDriver": {"enabled": True}, "snapshotController": {"enabled": True}},
        "oidcIssuerProfile": {"enabled": True, "issuerURL": issuer} if oidc else {"enabled": False},
        "workloadAutoScalerProfile": {},
    }
    entra = cluster_users.profile(azure, None, sent.get("aadProfile"))
    properties |= {"aadProfile": entra} if entra else {}
    asked = {key: value for key, value in sent.items() if value not in (None, {}) and key not in (*properties, "identityProfile")}
    given = {key: sent[key] for key in ("securityProfile", "storageProfile") if sent.get(key)}
    return ManagedCluster(
        id=f"/subscriptions/{call['subscription']}/resourcegroups/{group}/providers/{PATH_TYPE}/{name}",
        name=name,
        location=location,
        tags=call.tags(),
        properties=_merged(_merged(properties, asked), given),
        identity={"type": identity["type"], "principalId": guid(), "tenantId": azure.state.tenant} if identity.get("type") else {},
        sku={"name": "Base", "tier": "Free"} | (call.body.get("sku") or {}),
    )


async def _version(azure: Azure, name: str, sent: dict[str, Any]) -> str:
    """The Kubernetes version, full; the lab has one. Raises `ArmError` when another is asked for."""
    has = await blocking(azure.backend.kubernetes_version, name)
    wanted = sent.get("kubernetesVersion") or has
    if has != wanted and not has.startswith(wanted + "."):
        raise bad_request(
            f"Managed cluster {name} is on version {wanted}, which is not supported in this region. Please use [az aks get-versions] "
            "command to get the supported "
            "version list in this region.",
            "K8sVersionNotSupported",
        )
    return has


def _network(sent: dict[str, Any]) -> dict[str, Any]:
    """The network profile with Azure's defaults. What the lab's nodes really use is told by Kubernetes only."""
    said = {key: value for key, value in sent.items() if value is not None}
    overlay = {"networkPlugin": "azure", "networkPluginMode": "overlay"} if "networkPlugin" not in said else {}
    pods, services = said.get("podCidr", "10.244.0.0/16"), said.get("serviceCidr", "10.0.0.0/16")
    defaults: dict[str, Any] = {
        "loadBalancerSku": "standard",
        "loadBalancerProfile": {"managedOutboundIPs": {"count": 1}},
        "podCidr": pods,
        "serviceCidr": services,
        "dnsServiceIP": "10.0.0.10",
        "outboundType": "loadBalancer",
        "podCidrs": [pods],
        "serviceCidrs": [services],
        "ipFamilies": ["IPv4"],
    }
    return {**defaults, **overlay, **said}


def _pool(pool: dict[str, Any], version: str) -> dict[str, Any]:
    defaults = {
        "count": 1,
        "vmSize": "Standard_D4ds_v5",
        "osDiskSizeGB": 128,
        "osDiskType": "Managed",
        "kubeletDiskType": "OS",
        "maxPods": 250,
        "type": "VirtualMachineScaleSets",
        "enableAutoScaling": False,
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "orchestratorVersion": version,
        "currentOrchestratorVersion": version,
        "enableNodePublicIP": False,
        "mode": "System",
        "enableEncryptionAtHost": False,
        "enableUltraSSD": False,
        "osType": "Linux",
        "osSKU": "Ubuntu",
        "nodeImageVersion": "AKSUbuntu-2404gen2containerd-202610.01.0",
        "upgradeSettings": {},
        "enableFIPS": False,
    }
    only_asked = ("scaleSetPriority", "scaleSetEvictionPolicy", "spotMaxPrice", "nodeTaints")
    said = {key: value for key, value in pool.items() if value not in (None, "", 0) and key not in only_asked}
    return {"name": pool.get("name", "nodepool1"), **defaults, **said}


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`old` with what `new` says; what it does not say (or says null) stays."""
    result = dict(old)
    for key, value in new.items():
        if value is not None:
            result[key] = _merged(old[key], value) if isinstance(value, dict) and isinstance(old.get(key), dict) else value
    return result


def _workload_identity_needs_issuer() -> ArmError:
    return bad_request("Enabling workload identity requires enabling OIDC issuer.", "OIDCIssuerRequiredForWorkloadIdentity")


async def _changed(call: Call, existing: ManagedCluster) -> ManagedCluster:
    """The cluster after an update; what the request does not mention stays."""
    _refuse_while_busy(existing)
    location, sent = call.location(existing.location), call.properties()
    properties = existing.properties
    for fixed in ("dnsPrefix", "nodeResourceGroup"):
        if sent.get(fixed) not in (None, properties[fixed]):
            raise bad_request(f"Changing property 'properties.{fixed}' is not allowed.", "PropertyChangeNotAllowed")
    asked_version = sent.get("kubernetesVersion")
    if asked_version and asked_version != properties["kubernetesVersion"] and not properties["kubernetesVersion"].startswith(asked_version + "."):
        raise bad_request(f"Upgrading to {asked_version} is not supported: the lab has one version.", "K8sVersionNotSupported")
    oidc = _enabled(sent, "oidcIssuerProfile")
    if oidc is False and _enabled(properties, "oidcIssuerProfile"):
        raise bad_request("OIDC issuer feature cannot be disabled.", "OIDCIssuerFeatureCannotBeDisabled")
    if _enabled(sent, "securityProfile", "workloadIdentity") and not (oidc or _enabled(properties, "oidcIssuerProfile")):
        raise _workload_identity_needs_issuer()
    read_only = (
        "servicePrincipalProfile",
        "provisioningState",
        "powerState",
        "fqdn",
        "azurePortalFQDN",
        "identityProfile",
        "kubernetesVersion",
        "currentKubernetesVersion",
        "agentPoolProfiles",
    )
    merged = _merged(properties, {key: value for key, value in sent.items() if key not in read_only})
    entra = cluster_users.profile(call.azure, properties.get("aadProfile"), sent.get("aadProfile"))
    merged |= {"aadProfile": entra} if entra else {}
    if oidc:
        merged["oidcIssuerProfile"] = {"enabled": True, "issuerURL": await blocking(call.azure.backend.issuer, existing.name)}
    pools = {pool["name"]: pool for pool in properties["agentPoolProfiles"]}
    for pool in sent.get("agentPoolProfiles") or []:
        name = pool.get("name", "nodepool1")
        pools[name] = _merged(pools[name], pool) if name in pools else _pool(pool, properties["kubernetesVersion"])
    merged |= {"agentPoolProfiles": list(pools.values()), "provisioningState": "Updating"}
    return ManagedCluster(
        existing.id, existing.name, location, call.tags(existing.tags), merged, existing.identity, existing.sku | (call.body.get("sku") or {})
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
    """Make the node and what runs on it as the cluster's properties say. What is right already stays as it is."""
    properties, creating = cluster.properties, cluster.properties["provisioningState"] == "Creating"
    await blocking(azure.backend.start_cluster, cluster.name)
    if _enabled(properties, "securityProfile", "workloadIdentity"):
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
