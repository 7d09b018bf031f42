# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What verifies images in a cluster, as it is there: programs, policy, trust. Reads nothing that is secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._kubernetes.api import ClusterError
from .._kubernetes.inventory import ClusterObjects
from .._policy.exempt_namespaces import CONFIGS, LABELLED

_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1"
RATIFY = {"Store": "stores", "Verifier": "verifiers", "KeyManagementProvider": "key_management_providers", "Policy": "ratify_policies"}
"""Kinds of Ratify that say by their status whether Ratify could use them, and where `Verification` has them."""

_RATIFY = "/apis/config.ratify.deislabs.io/v1beta1"
GUARD = "namespace-labels.image-trust.azure"
"""The validating admission policy, and its binding, that keeps namespaces from having a label by which Gatekeeper is not asked. Role gatekeeper makes it."""
IN_NAMESPACE = ("gatekeeper_configs",)
"""Of these, Gatekeeper reads those of its own namespace only."""
LISTS = {
    "templates": "/apis/templates.gatekeeper.sh/v1/constrainttemplates",
    "constraints": "/apis/constraints.gatekeeper.sh/v1beta1/imagesverified",
    "mutations": "/apis/mutations.gatekeeper.sh/v1/assign",
    "gatekeeper_configs": CONFIGS,
    "providers": "/apis/externaldata.gatekeeper.sh/v1beta1/providers",
    "ratify_policies": f"{_RATIFY}/policies",
    "stores": f"{_RATIFY}/stores",
    "verifiers": f"{_RATIFY}/verifiers",
    "key_management_providers": f"{_RATIFY}/keymanagementproviders",
    "certificate_stores": f"{_RATIFY}/certificatestores",
    "namespaced_policies": f"{_RATIFY}/namespacedpolicies",
    "namespaced_stores": f"{_RATIFY}/namespacedstores",
    "namespaced_verifiers": f"{_RATIFY}/namespacedverifiers",
    "namespaced_key_management_providers": f"{_RATIFY}/namespacedkeymanagementproviders",
    "guards": f"{_WEBHOOKS}/validatingadmissionpolicies",
    "guard_bindings": f"{_WEBHOOKS}/validatingadmissionpolicybindings",
    "validating_webhooks": f"{_WEBHOOKS}/validatingwebhookconfigurations",
    "mutating_webhooks": f"{_WEBHOOKS}/mutatingwebhookconfigurations",
}
"""Lists of objects that decide which images are admitted. A kind that the cluster does not know is an empty list."""
OURS = {
    "templates": ("imagesverified",),
    "providers": ("ratify-provider", "ratify-mutation-provider"),
    "validating_webhooks": ("gatekeeper-validating-webhook-configuration",),
    "mutating_webhooks": ("gatekeeper-mutating-webhook-configuration",),
    "guards": (GUARD,),
    "guard_bindings": (GUARD,),
}
"""Of these, other objects decide other things."""


@dataclass(frozen=True)
class Verification:
    """`objects` are those of LISTS, whole, by name; `ignored` the namespaces that have IGNORE; `pods` and `services` those of
    Gatekeeper's and Ratify's namespace; `refused` says what could not be read."""

    kubernetes_version: str | None
    uid: str | None
    issuer: str | None
    objects: Mapping[str, list[dict[str, Any]]]
    ignored: list[str]
    pods: list[dict[str, Any]]
    services: list[dict[str, Any]]
    refused: tuple[str, ...]


def read(cluster: ClusterObjects, namespace: str) -> Verification:
    """Read it. `namespace` is Gatekeeper's and Ratify's. Raises ClusterError when the cluster does not answer; what it refuses or lacks is no error."""
    refused: list[str] = []

    def get(path: str, *, needed: bool = True) -> dict[str, Any]:
        try:
            return cluster.get(path)
        except ClusterError as e:
            if e.status is None:
                raise
            refused.extend([str(e)] if needed else [])
            return {}

    objects = {name: _of_ours(name, namespace, get(path).get("items") or []) for name, path in LISTS.items()}
    return Verification(
        kubernetes_version=get("/version").get("gitVersion"),
        uid=(get("/api/v1/namespaces/kube-system").get("metadata") or {}).get("uid"),
        issuer=get("/.well-known/openid-configuration", needed=False).get("issuer"),
        objects=objects,
        ignored=[item["metadata"]["name"] for item in get(LABELLED).get("items") or []],
        pods=get(f"/api/v1/namespaces/{namespace}/pods").get("items") or [],
        services=get(f"/api/v1/namespaces/{namespace}/services").get("items") or [],
        refused=tuple(refused),
    )


def _of_ours(name: str, namespace: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    wanted, read = OURS.get(name), name not in IN_NAMESPACE
    found = [item for item in items if wanted is None or item["metadata"]["name"] in wanted]
    found = [item for item in found if read or item["metadata"].get("namespace") == namespace]
    return sorted(found, key=lambda item: (item["metadata"].get("namespace") or "", item["metadata"]["name"]))
