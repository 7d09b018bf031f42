"""What preflight finds in a cluster, from a stand-in for its API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.inventory import ClusterObject
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.lease import LEASE
from ansible_collections.image_trust.azure.plugins.module_utils._policy.exempt_namespaces import CONFIGS
from ansible_collections.image_trust.azure.plugins.module_utils._policy.exempt_namespaces import LABELLED as NAMESPACES
from ansible_collections.image_trust.azure.plugins.module_utils._preflight.contents import WEBHOOKS, Wanted, evaluate, injectors, verifiers
from ansible_collections.image_trust.azure.plugins.module_utils._preflight.findings import Findings

from tests.support.cluster_states import helm_record
from tests.support.kubernetes_api import reading, serving
from tests.support.leases import OTHER, lease

Json = dict[str, Any]
ABOUT = "cluster lab1"
REVIEWED: Json = {"downgrade": False, "azure_policy_addon": False, "exempt_namespaces": [], "covered_namespaces": []}
GATEKEEPER: Json = {"namespace": "trust", "chart_version": "3.0.0", "failure_policy": "Ignore", **REVIEWED}
RATIFY: Json = {"namespace": "trust", "chart_version": "1.0.0", "downgrade": False, "configuration": [], "foreign_objects": []}
EMPTY: Json = {
    "/apis": {"groups": []},
    **{f"/api/v1/namespaces/trust/secrets?labelSelector=owner=helm,name={name}": {"items": []} for name in ("gatekeeper", "ratify")},
}
PODS = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}


def found(folder: Path, answers: Json, *, lasting: bool = False, wanted: Wanted | None = None) -> list[tuple[str, str]]:
    """Level and text of each finding."""
    findings = Findings()
    sent: list[tuple[str, str, str | None]] = []
    with serving(reading({**EMPTY, **answers}), folder / "kubeconfig", sent):
        text = (folder / "kubeconfig").read_text()
        evaluate(findings, ABOUT, text, wanted or Wanted(GATEKEEPER, RATIFY), lasting=lasting)
    assert {method for method, _path, _content in sent} <= {"GET"}
    assert {one.about for one in findings.all} <= {ABOUT}
    return [(one.level, one.text) for one in findings.all]


def mutating(name: str, *rules: Json) -> Json:
    return {"metadata": {"name": name}, "webhooks": [{"rules": list(rules)}]}


def named(kind: str, name: str, namespace: str | None = None) -> ClusterObject:
    return ClusterObject("policies.kyverno.io/v1", kind, namespace, name, {}, None, hook=False, owned=False, managers=())


def test_nothing_is_found_in_an_empty_cluster(tmp_path: Path) -> None:
    assert found(tmp_path, {}) == []


def test_nothing_is_asked_for_what_is_not_installed(tmp_path: Path) -> None:
    assert found(tmp_path, {"/apis": {}}, wanted=Wanted()) == []


def test_problems_of_both_programs_are_refused_together(tmp_path: Path) -> None:
    newer = {
        f"/api/v1/namespaces/trust/secrets?labelSelector=owner=helm,name={name}": {"items": [helm_record(name, "trust", 1, "deployed", "9.0.0", {})]}
        for name in ("gatekeeper", "ratify")
    }
    levels, texts = zip(*found(tmp_path, newer), strict=True)
    assert levels == ("refuse", "refuse")
    assert [text.startswith(f"Chart {name} 9.0.0 is installed") for name, text in zip(("gatekeeper", "ratify"), texts, strict=True)] == [True, True]


def test_records_of_helm_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    record = {**helm_record("gatekeeper", "trust", 1, "deployed", "3.0.0", {}), "data": {"release": "bm90aGluZw=="}}
    [(level, text)] = found(tmp_path, {"/api/v1/namespaces/trust/secrets?labelSelector=owner=helm,name=gatekeeper": {"items": [record]}})
    assert (level, "Secret trust/sh.helm.release.v1.gatekeeper.v1, cannot be read" in text) == ("refuse", True)


@pytest.mark.parametrize(("check", "level"), [(False, "refuse"), (True, "warn")])
def test_a_cluster_that_another_run_configures_is_refused_and_in_a_check_a_warning(check: bool, level: str, tmp_path: Path) -> None:
    held = lease()
    held["metadata"]["resourceVersion"] = "1"
    [(given, text)] = found(tmp_path, {LEASE: held}, wanted=Wanted(GATEKEEPER, RATIFY, holder="ops@here", check=check))
    assert given == level
    assert text.startswith(f"Another run configures the cluster: {OTHER}, since 20")
    assert found(tmp_path, {LEASE: held}, wanted=Wanted(GATEKEEPER, RATIFY, holder=OTHER, check=check)) == []


def test_other_webhooks_are_a_warning_before_the_first_installation_only(tmp_path: Path) -> None:
    answers = {WEBHOOKS: {"items": [mutating("istio", PODS)]}}
    assert [level for level, text in found(tmp_path, answers) if "(istio)" in text] == ["warn"]
    record = helm_record("gatekeeper", "trust", 1, "deployed", "3.0.0", {})
    assert found(tmp_path, {**answers, "/api/v1/namespaces/trust/secrets?labelSelector=owner=helm,name=gatekeeper": {"items": [record]}}) == []


CONFIG: Json = {
    "metadata": {"name": "config", "namespace": "trust"},
    "spec": {"match": [{"processes": ["*"], "excludedNamespaces": ["team-*", "shop"]}, {"processes": ["audit"], "excludedNamespaces": ["audited"]}]},
}
OTHER_CONFIG: Json = {**CONFIG, "metadata": {"name": "config", "namespace": "elsewhere"}}
LABELLED: Json = {"items": [{"metadata": {"name": name}} for name in ("team-b", "trust")]}
CALICO: Json = {
    "/apis": {"groups": [{"name": "operator.tigera.io", "preferredVersion": {"groupVersion": "operator.tigera.io/v1"}}]},
    "/apis/operator.tigera.io/v1": {"resources": [{"kind": "Installation", "name": "installations", "namespaced": False, "verbs": ["list"]}]},
}


@pytest.mark.parametrize(
    ("answers", "excluded", "named"),
    [
        ({CONFIGS: {"items": [CONFIG]}, NAMESPACES: LABELLED}, [], "shop (Gatekeeper's Config), team-* (Gatekeeper's Config), team-b (label admission."),
        (
            {CONFIGS: {"items": [CONFIG]}, NAMESPACES: LABELLED},
            ["team-*", "team-b"],
            "shop (Gatekeeper's Config). Take that out of Gatekeeper's Config trust/c",
        ),
        ({CONFIGS: {"items": [CONFIG]}}, ["team-*", "shop"], None),
        ({CONFIGS: {"items": [OTHER_CONFIG]}, NAMESPACES: {"items": LABELLED["items"][1:]}}, [], None),
        ({NAMESPACES: {"items": [{"metadata": {"name": "calico-system"}}]}}, [], "calico-system (label"),
        ({**CALICO, NAMESPACES: {"items": [{"metadata": {"name": "calico-system"}}]}}, [], None),
    ],
    ids=["both", "some reviewed", "all reviewed", "not of this Gatekeeper", "a namespace without its network", "a network's namespace"],
)
def test_exempt_namespaces_that_were_not_reviewed_are_refused(answers: Json, excluded: list[str], named: str | None, tmp_path: Path) -> None:
    policy = {"namespace": "trust", "excluded_namespaces": [{"name": name, "reason": "reviewed"} for name in excluded], "pilot": []}
    given = found(tmp_path, answers, wanted=Wanted(GATEKEEPER, RATIFY, policy))
    expected = [("refuse", f"Images are not verified in namespaces that policy_excluded_namespaces does not name: {named}")] if named else []
    assert [(level, text[: len(sentence)]) for (level, text), (_level, sentence) in zip(given, expected, strict=True)] == expected


def test_a_pilot_in_a_namespace_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    answers = {"/api/v1/namespaces/shop": {"metadata": {"name": "shop"}}, "/api/v1/namespaces/shpo": 404}
    policy = {"namespace": "trust", "excluded_namespaces": [], "pilot": ["shop", "shpo", "team-*"]}
    [(level, text)] = found(tmp_path, {CONFIGS: {"items": []}, NAMESPACES: {"items": []}, **answers}, wanted=Wanted(GATEKEEPER, RATIFY, policy))
    assert level == "refuse"
    assert text.startswith("There is no namespace shpo in the cluster, in which the policy is to deny (policy_stages)")


@pytest.mark.parametrize(("lasting", "level"), [(False, "warn"), (True, "refuse")])
def test_what_is_not_known_is_refused_where_going_on_would_write_what_cannot_be_undone(lasting: bool, level: str, tmp_path: Path) -> None:
    [(given, text)] = found(tmp_path, {"/apis": 403}, lasting=lasting)
    assert given == level
    assert text == "What is in the cluster is not known: it refuses GET /apis: HTTP 403 Forbidden."


def test_a_kubeconfig_of_no_use_is_named_without_its_path() -> None:
    findings = Findings()
    evaluate(findings, ABOUT, "users: 7", Wanted(GATEKEEPER, RATIFY), lasting=False)
    [one] = findings.all
    assert one.text.startswith("What is in the cluster is not known: the kubeconfig that AKS answered cannot be used: ")


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ([], []),
        ([named("ClusterPolicy", "labels")], []),
        ([named("ImageValidatingPolicy", "b"), named("ImageValidatingPolicy", "a")], ["Kyverno (ImageValidatingPolicy a, ImageValidatingPolicy b). An"]),
        (
            [named("ClusterImagePolicy", "web"), named("NamespacedImageValidatingPolicy", "a", "team")],
            ["Kyverno (NamespacedImageValidatingPolicy team/a); Sigstore's policy-controller (ClusterImagePolicy web). An"],
        ),
    ],
)
def test_programs_that_verify_images_too_are_named_with_their_policies(objects: list[ClusterObject], said: list[str]) -> None:
    assert [text.removeprefix("Images are verified by another program too: ")[: len(one)] for text, one in zip(verifiers(objects), said, strict=True)] == said


@pytest.mark.parametrize(
    ("configurations", "names"),
    [
        ([], ""),
        ([mutating("a", PODS), mutating("azure-wi-webhook-mutating-webhook-configuration", PODS)], "(a)"),
        ([mutating("every", {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]})], "(every)"),
        ([mutating("updates", {**PODS, "operations": ["UPDATE"]}), mutating("others", {**PODS, "apiGroups": ["apps"]}), mutating("none")], ""),
        ([{"metadata": {"name": "empty"}}, {"metadata": {"name": "null"}, "webhooks": None}], ""),
    ],
)
def test_webhooks_that_change_new_pods_are_named(configurations: list[Json], names: str) -> None:
    assert [names in text for text in injectors(configurations)] == ([True] if names else [])
