"""Manual changes: to every object that site.yml has made in the cluster, of any kind, and in Azure."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout, suppress
from types import ModuleType
from typing import Any

import kubernetes
import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.modules import exact_objects, verification_info

from lab.clusters import cluster
from tests.support.role_variables import variables

from . import snapshots
from .conftest import Lab
from .objects import CLUSTER_PATH, IDENTITY_PATH, VAULT_PATH, identity
from .permissions import take_acr_pull, take_kubelet_pull
from .plans import KUBECONFIG
from .snapshots import Snapshot

Json = dict[str, Any]
CONTROL_PLANE = {"kube-controller-manager", "kube-apiserver"}
RECORD = "helm.sh/release.v1"
"""Type of the Secrets in which Helm remembers releases."""
CERTIFICATES = "renewed"
"""Stands for what Gatekeeper's and Ratify's rotation of certificates writes."""


def managed(without: Snapshot) -> dict[str, Json]:
    """Every object that the snapshot `without` did not have, but what other objects own and what the control plane alone has written."""
    found = {f"{item['kind']} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}": item for item in snapshots.objects()}
    known = {title.split(" ", 1)[1] for title in without}
    return {
        title: item
        for title, item in found.items()
        if title not in known
        and not item["metadata"].get("ownerReferences")
        and {entry["manager"] for entry in item["metadata"].get("managedFields", [])} - CONTROL_PLANE
    }


OF_A_ROLLOUT = ("kubectl.kubernetes.io/restartedAt", "checksum/secret")
"""Annotations of pods: when they were restarted, and a sum of the chart's Secret, which is only in the chart when it is installed for the first time."""


def content(found: Mapping[str, Json]) -> Snapshot:
    """What the objects say, without what is another value each time an object is made or its certificate is renewed."""
    return {title: _content(item) for title, item in found.items()}


def _content(item: Json) -> Json:
    metadata = {key: value for key, value in item["metadata"].items() if key not in snapshots.GIVEN and key not in ("annotations", "finalizers")}
    text = json.dumps({**{key: value for key, value in item.items() if key != "status"}, "metadata": metadata})
    plain: Json = json.loads(text, object_hook=_without_certificates)
    if item["kind"] == "Secret":
        plain.pop("data", None)
    if item["kind"] == "Service":
        plain["spec"] = {key: value for key, value in plain["spec"].items() if key not in ("clusterIP", "clusterIPs")}
    return plain


def _without_certificates(value: Json) -> Json:
    kept = {key: CERTIFICATES if key == "caBundle" else each for key, each in value.items() if key not in OF_A_ROLLOUT}
    return {key: each for key, each in kept.items() if (key, each) != ("annotations", {})}


def _first_container(item: Json, **change: Any) -> Json:
    first, *others = item["spec"]["template"]["spec"]["containers"]
    return {"spec": {"minReadySeconds": 1, "template": {"spec": {"containers": [{**first, **change}, *others]}}}}


def _deployment(item: Json) -> Json:
    """The webhook's exempts a namespace, of the others there are no pods."""
    if "controller-manager" not in item["metadata"]["name"]:
        return {"spec": {"replicas": 0, "minReadySeconds": 1}}
    args = item["spec"]["template"]["spec"]["containers"][0]["args"]
    return _first_container(item, args=[*(each for each in args if "log-denies" not in each), "--exempt-namespace=default"])


def _webhooks(item: Json) -> Json:
    first, *others = item["webhooks"]
    without = [{**rule, "resources": [each for each in rule["resources"] if each != "pods/ephemeralcontainers"]} for rule in first["rules"]]
    rules = [rule for rule in without if rule["resources"]]
    no_object = {"matchLabels": {"nobody": "has-this"}}
    return {"webhooks": [{**first, "failurePolicy": "Ignore", "timeoutSeconds": 1, "objectSelector": no_object, "rules": rules}, *others]}


def _definition(item: Json) -> Json:
    first, *others = item["spec"]["versions"]
    column = {"name": "By hand", "type": "string", "jsonPath": ".metadata.name"}
    return {"spec": {"versions": [{**first, "additionalPrinterColumns": [column]}, *others]}}


def _verifier(item: Json) -> Json:
    document = item["spec"]["parameters"]["trustPolicyDoc"]
    anybody = [{**policy, "trustedIdentities": ["*"]} for policy in document["trustPolicies"]]
    return {"spec": {"parameters": {"trustPolicyDoc": {**document, "trustPolicies": anybody}}}}


def _subjects(item: Json) -> Json:
    return {"subjects": [*item["subjects"], {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "everybody"}]}


def _rules(item: Json) -> Json:
    *most, last = item["rules"]
    more = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}
    return {"metadata": {"labels": {"rbac.authorization.k8s.io/aggregate-to-edit": "true"}}, "rules": [*most, {**last, "verbs": last["verbs"][:1]}, more]}


def _rego(item: Json) -> Json:
    target, *others = item["spec"]["targets"]
    return {"spec": {"targets": [{**target, "rego": 'package imagesverified\n\nviolation[{"msg": ""}] { false }\n'}, *others]}}


def _constraint(item: Json) -> Json:
    return {"spec": {"enforcementAction": "dryrun", "match": {"scope": None, "labelSelector": {"matchLabels": {"nobody": "has-this"}}}}}


def _account(item: Json) -> Json:
    return {"metadata": {"annotations": {"azure.workload.identity/client-id": "of-another"}}, "imagePullSecrets": [{"name": "by-hand"}]}


CHANGES: dict[str, Callable[[Json], Json]] = {
    "Assign": lambda item: {"spec": {"match": {"excludedNamespaces": ["default"], "name": "nobody"}}},
    "ClusterRole": _rules,
    "ClusterRoleBinding": _subjects,
    "ConfigMap": lambda item: {"data": {"config.json": "{}", "added": "by hand"}},
    "ConstraintTemplate": _rego,
    "CustomResourceDefinition": _definition,
    "Deployment": _deployment,
    "ImagesVerified": _constraint,
    "KeyManagementProvider": lambda item: {"spec": {"parameters": {"certificates": item["spec"]["parameters"]["certificates"][:1]}}},
    "MutatingWebhookConfiguration": _webhooks,
    "Namespace": lambda item: {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": None, "admission.gatekeeper.sh/ignore": "by-hand"}}},
    "PodDisruptionBudget": lambda item: {"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow", "minAvailable": None, "maxUnavailable": 0}},
    "Policy": lambda item: {"spec": {"parameters": {"artifactVerificationPolicies": {"default": "any"}}}},
    "Provider": lambda item: {"spec": {"timeout": 25}},
    "ResourceQuota": lambda item: {"spec": {"hard": {"pods": "99", "limits.cpu": "99"}}},
    "Role": _rules,
    "RoleBinding": _subjects,
    "Secret": lambda item: {"metadata": {"labels": {"by": "hand"}}},
    "Service": lambda item: {"spec": {"publishNotReadyAddresses": True, "sessionAffinity": "ClientIP"}},
    "ServiceAccount": _account,
    "Store": lambda item: {"spec": {"parameters": {"ttl": 3600, "useHttp": True}}},
    "ValidatingAdmissionPolicy": lambda item: {"spec": {"failurePolicy": "Ignore"}},
    "ValidatingAdmissionPolicyBinding": lambda item: {"spec": {"validationActions": ["Warn"]}},
    "ValidatingWebhookConfiguration": _webhooks,
    "Verifier": _verifier,
}
"""What is changed of an object of each kind, as a merge patch: values, and fields that are added and taken out."""


class Hand:
    """A user who changes and deletes with kubectl and az."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.client = kubernetes.config.new_client_from_config(str(cluster("lab1").kubeconfig))
        self.kube = kubernetes.dynamic.DynamicClient(self.client)

    def get(self, item: Json) -> Json:
        return dict(self._kind(item).get(**_where(item)).to_dict())

    def create(self, item: Json) -> None:
        self._kind(item).create(body=item, namespace=item["metadata"].get("namespace"))

    def converge(self, release: str) -> Json:
        """What the module answers that keeps the objects of a release, as the roles call it."""
        preserved = variables(release)[f"__{release}_preserved"]
        options = {"kubeconfig": str(KUBECONFIG), "release": release, "release_namespace": "gatekeeper-system", "preserved": preserved}
        return _returned(exact_objects, options)

    def patch(self, item: Json, body: Json) -> None:
        self._kind(item).patch(body=body, content_type="application/merge-patch+json", field_manager="kubectl-edit", **_where(item))

    def replace(self, item: Json) -> None:
        """As `kubectl replace`, whichever version the object has: controllers write its status meanwhile. A status is not taken."""
        for left in reversed(range(20)):
            metadata = {**item["metadata"], "resourceVersion": self.get(item)["metadata"]["resourceVersion"]}
            try:
                self._kind(item).replace(body={**item, "metadata": metadata}, **_where(item))
                return
            except kubernetes.dynamic.exceptions.ConflictError:
                if not left:
                    raise

    def status(self, item: Json, body: Json) -> None:
        """Patch the object by its subresource status."""
        self._kind(item).status.patch(body=body, content_type="application/merge-patch+json", **_where(item))

    def verification(self, expected: Json) -> Json:
        """What module verification_info returns, compared with `expected`."""
        return _returned(verification_info, {"kubeconfig": str(KUBECONFIG), "expected": expected})

    def delete(self, item: Json) -> None:
        """What went with another one is gone as well."""
        with suppress(kubernetes.dynamic.exceptions.NotFoundError, kubernetes.dynamic.exceptions.ResourceNotFoundError):
            self._kind(item).delete(**_where(item))

    def _kind(self, item: Json) -> Any:
        return self.kube.resources.get(api_version=item["apiVersion"], kind=item["kind"])

    def change_azure(self) -> None:
        """Another subject is trusted, the permission in the vault is empty (an added one would stay), the registry is not readable, and the cluster
        has no workload identity."""
        for each in self._federated():
            properties = {**each["properties"], "subject": "system:serviceaccount:default:default"}
            self.lab.arm("PUT", f"{IDENTITY_PATH}/federatedIdentityCredentials/{each['name']}", "2024-11-30", {"properties": properties})
        self.lab.arm("PUT", f"{VAULT_PATH}/accessPolicies/replace", "2026-02-01", self._policies({"secrets": []}))
        take_acr_pull(self.lab, identity(self.lab)["principalId"])
        take_kubelet_pull(self.lab)
        found = self.lab.arm("GET", CLUSTER_PATH, "2024-09-01")
        found["properties"]["securityProfile"]["workloadIdentity"]["enabled"] = False
        self.lab.arm("PUT", CLUSTER_PATH, "2024-09-01", found)
        deadline = time.monotonic() + 60
        while self.lab.arm("GET", CLUSTER_PATH, "2024-09-01")["properties"]["provisioningState"] != "Succeeded":
            assert time.monotonic() < deadline, "the cluster is still being changed"
            time.sleep(0.5)

    def delete_in_azure(self) -> None:
        for each in self._federated():
            self.lab.arm("DELETE", f"{IDENTITY_PATH}/federatedIdentityCredentials/{each['name']}", "2024-11-30")
        self.lab.arm("PUT", f"{VAULT_PATH}/accessPolicies/remove", "2026-02-01", self._policies({}))

    def _federated(self) -> list[Json]:
        return list(self.lab.arm("GET", f"{IDENTITY_PATH}/federatedIdentityCredentials", "2024-11-30")["value"])

    def _policies(self, permissions: Json) -> Json:
        found = self.lab.arm("GET", VAULT_PATH, "2026-02-01")["properties"]["accessPolicies"]
        mine = [{**entry, "permissions": permissions or entry["permissions"]} for entry in found if entry["objectId"] == identity(self.lab)["principalId"]]
        assert mine
        return {"properties": {"accessPolicies": mine}}


def _returned(module: ModuleType, options: Json) -> Json:
    """What the module returns, run in this process."""
    printed = io.StringIO()
    with patch_module_args(options), redirect_stdout(printed), pytest.raises(SystemExit):
        module.main()
    return dict(json.loads(printed.getvalue()))


def _where(item: Json) -> Json:
    metadata = item["metadata"]
    return {"name": metadata["name"], **({"namespace": metadata["namespace"]} if metadata.get("namespace") else {})}
