"""Managed clusters: asynchronous operations on a machine, issuer, workload identity, kubelet identity, credentials."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

import pytest

from lab.azure.arm import managed_clusters
from lab.azure.arm.role_assignments import new_assignment
from tests.emulator.machine import CLUSTER, GROUP, IDENTITY, SUBSCRIPTION, TENANT, Lab, cluster_body, emulated, error_of

ON, OFF = {"enabled": True}, {"enabled": False}


def test_creating_a_cluster_is_an_operation_that_ends_when_the_machine_is_ready(lab: Lab) -> None:
    lab.machine.ready.clear()
    made = lab.call("PUT", CLUSTER, cluster_body())
    operation = lab.call("GET", made.headers["azure-asyncoperation"].partition("?")[0].removeprefix(lab.azure.arm_url), version="2016-03-30")
    assert made.status_code == 201
    assert made.json()["properties"]["provisioningState"] == "Creating"
    assert "retry-after" not in {*made.headers, *operation.headers}
    assert operation.json()["status"] == "InProgress"
    lab.machine.ready.set()
    ended = lab.wait(made)
    assert ended["status"] == "Succeeded"
    assert set(ended) == {"name", "status", "startTime", "endTime"}
    assert lab.call("GET", CLUSTER).json()["properties"]["provisioningState"] == "Succeeded"
    assert lab.machine.calls == [("start", "one")]


def test_the_kubelet_identity_is_there_only_after_success_and_is_a_real_identity(lab: Lab) -> None:
    made = lab.call("PUT", CLUSTER, cluster_body())
    assert "identityProfile" not in made.json()["properties"]
    lab.wait(made)
    kubelet = lab.call("GET", CLUSTER).json()["properties"]["identityProfile"]["kubeletidentity"]
    identity = lab.call("GET", kubelet["resourceId"]).json()
    assert (identity["properties"]["principalId"], identity["properties"]["clientId"]) == (kubelet["objectId"], kubelet["clientId"])
    assert lab.call("GET", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_group_one_eastus").json()["managedBy"].lower() == CLUSTER.lower()


def test_the_issuer_is_reported_at_once_with_its_slash_and_is_on_by_default(lab: Lab) -> None:
    made = lab.call("PUT", CLUSTER, cluster_body()).json()["properties"]["oidcIssuerProfile"]
    assert made == {"enabled": True, "issuerURL": f"https://eastus.oic.prod-aks.azure.com/{TENANT}/one/"}
    assert lab.azure.issuers() == {made["issuerURL"]: "one"}


def test_a_cluster_without_issuer_gets_one_by_an_update_and_never_loses_it(lab: Lab) -> None:
    assert lab.cluster(oidcIssuerProfile=OFF)["properties"]["oidcIssuerProfile"] == OFF
    assert lab.azure.issuers() == {}
    updated = lab.call("PUT", CLUSTER, cluster_body(oidcIssuerProfile=ON))
    assert updated.status_code == 200
    assert updated.json()["properties"]["oidcIssuerProfile"]["issuerURL"].endswith("/one/")
    lab.wait(updated)
    refused = lab.call("PUT", CLUSTER, cluster_body(oidcIssuerProfile=OFF))
    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == "OIDC issuer feature cannot be disabled."


def test_workload_identity_needs_the_issuer(lab: Lab) -> None:
    both = cluster_body(oidcIssuerProfile=OFF, securityProfile={"workloadIdentity": ON})
    assert lab.call("PUT", CLUSTER, both).status_code == 400
    assert lab.call("GET", CLUSTER).status_code == 404
    lab.cluster(oidcIssuerProfile=OFF)
    assert lab.call("PUT", CLUSTER, cluster_body(securityProfile={"workloadIdentity": ON})).status_code == 400


def test_workload_identity_appears_in_the_cluster_and_goes_away(lab: Lab) -> None:
    lab.cluster(securityProfile={"workloadIdentity": ON})
    assert lab.machine.calls[-1] == ("install workload identity", "one")
    lab.wait(lab.call("PUT", CLUSTER, cluster_body(securityProfile={"workloadIdentity": OFF})))
    assert lab.machine.calls[-1] == ("remove workload identity", "one")


def test_an_update_keeps_what_it_does_not_mention(lab: Lab) -> None:
    before = lab.cluster(securityProfile={"workloadIdentity": ON}, addonProfiles={"azurepolicy": ON})["properties"]
    lab.wait(lab.call("PUT", CLUSTER, {"location": "eastus", "properties": {"disableLocalAccounts": True}}))
    after = lab.call("GET", CLUSTER).json()["properties"]
    assert after == {**before, "disableLocalAccounts": True}


def test_putting_back_what_was_read_changes_nothing(lab: Lab) -> None:
    before = lab.cluster(securityProfile={"workloadIdentity": ON})
    lab.wait(lab.call("PUT", CLUSTER, before))
    assert lab.call("GET", CLUSTER).json() == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"dnsPrefix": "other"}, "PropertyChangeNotAllowed"),
        ({"nodeResourceGroup": "other"}, "PropertyChangeNotAllowed"),
        ({"kubernetesVersion": "1.30"}, "K8sVersionNotSupported"),
    ],
)
def test_what_cannot_change_is_refused(lab: Lab, change: dict[str, Any], code: str) -> None:
    lab.cluster()
    assert error_of(lab.call("PUT", CLUSTER, cluster_body(**change))) == (400, code)


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("-one", cluster_body(), "InvalidParameter"),
        ("x" * 64, cluster_body(), "InvalidParameter"),
        ("one", {**cluster_body(), "location": None}, "LocationRequired"),
        ("one", cluster_body(agentPoolProfiles=[]), "InvalidParameter"),
        ("one", cluster_body(dnsPrefix=None), "InvalidParameter"),
        ("one", {**cluster_body(), "identity": None}, "InvalidParameter"),
        ("one", cluster_body(kubernetesVersion="1.20.0"), "K8sVersionNotSupported"),
        ("one", cluster_body(kubernetesVersion="1.3"), "K8sVersionNotSupported"),
    ],
)
def test_a_cluster_that_azure_refuses_is_refused_and_starts_nothing(lab: Lab, name: str, body: dict[str, Any], code: str) -> None:
    assert error_of(lab.call("PUT", CLUSTER.removesuffix("one") + name, body)) == (400, code)
    assert lab.machine.calls == []


@pytest.mark.parametrize("version", ["", "1.36", "1.36.4"])
def test_the_version_may_be_left_out_or_be_a_minor_version(lab: Lab, version: str) -> None:
    assert lab.cluster(kubernetesVersion=version)["properties"]["currentKubernetesVersion"] == "1.36.4"


def test_a_second_operation_waits_for_the_first(lab: Lab) -> None:
    lab.machine.ready.clear()
    made = lab.call("PUT", CLUSTER, cluster_body())
    for method, body in (("PUT", cluster_body()), ("PATCH", {"tags": {}}), ("DELETE", None)):
        assert error_of(lab.call(method, CLUSTER, body)) == (409, "OperationNotAllowed")
    lab.machine.ready.set()
    lab.wait(made)
    assert lab.call("PATCH", CLUSTER, {"tags": {"a": "b"}}).status_code == 200


def test_an_operation_is_aborted_and_the_cluster_can_be_written_again(lab: Lab) -> None:
    lab.machine.ready.clear()
    made = lab.call("PUT", CLUSTER, cluster_body())
    aborting = lab.call("POST", f"{CLUSTER}/abort")
    assert (aborting.status_code, lab.call("GET", CLUSTER).json()["properties"]["provisioningState"]) == (202, "Canceling")
    assert error_of(lab.call("POST", f"{CLUSTER}/abort")) == (409, "OperationNotAllowed")
    lab.machine.ready.set()
    assert (lab.wait(aborting)["status"], lab.wait(made)["status"]) == ("Succeeded", "Canceled")
    assert lab.call("GET", urlsplit(aborting.headers["location"]).path, version="2016-03-30").status_code == 204
    assert lab.call("GET", CLUSTER).json()["properties"]["provisioningState"] == "Canceled"
    lab.wait(lab.call("PUT", CLUSTER, cluster_body()))
    assert lab.call("GET", CLUSTER).json()["properties"]["provisioningState"] == "Succeeded"


def test_what_does_not_run_is_not_aborted(lab: Lab) -> None:
    lab.cluster()
    assert error_of(lab.call("POST", f"{CLUSTER}/abort")) == (409, "OperationNotAllowed")


def test_a_machine_that_does_not_start_makes_the_operation_fail(lab: Lab) -> None:
    lab.machine.broken = "etcd does not answer"
    ended = lab.wait(lab.call("PUT", CLUSTER, cluster_body()))
    assert ended["status"] == "Failed"
    assert "etcd does not answer" in ended["error"]["message"]
    assert lab.call("GET", CLUSTER).json()["properties"]["provisioningState"] == "Failed"
    lab.machine.broken = ""
    assert lab.wait(lab.call("PUT", CLUSTER, cluster_body()))["status"] == "Succeeded"


def test_the_user_credential_is_the_machines_kubeconfig(lab: Lab) -> None:
    lab.cluster()
    answer = lab.call("POST", f"{CLUSTER}/listClusterUserCredential").json()["kubeconfigs"]
    assert [each["name"] for each in answer] == ["clusterUser"]
    assert base64.b64decode(answer[0]["value"]).decode() == lab.machine.kubeconfig("one")


def test_there_is_no_credential_of_a_cluster_that_is_being_created(lab: Lab) -> None:
    lab.machine.ready.clear()
    made = lab.call("PUT", CLUSTER, cluster_body())
    assert error_of(lab.call("POST", f"{CLUSTER}/listClusterUserCredential")) == (404, "ControlPlaneNotFound")
    lab.machine.ready.set()
    lab.wait(made)


def test_deleting_takes_the_machine_the_node_group_and_the_kubelet_identity(lab: Lab) -> None:
    kubelet = lab.cluster()["properties"]["identityProfile"]["kubeletidentity"]
    gone = lab.call("DELETE", CLUSTER)
    assert gone.status_code == 202
    assert "/operationresults/" in gone.headers["location"]
    lab.wait(gone)
    assert lab.call("GET", gone.headers["location"].partition("?")[0].removeprefix(lab.azure.arm_url), version="2016-03-30").status_code == 204
    assert lab.machine.calls[-1] == ("delete", "one")
    assert lab.call("GET", CLUSTER).status_code == lab.call("GET", kubelet["resourceId"]).status_code == 404
    assert lab.azure.issuers() == {}
    assert lab.call("DELETE", CLUSTER).status_code == 204


def test_a_node_belongs_to_one_managed_cluster(lab: Lab) -> None:
    lab.cluster()
    lab.done(GROUP.replace("/group", "/other"), {"location": "eastus"})
    assert lab.call("PUT", CLUSTER.replace("/group/", "/other/"), cluster_body()).status_code == 409


def test_clusters_are_listed(lab: Lab) -> None:
    lab.cluster()
    for scope in (GROUP, f"/subscriptions/{SUBSCRIPTION}"):
        assert [each["name"] for each in lab.call("GET", f"{scope}/providers/Microsoft.ContainerService/managedClusters").json()["value"]] == ["one"]


def test_deleting_the_group_deletes_what_lies_in_it(lab: Lab) -> None:
    lab.cluster()
    gone = lab.call("DELETE", GROUP)
    assert gone.status_code == 202
    path = gone.headers["location"].partition("?")[0].removeprefix(lab.azure.arm_url)
    while (status := lab.call("GET", path).status_code) == 202:
        pass
    assert status == 200
    assert lab.machine.calls[-1] == ("delete", "one")
    assert not {*lab.state.resource_groups, *lab.state.vaults, *lab.state.identities, *lab.state.clusters}


def test_an_operation_that_a_stop_interrupted_is_taken_up_again() -> None:
    with emulated() as first:
        first.machine.ready.clear()
        made = first.call("PUT", CLUSTER, cluster_body())
        interrupted = first.state
        operation = next(iter(interrupted.operations.values()))
        first.machine.broken = "stopped"
        first.machine.ready.set()
        first.wait(made)
    interrupted.clusters[CLUSTER.lower()].properties["provisioningState"] = "Creating"
    operation.status = "InProgress"
    with emulated(interrupted) as second:
        assert second.client.portal is not None
        second.client.portal.call(_resume, second)
        assert second.wait(made)["status"] == "Succeeded"
        assert ("start", "one") in second.machine.calls


async def _resume(lab: Lab) -> None:
    managed_clusters.resume(lab.azure)


def test_a_cluster_that_is_created_again_has_another_issuer_and_the_first_is_gone(lab: Lab) -> None:
    first = lab.cluster()["properties"]["oidcIssuerProfile"]["issuerURL"]
    lab.wait(lab.call("DELETE", CLUSTER))
    again = lab.cluster()["properties"]["oidcIssuerProfile"]["issuerURL"]
    assert again != first
    assert lab.azure.issuers() == {again: "one"}


IDENTITY_ONE, IDENTITY_TWO = (IDENTITY.replace("/ratify", f"/{name}") for name in ("one", "two"))


def with_identity(*ids: str, kind: str = "UserAssigned") -> dict[str, Any]:
    return {**cluster_body(), "identity": {"type": kind, "userAssignedIdentities": {each: {} for each in ids}}}


def test_a_cluster_with_an_identity_of_the_user_s_names_it_and_no_principal_of_its_own(lab: Lab) -> None:
    made = lab.done(IDENTITY_ONE, {"location": "eastus"})["properties"]
    answer = lab.call("PUT", CLUSTER, with_identity(IDENTITY_ONE))
    assert answer.status_code == 201
    lab.wait(answer)
    named = {"principalId": made["principalId"], "clientId": made["clientId"]}
    assert lab.call("GET", CLUSTER).json()["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY_ONE: named}}
    assert "kubeletidentity" in lab.call("GET", CLUSTER).json()["properties"]["identityProfile"]


def test_an_update_that_does_not_name_the_identity_keeps_it_and_one_that_does_replaces_it(lab: Lab) -> None:
    for path in (IDENTITY_ONE, IDENTITY_TWO):
        lab.done(path, {"location": "eastus"})
    lab.wait(lab.call("PUT", CLUSTER, with_identity(IDENTITY_ONE)))
    before = lab.call("GET", CLUSTER).json()["identity"]
    lab.wait(lab.call("PUT", CLUSTER, {"location": "eastus", "properties": {}}))
    assert lab.call("GET", CLUSTER).json()["identity"] == before
    lab.wait(lab.call("PUT", CLUSTER, {"location": "eastus", "identity": before}))
    assert lab.call("GET", CLUSTER).json()["identity"] == before
    lab.wait(lab.call("PUT", CLUSTER, with_identity(IDENTITY_TWO)))
    assert list(lab.call("GET", CLUSTER).json()["identity"]["userAssignedIdentities"]) == [IDENTITY_TWO]
    lab.wait(lab.call("PUT", CLUSTER, {"location": "eastus", "identity": {"type": "SystemAssigned"}}))
    own = lab.call("GET", CLUSTER).json()["identity"]
    assert own.keys() == {"type", "principalId", "tenantId"}
    lab.wait(lab.call("PUT", CLUSTER, {"location": "eastus", "identity": {"type": "SystemAssigned"}}))
    assert lab.call("GET", CLUSTER).json()["identity"] == own


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (with_identity(), "InvalidParameter"),
        (with_identity(IDENTITY_ONE, IDENTITY_TWO), "InvalidParameter"),
        (with_identity(IDENTITY_ONE, kind="Other"), "InvalidIdentityType"),
        (with_identity(IDENTITY_ONE, kind="SystemAssigned, UserAssigned"), "InvalidIdentityType"),
        (with_identity(IDENTITY_TWO), "FailedIdentityOperation"),
    ],
)
def test_an_identity_that_a_cluster_cannot_have_is_refused(lab: Lab, body: dict[str, Any], code: str) -> None:
    lab.done(IDENTITY_ONE, {"location": "eastus"})
    assert error_of(lab.call("PUT", CLUSTER, body)) == (400, code)
    assert lab.call("GET", CLUSTER).status_code == 404


def test_who_gives_a_cluster_an_identity_may_assign_that_identity(lab: Lab) -> None:
    other_user = "aaaaaaaa-0000-0000-0000-0000000000ff"
    lab.done(IDENTITY_ONE, {"location": "eastus"})
    scope = "/subscriptions/" + SUBSCRIPTION
    actions = ["Microsoft.ContainerService/*", "Microsoft.ManagedIdentity/userAssignedIdentities/read"]
    given = {"roleName": "Cluster writer", "assignableScopes": [scope], "permissions": [{"actions": actions}]}
    guid = "88888888-0000-0000-0000-000000000001"
    lab.done(f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{guid}", {"properties": given})
    new_assignment(lab.state, GROUP, guid, other_user)
    refused = lab.call("PUT", CLUSTER, with_identity(IDENTITY_ONE), token=lab.token(other_user))
    assert error_of(refused) == (403, "LinkedAuthorizationFailed")
    assert "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action" in refused.json()["error"]["message"]
    lab.wait(lab.call("PUT", CLUSTER, with_identity(IDENTITY_ONE)))
    changed = lab.call("PUT", CLUSTER, {**lab.call("GET", CLUSTER).json(), "tags": {"a": "b"}}, token=lab.token(other_user))
    assert changed.status_code == 200, "an identity that the cluster has is not assigned again"
    lab.wait(changed)


def pool(**said: Any) -> dict[str, Any]:
    return {"name": "nodepool1", "count": 1, "vmSize": "Standard_D4ds_v5", "mode": "System", **said}


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"dnsPrefix": "a.b"}, "InvalidParameter"),
        ({"dnsPrefix": "-one"}, "InvalidParameter"),
        ({"dnsPrefix": "one-"}, "InvalidParameter"),
        ({"dnsPrefix": "x" * 55}, "InvalidParameter"),
        ({"agentPoolProfiles": [pool(name="Pool1")]}, "InvalidParameter"),
        ({"agentPoolProfiles": [pool(name="1pool")]}, "InvalidParameter"),
        ({"agentPoolProfiles": [pool(name="node-pool")]}, "InvalidParameter"),
        ({"agentPoolProfiles": [pool(name="x" * 13)]}, "InvalidParameter"),
        ({"agentPoolProfiles": [pool(name="")]}, "InvalidParameter"),
        ({"agentPoolProfiles": [pool(), pool(name="windows", mode="User", osType="Windows")]}, "InvalidParameter"),
        ({"agentPoolProfiles": [pool(), pool()]}, "InvalidParameter"),
        ({"agentPoolProfiles": [pool(count=0)]}, "InvalidParameter"),
        ({"agentPoolProfiles": [pool(count=1001)]}, "InvalidParameter"),
        ({"agentPoolProfiles": [pool(count=-1)]}, "InvalidParameter"),
        ({"agentPoolProfiles": [pool(count="3")]}, "InvalidParameter"),
        ({"agentPoolProfiles": [pool(), pool(name="user", mode="User", count=-1)]}, "InvalidParameter"),
        ({"agentPoolProfiles": [pool(vmSize="D4ds_v5")]}, "BadRequest"),
        ({"agentPoolProfiles": [pool(vmSize="Standard_")]}, "BadRequest"),
        ({"agentPoolProfiles": [pool(vmSize="Standard D4")]}, "BadRequest"),
        ({"agentPoolProfiles": [pool(mode="User")]}, "MustDefineAtLeastOneSystemPool"),
        ({"agentPoolProfiles": [pool(mode=None)]}, "MustDefineAtLeastOneSystemPool"),
        ({"agentPoolProfiles": [pool(mode="Kernel")]}, "InvalidParameter"),
    ],
)
def test_a_prefix_or_pool_that_aks_refuses_is_refused_and_starts_nothing(lab: Lab, properties: dict[str, Any], code: str) -> None:
    assert error_of(lab.call("PUT", CLUSTER, cluster_body(**properties))) == (400, code)
    assert (lab.machine.calls, lab.call("GET", CLUSTER).status_code) == ([], 404)


@pytest.mark.parametrize(
    "properties",
    [
        {"dnsPrefix": "x" * 54},
        {"dnsPrefix": "1-A"},
        {"agentPoolProfiles": [pool(name="x" * 12, count=1000, vmSize="standard_e4-2ds_v5")]},
        {"agentPoolProfiles": [pool(vmSize=""), pool(name="win", mode="User", osType="Windows", count=0, vmSize="Standard_NC24ads_A100_v4")]},
    ],
)
def test_a_prefix_and_pools_at_the_limits_are_taken(lab: Lab, properties: dict[str, Any]) -> None:
    pools = lab.cluster(**properties)["properties"]["agentPoolProfiles"]
    assert [each["count"] for each in pools] == [each["count"] for each in properties.get("agentPoolProfiles", [pool()])]


@pytest.mark.parametrize(
    ("change", "code"),
    [(pool(mode="User"), "MustDefineAtLeastOneSystemPool"), (pool(count=0), "InvalidParameter"), (pool(name="Other", mode="User"), "InvalidParameter")],
)
def test_an_update_is_refused_by_the_same_rules_of_pools(lab: Lab, change: dict[str, Any], code: str) -> None:
    before = lab.cluster()
    assert error_of(lab.call("PUT", CLUSTER, cluster_body(agentPoolProfiles=[change]))) == (400, code)
    assert lab.call("GET", CLUSTER).json() == before
