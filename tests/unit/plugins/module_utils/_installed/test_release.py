"""What may not be installed over a release, and what is known as a part of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._installed.release import Removal, newer, of_release, records_of, shown
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.helm import Records

from tests.support.cluster_states import helm_record

from .objects import GATEKEEPER, RATIFY, there, titles


@pytest.mark.parametrize(
    ("wanted", "installed", "named"),
    [
        ("3.23.1", [], None),
        ("3.23.1", ["3.23.1"], None),
        ("3.23.1", ["3.22.0", "3.9.0"], None),
        ("3.9.0", ["3.22.0"], "3.22.0"),
        ("3.22.0", ["3.23.1", "3.21.0", "3.24.0"], "3.23.1 and 3.24.0"),
    ],
    ids=["not installed", "the same", "newer by number, not by letter", "older by number, not by letter", "each that is newer"],
)
def test_a_chart_is_not_replaced_by_an_older_one_unless_it_is_asked_for(wanted: str, installed: list[str], named: str | None) -> None:
    found = newer("gatekeeper", wanted, installed, downgrade=False)
    assert [each.startswith(f"Chart gatekeeper {named} is installed, and gatekeeper_chart_version is {wanted}.") for each in found] == [True] * bool(named)
    assert all(f"Set gatekeeper_chart_version to {named} or above, or gatekeeper_downgrade to true" in each for each in found)
    assert newer("gatekeeper", wanted, installed, downgrade=True) == []


def test_what_goes_with_its_owner_is_not_deleted_beside_it() -> None:
    """A ReplicaSet has its Deployment's annotations; the cluster deletes it at the same time, and who comes second gets a 404."""
    objects = [
        there("Deployment gatekeeper-system/web", RATIFY),
        there("ReplicaSet gatekeeper-system/web-1", RATIFY, owned=True),
        there("Deployment gatekeeper-system/other", GATEKEEPER),
        there("Deployment tools/web", "tools/ratify"),
        there("Service gatekeeper-system/mine"),
        there("ClusterRole web", RATIFY),
    ]
    assert titles(of_release(objects, RATIFY)) == ["Deployment gatekeeper-system/web", "ClusterRole web"]


@pytest.mark.parametrize(
    ("title", "is_record"),
    [
        ("Secret gatekeeper-system/sh.helm.release.v1.ratify.v1", True),
        ("Secret gatekeeper-system/sh.helm.release.v1.ratify.v12", True),
        ("Secret gatekeeper-system/sh.helm.release.v1.ratify-2.v1", False),
        ("Secret gatekeeper-system/sh.helm.release.v1.gatekeeper.v1", False),
        ("Secret gatekeeper-system/shxhelm.release.v1.ratify.v1", False),
        ("Secret tools/sh.helm.release.v1.ratify.v1", False),
        ("ConfigMap gatekeeper-system/sh.helm.release.v1.ratify.v1", False),
        ("Secret gatekeeper-system/mine-sh.helm.release.v1.ratify.v1", False),
    ],
)
def test_records_are_known_by_kind_place_and_name(title: str, is_record: bool) -> None:
    assert bool(records_of([there(title)], RATIFY)) is is_record


def test_a_removal_is_shown_as_references_by_step() -> None:
    nothing: dict[str, list[Any]] = {"before": [], "release": [], "records": [], "leftovers": []}
    assert Removal().shown() == nothing
    reference = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "it", "namespace": "trust"}}
    assert Removal(records=[there("Secret trust/it")]).shown() == {**nothing, "records": [reference]}


def test_a_release_is_shown_as_helm_tried_it_last() -> None:
    records = [helm_record("ratify", "trust", 1, "deployed", "1.0.0", {}), helm_record("ratify", "trust", 2, "failed", "2.0.0", {"a": 1})]
    installed = {"chart": "ratify", "chart_version": "2.0.0", "revision": 2, "status": "failed"}
    current = {"chart": "ratify-2.0.0", "values": {"a": 1}}
    assert shown(Records("ratify", "trust", records)) == {"installed": installed, "current": current, "interrupted": False}
    begun = helm_record("ratify", "trust", 3, "pending-upgrade", "2.0.0", {})
    assert shown(Records("ratify", "trust", [*records, begun])) == {"installed": None, "current": None, "interrupted": True}
    assert shown(Records("ratify", "trust", [])) == {"installed": None, "current": None, "interrupted": False}
