"""From the previous charts of Ratify and Gatekeeper to the current ones, while a client asks for images all the time and a team's workloads run.

About two minutes each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from lab.build import charts
from lab.clusters import cluster
from lab.node import previous
from lab.node.control import Node
from tests.support.seeds import soak

from . import living, snapshots
from .asking import Asked, afresh, asking_for
from .conftest import Lab, Run
from .pods import SIGNED, UNSIGNED

RESTORED = "image_trust.azure.release : Restore the objects of release ratify"
INSTALLED = "image_trust.azure.release : Install chart ratify"
GATEKEEPER_RESTORED = "image_trust.azure.release : Restore the objects of release gatekeeper"
GATEKEEPER_INSTALLED = "image_trust.azure.release : Install chart gatekeeper"
WEBHOOKS = "gatekeeper-validating-webhook-configuration"
WITHOUT_SIGNED = 30
"""Seconds for which signed images may be denied in an upgrade; docs/trust.md names them."""


@pytest.fixture
def current(kube: Any, gatekeeper: Any, ratify: Any) -> Iterator[None]:
    """Afterwards the current versions are there, whatever became of the test."""
    yield
    for chart, role in ((charts.GATEKEEPER, gatekeeper), (charts.RATIFY, ratify)):
        if images(kube, chart) != image_of(chart):
            role()


@pytest.fixture(scope="module")
def shop(lab: Lab, site: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[living.Team]:
    """A team with workloads of every kind, whose images are signed and named by tag."""
    team = living.Team("shop-in-use", SIGNED, tmp_path_factory.mktemp("shop"))
    team.settle_in()
    yield team
    team.done("patch", "pod", "kept", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    team.done("delete", "namespace", team.namespace)


def assert_undisturbed(team: living.Team, before: list[dict[str, Any]]) -> None:
    """No workload was changed, no pod replaced or restarted; and there are new pods where the team asks for more."""
    same = living.look(before, before, living.Said(0, ""))
    assert living.look(before, team.calm(), living.Said(0, "")) == same
    team.done("scale", "deployment/web", "--replicas=3")
    team.done("rollout", "status", "deployment/web", "--timeout=60s")
    team.done("scale", "deployment/web", "--replicas=2")
    assert living.look(before, team.calm(), living.Said(0, "")).replica_sets == same.replica_sets


def image_of(chart: charts.Chart) -> set[str]:
    named = chart.values()["image"]
    return {f"{named['repository']}:{named.get('tag') or named['release']}"}


def images(kube: Any, chart: charts.Chart) -> set[str]:
    """What the pods of Ratify or Gatekeeper run that are not about to end."""
    label = "app.kubernetes.io/name=ratify" if chart is charts.RATIFY else "app=gatekeeper"
    pods = kube.resources.get(api_version="v1", kind="Pod").get(namespace="gatekeeper-system", label_selector=label).items
    return {container.image for pod in pods if not pod.metadata.deletionTimestamp for container in pod.spec.containers}


def definitions(kube: Any, chart: charts.Chart) -> dict[str, Any]:
    """The schemas of the chart's kinds by name, as they are in the cluster."""
    listed = kube.resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition").get().to_dict()["items"]
    return {each["metadata"]["name"]: schemas(each) for each in listed if each["metadata"]["name"] in of_the_chart(chart)}


def schemas(definition: dict[str, Any]) -> dict[str, Any]:
    return {version["name"]: version["schema"] for version in definition["spec"]["versions"]}


def of_the_chart(chart: charts.Chart) -> dict[str, Any]:
    packaged = [yaml.safe_load(content) for path, content in chart.files().items() if path.startswith("crds/")]
    return {each["metadata"]["name"]: schemas(each) for each in packaged}


def make_a_definition_older(kube: Any, chart: charts.Chart, name: str, field: str) -> None:
    """Both charts have the same definitions; so one is made what an older chart's was, without a field of `spec` that the current one knows."""
    path = f"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/{field}"
    kinds = kube.resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition")
    kinds.patch(name=name, body=[{"op": "remove", "path": path}], content_type="application/json-patch+json")
    assert definitions(kube, chart) != of_the_chart(chart)


def assert_closed_and_soon_open(asked: Asked, unsigned: str, signed: str) -> None:
    print(json.dumps({"refused": asked.refused(unsigned), "signed images denied for seconds": asked.longest_refusal(signed)}))
    assert asked.admitted(unsigned) == 0 < asked.refused(unsigned)
    assert not asked.answers[signed][-1].refusal
    assert asked.longest_refusal(signed) < WITHOUT_SIGNED


def test_an_upgrade_of_ratify_admits_nothing_unsigned_and_brings_the_definitions_and_a_way_back_is_only_taken_by_name(
    lab: Lab, kube: Any, ratify: Any, shop: living.Team, current: None
) -> None:
    older = {"ratify_chart_repository": f"{lab.url}/charts/ratify-previous", "ratify_chart_version": previous.ratify(Node(cluster("lab1")))}
    refused = ratify(**older)
    assert f"Chart ratify {charts.RATIFY.version} is installed, and ratify_chart_version is {charts.PREVIOUS_RATIFY.version}" in refused.error
    assert refused.changed == []

    signed, unsigned, in_use = afresh(kube, SIGNED), afresh(kube, UNSIGNED), shop.calm()
    with asking_for(unsigned) as asked:
        back = ratify(**older, ratify_downgrade=True)
    assert back.returncode == 0, back.error
    assert back.changed == [INSTALLED]
    assert images(kube, charts.RATIFY) == image_of(charts.PREVIOUS_RATIFY)
    assert asked.admitted(unsigned) == 0

    make_a_definition_older(kube, charts.RATIFY, "keymanagementproviders.config.ratify.deislabs.io", "refreshInterval")

    with asking_for(unsigned, signed) as asked:
        upgraded = ratify()
    assert upgraded.returncode == 0, upgraded.error
    assert upgraded.changed == [RESTORED, INSTALLED]
    assert images(kube, charts.RATIFY) == image_of(charts.RATIFY)
    assert definitions(kube, charts.RATIFY) == of_the_chart(charts.RATIFY)
    assert_closed_and_soon_open(asked, unsigned, signed)
    assert_undisturbed(shop, in_use)
    assert ratify().changed == []


def policy() -> dict[str, Any]:
    """What is asked of Gatekeeper, and of whom it asks: which objects, and what they say."""
    kinds = ("ConstraintTemplate", "ImagesVerified", "Provider")
    return {f"{item['kind']} {item['metadata']['name']}": (item["metadata"]["uid"], item["spec"]) for item in snapshots.objects() if item["kind"] in kinds}


def webhooks(kube: Any) -> Any:
    return kube.resources.get(api_version="admissionregistration.k8s.io/v1", kind="ValidatingWebhookConfiguration")


def became_of_the_webhook(kube: Any, since: str) -> set[tuple[str, str]]:
    """What happened to it since that version of it, and what then becomes of a pod for which no webhook answers: pods that always answer do not tell."""
    events = webhooks(kube).watch(name=WEBHOOKS, resource_version=since, timeout=2)
    return {(event["type"], each.failurePolicy) for event in events for each in event["object"].webhooks if each.name == "validation.gatekeeper.sh"}


@soak("the upgrade of Ratify")
def test_an_upgrade_of_gatekeeper_admits_nothing_unsigned_and_keeps_the_policy_and_a_way_back_is_only_taken_by_name(
    lab: Lab, kube: Any, gatekeeper: Any, shop: living.Team, current: None
) -> None:
    older = {"gatekeeper_chart_repository": f"{lab.url}/charts/gatekeeper-previous", "gatekeeper_chart_version": previous.gatekeeper(Node(cluster("lab1")))}
    refused = gatekeeper(**older)
    assert f"Chart gatekeeper {charts.GATEKEEPER.version} is installed, and gatekeeper_chart_version is {older['gatekeeper_chart_version']}" in refused.error
    assert refused.changed == []

    signed, unsigned = afresh(kube, SIGNED), afresh(kube, UNSIGNED)
    in_use = shop.calm()
    before, since = policy(), webhooks(kube).get(name=WEBHOOKS).metadata.resourceVersion
    with asking_for(unsigned) as asked:
        back = gatekeeper(**older, gatekeeper_downgrade=True)
    assert back.returncode == 0, back.error
    assert back.changed == [GATEKEEPER_INSTALLED]
    assert images(kube, charts.GATEKEEPER) == image_of(charts.PREVIOUS_GATEKEEPER)
    assert asked.admitted(unsigned) == 0
    make_a_definition_older(kube, charts.GATEKEEPER, "configs.config.gatekeeper.sh", "readiness")

    with asking_for(unsigned, signed) as asked:
        upgraded = gatekeeper()
    assert upgraded.returncode == 0, upgraded.error
    assert upgraded.changed == [GATEKEEPER_RESTORED, GATEKEEPER_INSTALLED]
    assert images(kube, charts.GATEKEEPER) == image_of(charts.GATEKEEPER)
    assert definitions(kube, charts.GATEKEEPER) == of_the_chart(charts.GATEKEEPER)
    assert policy() == before
    # Nothing at all where both charts make it alike.
    assert became_of_the_webhook(kube, since) <= {("MODIFIED", "Fail")}
    assert_closed_and_soon_open(asked, unsigned, signed)
    assert_undisturbed(shop, in_use)
    assert gatekeeper().changed == []
