"""Objects as a cluster tells of them."""

from __future__ import annotations

from typing import Any

from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.inventory import ClusterObject

GATEKEEPER, RATIFY = "gatekeeper-system/gatekeeper", "gatekeeper-system/ratify"
VERSIONS = {
    "ConstraintTemplate": "templates.gatekeeper.sh/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "Deployment": "apps/v1",
    "ImagesVerified": "constraints.gatekeeper.sh/v1beta1",
    "PodDisruptionBudget": "policy/v1",
    "Provider": "externaldata.gatekeeper.sh/v1beta1",
    "ReplicaSet": "apps/v1",
    "ValidatingAdmissionPolicy": "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicyBinding": "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    **dict.fromkeys(
        ("Policy", "Store", "Verifier", "KeyManagementProvider", "CertificateStore", "NamespacedVerifier", "NamespacedKeyManagementProvider"),
        "config.ratify.deislabs.io/v1beta1",
    ),
}


def there(title: str, release: str | None = None, **more: Any) -> ClusterObject:
    """The object of this title, of its usual API version; of no release, hook or owner but what is given."""
    kind, _, place = title.partition(" ")
    namespace, _, name = place.rpartition("/")
    given = {"api_version": VERSIONS.get(kind, "v1"), "labels": {}, "hook": False, "owned": False, "managers": (), **more}
    return ClusterObject(kind=kind, namespace=namespace or None, name=name, release=release, **given)


def titles(objects: Any) -> list[str]:
    return [each.title for each in objects]
