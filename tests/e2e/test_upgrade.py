"""From the previous chart of Ratify to the current one, while somebody asks for images all the time. About two minutes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from lab import charts, previous
from lab.clusters import cluster
from lab.node.control import Node

from .asking import afresh, asking_for
from .conftest import Lab
from .test_policy import SIGNED, UNSIGNED

MENDED = "image_trust.azure.ratify : Ratify is as its release made it"
INSTALLED = "image_trust.azure.ratify : Ratify is installed"
WITHOUT_SIGNED = 30
"""Seconds for which signed images may be denied in an upgrade; docs/trust.md names them."""


@pytest.fixture
def current(kube: Any, ratify: Any) -> Iterator[None]:
    """Afterwards the current version is there, whatever became of the test."""
    yield
    if images(kube) != image_of(charts.RATIFY):
        ratify()


def image_of(chart: charts.Chart) -> set[str]:
    named = chart.values()["image"]
    return {f"{named['repository']}:{named['tag']}"}


def images(kube: Any) -> set[str]:
    """What Ratify's pods run that are not about to end."""
    pods = kube.resources.get(api_version="v1", kind="Pod").get(namespace="gatekeeper-system", label_selector="app.kubernetes.io/name=ratify").items
    return {container.image for pod in pods if not pod.metadata.deletionTimestamp for container in pod.spec.containers}


def definitions(kube: Any) -> dict[str, Any]:
    """The schemas of Ratify's kinds by name."""
    listed = kube.resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition").get().to_dict()["items"]
    return {each["metadata"]["name"]: schemas(each) for each in listed if each["spec"]["group"] == "config.ratify.deislabs.io"}


def schemas(definition: dict[str, Any]) -> dict[str, Any]:
    return {version["name"]: version["schema"] for version in definition["spec"]["versions"]}


def of_the_chart() -> dict[str, Any]:
    packaged = [yaml.safe_load(content) for path, content in charts.RATIFY.files().items() if path.startswith("crds/")]
    return {each["metadata"]["name"]: schemas(each) for each in packaged}


def test_an_upgrade_admits_nothing_unsigned_and_brings_the_definitions_and_a_way_back_is_only_taken_by_name(
    lab: Lab, kube: Any, ratify: Any, current: None
) -> None:
    older = {"ratify_chart_repository": f"{lab.url}/charts/ratify-previous", "ratify_chart_version": previous.provide(Node(cluster("lab1")))}
    refused = ratify(**older)
    assert f"In the cluster is chart ratify {charts.RATIFY.version}, and ratify_chart_version is {charts.PREVIOUS_RATIFY.version}" in refused.error
    assert refused.changed == []

    signed, unsigned = afresh(kube, SIGNED), afresh(kube, UNSIGNED)
    with asking_for(unsigned) as asked:
        back = ratify(**older, ratify_downgrade=True)
    assert back.returncode == 0, back.error
    assert back.changed == [INSTALLED]
    assert images(kube) == image_of(charts.PREVIOUS_RATIFY)
    assert asked.admitted(unsigned) == 0

    # Both charts have the same definitions; so one is made what an older chart's was, without a field that the current one knows.
    path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/refreshInterval"
    kinds = kube.resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition")
    name = "keymanagementproviders.config.ratify.deislabs.io"
    kinds.patch(name=name, body=[{"op": "remove", "path": path}], content_type="application/json-patch+json")
    assert definitions(kube) != of_the_chart()

    with asking_for(unsigned, signed) as asked:
        upgraded = ratify()
    assert upgraded.returncode == 0, upgraded.error
    assert upgraded.changed == [MENDED, INSTALLED]
    print(json.dumps({"refused": asked.refused(unsigned), "signed images denied for seconds": asked.longest_refusal(signed)}))
    assert images(kube) == image_of(charts.RATIFY)
    assert definitions(kube) == of_the_chart()
    assert asked.admitted(unsigned) == 0 < asked.refused(unsigned)
    assert not asked.answers[signed][-1].refusal
    assert asked.longest_refusal(signed) < WITHOUT_SIGNED
    assert ratify().changed == []
