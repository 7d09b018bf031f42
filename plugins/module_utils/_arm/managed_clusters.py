# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Managed clusters (AKS). Private to the collection."""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .._azure import ids
from .._azure.answers import in_json
from .._azure.errors import ModuleError, ask, find, refuse
from .._azure.session import POLLING, Azure
from .._change import KNOWN_AFTERWARDS, Change
from .identities import location_of_group

if TYPE_CHECKING:
    from azure.core.polling import LROPoller

SETTLED = {"Succeeded", "Failed", "Canceled"}
"""Provisioning states in which nothing is going on."""
CHANGED_MEANWHILE = 412
"""Status of a write of a cluster that is no longer as it was read."""


@dataclass(frozen=True)
class Kubelet:
    """The identity with which the nodes pull images."""

    client_id: str
    object_id: str
    resource_id: str


@dataclass(frozen=True)
class Cluster:
    """A managed cluster. `oidc_issuer`, `workload_identity`: whether they are on. What is None is not known yet."""

    name: str
    location: str | None
    oidc_issuer: bool | None
    workload_identity: bool
    provisioning_state: str = "Succeeded"
    id: str | None = None
    issuer_url: str | None = None
    kubelet_identity: Kubelet | None = None
    tenant_id: str | None = None
    kubernetes_version: str | None = None
    node_resource_group: str | None = None
    addons: Mapping[str, bool] = field(default_factory=dict)
    answer: Any = field(default=None, repr=False, compare=False)
    """What Azure answered, without what is read-only: an update sends it back, but for what is asked."""
    described: Any = field(default=None, repr=False, compare=False)
    """All that Azure answered."""
    etag: str | None = field(default=None, repr=False, compare=False)
    """Another one after each change; None where the SDK does not tell it."""

    def shown(self) -> dict[str, Any]:
        values = {key: value for key, value in vars(self).items() if key not in ("answer", "described", "etag")}
        return {**values, "kubelet_identity": self.kubelet_identity and dict(vars(self.kubelet_identity)), "addons": dict(self.addons)}

    def compared(self) -> dict[str, Any]:
        decided = ("location", "kubernetes_version", "oidc_issuer", "workload_identity")
        values = {key: KNOWN_AFTERWARDS if getattr(self, key) is None else getattr(self, key) for key in decided}
        # Of interest only where a change failed, and is repaired.
        return values if self.provisioning_state == "Succeeded" else {**values, "provisioning_state": self.provisioning_state}


@dataclass(frozen=True)
class Wanted:
    """What is asked. `oidc_issuer` and `workload_identity` None leave them as they are. What only a new cluster can take is `location` to `node_vm_size`."""

    name: str
    resource_group: str
    location: str | None = None
    kubernetes_version: str | None = None
    node_count: int = 3
    node_vm_size: str | None = None
    oidc_issuer: bool | None = None
    workload_identity: bool | None = None
    create: bool = True
    """Whether a cluster that does not exist is created, and not refused."""
    option: str = "name"
    """The module's option for `name`."""

    def __post_init__(self) -> None:
        ids.RESOURCE_GROUP.check("resource_group", self.resource_group)
        ids.CLUSTER.check(self.option, self.name)
        if self.location is not None:
            ids.LOCATION.check("location", self.location)
        if self.kubernetes_version is not None and not re.fullmatch(r"\d+\.\d+(\.\d+)?", self.kubernetes_version):
            raise refuse(f"kubernetes_version is {self.kubernetes_version!r}, but must be such as 1.36 or 1.36.4.")
        if not 1 <= self.node_count <= 1000:
            raise refuse(f"node_count is {self.node_count}, but must be 1 to 1000.")
        if self.workload_identity and self.oidc_issuer is False:
            raise refuse("workload_identity needs the OIDC issuer; leave oidc_issuer out or set it to true.")

    def __str__(self) -> str:
        return f"cluster {self.name} in resource group {self.resource_group}"


def read(azure: Azure, wanted: Wanted) -> Cluster | None:
    """The cluster as it is; one request."""
    found = find(f"read the {wanted}", lambda: azure.clusters.managed_clusters.get(wanted.resource_group, wanted.name))
    return _cluster(found) if found else None


def read_all(azure: Azure, resource_group: str | None) -> tuple[Cluster, ...]:
    """All clusters of a resource group, of the subscription where it is None, in one request a page; none where there is no such group."""
    if resource_group is not None:
        ids.RESOURCE_GROUP.check("resource_group", resource_group)
    operations = azure.clusters.managed_clusters
    if resource_group is None:
        return tuple(map(_cluster, ask("list the clusters of the subscription", lambda: list(operations.list()))))
    found = find(f"list the clusters of resource group {resource_group}", lambda: list(operations.list_by_resource_group(resource_group)))
    return tuple(map(_cluster, found or ()))


def by_issuer(azure: Azure) -> dict[str, str]:
    """By issuer, which cluster of the subscription has it; one request a page."""
    clusters = [cluster for cluster in read_all(azure, None) if cluster.issuer_url]
    return {str(cluster.issuer_url): f"cluster {cluster.name} in resource group {ids.resource_group_of(str(cluster.id))}" for cluster in clusters}


def uncreated(azure: Azure, wanted: Wanted) -> ModuleError:
    """Why a cluster that does not exist is not created, with the clusters of the resource group, the nearest names first; one request a page."""
    names = [cluster.name for cluster in read_all(azure, wanted.resource_group)]
    nearest = sorted(names, key=lambda name: difflib.SequenceMatcher(None, name.lower(), wanted.name.lower()).ratio(), reverse=True)[:5]
    there = f"has {', '.join(nearest)}{' and more' if len(names) > len(nearest) else ''}" if names else "has no cluster"
    create = "create it (create: true, in role aks aks_create: true)"
    return refuse(f"There is no {wanted}, which {there}; correct {wanted.option}, resource_group or subscription_id, or {create}.")


def missing(wanted: Wanted) -> ModuleError:
    return ModuleError(f"There is no {wanted}; create it, or check {wanted.option}, resource_group and subscription_id.", code="ResourceNotFound", status=404)


def read_settled(azure: Azure, wanted: Wanted, bound: float) -> Cluster | None:
    """As `read`, and waits up to `bound` seconds where another client is changing the cluster; raises `ModuleError` after that."""
    started = time.monotonic()
    while (cluster := read(azure, wanted)) and cluster.provisioning_state not in SETTLED:
        if time.monotonic() - started > bound:
            raise _unfinished(wanted, cluster.provisioning_state, bound)
        time.sleep(POLLING["polling_interval"])
    return cluster


def plan(current: Cluster | None, wanted: Wanted) -> Change[Cluster]:
    """Create it, turn on what is asked, repair one whose last change failed. Raises `ModuleError` for what Azure cannot do."""
    if not current:
        workload_identity = bool(wanted.workload_identity)
        # Without being asked Azure decides by the Kubernetes version.
        issuer = workload_identity or wanted.oidc_issuer
        after = Cluster(wanted.name, wanted.location and ids.location(wanted.location), issuer, workload_identity)
        return Change(None, replace(after, kubernetes_version=wanted.kubernetes_version))
    if wanted.location and ids.location(wanted.location) != ids.location(current.location or ""):
        raise refuse(f"The {wanted} is in {current.location} and cannot be moved to {wanted.location}; correct location, or leave it out.")
    if current.oidc_issuer and wanted.oidc_issuer is False:
        raise refuse(f"The OIDC issuer of the {wanted} is on, and Azure cannot turn it off again; set oidc_issuer to true or leave it out.")
    issuer = bool(current.oidc_issuer or wanted.oidc_issuer)
    workload_identity = current.workload_identity if wanted.workload_identity is None else wanted.workload_identity
    if workload_identity and not issuer:
        raise refuse(f"workload_identity needs the OIDC issuer, which is off in the {wanted}; set oidc_issuer to true.")
    return Change(current, replace(current, oidc_issuer=issuer, workload_identity=workload_identity, provisioning_state="Succeeded"))


def plan_absent(current: Cluster | None) -> Change[Cluster]:
    return Change(current, None)


def does(wanted: Wanted, change: Change[Cluster]) -> str:
    """What `apply` does with the change, in words."""
    return f"{'delete' if not change.after else 'update' if change.before else 'create'} the {wanted}"


def apply(azure: Azure, wanted: Wanted, change: Change[Cluster], bound: float) -> Change[Cluster]:
    """Make the change, wait up to `bound` seconds until Azure has finished it, and return it as it is then."""
    if not change.changed:
        return change
    try:
        return _made(azure, wanted, change, bound)
    except ModuleError as failure:
        if failure.code != "OperationNotAllowed" and failure.status != CHANGED_MEANWHILE:
            raise
    # Something is going on, or is done: an operation of another client, or our own, when the answer to it was lost.
    settled = read_settled(azure, wanted, bound)
    rest = plan(settled, wanted) if change.after else plan_absent(settled)
    return Change(change.before, (_made(azure, wanted, rest, bound) if rest.changed else rest).after)


def _made(azure: Azure, wanted: Wanted, change: Change[Cluster], bound: float) -> Change[Cluster]:
    operations = azure.clusters.managed_clusters
    if not change.after:
        _finish(wanted, "delete", bound, ask(f"delete the {wanted}", lambda: operations.begin_delete(wanted.resource_group, wanted.name)))
        return change
    if change.before:
        body, done = updated(change.before, change.after), "update"
    else:
        body, done = _new(azure, wanted), "create"
    headers = _unless_changed(change.before)
    poller = ask(f"{done} the {wanted}", lambda: operations.begin_create_or_update(wanted.resource_group, wanted.name, body, headers=headers))
    _finish(wanted, done, bound, poller)
    # Only now, and not in the first answer, it has the kubelet's identity.
    after = read(azure, wanted)
    if not after:
        raise missing(wanted)
    return Change(change.before, after)


def _unless_changed(before: Cluster | None) -> dict[str, str]:
    """Headers with which Azure writes only what was read, for the body is the whole cluster: https://learn.microsoft.com/azure/aks/use-etags"""
    if before:
        return {"If-Match": before.etag} if before.etag else {}
    return {"If-None-Match": "*"}


def kubeconfig(azure: Azure, wanted: Wanted) -> str | None:
    """Text of the user's kubeconfig, a secret; None where there is no cluster. With Entra it asks for kubelogin and holds no credentials."""
    found = find(
        f"get the credentials of the {wanted}",
        lambda: azure.clusters.managed_clusters.list_cluster_user_credentials(wanted.resource_group, wanted.name, format="exec"),
    )
    if not found:
        return None
    if not found.kubeconfigs or not found.kubeconfigs[0].value:
        raise ModuleError(f"Azure answers no credentials for the {wanted}; check that the login may list them.", code="NoCredentials")
    return bytes(found.kubeconfigs[0].value).decode()


def _finish(wanted: Wanted, done: str, bound: float, poller: LROPoller[Any]) -> None:
    ask(f"{done} the {wanted}", lambda: poller.result(bound))
    if not poller.done():
        raise _unfinished(wanted, poller.status(), bound)


def _unfinished(wanted: Wanted, status: str, bound: float) -> ModuleError:
    return ModuleError(
        f"The {wanted} was still {status} after {bound:.0f} s; Azure goes on with it, so run again later, or give a longer wait_timeout.", code="Timeout"
    )


def _new(azure: Azure, wanted: Wanted) -> Any:
    """As little as `az aks create` sends: all else is Azure's choice of today."""
    pool = {"name": "nodepool1", "mode": "System", "type": "VirtualMachineScaleSets", "osType": "Linux", "count": wanted.node_count}
    properties: dict[str, Any] = {
        # A DNS label: 1 to 54 letters, digits and '-'.
        "dnsPrefix": re.sub(r"[^A-Za-z0-9-]", "-", f"{wanted.name[:40]}-{azure.subscription_id[:6]}"),
        "enableRBAC": True,
        "agentPoolProfiles": [{**pool, **({"vmSize": wanted.node_vm_size} if wanted.node_vm_size else {})}],
    }
    if wanted.kubernetes_version:
        properties["kubernetesVersion"] = wanted.kubernetes_version
    if wanted.oidc_issuer is not None or wanted.workload_identity:
        properties["oidcIssuerProfile"] = {"enabled": bool(wanted.oidc_issuer or wanted.workload_identity)}
    if wanted.workload_identity is not None:
        properties["securityProfile"] = {"workloadIdentity": {"enabled": wanted.workload_identity}}
    location = wanted.location or location_of_group(azure, wanted.resource_group)
    return {"location": location, "identity": {"type": "SystemAssigned"}, "sku": {"name": "Base", "tier": "Free"}, "properties": properties}


def updated(before: Cluster, after: Cluster) -> Any:
    """`before.answer` with only what is asked changed: as az does it, without what is read-only."""
    body = before.answer
    properties = body["properties"]
    if before.oidc_issuer != after.oidc_issuer:
        properties["oidcIssuerProfile"] = {"enabled": after.oidc_issuer}
    if before.workload_identity != after.workload_identity:
        properties["securityProfile"] = {**(properties.get("securityProfile") or {}), "workloadIdentity": {"enabled": after.workload_identity}}
    return body


def _cluster(model: Any) -> Cluster:
    answer = in_json(model)
    properties = answer["properties"]
    issuer = properties.get("oidcIssuerProfile") or {}
    workload_identity = (properties.get("securityProfile") or {}).get("workloadIdentity") or {}
    kubelet = (properties.get("identityProfile") or {}).get("kubeletidentity")
    return Cluster(
        name=answer["name"],
        location=answer["location"],
        oidc_issuer=bool(issuer.get("enabled")),
        workload_identity=bool(workload_identity.get("enabled")),
        provisioning_state=properties["provisioningState"],
        id=answer["id"],
        issuer_url=issuer.get("issuerURL"),
        kubelet_identity=Kubelet(kubelet["clientId"], kubelet["objectId"], kubelet["resourceId"]) if kubelet else None,
        tenant_id=(answer.get("identity") or {}).get("tenantId"),
        kubernetes_version=properties.get("currentKubernetesVersion") or properties.get("kubernetesVersion"),
        node_resource_group=properties.get("nodeResourceGroup"),
        addons={name.lower(): bool(profile["enabled"]) for name, profile in (properties.get("addonProfiles") or {}).items()},
        answer=in_json(model, writable=True),
        described=answer,
        etag=answer.get("eTag"),
    )
