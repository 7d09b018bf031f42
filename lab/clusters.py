"""The real clusters of the lab, by name: which exist, and what the emulated Azure does with them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from lab.build import charts, tools
from lab.build.images import PAUSE
from lab.config import AZURE_PORT, PATIENCE, Cluster, home
from lab.errors import LabError
from lab.locks import locked
from lab.node import authentication
from lab.node.control import Node, lab_environment
from lab.progress import wait_for

MOST = 100
_RELEASE = "workload-identity-webhook"
_ADMINISTRATORS = "aks-cluster-admin-binding-aad"
"""Name of the binding by which AKS makes Entra's groups administrators."""
_WEBHOOK_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"generateName": "workload-identity-", "labels": {"azure.workload.identity/use": "true"}},
    "spec": {"containers": [{"name": "main", "image": PAUSE}]},
}


def cluster(name: str) -> Cluster:
    """The cluster `name`; one that does not exist yet gets the lowest free index, a folder and an issuer. LabError for a name that a node cannot have."""
    name = name.lower().replace("_", "-")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
        raise LabError(f"a cluster of the lab cannot be called {name}: letters, digits and hyphens, at most 63")
    with locked(_folder() / ".lock"):
        known = {each.name: each for each in clusters()}
        if name not in known:
            known[name] = Cluster(name, _free_index({each.index for each in known.values()}))
            known[name].folder.mkdir(parents=True, exist_ok=True)
            known[name].issuer_file.write_text(str(uuid4()))
            _index_file(known[name].folder).write_text(str(known[name].index))
        return known[name]


def clusters() -> list[Cluster]:
    """Every cluster that exists, running or not, by index."""
    files = [_index_file(folder) for folder in _folder().glob("*/")]
    return sorted((Cluster(file.parent.name, int(file.read_text())) for file in files if file.exists()), key=lambda each: each.index)


def nodes() -> list[Node]:
    """The node of every cluster that exists, by index."""
    return [Node(each) for each in clusters()]


class Clusters:
    """`lab.azure.backend.Backend` with the real nodes."""

    registry = f"http://127.0.0.1:{AZURE_PORT + 1}"

    def start_cluster(self, name: str) -> None:
        node = Node(cluster(name))
        node.start()
        node.wait()

    def delete_cluster(self, name: str) -> None:
        Node(cluster(name)).delete()

    def kubeconfig(self, name: str) -> str:
        return cluster(name).kubeconfig.read_text()

    def issuer(self, name: str) -> str:
        return cluster(name).issuer

    def jwks(self, name: str) -> dict[str, Any]:
        keys: dict[str, Any] = Node(cluster(name)).get("/openid/v1/jwks")
        return keys

    def kubernetes_version(self, name: str) -> str:
        return tools.KUBERNETES.version("k8s.io/kubernetes").removeprefix("v")

    def install_workload_identity(self, name: str, tenant: str) -> None:
        node = Node(cluster(name))
        if _mutates(node):
            return
        # A helm that was killed leaves a release that cannot be upgraded.
        self.remove_workload_identity(name)
        # The chart's own limits, a tenth of a core and less memory than the program's code, make it start in minutes.
        values = f"azureTenantID={tenant},replicaCount=1,resources.limits.cpu=1,resources.limits.memory=300Mi"
        _helm(name, "install", _RELEASE, str(charts.WORKLOAD_IDENTITY.package), f"--set={values}")
        wait_for(f"workload identity webhook of cluster {name} serves", lambda: _mutates(node), 30)

    def remove_workload_identity(self, name: str) -> None:
        secrets = Node(cluster(name)).get(f"/api/v1/namespaces/kube-system/secrets?labelSelector=owner=helm,name={_RELEASE}")
        if secrets["items"]:
            _helm(name, "uninstall", _RELEASE)

    def admit_entra(self, name: str, tenant: str, admin_groups: Sequence[str], token: str) -> None:
        node, path = Node(cluster(name)), "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/" + _ADMINISTRATORS
        authentication.write(node.cluster, tenant)
        if admin_groups:
            node.apply(path, _administrators(admin_groups))
        else:
            node.delete_object(path)
        wait_for(f"cluster {name} to know Entra's users", lambda: node.accepts(token), 90)

    def forget_entra(self, name: str, token: str) -> None:
        node = Node(cluster(name))
        authentication.write(node.cluster, None)
        node.delete_object("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/" + _ADMINISTRATORS)
        wait_for(f"cluster {name} to forget Entra's users", lambda: not node.accepts(token), 90)


def _administrators(groups: Sequence[str]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": _ADMINISTRATORS},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group} for group in groups],
    }


def _mutates(node: Node) -> bool:
    """Whether the webhook gives a pod what it needs to get a token."""
    pod = node.dry_run("/api/v1/namespaces/kube-system/pods", _WEBHOOK_POD)
    return pod is not None and any(variable["name"] == "AZURE_FEDERATED_TOKEN_FILE" for variable in pod["spec"]["containers"][0].get("env", []))


def _helm(name: str, *arguments: str) -> None:
    environment = {**lab_environment(), "KUBECONFIG": str(cluster(name).kubeconfig)}
    argv = [str(tools.program("helm")), *arguments, "--namespace=kube-system", "--wait", f"--timeout={120 * PATIENCE:.0f}s"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"helm {arguments[0]} of the workload identity webhook in cluster {name} failed: {done.stderr.strip()}")


def _folder() -> Path:
    return home() / "clusters"


def _index_file(folder: Path) -> Path:
    return folder / "index"


def _free_index(taken: set[int]) -> int:
    free = next((index for index in range(MOST) if index not in taken), None)
    if free is None:
        raise LabError(f"the lab has {MOST} clusters already; delete one")
    return free
