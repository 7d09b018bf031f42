from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._arm.managed_clusters import Cluster, Wanted, plan, plan_absent, updated
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError

WANTED = Wanted("lab1", "group")
OFF = Cluster("lab1", "eastus", oidc_issuer=False, workload_identity=False, id="/id", kubernetes_version="1.36.4")
ISSUER = replace(OFF, oidc_issuer=True, issuer_url="https://issuer/")
ON = replace(ISSUER, workload_identity=True)


@pytest.mark.parametrize(
    ("oidc_issuer", "workload_identity", "expected"),
    [(None, None, (None, False)), (True, None, (True, False)), (None, True, (True, True)), (True, True, (True, True)), (False, False, (False, False))],
)
def test_a_missing_cluster_is_planned(oidc_issuer: bool | None, workload_identity: bool | None, expected: tuple[bool | None, bool]) -> None:
    change = plan(None, replace(WANTED, oidc_issuer=oidc_issuer, workload_identity=workload_identity))
    assert change.after
    assert change.changed
    assert (change.after.oidc_issuer, change.after.workload_identity) == expected
    assert (change.after.id, change.after.issuer_url, change.after.kubelet_identity) == (None, None, None)


@pytest.mark.parametrize(
    ("current", "oidc_issuer", "workload_identity", "after"),
    [
        (OFF, None, None, OFF),
        (OFF, False, False, OFF),
        (OFF, True, None, replace(OFF, oidc_issuer=True)),
        (OFF, True, True, replace(OFF, oidc_issuer=True, workload_identity=True)),
        (ISSUER, None, True, ON),
        (ISSUER, True, None, ISSUER),
        # What is not asked for stays.
        (ON, None, None, ON),
        (ON, True, None, ON),
        (ON, True, False, ISSUER),
        # A change that failed is made again.
        (replace(ON, provisioning_state="Failed"), True, True, ON),
        (replace(OFF, provisioning_state="Canceled"), None, None, OFF),
    ],
)
def test_plan(current: Cluster, oidc_issuer: bool | None, workload_identity: bool | None, after: Cluster) -> None:
    change = plan(current, replace(WANTED, oidc_issuer=oidc_issuer, workload_identity=workload_identity))
    assert change.after == after
    assert change.changed is (current != after)


def test_a_new_cluster_s_values_do_not_change_one_that_exists() -> None:
    assert not plan(ON, Wanted("lab1", "group", "East US", "1.35", 9, "Standard_D2s_v5")).changed


@pytest.mark.parametrize(
    ("current", "asked", "sentence"),
    [
        (ON, {"oidc_issuer": False}, "OIDC issuer of the cluster lab1 in resource group group is on, and Azure cannot turn it off again"),
        (OFF, {"workload_identity": True}, "workload_identity needs the OIDC issuer, which is off in the cluster lab1"),
        (OFF, {"location": "westus"}, "is in eastus and cannot be moved to westus"),
    ],
)
def test_what_azure_cannot_do_is_refused(current: Cluster, asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ModuleError, match=sentence):
        plan(current, Wanted("lab1", "group", **asked))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "-lab"}, "name is '-lab', but must be 1 to 63"),
        ({"name": "a" * 64}, "name is "),
        ({"name": ""}, "name is ''"),
        ({"name": "lab1", "option": "cluster_name", "resource_group": ""}, "resource_group is ''"),
        ({"kubernetes_version": "latest"}, "kubernetes_version is 'latest', but must be such as"),
        ({"node_count": 0}, "node_count is 0, but must be 1 to 1000"),
        ({"oidc_issuer": False, "workload_identity": True}, "workload_identity needs the OIDC issuer"),
    ],
)
def test_bad_input_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ModuleError, match=sentence):
        Wanted(**{"name": "lab1", "resource_group": "group", **wrong})


def test_absent() -> None:
    assert plan_absent(ON).changed
    assert not plan_absent(None).changed


def test_an_update_sends_back_what_was_read_but_for_what_is_asked() -> None:
    others: dict[str, Any] = {"agentPoolProfiles": [{"name": "nodepool1", "count": 3}], "autoUpgradeProfile": {"upgradeChannel": "patch"}}
    defender: dict[str, Any] = {"defender": {"logAnalyticsWorkspaceResourceId": "/id"}}
    answer = {"location": "eastus", "tags": {"team": "ops"}, "properties": {**others, "oidcIssuerProfile": {"enabled": False}, "securityProfile": defender}}
    assert updated(replace(OFF, answer=answer), replace(OFF, oidc_issuer=True, workload_identity=True)) == {
        "location": "eastus",
        "tags": {"team": "ops"},
        "properties": {**others, "oidcIssuerProfile": {"enabled": True}, "securityProfile": {**defender, "workloadIdentity": {"enabled": True}}},
    }
