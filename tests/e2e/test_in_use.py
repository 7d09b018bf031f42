"""Workloads that are by tag and older than the policy: what is done to them every day is as on a cluster without it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import kubernetes
import pytest

from .changes import WEBHOOK, changed
from .conftest import Lab, Run
from .drift import Hand
from .pods import SIGNED, UNSIGNED, pod, refusal
from .workloads import MERGE, MUTATING, Json, Namespace, deployment, no_pods, operated

EVERYTHING = [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["*"], "scope": "*"}]
"""What the chart's own rules let be mutated."""
KEPT = 11
"""ReplicaSets of a Deployment that is complete: the one in use, and ten old ones."""
SETTLED = 10
"""Seconds in which a controller that does not find its own ReplicaSet makes dozens."""


def ticking(name: str, image: str) -> Json:
    """A CronJob that makes a Job each minute; its pods wait for a node."""
    labels = {"app": f"ticking-{name}"}
    spec = {**pod(image)["spec"], "nodeSelector": {"no": "node"}, "restartPolicy": "Never"}
    job = {"metadata": {"labels": labels}, "spec": {"template": {"metadata": {"labels": labels}, "spec": spec}}}
    of = {"schedule": "* * * * *", "concurrencyPolicy": "Forbid", "suspend": True, "jobTemplate": job}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": f"ticking-{name}"}, "spec": of}


@pytest.fixture
def before(kube: Any, lab: Lab, site: Run, team: str) -> Iterator[Namespace]:
    """Workloads that were created while Gatekeeper was not asked."""
    made, hand = Namespace(kube, team), Hand(lab)
    lone = pod(UNSIGNED, name="lone", finalizers=["example.com/kept"])
    lone["spec"]["nodeSelector"] = {"no": "node"}
    with ExitStack() as stack:
        for webhook in (WEBHOOK, MUTATING):
            stack.enter_context(changed(hand, webhook, no_pods))
        deadline = time.monotonic() + 30
        while refusal(kube, pod(UNSIGNED), team):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        for body in (deployment("signed", SIGNED, 1), deployment("unsigned", UNSIGNED, 1), lone, operated(SIGNED)):
            made.create(body)
        for body in (ticking("signed", SIGNED), ticking("unsigned", UNSIGNED)):
            made.create(body)
        for app in ("signed", "unsigned"):
            made.wait_for_pods(app, 1)
    deadline = time.monotonic() + 30
    while not refusal(kube, pod(UNSIGNED), team):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    yield made
    made.patch("Pod", "lone", {"metadata": {"finalizers": None}})


def test_a_signed_deployment_by_tag_is_scaled_with_one_replica_set_and_keeps_its_tag(before: Namespace) -> None:
    before.patch("Deployment", "signed", {"spec": {"replicas": 3}})
    before.wait_for_pods("signed", 3)
    time.sleep(SETTLED)
    assert len(before.replica_sets("signed")) == 1
    live = before.kind("Deployment").get(namespace=before.name, name="signed")
    assert live.spec.template.spec.containers[0].image == SIGNED
    assert sorted(each.spec.containers[0].image == SIGNED for each in before.pods("signed")) == [False, False, True], "new pods are pinned, the old one stays"


def test_what_adds_no_image_is_done_to_what_is_not_signed(before: Namespace) -> None:
    label = {"metadata": {"labels": {"team": "a"}, "annotations": {"note": "b"}}}
    (first,) = before.pods("unsigned")
    for kind, name in (
        ("Pod", "lone"),
        ("Pod", first.metadata.name),
        ("Deployment", "unsigned"),
        ("ReplicaSet", before.replica_sets("unsigned")[0].metadata.name),
    ):
        before.patch(kind, name, label)
    assert before.kind("Pod").get(namespace=before.name, name="lone").spec.containers[0].image == UNSIGNED
    before.patch("Deployment", "unsigned", {"spec": {"replicas": 0}})
    before.wait_for_pods("unsigned", 0)
    before.kind("Pod").delete(namespace=before.name, name="lone")
    before.patch("Pod", "lone", {"metadata": {"finalizers": None}})
    deadline = time.monotonic() + 30
    while [each for each in before.kind("Pod").get(namespace=before.name).items if each.metadata.name == "lone"]:
        assert time.monotonic() < deadline, "the pod without a finalizer stays"
        time.sleep(0.5)
    before.create({**pod(SIGNED, name="lone"), "spec": {**pod(SIGNED)["spec"], "nodeSelector": {"no": "node"}}})


def test_an_operator_that_compares_pods_with_what_it_asked_for_is_content_with_those_from_before_and_with_digests(before: Namespace) -> None:
    assert before.operate(SIGNED) == 0
    stored = before.kind("Pod").create(namespace=before.name, body=pod(SIGNED, name="asked"), dry_run="All")
    assert before.operate(stored.spec.containers[0].image) == 1
    # As docs/in-use.md says: by a tag it never finds what it asked for.
    assert before.operate(SIGNED, rounds=3) == 3


def test_the_jobs_that_a_cron_job_from_before_makes_are_judged(before: Namespace) -> None:
    for name in ("ticking-signed", "ticking-unsigned"):
        before.patch("CronJob", name, {"spec": {"suspend": False}})
    jobs, events = (before.kube.resources.get(api_version=version, kind=kind) for version, kind in (("batch/v1", "Job"), ("v1", "Event")))
    deadline = time.monotonic() + 100
    while not (found := jobs.get(namespace=before.name, label_selector="app=ticking-signed").items):
        assert time.monotonic() < deadline, "the CronJob with a signed image makes a Job each minute"
        time.sleep(1)
    assert found[0].spec.template.spec.containers[0].image == SIGNED
    before.wait_for_pods("ticking-signed", 1)
    assert "@sha256:" in before.pods("ticking-signed")[0].spec.containers[0].image

    def refused() -> list[str]:
        selector = "involvedObject.kind=CronJob,involvedObject.name=ticking-unsigned,reason=FailedCreate"
        return [each.message for each in events.get(namespace=before.name, field_selector=selector).items]

    while not refused():
        assert time.monotonic() < deadline, "the other one reads why it makes none"
        time.sleep(1)
    assert "it has no signature" in refused()[0]
    assert jobs.get(namespace=before.name, label_selector="app=ticking-unsigned").items == []


def test_another_image_is_judged_on_what_is_older_than_the_policy(before: Namespace) -> None:
    with pytest.raises(kubernetes.client.ApiException) as refused:
        before.patch("Deployment", "signed", {"spec": {"template": {"spec": {"containers": [{"name": "it", "image": UNSIGNED}]}}}})
    assert "it has no signature" in str(refused.value.body)


def test_replica_sets_without_end_of_an_older_configuration_are_named_and_end_with_the_next_run(
    before: Namespace, lab: Lab, gatekeeper: Callable[..., Run]
) -> None:
    # A real one, for it removes its old ReplicaSets when its pods are ready.
    before.patch("Deployment", "signed", {"spec": {"template": {"spec": {"nodeSelector": None}}}})
    before.wait_for_pods("signed", 1)
    assert gatekeeper(gatekeeper_mutated_resources=EVERYTHING).returncode == 0
    try:
        scale = {"spec": {"replicas": 3}}
        before.kind("Deployment").scale.patch(namespace=before.name, name="signed", body=scale, content_type=MERGE)
        deadline = time.monotonic() + 120
        while len(before.replica_sets("signed")) < 30:
            assert time.monotonic() < deadline, "the older configuration does no damage"
            time.sleep(0.5)
        (named,) = Hand(lab).verification({})["replica_sets_without_end"]
        assert (named["namespace"], named["name"]) == (before.name, "signed")
    finally:
        restored = gatekeeper()
    assert restored.returncode == 0, restored.error
    deadline = time.monotonic() + 120
    while len(before.replica_sets("signed")) > KEPT:
        assert time.monotonic() < deadline, f"{len(before.replica_sets('signed'))} ReplicaSets are left"
        time.sleep(0.5)
    assert Hand(lab).verification({})["replica_sets_without_end"] == []
