# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A managed cluster with the registries that its nodes may pull from, and a kubeconfig, as one thing. Private to the collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .._azure import ids
from .._azure.arguments import resource_options, state_option
from .._azure.errors import ModuleError
from .._azure.session import Azure
from .._azure.writes import Permission, Step
from .._change import Change
from .._files import SecretFile
from . import grants, kubeconfig_file, registries
from . import managed_clusters as clusters
from .cluster_login import FORBIDDEN
from .grants import Principal
from .kubeconfig_file import Credentials
from .managed_clusters import Cluster
from .registries import Registry
from .role_assignments import RoleAssignment


@dataclass(frozen=True)
class Wanted:
    """What is asked. `bound`: seconds to wait for Azure; `registries` as `ids.resource` returns them; `path` None: no kubeconfig is written."""

    cluster: clusters.Wanted
    bound: float
    present: bool = True
    registries: tuple[Mapping[str, str], ...] = ()
    path: str | None = None
    administrator: bool = False


@dataclass
class Found:
    """The existing objects; `roles` are those of the nodes' identity, by the registry's id. `credentials` are read again where the cluster is changed."""

    cluster: Cluster | None = None
    registries: tuple[Registry, ...] = ()
    roles: Mapping[str, Sequence[RoleAssignment]] = field(default_factory=dict)
    credentials: Credentials = field(default_factory=Credentials)


def options() -> dict[str, Any]:
    """The options by which this is asked for, of module aks_cluster, where they are documented."""
    return dict(
        resource_group=dict(type="str", required=True),
        name=dict(type="str", required=True),
        create=dict(type="bool", default=True),
        location=dict(type="str"),
        kubernetes_version=dict(type="str"),
        node_count=dict(type="int", default=3),
        node_vm_size=dict(type="str"),
        oidc_issuer=dict(type="bool"),
        workload_identity=dict(type="bool"),
        registries=dict(type="list", elements="dict", default=[], options=resource_options()),
        kubeconfig=dict(type="dict", options=dict(path=dict(type="path", required=True), administrator=dict(type="bool", default=False))),
        wait_timeout=dict(type="int", default=1800),
        state=state_option(),
    )


def wanted(given: Mapping[str, Any]) -> Wanted:
    """What these options ask for. Raises `ModuleError`."""
    asked = ("resource_group", "name", "create", "location", "kubernetes_version", "node_count", "node_vm_size", "oidc_issuer", "workload_identity")
    return Wanted(
        clusters.Wanted(**{option: given[option] for option in asked}),
        given["wait_timeout"],
        given["state"] == "present",
        registries=tuple(ids.resource(f"registries[{number}]", "registry", entry) for number, entry in enumerate(given["registries"])),
        **(given["kubeconfig"] or {}),
    )


def read(azure: Azure, wanted: Wanted) -> Found:
    """All that decides, once no other change of the cluster is going on. Raises `ModuleError` for a registry that is missing, for a cluster that is missing and
    must not be created, and with `administrator` where the login is not one of the cluster."""
    cluster = clusters.read_settled(azure, wanted.cluster, wanted.bound)
    if not wanted.present:
        return Found(cluster)
    if not (cluster or wanted.cluster.create):
        raise clusters.uncreated(azure, wanted.cluster)
    return around(azure, wanted, cluster, tuple(registries.read_at(azure, place) for place in wanted.registries))


def around(azure: Azure, wanted: Wanted, cluster: Cluster | None, found: tuple[Registry, ...]) -> Found:
    """What else decides, where the cluster and the registries are known. Raises `ModuleError` as `read`."""
    nodes = _nodes(cluster)
    roles = {grant.scope: grants.read(azure, grant, nodes) for grant in map(grants.on_registry, found)}
    return Found(cluster, found, roles, _known_credentials(azure, wanted, cluster) if cluster and wanted.path else Credentials())


def plan(azure: Azure, wanted: Wanted, found: Found) -> list[Step]:
    """All changes in the order in which they are made, that of the cluster first and that of the kubeconfig last; no request. Raises `ModuleError` where one is
    not possible."""
    change = clusters.plan(found.cluster, wanted.cluster) if wanted.present else clusters.plan_absent(found.cluster)
    principal = Principal(_nodes(found.cluster))
    if found.registries and found.cluster and not change.changed:
        _require_nodes(wanted, principal)
    apply = partial(_apply, azure, wanted, change, principal)
    scope = (found.cluster and found.cluster.id) or ids.group(azure.subscription_id, wanted.cluster.resource_group)
    needs = Permission(f"Microsoft.ContainerService/managedClusters/{'write' if wanted.present else 'delete'}", scope)
    steps = [Step(clusters.does(wanted.cluster, change), apply, change, str(wanted.cluster), needs)]
    for grant in map(grants.on_registry, found.registries):
        steps += grants.steps(azure, grant, found.roles[grant.scope], principal)
    if wanted.present and wanted.path:
        file = kubeconfig_file.plan(wanted.path, found.credentials)
        write = partial(_write, azure, wanted, found, changed=change.changed)
        steps.append(Step(f"write the kubeconfig {wanted.path}", write, file, f"file {wanted.path}"))
    return steps


def kubeconfig(azure: Azure, wanted: Wanted, found: Found, steps: Sequence[Step], *, check: bool) -> dict[str, Any] | None:
    """What is returned of the kubeconfig after these steps, in check mode of the planned ones; None where none is asked for. One that needed no change gets a
    new token."""
    if not (wanted.present and wanted.path):
        return None
    file = steps[-1].change
    if not file.changed:
        _read_again(azure, wanted, found, changed=steps[0].change.changed and not check)
        kubeconfig_file.apply(file, found.credentials)
    token = found.credentials.token
    return {"path": wanted.path, "written": file.changed, "file": file.after and file.after.shown(), "token": token and token.shown()}


def _apply(azure: Azure, wanted: Wanted, change: Change[Cluster], principal: Principal) -> Change[Cluster]:
    made = clusters.apply(azure, wanted.cluster, change, wanted.bound)
    principal.id = _nodes(made.after)
    if wanted.registries and wanted.present:
        _require_nodes(wanted, principal)
    return made


def _write(azure: Azure, wanted: Wanted, found: Found, *, changed: bool) -> Change[SecretFile]:
    _read_again(azure, wanted, found, changed=changed)
    file = kubeconfig_file.plan(str(wanted.path), found.credentials)
    kubeconfig_file.apply(file, found.credentials)
    return file


def _read_again(azure: Azure, wanted: Wanted, found: Found, *, changed: bool) -> None:
    # A cluster may be new, and a change of one takes long: the token gets all of its time.
    if changed:
        found.credentials = _credentials(azure, wanted)


def _credentials(azure: Azure, wanted: Wanted) -> Credentials:
    return kubeconfig_file.credentials(azure, wanted.cluster, administrator=wanted.administrator)


def _known_credentials(azure: Azure, wanted: Wanted, cluster: Cluster) -> Credentials:
    """The cluster's; none where its last change failed and it has none before it is repaired."""
    try:
        return _credentials(azure, wanted)
    except ModuleError as failure:
        if cluster.provisioning_state == "Succeeded" or failure.code == FORBIDDEN:
            raise
        return Credentials()


def _nodes(cluster: Cluster | None) -> str | None:
    """Object id of the identity with which the nodes pull."""
    return cluster.kubelet_identity.object_id if cluster and cluster.kubelet_identity else None


def _require_nodes(wanted: Wanted, principal: Principal) -> None:
    if principal.id is None:
        raise ModuleError(
            f"The {wanted.cluster} has no kubelet identity, to which a role on the registries could be assigned; give it a managed identity"
            " (az aks update --enable-managed-identity), or leave registries out.",
            code="NoKubeletIdentity",
        )
