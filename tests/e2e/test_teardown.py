"""`teardown.yml` takes away what site.yml made and nothing else, again and again, and site.yml works after it. The tests build on each other, in this order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import kubernetes
import pytest
from kubernetes.dynamic import DynamicClient

from lab.azure.roles import ACR_PULL
from lab.clusters import cluster
from lab.config import SUBSCRIPTION, TENANT
from lab.node.control import Node
from lab.seed import PUBLISHER
from tests.support.seeds import soak

from . import snapshots
from .conftest import Lab
from .objects import REGISTRY_PATH, VAULT_PATH
from .plans import KUBECONFIG, FromNothing, check, succeeded

pytestmark = [pytest.mark.first_lab, pytest.mark.order(10)]

OTHER_USER = "99999999-aaaa-bbbb-cccc-000000000001"
FOREIGN_POLICY = {"tenantId": TENANT, "objectId": OTHER_USER, "permissions": {"secrets": ["list"]}}
FOREIGN_TEMPLATE = {
    "apiVersion": "templates.gatekeeper.sh/v1",
    "kind": "ConstraintTemplate",
    "metadata": {"name": "otherrule"},
    "spec": {
        "crd": {"spec": {"names": {"kind": "OtherRule"}}},
        "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": 'package otherrule\nviolation[{"msg": "no"}] { false }'}],
    },
}
FOREIGN_OBJECTS: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "others"}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "others"}},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "ratify-reader"}, "rules": []},
]


@pytest.fixture
def cluster_api() -> Iterator[DynamicClient]:
    """The cluster as it is now: a recreated one has another certificate authority."""
    with kubernetes.config.new_client_from_config(str(cluster("lab1").kubeconfig)) as client:
        yield DynamicClient(client)


def make(api: DynamicClient, body: dict[str, Any]) -> None:
    api.resources.get(api_version=body["apiVersion"], kind=body["kind"]).create(body=body, namespace=body["metadata"].get("namespace"))


def gone(api: DynamicClient, body: dict[str, Any]) -> None:
    api.resources.get(api_version=body["apiVersion"], kind=body["kind"]).delete(name=body["metadata"]["name"], namespace=body["metadata"].get("namespace"))


def test_while_others_use_gatekeeper_it_is_refused_with_their_names_and_nothing_is_touched(
    lab: Lab, from_nothing: FromNothing, cluster_api: DynamicClient
) -> None:
    make(cluster_api, FOREIGN_TEMPLATE)
    try:
        before = snapshots.settled()
        lab.forget_requests()
        run = lab.play("teardown")
        assert run.returncode != 0
        assert "ConstraintTemplate otherrule" in run.error
        assert [request for request in lab.requests() if request.writes] == []
        assert snapshots.differences(before, snapshots.versions()) == []
    finally:
        gone(cluster_api, FOREIGN_TEMPLATE)


@pytest.fixture
def planted(lab: Lab, from_nothing: FromNothing, cluster_api: DynamicClient) -> Iterator[None]:
    """Another user's permissions on the same registry and vault, and their things in the cluster; gone again afterwards."""
    lab.arm("PUT", f"{VAULT_PATH}/accessPolicies/add", "2026-02-01", {"properties": {"accessPolicies": [FOREIGN_POLICY]}})
    role = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ACR_PULL.guid}"
    publisher = snapshots.of_azure(lab)[f"service_principals {PUBLISHER}"]["object_id"]
    body = {"properties": {"roleDefinitionId": role, "principalId": publisher, "principalType": "ServicePrincipal"}}
    lab.arm("PUT", f"{REGISTRY_PATH}/providers/Microsoft.Authorization/roleAssignments/{OTHER_USER}", "2022-04-01", body)
    for foreign in FOREIGN_OBJECTS:
        make(cluster_api, foreign)
    yield
    for foreign in reversed(FOREIGN_OBJECTS):
        gone(cluster_api, foreign)
    lab.arm("PUT", f"{VAULT_PATH}/accessPolicies/remove", "2026-02-01", {"properties": {"accessPolicies": [FOREIGN_POLICY]}})
    lab.arm("DELETE", f"{REGISTRY_PATH}/providers/Microsoft.Authorization/roleAssignments/{OTHER_USER}", "2022-04-01")


def without_cluster(azure: snapshots.Snapshot) -> snapshots.Snapshot:
    """Azure but for the cluster and what it brought along: the group of its nodes with their identity."""
    return {title: each for title, each in azure.items() if not title.startswith("clusters ") and "/mc_image-trust-lab_lab1_" not in title}


def without_webhook(found: snapshots.Snapshot) -> snapshots.Snapshot:
    """The cluster but for AKS's webhook of workload identity: where a test has turned that off, it came back with other pods, addresses and certificates."""
    return {title: each for title, each in found.items() if not re.search("azure-wi-webhook|workload-identity-webhook", json.dumps(each))}


def test_nothing_of_ours_is_left_and_all_of_theirs(lab: Lab, from_nothing: FromNothing, planted: None) -> None:
    before = without_cluster(from_nothing.azure)
    predicted = check(lab, "teardown")
    done = succeeded(lab.play("teardown"))
    assert predicted.changed == done.changed
    assert "lab1 admits every image from here on" in done.output

    left = snapshots.of_cluster()
    new = [
        line
        for line in snapshots.differences(without_webhook(from_nothing.cluster), without_webhook(left))
        if not line.startswith("new: ") or "others" not in line
    ]
    assert new == ["new: rbac.authorization.k8s.io/v1 ClusterRole /ratify-reader"]
    assert "v1 ConfigMap others/theirs" in left
    assert not KUBECONFIG.exists()

    differ = snapshots.differences(before, without_cluster(snapshots.of_azure(lab)))
    assert [line.split()[:2] for line in differ] == [["new:", "role_assignments"], ["changed:", "vaults"]]
    assert all(OTHER_USER in line for line in differ)
    vault = lab.arm("GET", VAULT_PATH, "2026-02-01")["properties"]["accessPolicies"]
    assert [(entry["objectId"], [p.lower() for p in entry["permissions"]["secrets"]]) for entry in vault if "secrets" in entry["permissions"]] == [
        (OTHER_USER, ["list"])
    ]


def test_a_second_teardown_changes_nothing(lab: Lab, from_nothing: FromNothing) -> None:
    lab.forget_requests()
    assert succeeded(lab.play("teardown")).changed == []
    assert [request for request in lab.requests() if request.writes] == []


ONLY_THE_IDENTITY = """- hosts: clusters
  connection: local
  gather_facts: false
  roles: [image_trust.azure.aks, image_trust.azure.identity]
"""


def test_a_cluster_that_does_not_answer_is_an_error_before_any_write_and_azure_can_be_torn_down_without_it(
    lab: Lab, from_nothing: FromNothing, tmp_path: Any
) -> None:
    (tmp_path / "identity.yml").write_text(ONLY_THE_IDENTITY)
    succeeded(lab.play(tmp_path / "identity.yml"))
    node = Node(cluster("lab1"))
    node.stop()
    try:
        lab.forget_requests()
        run = lab.play("teardown")
        assert run.returncode != 0
        assert "does not answer" in run.error
        assert "teardown_azure_only" in run.error
        assert [request for request in lab.requests() if request.writes] == []
        done = succeeded(lab.play("teardown", teardown_azure_only=True))
        assert "stay in lab1" in done.output
        assert snapshots.differences(without_cluster(from_nothing.azure), without_cluster(snapshots.of_azure(lab))) == []
    finally:
        node.start()
        node.wait()


def test_the_cluster_goes_when_it_is_named_and_without_it_a_teardown_is_nothing(lab: Lab, from_nothing: FromNothing) -> None:
    succeeded(lab.play("teardown", aks_delete_cluster="lab1"))
    assert snapshots.differences(from_nothing.azure, snapshots.of_azure(lab)) == []
    assert succeeded(lab.play("teardown", aks_delete_cluster="lab1")).changed == []
    assert check(lab, "teardown").changed == []


@soak("site.yml from nothing, in test_plan.py,")
def test_site_works_again_after_it(lab: Lab, from_nothing: FromNothing) -> None:
    done = succeeded(lab.play("site"))
    assert done.changed == from_nothing.predicted.changed
