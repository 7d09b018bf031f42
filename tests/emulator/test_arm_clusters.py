"""Managed clusters: asynchronous operations on a machine, issuer, workload identity, kubelet identity, credentials."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

import pytest

from lab.azure.arm import managed_clusters
from tests.emulator.machine import CLUSTER, GROUP, SUBSCRIPTION, TENANT, Lab, cluster_body, emulated, error_of

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


def test_the_issuer_is_told_at_once_with_its_slash_and_is_on_by_default(lab: Lab) -> None:
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
