"""Which pods a forecast asks for, and what the answers mean for the workloads whose pods they are."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._admission.verdict import MUTATION, VALIDATION, Answer
from ansible_collections.image_trust.azure.plugins.module_utils._forecast.judgement import (
    ImageSet,
    Workload,
    asked_again,
    image_sets,
    outcomes,
    pod,
    table,
    workloads,
)

Json = dict[str, Any]
SIGNED, UNSIGNED = "r.azurecr.io/web:signed", "r.azurecr.io/web:unsigned"
PINNED = f"r.azurecr.io/web@sha256:{'1' * 64}"
SPEC: Json = {"containers": [{"name": "web", "image": SIGNED}]}
TEMPLATE: Json = {"metadata": {"labels": {"app": "web"}}, "spec": SPEC}


def thing(name: str = "web", *, owner: tuple[str, str] | None = None, status: Json | None = None, **spec: Any) -> Json:
    owners = [{"apiVersion": owner[0], "kind": owner[1], "name": "it", "controller": True}] if owner else []
    return {"metadata": {"name": name, "namespace": "shop", "ownerReferences": owners}, "spec": spec or {"template": TEMPLATE}, "status": status or {}}


@pytest.mark.parametrize(
    ("kind", "found", "asked"),
    [
        ("Deployment", thing(replicas=0, template=TEMPLATE), "Deployment web"),
        ("StatefulSet", thing(), "StatefulSet web"),
        ("DaemonSet", thing(), "DaemonSet web"),
        ("ReplicationController", thing(), "ReplicationController web"),
        ("ReplicationController", thing(selector={}), None),
        ("ReplicaSet", thing(), "ReplicaSet web"),
        ("ReplicaSet", thing(owner=("apps/v1", "Deployment")), None),
        ("ReplicaSet", thing(owner=("argoproj.io/v1alpha1", "Rollout")), "ReplicaSet web"),
        ("CronJob", thing(jobTemplate={"spec": {"template": TEMPLATE}}), "CronJob web"),
        ("Job", thing(suspend=True, template=TEMPLATE), "Job web"),
        ("Job", thing(owner=("batch/v1", "CronJob")), None),
        ("Job", thing(status={"conditions": [{"type": "Complete", "status": "True"}]}), None),
        ("Job", thing(status={"conditions": [{"type": "Failed", "status": "True"}]}), None),
        ("Job", thing(status={"conditions": [{"type": "Suspended", "status": "True"}]}), "Job web"),
        ("Pod", thing(status={"phase": "Running"}, **SPEC), "Pod web"),
        ("Pod", thing(status={"phase": "Pending"}, **SPEC), "Pod web"),
        ("Pod", thing(status={"phase": "Succeeded"}, **SPEC), None),
        ("Pod", thing(status={"phase": "Failed"}, **SPEC), None),
        ("Pod", thing(owner=("apps/v1", "ReplicaSet"), **SPEC), None),
        ("Pod", thing(owner=("batch/v1", "Job"), **SPEC), None),
        # Its controller creates pods itself, and is no kind of Kubernetes.
        ("Pod", thing(owner=("batch.volcano.sh/v1alpha1", "Job"), **SPEC), "Pod web"),
        ("Pod", thing(owner=("postgresql.cnpg.io/v1", "Cluster"), **SPEC), "Pod web"),
    ],
)
def test_every_kind_that_makes_pods_is_asked_once_with_its_controller(kind: str, found: Json, asked: str | None) -> None:
    result = [*workloads(kind, [found])]
    assert [each.name for each in result] == ([asked] if asked else [])
    assert [each.by_controller for each in result] == ([kind != "Pod"] if asked else [])
    assert [each.template["spec"] for each in result] == ([SPEC] if asked else [])


def test_what_is_being_deleted_makes_no_pods_any_more() -> None:
    found = thing()
    found["metadata"]["deletionTimestamp"] = "2026-12-31T00:00:00Z"
    assert [*workloads("Deployment", [found])] == []


def test_a_pod_of_a_stateful_set_has_its_claims() -> None:
    template = {"spec": {**SPEC, "volumes": [{"name": "config", "configMap": {"name": "a"}}]}}
    claims = [{"metadata": {"name": "data"}}, {"metadata": {"name": "config"}}]
    [found] = workloads("StatefulSet", [thing(template=template, volumeClaimTemplates=claims)])
    assert found.template["spec"]["volumes"] == [{"name": "data", "emptyDir": {}}, {"name": "config", "emptyDir": {}}]
    assert template["spec"]["volumes"] == [{"name": "config", "configMap": {"name": "a"}}]


def test_the_pod_is_the_workloads_but_for_what_a_new_one_cannot_have() -> None:
    stored = {
        "metadata": {"name": "web", "uid": "1", "labels": {"app": "web"}, "annotations": {"sidecar.istio.io/inject": "true"}, "finalizers": ["a/b"]},
        "spec": {**SPEC, "nodeName": "n1", "ephemeralContainers": [{}], "priority": 0, "preemptionPolicy": "Never", "serviceAccountName": "web"},
        "status": {"phase": "Running"},
    }
    assert pod(stored, "a1") == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "image-trust-forecast-",
            "labels": {"app": "web", "image-trust.azure/forecast": "a1"},
            "annotations": {"sidecar.istio.io/inject": "true"},
        },
        "spec": {**SPEC, "serviceAccountName": "web"},
    }
    assert pod({"metadata": None, "spec": SPEC}, "a1")["metadata"]["labels"] == {"image-trust.azure/forecast": "a1"}


def workload(name: str = "Deployment web", *images: str, namespace: str = "shop", by_controller: bool = True, **spec: Any) -> Workload:
    containers = [{"name": f"c{number}", "image": image} for number, image in enumerate(images or (SIGNED,))]
    return Workload(namespace, name, by_controller, {"spec": {"containers": containers, **spec}})


@pytest.mark.parametrize(
    ("given", "match", "sets"),
    [
        ([workload("a"), workload("b")], {}, [("shop", (SIGNED,), ["a", "b"])]),
        ([workload("a", SIGNED, UNSIGNED), workload("b", UNSIGNED, SIGNED)], {}, [("shop", (SIGNED, UNSIGNED), ["a", "b"])]),
        ([workload("a"), workload("b", initContainers=[{"name": "i", "image": SIGNED}])], {}, [("shop", (SIGNED,), ["a", "b"])]),
        ([workload("a"), workload("b", volumes=[{"name": "v"}])], {}, [("shop", (SIGNED,), ["a", "b"])]),
        (
            [workload("a"), workload("b", volumes=[{"name": "v", "image": {"reference": SIGNED}}])],
            {},
            [("shop", (SIGNED,), ["a"]), ("shop", (SIGNED, SIGNED), ["b"])],
        ),
        ([workload("a"), workload("b", UNSIGNED)], {}, [("shop", (SIGNED,), ["a"]), ("shop", (UNSIGNED,), ["b"])]),
        ([workload("a"), workload("b", namespace="lab")], {}, [("shop", (SIGNED,), ["a"]), ("lab", (SIGNED,), ["b"])]),
        ([workload("a"), workload("b", namespace="lab")], {"excludedNamespaces": ["l*"]}, [("shop", (SIGNED,), ["a"])]),
        ([workload("a"), workload("b", namespace="lab")], {"namespaces": ["lab"]}, [("lab", (SIGNED,), ["b"])]),
        ([workload("a"), workload("b", namespace="lab")], {"namespaces": ["lab", "shop"], "excludedNamespaces": ["lab"]}, [("shop", (SIGNED,), ["a"])]),
        ([workload("a")], {"namespaces": []}, [("shop", (SIGNED,), ["a"])]),
    ],
)
def test_each_set_of_images_is_asked_for_once_in_each_namespace_that_the_constraint_covers(given: list[Workload], match: Json, sets: Any) -> None:
    assert [(each.namespace, each.images, [one.name for one in each.workloads]) for each in image_sets(given, match)] == sets


NOT_SIGNED = f"image {PINNED} is not verified: it has no signature (No verification results)"
BY_ANOTHER = f"[images-verified-warn] image {PINNED} is not verified"
NO_LOGIN = "Unauthorized"
NO_PERMISSION = 'pods is forbidden: User "a" cannot create resource "pods" in API group "" in the namespace "shop"'
DEPLOYER = {"owner": "a", "service_accounts": ["ops/deployer"]}
BARE, MADE = workload("Pod it", by_controller=False), workload("Deployment web")
EXEMPT = f"admitted only where ops/deployer creates the pod, and who creates it is not known. For all others: {NOT_SIGNED}"


def denial(*messages: str) -> Answer:
    return Answer("denied", "\n".join(f"[trial] {message}" for message in messages), VALIDATION)


@pytest.mark.parametrize(
    ("answer", "verdict", "message"),
    [
        (Answer("admitted"), "admitted", ""),
        (denial(NOT_SIGNED), "denied", NOT_SIGNED),
        (Answer("denied", f"{BY_ANOTHER}\n[trial] {NOT_SIGNED}", VALIDATION), "denied", NOT_SIGNED),
        (denial(NOT_SIGNED, "image b is not pinned to a digest"), "denied", f"{NOT_SIGNED}; image b is not pinned to a digest"),
        (
            Answer("denied", "it has no digest, the registry does not have it (404)", MUTATION),
            "denied",
            "it has no digest, the registry does not have it (404)",
        ),
        # Quota is asked last, when Gatekeeper has admitted.
        (Answer("error", 'HTTP 403: pods "a" is forbidden: exceeded quota: q, requested: pods=1'), "admitted", ""),
        (Answer("error", 'HTTP 403: pods "a" is forbidden: failed quota: q: must specify cpu'), "admitted", ""),
        (Answer("error", "[trial] image verification is not available: x", VALIDATION), "not_judged", "image verification is not available: x"),
        (Answer("error", 'HTTP 500: failed calling webhook "x"', MUTATION), "not_judged", 'HTTP 500: failed calling webhook "x"'),
        (Answer("error", "the API server did not answer: x"), "not_judged", "the API server did not answer: x"),
        (Answer("error", "HTTP 503: x"), "not_judged", "HTTP 503: x"),
        (Answer("error", "HTTP 429: x"), "not_judged", "HTTP 429: x"),
        (Answer("error", f"HTTP 401: {NO_LOGIN}"), "not_judged", f"HTTP 401: {NO_LOGIN}"),
        (Answer("error", f"HTTP 403: {NO_PERMISSION}"), "not_judged", f"HTTP 403: {NO_PERMISSION}"),
        (Answer("error", "HTTP 403: violates PodSecurity"), "unknown", "HTTP 403: violates PodSecurity"),
        (Answer("error", "HTTP 422: x"), "unknown", "HTTP 422: x"),
        (Answer("error", "no pods by Friday", "others.example"), "unknown", "no pods by Friday"),
        # Another constraint's refusal is not about signatures.
        (Answer("error", "[no-latest] x", VALIDATION), "unknown", "[no-latest] x"),
    ],
)
def test_an_answer_is_about_all_workloads_with_these_images(answer: Answer, verdict: str, message: str) -> None:
    [asked] = image_sets([BARE, MADE], {})
    assert [(each.workloads, each.images, each.verdict, each.message) for each in outcomes(asked, answer, "trial", [])] == [
        (("Pod it", "Deployment web"), (SIGNED,), verdict, message)
    ]


@pytest.mark.parametrize(
    ("exemption", "answer", "bare"),
    [
        (DEPLOYER, denial(NOT_SIGNED), ("unknown", EXEMPT)),
        ({**DEPLOYER, "namespaces": ["shop"], "images": ["r.azurecr.io/web"]}, denial(NOT_SIGNED), ("unknown", EXEMPT)),
        ({**DEPLOYER, "namespaces": ["lab"]}, denial(NOT_SIGNED), ("denied", NOT_SIGNED)),
        ({**DEPLOYER, "images": ["docker.io/*"]}, denial(NOT_SIGNED), ("denied", NOT_SIGNED)),
        ({"owner": "a", "namespaces": ["shop"]}, denial(NOT_SIGNED), ("denied", NOT_SIGNED)),
        (
            {**DEPLOYER, "images": ["r.azurecr.io/*"]},
            denial(NOT_SIGNED, "image nginx is not pinned to a digest"),
            ("denied", f"{NOT_SIGNED}; image nginx is not pinned to a digest"),
        ),
        (DEPLOYER, Answer("denied", "it has no digest, x", MUTATION), ("denied", "it has no digest, x")),
        (DEPLOYER, Answer("admitted"), ("admitted", "")),
    ],
)
def test_an_exemption_by_service_account_may_cover_a_bare_pod_and_never_a_controllers(exemption: Json, answer: Answer, bare: tuple[str, str]) -> None:
    [asked] = image_sets([BARE, MADE], {})
    found = {name: (each.verdict, each.message) for each in outcomes(asked, answer, "trial", [exemption]) for name in each.workloads}
    assert found["Pod it"] == bare
    assert found["Deployment web"][0] == answer.verdict


@pytest.mark.parametrize(
    ("answer", "times", "again"),
    [
        (Answer("admitted"), 1, False),
        (denial(NOT_SIGNED), 1, True),
        (denial(NOT_SIGNED), 2, False),
        (Answer("error", "HTTP 503: x"), 9, True),
        (Answer("error", "[trial] image verification is not available: x", VALIDATION), 9, True),
        (Answer("error", "HTTP 422: x"), 1, False),
        (Answer("error", 'HTTP 403: pods "a" is forbidden: exceeded quota: q'), 1, False),
    ],
)
def test_a_slow_start_is_asked_again_and_a_denial_once_more(answer: Answer, times: int, again: bool) -> None:
    assert asked_again(answer, "trial", times) is again


def test_a_sentence_names_namespace_workloads_and_reason_and_is_bounded() -> None:
    [asked] = image_sets([workload(f"Deployment d{number}") for number in range(12)], {})
    [outcome] = outcomes(asked, denial(NOT_SIGNED), "trial", [])
    assert outcome.sentence == f"shop: {', '.join(f'Deployment d{number}' for number in range(10))} and 2 more: {NOT_SIGNED}"
    assert len(outcome.workloads) == 12


VENDOR: Json = {"owner": "platform", "reason": "vendor", "ends": "2027-03-31"}


@pytest.mark.parametrize(
    ("exemption", "message"),
    [
        ({"images": ["docker.io/library/nginx"]}, "nginx until 2027-03-31 (platform: vendor)"),
        ({"images": ["docker.io/library/*"], "namespaces": ["shop"]}, "nginx until 2027-03-31 (platform: vendor)"),
        ({"namespaces": ["shop"]}, f"nginx, {SIGNED} until 2027-03-31 (platform: vendor)"),
        ({"images": ["docker.io/library/nginx"], "namespaces": ["team"]}, ""),
        ({"images": ["docker.io/library/redis"]}, ""),
        ({"images": ["docker.io/library/nginx"], "service_accounts": ["ops/deployer"]}, ""),
    ],
)
def test_what_is_admitted_by_an_exemption_says_until_when(exemption: Json, message: str) -> None:
    asked = ImageSet("shop", ("nginx", SIGNED), (workload(),))
    [outcome] = outcomes(asked, Answer("admitted"), "trial", [{**VENDOR, **exemption}])
    assert (outcome.verdict, outcome.message) == ("exempt" if message else "admitted", message)


def test_two_exemptions_are_both_named() -> None:
    asked = ImageSet("shop", ("nginx", "redis"), (workload(),))
    exemptions = [{**VENDOR, "images": [f"docker.io/library/{name}"], "owner": name} for name in ("nginx", "redis")]
    [outcome] = outcomes(asked, Answer("admitted"), "trial", exemptions)
    assert outcome.message == "nginx until 2027-03-31 (nginx: vendor); redis until 2027-03-31 (redis: vendor)"


def test_the_table_has_a_line_for_each_by_namespace_and_what_is_denied_first() -> None:
    asked = [ImageSet("shop", (SIGNED,), (workload(),)), ImageSet("shop", (UNSIGNED,), (workload("Job it"),)), ImageSet("a", (SIGNED,), (workload(),))]
    answers = [Answer("admitted"), denial(NOT_SIGNED), Answer("admitted")]
    assert table([outcome for one, answer in zip(asked, answers, strict=True) for outcome in outcomes(one, answer, "trial", [])]) == [
        "a     admitted    Deployment web",
        f"shop  denied      Job it: {NOT_SIGNED}",
        "shop  admitted    Deployment web",
    ]
