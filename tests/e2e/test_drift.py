"""Each object that we manage, changed or deleted manually, is found by `--check` and restored by a run. The objects are whatever site.yml has made."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.seeds import soak

from . import drift, snapshots
from .conftest import Lab, Run
from .drift import CHANGES, Hand, content, managed
from .plans import FromNothing, check, succeeded

pytestmark = [pytest.mark.first_lab, pytest.mark.order(8)]


@pytest.fixture(scope="module")
def without(from_nothing: FromNothing) -> snapshots.Snapshot:
    """The cluster as it was before site.yml."""
    return from_nothing.cluster


@pytest.fixture(scope="module")
def hand(lab: Lab, site: Run) -> Hand:
    return Hand(lab)


def names(run: Run, item: drift.Json) -> bool:
    """Whether what the run printed names the object."""
    metadata = item["metadata"]
    return metadata["name"] in run.output and item["kind"] in run.output


def restored(lab: Lab, without: snapshots.Snapshot, before: snapshots.Snapshot) -> None:
    """A run brings back what was `before`."""
    succeeded(lab.play("site"))
    assert snapshots.differences(before, content(managed(without))) == []


def test_every_object_that_was_changed_manually_is_found_and_restored(lab: Lab, hand: Hand, without: snapshots.Snapshot) -> None:
    found, azure = managed(without), snapshots.of_azure(lab)
    before = content(found)
    changed = {title: item for title, item in found.items() if item.get("type") != drift.RECORD}
    assert {item["kind"] for item in changed.values()} == set(CHANGES), "each kind is changed, and each change is made"
    for item in changed.values():
        hand.patch(item, CHANGES[item["kind"]](item))
    hand.change_azure()
    after = content(managed(without))
    assert [title for title in changed if before[title] == after[title]] == []

    predicted = check(lab, "site")
    assert [title for title, item in changed.items() if not names(predicted, item)] == []
    restored(lab, without, before)
    assert snapshots.differences(azure, snapshots.of_azure(lab)) == []


@soak("the test above, which changes them,")
def test_every_object_that_was_deleted_is_found_and_made_again(lab: Lab, hand: Hand, without: snapshots.Snapshot) -> None:
    azure, found = snapshots.of_azure(lab), managed(without)
    before = content(found)
    # What lives in the namespace goes with it, and Helm's records too: without them the release is installed again, which is another test.
    deleted = {title: item for title, item in found.items() if item["kind"] != "Namespace" and item.get("type") != drift.RECORD}
    assert {item["kind"] for item in deleted.values()} == CHANGES.keys() - {"Namespace"}
    for item in deleted.values():
        hand.delete(item)
    hand.delete_in_azure()
    assert deleted.keys() & managed(without).keys() == set()

    predicted = check(lab, "site")
    assert [title for title, item in deleted.items() if not names(predicted, item)] == []
    restored(lab, without, before)
    assert snapshots.differences(azure, snapshots.of_azure(lab)) == []


MARKED = {"helm.sh/hook": "pre-install,pre-upgrade"}
SBOM = {"name": "sbom", "artifactTypes": "application/spdx+json"}
FOREIGN: list[drift.Json] = [
    {
        "apiVersion": "config.ratify.deislabs.io/v1beta1",
        "kind": kind,
        "metadata": {"name": name, "annotations": {**MARKED, **annotations}, **place},
        "spec": spec,
    }
    for kind, name, place, annotations, spec in (
        ("Verifier", "of-another", {}, {}, SBOM),
        ("Verifier", "verifier-notation-2", {}, {"meta.helm.sh/release-name": "ratify", "meta.helm.sh/release-namespace": "gatekeeper-system"}, SBOM),
        ("NamespacedVerifier", "verifier-notation", {"namespace": "default"}, {}, SBOM),
    )
]
"""Configuration of Ratify that looks as if its chart had made it."""


@soak("tests/unit/plugins/module_utils/test_helm_release.py")
def test_an_edited_record_is_not_believed_and_one_that_was_deleted_is_written_again(
    lab: Lab, hand: Hand, without: snapshots.Snapshot, ratify: Callable[..., Run]
) -> None:
    records = [item for item in managed(without).values() if item.get("type") == drift.RECORD]
    assert {item["metadata"]["labels"]["name"] for item in records} == {"gatekeeper", "ratify"}
    before = {title: each for title, each in content(managed(without)).items() if "sh.helm.release" not in title}
    last = max(records, key=lambda item: (item["metadata"]["labels"]["name"], int(item["metadata"]["labels"]["version"])))
    others = next(item for item in records if item["metadata"]["labels"]["name"] == "gatekeeper")
    hand.patch(last, {"data": others["data"]})
    refused = lab.play("site", "--check")
    assert f"Secret gatekeeper-system/{last['metadata']['name']}, was changed by kubectl-edit. " in refused.error
    assert "Delete that Secret" in refused.error

    for item in records:
        hand.delete(item)
    # By the mark of a hook, which anybody may copy, nothing is the chart's.
    for other in FOREIGN:
        hand.create(other)
    installing = ratify("--check").error
    removing = ratify("--check", ratify_state="absent").error
    for other in FOREIGN:
        assert f"{other['kind']} {other['metadata'].get('namespace', '')}/{other['metadata']['name']}".replace(" /", " ") in installing
        assert other["metadata"]["name"] in removing
        hand.delete(other)

    predicted = check(lab, "site")
    assert [name for name in predicted.changed if "is installed" in name] == predicted.changed != []
    assert succeeded(lab.play("site")).changed == predicted.changed
    after = {title: each for title, each in content(managed(without)).items() if "sh.helm.release" not in title}
    assert snapshots.differences(before, after) == []


def webhook(**change: Any) -> Callable[[drift.Json], drift.Json]:
    """The first webhook of a configuration, with another value."""
    return lambda item: {"webhooks": [{**item["webhooks"][0], **change}, *item["webhooks"][1:]]}


def exempt(item: drift.Json) -> drift.Json:
    selector = copy.deepcopy(item["webhooks"][0]["namespaceSelector"])
    next(each for each in selector["matchExpressions"] if each["key"] == "kubernetes.io/metadata.name")["values"].append("default")
    return webhook(namespaceSelector=selector)(item)


def not_debugged(item: drift.Json) -> drift.Json:
    rules = copy.deepcopy(item["webhooks"][0]["rules"])
    rules[0]["resources"].remove("pods/ephemeralcontainers")
    return webhook(rules=rules)(item)


VALIDATING = ("gatekeeper", "ValidatingWebhookConfiguration", "gatekeeper-validating-webhook-configuration")
NO_OBJECT = {"matchLabels": {"nobody": "has-this"}}
DANGERS = {
    "the webhook is asked for some objects only": (*VALIDATING, webhook(objectSelector=NO_OBJECT)),
    "a namespace more is exempt": (*VALIDATING, exempt),
    "what gets no answer is admitted": (*VALIDATING, webhook(failurePolicy="Ignore")),
    "a condition is never met": (*VALIDATING, webhook(matchConditions=[{"name": "never", "expression": "false"}])),
    "debug containers are not judged": (*VALIDATING, not_debugged),
    "tags are not replaced": ("gatekeeper", "MutatingWebhookConfiguration", "gatekeeper-mutating-webhook-configuration", webhook(objectSelector=NO_OBJECT)),
    "everybody is trusted": ("ratify", "Verifier", "verifier-notation", CHANGES["Verifier"]),
    "Ratify is slower than the webhook": ("ratify", "Provider", "ratify-provider", CHANGES["Provider"]),
    "one of several reports is enough": ("ratify", "Policy", "ratify-policy", CHANGES["Policy"]),
}


@pytest.mark.parametrize("danger", DANGERS.values(), ids=DANGERS.keys())
def test_one_change_that_opens_the_cluster_is_found_alone(lab: Lab, hand: Hand, without: snapshots.Snapshot, danger: tuple[Any, ...]) -> None:
    release, kind, name, change = danger
    (item,) = [each for each in managed(without).values() if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    hand.patch(item, change(item))
    assert drift.content({name: item}) != drift.content({name: hand.get(item)})
    answer = hand.converge(release)
    assert [each["title"] for each in answer["objects"]] == [f"{kind} {name}"]
    assert drift.content({name: item}) == drift.content({name: hand.get(item)})


def test_pods_that_an_autoscaler_added_stay_until_it_is_gone(hand: Hand) -> None:
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "ratify", "namespace": "gatekeeper-system"}}
    given = hand.get(deployment)["spec"]["replicas"]
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "of-a-team", "namespace": "gatekeeper-system"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ratify"},
            "minReplicas": given + 1,
            "maxReplicas": given + 1,
        },
    }
    hand.create(autoscaler)
    try:
        deadline = time.monotonic() + 60
        while hand.get(deployment)["spec"]["replicas"] != given + 1:
            assert time.monotonic() < deadline, "the autoscaler adds no pod"
            time.sleep(0.5)
        assert hand.converge("ratify")["objects"] == []
    finally:
        hand.delete(autoscaler)
    assert [each["title"] for each in hand.converge("ratify")["objects"]] == ["Deployment gatekeeper-system/ratify"]
    assert hand.get(deployment)["spec"]["replicas"] == given


def test_what_others_made_and_lets_more_images_in_is_named_and_left(lab: Lab, hand: Hand, site: Run) -> None:
    config = {
        "apiVersion": "config.gatekeeper.sh/v1alpha1",
        "kind": "Config",
        "metadata": {"name": "config", "namespace": "gatekeeper-system"},
        "spec": {"match": [{"processes": ["webhook"], "excludedNamespaces": ["team-a", "kube-system"]}]},
    }
    verifier = {
        "apiVersion": "config.ratify.deislabs.io/v1beta1",
        "kind": "Verifier",
        "metadata": {"name": "of-another"},
        "spec": {"name": "sbom", "artifactTypes": "application/spdx+json"},
    }
    hand.create(config)
    hand.create(verifier)
    try:
        refused = lab.play("site", "--check")
        assert "configuration that its chart did not make" in refused.error
        assert "Verifier of-another" in refused.error
        reviewed = lab.play("site", "--check", ratify_foreign_objects=[{"object": "Verifier of-another", "reason": "a test"}])
        assert "Images are not verified in namespaces that policy_excluded_namespaces does not name:" in reviewed.error
        assert " team-a (Gatekeeper's Config). " in reviewed.error
    finally:
        hand.delete(verifier)
        hand.delete(config)
    assert check(lab, "site").changed == []
