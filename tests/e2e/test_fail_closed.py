"""Fail closed, without deadlock: what is denied while the verifiers are away, what starts all the same, and what comes back by itself. Under five minutes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import kubernetes
import pytest

from .conftest import Lab, Run
from .pods import SIGNED, UNSIGNED, pod, refusal
from .waiting import NAMESPACE, until

Json = dict[str, Any]
WEBHOOK = "gatekeeper-controller-manager"
CONFIGURATION = "gatekeeper-validating-webhook-configuration"
CERTIFICATE = "gatekeeper-webhook-server-cert"
CRITICAL = "system-cluster-critical"


def denied(kube: Any) -> str:
    """Why an unsigned image is denied; whatever the reason, it has to be."""
    said = refusal(kube, pod(UNSIGNED), "default")
    assert said, "an unsigned image is admitted"
    return said


def admitted_again(kube: Any) -> None:
    until(lambda: refusal(kube, pod(SIGNED), "default") == "", "signed images are admitted again")
    until(lambda: "it has no signature" in denied(kube), "unsigned images are denied for that reason")


@pytest.fixture(autouse=True)
def converged(kube: Any) -> Iterator[None]:
    yield
    admitted_again(kube)


def scale(kube: Any, name: str, replicas: int) -> None:
    deployments = kube.resources.get(api_version="apps/v1", kind="Deployment")
    deployments.patch(name=name, namespace=NAMESPACE, body={"spec": {"replicas": replicas}}, content_type="application/merge-patch+json")
    labels = deployments.get(name=name, namespace=NAMESPACE).spec.selector.matchLabels.to_dict()
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    until(lambda: len(kube.resources.get(api_version="v1", kind="Pod").get(namespace=NAMESPACE, label_selector=selector).items) == replicas, f"{name} scales")


@pytest.mark.parametrize("name", [WEBHOOK, "ratify"])
def test_while_a_verifier_is_away_nothing_is_admitted_and_what_the_cluster_needs_starts(kube: Any, name: str) -> None:
    replicas = kube.resources.get(api_version="apps/v1", kind="Deployment").get(name=name, namespace=NAMESPACE).spec.replicas
    pods = kube.resources.get(api_version="v1", kind="Pod")
    scale(kube, name, 0)
    try:
        # What was verified is remembered for some seconds.
        until(lambda: refusal(kube, pod(SIGNED), "default") != "", "signed images are no longer admitted", 30)
        for image in (SIGNED, UNSIGNED):
            assert refusal(kube, pod(image), "default", dry_run=False)
        assert refusal(kube, pod(SIGNED), "kube-system", dry_run=False) == ""
        until(lambda: pods.get(name="it", namespace="kube-system").status.phase in ("Running", "Succeeded"), "a pod of kube-system starts", 60)
    finally:
        scale(kube, name, replicas)
        if any(found.metadata.name == "it" for found in pods.get(namespace="kube-system").items):
            pods.delete(name="it", namespace="kube-system")
    admitted_again(kube)


TEMPLATE = {"metadata": {"labels": {"app": "it"}}, "spec": pod(SIGNED)["spec"]}
RUNNING: dict[str, Json] = {
    "Pod": {"apiVersion": "v1", **pod(SIGNED)},
    "Deployment": {"apiVersion": "apps/v1", "spec": {"selector": {"matchLabels": {"app": "it"}}, "template": TEMPLATE}},
    "CronJob": {
        "apiVersion": "batch/v1",
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}}}},
    },
}
IN_DEPLOYMENT, IN_CRON_JOB = "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"
KEEPS_IMAGES: dict[str, tuple[str, str, Any]] = {
    "a pod's label": ("Pod", "/metadata/labels", {"a": "b"}),
    "a pod's finalizer": ("Pod", "/metadata/finalizers", ["contoso.example/wait"]),
    "a scale": ("Deployment", "/spec/replicas", 3),
    "an annotation of a template": ("Deployment", "/spec/template/metadata/annotations", {"kubectl.kubernetes.io/restartedAt": "now"}),
    "a variable": ("Deployment", f"{IN_DEPLOYMENT}/containers/0/env", [{"name": "A", "value": "b"}]),
    "a volume that is no image": ("Deployment", f"{IN_DEPLOYMENT}/volumes", [{"name": "it", "emptyDir": {}}]),
    "a pause": ("CronJob", "/spec/suspend", True),
}
ADDS_IMAGES: dict[str, tuple[str, str, Any]] = {
    "a pod's image": ("Pod", "/spec/containers/0/image", UNSIGNED),
    "another image": ("Deployment", f"{IN_DEPLOYMENT}/containers/0/image", UNSIGNED),
    "a container": ("Deployment", f"{IN_DEPLOYMENT}/containers/-", {"name": "other", "image": SIGNED}),
    "another name": ("Deployment", f"{IN_DEPLOYMENT}/containers/0/name", "other"),
    "an init container": ("Deployment", f"{IN_DEPLOYMENT}/initContainers", [{"name": "first", "image": UNSIGNED}]),
    "a volume that is an image": ("Deployment", f"{IN_DEPLOYMENT}/volumes", [{"name": "it", "image": {"reference": UNSIGNED}}]),
    "another image of a CronJob": ("CronJob", f"{IN_CRON_JOB}/containers/0/image", UNSIGNED),
    "a debug container": ("Pod", "/spec/ephemeralContainers", [{"name": "debug", "image": UNSIGNED}]),
}


def is_made(kube: Any, body: Json, namespace: str) -> bool:
    return refusal(kube, body, namespace, dry_run=False) == ""


def updated(kube: Any, namespace: str, change: tuple[str, str, Any]) -> str:
    """Why the update is refused in a dry run, empty where it is not."""
    kind, path, value = change
    objects = kube.resources.get(api_version=RUNNING[kind]["apiVersion"], kind=kind)
    if path == "/spec/ephemeralContainers":
        objects = objects.subresources["ephemeralcontainers"]
    operation = "replace" if path.rpartition("/")[2] in ("image", "name", "replicas", "suspend") else "add"
    patch = [{"op": operation, "path": path, "value": value}]
    try:
        objects.patch(name="it", namespace=namespace, body=patch, content_type="application/json-patch+json", dry_run="All")
    except kubernetes.client.ApiException as error:
        return str(json.loads(error.body or "{}")["message"])
    return ""


def test_while_gatekeeper_is_away_what_runs_is_labelled_scaled_and_finished_and_gets_no_image_more(kube: Any, team: str) -> None:
    for kind, body in RUNNING.items():
        made = {"kind": kind, "metadata": {"name": "it"}, **body}
        until(partial(is_made, kube, made, team), f"a {kind} is made", 30)
    pods, deployments = (kube.resources.get(api_version=RUNNING[kind]["apiVersion"], kind=kind) for kind in ("Pod", "Deployment"))
    until(lambda: len(pods.get(namespace=team, label_selector="app=it").items) == 1, "the Deployment has a pod")
    replicas = deployments.get(name=WEBHOOK, namespace=NAMESPACE).spec.replicas
    scale(kube, WEBHOOK, 0)
    try:
        until(lambda: "failed calling webhook" in refusal(kube, pod(SIGNED), "default"), "Gatekeeper is away", 30)
        assert {name: said for name, change in KEEPS_IMAGES.items() if (said := updated(kube, team, change))} == {}
        assert [name for name, change in ADDS_IMAGES.items() if "failed calling webhook" not in updated(kube, team, change)] == []
        # For real: the Deployment, its ReplicaSet and its pod are written by three controllers.
        deployments.patch(name="it", namespace=team, body={"spec": {"replicas": 0}}, content_type="application/merge-patch+json")
        until(lambda: not pods.get(namespace=team, label_selector="app=it").items, "the Deployment's pod ends", 60)
    finally:
        scale(kube, WEBHOOK, replicas)


RULE: Json = {
    "crd": {"spec": {"names": {"kind": "RuleOfOthers"}}},
    "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": 'package ruleofothers\nviolation[{"msg": "no"}] { false }'}],
}


@pytest.fixture
def constraint_of_others(kube: Any) -> Iterator[None]:
    templates = kube.resources.get(api_version="templates.gatekeeper.sh/v1", kind="ConstraintTemplate")
    templates.create(body={"apiVersion": "templates.gatekeeper.sh/v1", "kind": "ConstraintTemplate", "metadata": {"name": "ruleofothers"}, "spec": RULE})
    made = {"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "RuleOfOthers", "metadata": {"name": "it"}}
    path = "/apis/constraints.gatekeeper.sh/v1beta1/ruleofothers"
    until(lambda: bool(kube.request("post", path, body=made)), "the constraint is made", 60)
    yield
    templates.delete(name="ruleofothers")


def test_where_others_have_constraints_gatekeeper_is_asked_about_all_updates(gatekeeper: Any, constraint_of_others: None) -> None:
    predicted = gatekeeper("--check", "--diff")
    assert predicted.returncode == 0, predicted.error
    assert predicted.changed
    assert re.search(r"validatingWebhookMatchConditions.*updates-of-images", predicted.output)


def trusted(kube: Any) -> set[str]:
    webhooks = kube.resources.get(api_version="admissionregistration.k8s.io/v1", kind="ValidatingWebhookConfiguration")
    return {each.clientConfig.caBundle for each in webhooks.get(name="gatekeeper-validating-webhook-configuration").webhooks}


def test_a_webhook_certificate_that_is_renewed_is_trusted_again_by_itself_and_one_that_was_deleted_by_a_run(kube: Any, gatekeeper: Any) -> None:
    secrets, before = kube.resources.get(api_version="v1", kind="Secret"), trusted(kube)
    secrets.patch(name=CERTIFICATE, namespace=NAMESPACE, body={"data": None}, content_type="application/merge-patch+json")
    until(lambda: not before & trusted(kube), "another certificate is trusted", 60)
    assert refusal(kube, pod(UNSIGNED), "default")
    admitted_again(kube)

    before = trusted(kube)
    secrets.delete(name=CERTIFICATE, namespace=NAMESPACE)
    run = gatekeeper()
    assert run.returncode == 0, run.error or run.output[-2000:]
    assert run.changed == ["image_trust.azure.release : Restore the objects of release gatekeeper"]
    assert not before & trusted(kube)
    assert gatekeeper().changed == []


def test_a_drain_leaves_a_pod_of_the_webhook(kube: Any) -> None:
    pods, nodes = kube.resources.get(api_version="v1", kind="Pod"), kube.resources.get(api_version="v1", kind="Node")
    node = {"spec": {"unschedulable": True}}
    nodes.patch(name="lab1", body=node, content_type="application/merge-patch+json")
    try:
        answers = []
        for each in pods.get(namespace=NAMESPACE, label_selector="gatekeeper.sh/operation=webhook").items:
            eviction = kubernetes.client.V1Eviction(metadata=kubernetes.client.V1ObjectMeta(name=each.metadata.name, namespace=NAMESPACE))
            try:
                kubernetes.client.CoreV1Api(kube.client).create_namespaced_pod_eviction(each.metadata.name, NAMESPACE, eviction)
                answers.append(201)
            except kubernetes.client.ApiException as error:
                answers.append(error.status)
        assert answers == [201, 201, 429]
        # The API server may still have a connection to one that goes; none comes before the node is schedulable again.
        until(lambda: refusal(kube, pod(SIGNED), "default") == "", "the pod that is left admits a signed image", 30)
    finally:
        nodes.patch(name="lab1", body={"spec": {"unschedulable": False}}, content_type="application/merge-patch+json")


BREAK_GLASS = {"break_glass_reason": "a drill", "break_glass_who": "a test"}


def conditions(kube: Any) -> list[str]:
    """Of the mutating webhook, which has one of its own beside that of an open cluster."""
    webhooks = kube.resources.get(api_version="admissionregistration.k8s.io/v1", kind="MutatingWebhookConfiguration")
    return [each.name for each in webhooks.get(name="gatekeeper-mutating-webhook-configuration").webhooks[0].matchConditions]


def test_break_glass_opens_whatever_is_down_and_closes_again_and_the_role_does_not_pass_over_it(lab: Lab, kube: Any, gatekeeper: Any, tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"

    def break_glass(state: str, *options: str) -> Run:
        run = lab.play("break_glass", "-l", "lab1", *options, **BREAK_GLASS, break_glass_state=state, break_glass_record_path=str(record))
        assert run.returncode == 0, run.error or run.output[-2000:]
        return run

    replicas = kube.resources.get(api_version="apps/v1", kind="Deployment").get(name=WEBHOOK, namespace=NAMESPACE).spec.replicas
    scale(kube, WEBHOOK, 0)
    try:
        assert "failed calling webhook" in refusal(kube, pod(UNSIGNED), "default")
        predicted = break_glass("open", "--check").changed
        assert "failed calling webhook" in refusal(kube, pod(UNSIGNED), "default")
        assert break_glass("open").changed == predicted != []
        until(lambda: refusal(kube, pod(UNSIGNED), "default") == "", "everything is admitted", 30)
        assert sorted(conditions(kube)) == ["break-glass.image-trust.azure", "names.image-trust.azure"]
        assert break_glass("open").changed == []
        refused = gatekeeper()
        assert "The cluster is open: every image is admitted since" in refused.error
        assert "by a test (a drill)" in refused.error
    finally:
        closed = break_glass("closed")
        scale(kube, WEBHOOK, replicas)
    assert conditions(kube) == ["names.image-trust.azure"]
    assert closed.changed == predicted
    assert break_glass("closed").changed == []
    assert [json.loads(line)["state"] for line in record.read_text().splitlines()] == ["open", "closed"]
    admitted_again(kube)


def test_a_record_that_cannot_be_read_stops_the_role_before_it_writes_until_the_cluster_was_closed(
    kube: Any, gatekeeper: Any, lab: Lab, tmp_path: Path
) -> None:
    name, webhooks = CONFIGURATION, kube.resources.get(api_version="admissionregistration.k8s.io/v1", kind="ValidatingWebhookConfiguration")
    # Other texts are in tests/unit/plugins/filter/test_break_glass_record.py.
    body = {"metadata": {"annotations": {"image-trust.azure/break-glass": "open, ask the platform team"}}}
    webhooks.patch(name=name, body=body, content_type="application/merge-patch+json")
    refused = gatekeeper()
    assert "has an annotation image-trust.azure/break-glass that cannot be read" in refused.error
    assert refused.changed == []
    closed = lab.play("break_glass", "-l", "lab1", **BREAK_GLASS, break_glass_state="closed", break_glass_record_path=str(tmp_path / "record.jsonl"))
    assert closed.returncode == 0, closed.error
    assert json.loads(webhooks.get(name=name).metadata.annotations["image-trust.azure/break-glass"])["state"] == "closed"
    assert gatekeeper().changed == []


@pytest.mark.parametrize("options", [(), ("-l", "clusters")])
def test_break_glass_wants_clusters_by_name_and_a_reason(lab: Lab, options: tuple[str, ...]) -> None:
    refused = lab.play("break_glass", *options, **BREAK_GLASS, break_glass_state="open")
    assert "Name each cluster by -l" in refused.error
    unreasoned = lab.play("break_glass", "-l", "lab1", break_glass_state="open")
    assert "Name each cluster by -l" in unreasoned.error


def test_break_glass_opens_no_further_wave_when_a_cluster_is_not_reached(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "more").write_text("[clusters]\naway\nlab1\n[canary]\naway\n")
    run = lab.play("break_glass", "-i", str(tmp_path / "more"), "-l", "away,lab1", **BREAK_GLASS, break_glass_state="open", break_glass_waves="canary,100%")
    assert "There is no cluster away" in run.error
    assert run.changed == []


AKS = {"aks-command": {}, "image-trust-of-aks": {"kubernetes.azure.com/managedby": "aks"}}
"""Namespaces that AKS makes, one by its name and one by a label that it gives."""


@pytest.fixture
def of_aks(kube: Any) -> Iterator[list[str]]:
    namespaces = kube.resources.get(api_version="v1", kind="Namespace")
    for name, labels in AKS.items():
        namespaces.create(body={"metadata": {"name": name, "labels": labels}})
    yield list(AKS)
    for name in AKS:
        namespaces.delete(name=name)
    until(lambda: not {each.metadata.name for each in namespaces.get().items} & AKS.keys(), "the namespaces are gone", 60)


def test_fail_is_refused_until_namespaces_that_nodes_may_need_were_reviewed(kube: Any, gatekeeper: Any, team: str, of_aks: list[str]) -> None:
    one, other = of_aks
    waiting = {**pod(SIGNED)["spec"], "nodeSelector": {"no": "node"}}
    driver = {**waiting, "volumes": [{"name": "net", "hostPath": {"path": "/etc/cni/net.d"}}]}

    template = {"metadata": {"labels": {"app": "it"}}, "spec": driver}
    sets = kube.resources.get(api_version="apps/v1", kind="StatefulSet")
    of = {"serviceName": "it", "selector": {"matchLabels": {"app": "it"}}, "template": template}
    sets.create(namespace=team, body={"metadata": {"name": "it"}, "spec": of})
    # Where it fails closed already, such an object does not stop the runs.
    assert gatekeeper().changed == []

    webhooks = kube.resources.get(api_version="admissionregistration.k8s.io/v1", kind="ValidatingWebhookConfiguration")
    ignoring = {"webhooks": [{"name": "validation.gatekeeper.sh", "failurePolicy": "Ignore"}]}
    webhooks.patch(name="gatekeeper-validating-webhook-configuration", body=ignoring, content_type="application/strategic-merge-patch+json")
    refused = gatekeeper()
    assert f"The namespaces {one}, {other}, {team} hold what nodes may need to start" in refused.error
    assert refused.changed == []

    sets.delete(name="it", namespace=team)
    kube.resources.get(api_version="v1", kind="Pod").create(namespace=team, body={**pod(SIGNED), "spec": {**waiting, "priorityClassName": CRITICAL}})
    reviewed = [{"name": name, "reason": "signed, and can wait"} for name in of_aks]
    assert f"The namespaces {team} hold" in gatekeeper(gatekeeper_covered_namespaces=reviewed).error
    closed = gatekeeper(gatekeeper_covered_namespaces=[*reviewed, {"name": team, "reason": "signed, and can wait"}])
    assert closed.changed == ["image_trust.azure.release : Restore the objects of release gatekeeper"]


def test_fail_is_taken_back_where_gatekeeper_does_not_answer_unless_it_held_before(kube: Any, gatekeeper: Any) -> None:
    webhooks = kube.resources.get(api_version="admissionregistration.k8s.io/v1", kind="ValidatingWebhookConfiguration")

    def policy(**change: Any) -> str:
        name, body = "gatekeeper-validating-webhook-configuration", {"webhooks": [{"name": "validation.gatekeeper.sh", **change}]}
        return str(webhooks.patch(name=name, body=body, content_type="application/strategic-merge-patch+json").webhooks[0].failurePolicy)

    # Nothing of ours, which the role would restore.
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["namespaces"], "scope": "*"}
    unanswered = {"clientConfig": {"url": "https://127.0.0.1:1/"}, "rules": [rule], "sideEffects": "None", "admissionReviewVersions": ["v1"]}
    webhooks.create(body={"metadata": {"name": "of-another"}, "webhooks": [{"name": "everything.of-another.example", "failurePolicy": "Fail", **unanswered}]})
    try:
        for before in ("Fail", "Ignore"):
            policy(failurePolicy=before)
            error = gatekeeper(gatekeeper_answer_timeout=1).error.rpartition("is not as it has to be")[2]
            assert "failed calling webhook" in error
            assert policy() == before
    finally:
        webhooks.delete(name="of-another")
    assert gatekeeper().returncode == 0
    assert policy() == "Fail"
