"""What of Gatekeeper is whose, what nodes need, and what a removal takes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._installed.gatekeeper import (
    MUTATING,
    VALIDATING,
    exempt_namespaces,
    failure_policy,
    foreign,
    is_own,
    node_critical,
    other_constraints,
    removal,
    unreviewed,
    used_by_others,
)
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.inventory import ClusterObject

from .objects import GATEKEEPER, RATIFY, there, titles

Json = dict[str, Any]
PLACE = "gatekeeper-system"
CONSTRAINT = "constraints.gatekeeper.sh/v1beta1"
NETWORK = "Calico, the nodes' network"


@pytest.mark.parametrize(
    ("given", "kinds", "names"),
    [
        ([], [], []),
        (["kube-system"], ["ImagesVerified"], ["kube-system"]),
        (["kube-system"], ["ImagesVerified", "Installation"], ["kube-system", "tigera-operator", "calico-system"]),
        (["calico-system"], ["Installation"], ["calico-system", "tigera-operator"]),
    ],
)
def test_the_namespaces_of_a_network_are_exempt_where_the_cluster_has_its_kind(given: list[str], kinds: list[str], names: list[str]) -> None:
    found = exempt_namespaces([{"name": each, "reason": "mine"} for each in given], kinds)
    assert [each["name"] for each in found] == names
    assert [each["reason"] for each in found] == ["mine" if each in given else NETWORK for each in names]


@pytest.mark.parametrize(
    ("item", "is_other"),
    [
        (there("ImagesVerified anything"), False),
        (there("Labels required", api_version=CONSTRAINT), True),
        (there("Labels required", api_version="constraints.gatekeeper.sh/v1"), True),
        (there("ConstraintTemplate labels"), False),
        (there("Installation default", api_version="operator.tigera.io/v1"), False),
        (there("Labels required", api_version="constraints-gatekeeper.sh/v1"), False),
    ],
)
def test_other_constraints_are_those_of_other_templates(item: ClusterObject, is_other: bool) -> None:
    assert other_constraints([item]) == [item] * is_other


@pytest.mark.parametrize(
    ("webhook", "found"),
    [
        ({}, None),
        ({"webhooks": None}, None),
        ({"webhooks": [{"name": "check-ignore-label.gatekeeper.sh", "failurePolicy": "Fail"}]}, None),
        ({"webhooks": [{"name": "check-ignore-label.gatekeeper.sh"}, {"name": "validation.gatekeeper.sh", "failurePolicy": "Ignore"}]}, "Ignore"),
        ({"webhooks": [{"name": "validation.gatekeeper.sh", "failurePolicy": "Fail"}]}, "Fail"),
        ({"webhooks": [{"name": "validation.gatekeeper.sh"}]}, None),
    ],
)
def test_the_failure_policy_is_that_of_the_webhook_that_validates(webhook: Json, found: str | None) -> None:
    assert failure_policy(webhook) == found


def workload(spec: Json, *, pod: bool = False, **metadata: Any) -> Json:
    """In namespace it, as the API server lists it: without its kind."""
    return {"metadata": {"name": "w", "namespace": "it", **metadata}, "spec": spec if pod else {"template": {"spec": spec}}}


OWNED: Json = {"ownerReferences": [{"kind": "Installation", "name": "default"}]}
NODE: Json = {"priorityClassName": "system-node-critical"}


def mounting(path: str) -> Json:
    return {"volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "it", "hostPath": {"path": path}}]}


@pytest.mark.parametrize(
    ("each", "is_critical"),
    [
        (workload(NODE), True),
        (workload({"priorityClassName": "system-cluster-critical"}), True),
        (workload({"priorityClassName": "system-cluster-critical-not"}), False),
        (workload({"priorityClassName": "high"}), False),
        (workload({}), False),
        (workload(NODE, **OWNED), True),
        (workload(NODE, pod=True), True),
        (workload(NODE, pod=True, **OWNED), False),
        (workload(mounting("/etc/cni/net.d")), True),
        (workload(mounting("/opt/cni/bin")), True),
        (workload(mounting("/var/lib/kubelet/plugins_registry")), True),
        (workload(mounting("/var/lib/kubelet/pods")), False),
        (workload(mounting("/home/etc/cni")), False),
        (workload({"volumes": None}), False),
        (workload({"volumes": [{"name": "it", "configMap": {"items": [{"key": "k", "path": "etc/cni"}]}}]}), False),
        (workload({"volumes": [{"name": "it", "hostPath": None}]}, pod=True), False),
    ],
)
def test_what_nodes_may_need_is_known_by_its_class_or_a_drivers_folder(each: Json, is_critical: bool) -> None:
    """A pod with an owner is judged by it; what an operator owns is judged by itself."""
    assert node_critical([], [each], []) == ["it"] * is_critical
    assert node_critical([], [each, each], ["it"]) == []


@pytest.mark.parametrize(
    ("name", "labels", "is_of_aks"),
    [
        *((name, {}, True) for name in ("aks-command", "aks-istio-system", "aks-istio-ingress", "aks-istio-egress", "app-routing-system")),
        *((name, {}, True) for name in ("azure-arc", "dapr-system", "flux-system")),
        ("aks-istio-other", {}, False),
        ("flux-system-2", {}, False),
        ("my-flux-system", {}, False),
        ("shop", None, False),
        ("gatekeeper", {"kubernetes.azure.com/managedby": "aks"}, True),
    ],
)
def test_namespaces_of_aks_are_known_by_its_label_or_by_name(name: str, labels: Json | None, is_of_aks: bool) -> None:
    namespace = {"metadata": {"name": name, "labels": labels}}
    assert node_critical([namespace], [], []) == [name] * is_of_aks
    assert node_critical([namespace], [], [name]) == []


def test_namespaces_to_review_are_sorted_and_reported_once() -> None:
    of_aks = {"metadata": {"name": "azure-arc"}}
    found = node_critical([of_aks], [workload(NODE, namespace="zoo"), workload(NODE, namespace="zoo"), workload(NODE, namespace="ark")], [])
    assert found == ["ark", "azure-arc", "zoo"]
    assert unreviewed([]) == []
    assert [each.startswith("The namespaces ark, azure-arc, zoo hold what nodes may need to start") for each in unreviewed(found)] == [True]


WEBHOOKS = [there(f"ValidatingWebhookConfiguration {VALIDATING}", GATEKEEPER), there(f"MutatingWebhookConfiguration {MUTATING}", GATEKEEPER)]


@pytest.mark.parametrize(
    ("objects", "own"),
    [
        ([], True),
        (WEBHOOKS, True),
        ([WEBHOOKS[0], there("ValidatingWebhookConfiguration other", "tools/other")], True),
        ([there(f"ValidatingWebhookConfiguration {VALIDATING}")], False),
        ([there(f"ValidatingWebhookConfiguration {VALIDATING}", "tools/gatekeeper")], False),
        ([WEBHOOKS[0], there(f"MutatingWebhookConfiguration {MUTATING}", "tools/gatekeeper")], False),
    ],
)
def test_gatekeeper_is_its_releases_whose_webhooks_are(objects: list[ClusterObject], own: bool) -> None:
    assert is_own(objects, GATEKEEPER) is own


def tool(title: str, group: str, release: str | None = None) -> ClusterObject:
    return there(title, release, api_version=f"{group}.gatekeeper.sh/v1")


@pytest.mark.parametrize(
    ("item", "is_foreign"),
    [
        (there("ImagesVerified images-verified"), False),
        *((there(f"ImagesVerified images-verified-{each}"), False) for each in ("deny", "warn", "dryrun", "trial")),
        (there("ImagesVerified images-verified-mine"), True),
        (there("ImagesVerified images-verified-deny-2"), True),
        (there("ImagesVerified imagesXverified"), True),
        (there("ImagesVerified mine"), True),
        (there("ConstraintTemplate imagesverified"), False),
        (there("ConstraintTemplate labels"), True),
        (there("ConstraintTemplate labels", "tools/labels"), True),
        (there("Provider ratify-provider"), False),
        (there("Provider ratify-mutation-provider"), False),
        (there("Provider mine"), True),
        (tool("Assign tag", "mutations", RATIFY), False),
        (tool("Config gatekeeper-system/config", "config", GATEKEEPER), False),
        (tool("Config gatekeeper-system/config", "config"), True),
        *((tool("It mine", group), True) for group in ("connection", "constraints", "expansion", "mutations", "syncset", "templates")),
        (tool("ConstraintPodStatus gatekeeper-system/it", "status"), False),
        (there("Deployment gatekeeper-system/mine"), False),
        (there("CustomResourceDefinition mine"), False),
    ],
)
def test_what_others_configured_is_all_that_is_neither_of_the_roles_nor_of_the_releases(item: ClusterObject, is_foreign: bool) -> None:
    assert foreign([item], PLACE, "images-verified") == [item] * is_foreign


def test_the_constraint_may_have_another_name() -> None:
    objects = [there("ImagesVerified web.1"), there("ImagesVerified web.1-trial"), there("ImagesVerified web-1"), there("ImagesVerified images-verified")]
    assert titles(foreign(objects, PLACE, "web.1")) == ["ImagesVerified web-1", "ImagesVerified images-verified"]
    assert titles(foreign([tool("Assign tag", "mutations", RATIFY)], "elsewhere", "web.1")) == ["Assign tag"]
    assert used_by_others([]) == []
    assert [": ImagesVerified web-1, ImagesVerified images-verified. Delete" in each for each in used_by_others(objects[2:])] == [True]


GUARD = [there(f"{kind} namespace-labels.image-trust.azure") for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")]
DEFINITIONS = [there("CustomResourceDefinition configs.config.gatekeeper.sh", labels={"gatekeeper.sh/system": "yes"})]
OF_RELEASE = [there(f"Deployment {PLACE}/gatekeeper-audit", GATEKEEPER), there("ClusterRole gatekeeper-manager-role", GATEKEEPER)]
RECORDS = [there(f"Secret {PLACE}/sh.helm.release.v1.gatekeeper.v1")]
NAMESPACE = there(f"Namespace {PLACE}", managers=("Mozilla", "helm"))
USUAL = [
    there(f"ConfigMap {PLACE}/kube-root-ca.crt"),
    there(f"ServiceAccount {PLACE}/default"),
    there(f"PodDisruptionBudget {PLACE}/ratify"),
    there(f"Secret {PLACE}/sh.helm.release.v1.ratify.v1"),
    there(f"Deployment {PLACE}/ratify", RATIFY),
    there(f"Secret {PLACE}/ratify-tls", hook=True),
    there(f"Pod {PLACE}/gatekeeper-audit-1", owned=True),
]
OTHERS = [
    there("ValidatingWebhookConfiguration other", "tools/other"),
    there("ValidatingAdmissionPolicy other"),
    there("ConfigMap tools/namespace-labels.image-trust.azure"),
    there("CustomResourceDefinition stores.config.ratify.deislabs.io"),
    there("Deployment tools/gatekeeper", "tools/gatekeeper"),
    there("Namespace tools", managers=("helm",)),
]
ALL = [*OF_RELEASE, *WEBHOOKS, *GUARD, *DEFINITIONS, *RECORDS, NAMESPACE, *USUAL, *OTHERS]


def test_a_removal_takes_the_webhooks_first_and_each_object_once() -> None:
    found = removal(ALL, PLACE)
    assert titles(found.before) == titles([*WEBHOOKS, *GUARD])
    assert titles(found.release) == titles(OF_RELEASE)
    assert titles(found.records) == titles(RECORDS)
    assert titles(found.leftovers) == titles([*DEFINITIONS, NAMESPACE])


@pytest.mark.parametrize(
    "other",
    [
        there(f"ConfigMap {PLACE}/mine"),
        there(f"ConfigMap {PLACE}/default"),
        there(f"ServiceAccount {PLACE}/kube-root-ca.crt"),
        there(f"ServiceAccount {PLACE}/mine"),
        there(f"PodDisruptionBudget {PLACE}/mine"),
        there(f"Secret {PLACE}/sh.helm.release.v1.mine.v1"),
        there(f"Deployment {PLACE}/mine", f"{PLACE}/mine"),
        there(f"Deployment {PLACE}/ratify", "tools/ratify"),
        there(f"Pod {PLACE}/mine"),
    ],
    ids=lambda each: each.title,
)
def test_a_single_object_of_others_keeps_the_namespace(other: ClusterObject) -> None:
    assert titles(removal([*ALL, other], PLACE).leftovers) == titles(DEFINITIONS)


@pytest.mark.parametrize("managers", [(), ("kubectl",), ("helmsman",)])
def test_a_namespace_that_helm_did_not_create_stays(managers: tuple[str, ...]) -> None:
    objects = [each for each in ALL if each is not NAMESPACE]
    assert removal([*objects, there(f"Namespace {PLACE}", managers=managers)], PLACE).leftovers == DEFINITIONS
    assert removal(objects, PLACE).leftovers == DEFINITIONS
