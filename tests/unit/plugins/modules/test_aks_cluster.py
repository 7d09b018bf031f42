from __future__ import annotations

from typing import Any

import pytest

from lab.azure.state import ManagedCluster
from tests.support.emulated import Emulated
from tests.support.module_fixtures import meanwhile
from tests.support.module_runs import Backend, Run, failure, session

MODULE = "aks_cluster"
LAB1 = {"resource_group": "image-trust-lab", "name": "lab1"}
ISSUER = "https://eastus.oic.prod-aks.azure.com/tenant/lab1/"


def kept(azure: Emulated) -> ManagedCluster:
    cluster = azure.state.cluster_named("lab1")
    assert cluster
    return cluster


def turn_everything_off(azure: Emulated) -> None:
    """A cluster as it was made before OIDC issuers were on by default."""
    kept(azure).properties["oidcIssuerProfile"] = {"enabled": False}
    kept(azure).properties["securityProfile"] = {"imageCleaner": {"enabled": True, "intervalHours": 48}}
    kept(azure).properties["addonProfiles"] = {"azurepolicy": {"enabled": True, "config": None}}
    kept(azure).tags = {"team": "ops"}


def test_a_cluster_is_created_and_waited_for(converge: Run, azure: Emulated, backend: Backend) -> None:
    result = converge(MODULE, **LAB1, node_count=2, node_vm_size="Standard_D2s_v5", kubernetes_version="1.36.4", oidc_issuer=True, workload_identity=True)
    cluster = result["cluster"]
    properties = kept(azure).properties
    kubelet = properties["identityProfile"]["kubeletidentity"]
    assert result["changed"]
    assert cluster == {
        "id": kept(azure).id,
        "name": "lab1",
        "location": "eastus",
        "oidc_issuer": True,
        "workload_identity": True,
        "issuer_url": ISSUER,
        "kubelet_identity": {"client_id": kubelet["clientId"], "object_id": kubelet["objectId"], "resource_id": kubelet["resourceId"]},
        "tenant_id": azure.state.tenant,
        "kubernetes_version": "1.36.4",
        "node_resource_group": "MC_image-trust-lab_lab1_eastus",
        "addons": {},
        "provisioning_state": "Succeeded",
    }
    (pool,) = properties["agentPoolProfiles"]
    assert (pool["name"], pool["count"], pool["vmSize"], pool["mode"]) == ("nodepool1", 2, "Standard_D2s_v5", "System")
    assert kept(azure).identity["type"] == "SystemAssigned"


def test_without_being_asked_issuer_and_workload_identity_are_azure_s_choice(run: Run, azure: Emulated, backend: Backend) -> None:
    cluster = run(MODULE, **LAB1, location="eastus")["cluster"]
    assert (cluster["oidc_issuer"], cluster["workload_identity"]) == (True, False)
    assert not any("resourcegroups" in path.lower() and path.lower().endswith("image-trust-lab") for path in azure.reads)


def test_a_misspelt_name_creates_nothing_and_the_nearest_names_are_given(converge: Run, run: Run, azure: Emulated, backend: Backend) -> None:
    wanted = {**LAB1, "name": "lbb1", "create": False}
    assert "lbb1 in resource group image-trust-lab, which has no cluster; correct name" in failure(run(MODULE, **wanted))
    for name in ("web-production", "lab1", "web-staging"):
        converge(MODULE, **{**LAB1, "name": name}, location="eastus")
    for check in (True, False):
        refused = failure(run(MODULE, check=check, **wanted))
        assert "There is no cluster lbb1 in resource group image-trust-lab, which has lab1, web-" in refused
        assert "or create it (create: true, in role aks aks_create: true)" in refused
        assert azure.writes == []


def test_a_cluster_that_exists_is_configured_without_being_asked_to_create_it(converge: Run, azure: Emulated, backend: Backend) -> None:
    converge(MODULE, **LAB1, location="eastus")
    turn_everything_off(azure)
    assert converge(MODULE, **LAB1, create=False, oidc_issuer=True)["cluster"]["oidc_issuer"] is True


def test_issuer_and_workload_identity_are_turned_on_and_nothing_else_changes(converge: Run, azure: Emulated, backend: Backend) -> None:
    converge(MODULE, **LAB1, location="eastus")
    turn_everything_off(azure)
    before = {key: value for key, value in kept(azure).properties.items() if key not in ("oidcIssuerProfile", "securityProfile")}
    result = converge(MODULE, **LAB1, oidc_issuer=True, workload_identity=True)
    assert result["diff"]["before_header"] == "cluster lab1 in resource group image-trust-lab"
    assert result["diff"]["before"] == "location: eastus\nkubernetes_version: 1.36.4\noidc_issuer: false\nworkload_identity: false\n"
    assert result["diff"]["after"] == "location: eastus\nkubernetes_version: 1.36.4\noidc_issuer: true\nworkload_identity: true\n"
    assert result["cluster"]["issuer_url"] == ISSUER
    assert result["cluster"]["addons"] == {"azurepolicy": True}
    after = kept(azure)
    assert {key: value for key, value in after.properties.items() if key not in ("oidcIssuerProfile", "securityProfile")} == before
    assert after.properties["securityProfile"] == {"imageCleaner": {"enabled": True, "intervalHours": 48}, "workloadIdentity": {"enabled": True}}
    assert after.tags == {"team": "ops"}
    assert [write.split()[0] for write in result["writes"]] == ["PUT"]


def test_what_is_not_asked_for_is_no_change(converge: Run, azure: Emulated, backend: Backend) -> None:
    converge(MODULE, **LAB1, location="eastus", workload_identity=True)
    assert not converge(MODULE, **LAB1, location="East US", node_count=7, kubernetes_version="1.35")["changed"]


def test_workload_identity_can_be_turned_off_and_the_issuer_cannot(converge: Run, run: Run, azure: Emulated, backend: Backend) -> None:
    converge(MODULE, **LAB1, location="eastus", workload_identity=True)
    assert converge(MODULE, **LAB1, workload_identity=False)["cluster"]["workload_identity"] is False
    assert "the cluster lab1 in resource group image-trust-lab is on, and Azure cannot turn it off again" in failure(run(MODULE, **LAB1, oidc_issuer=False))
    assert azure.writes == []


def test_workload_identity_without_issuer_is_refused(run: Run, converge: Run, azure: Emulated, backend: Backend) -> None:
    converge(MODULE, **LAB1, location="eastus")
    turn_everything_off(azure)
    assert "workload_identity needs the OIDC issuer, which is off in the cluster lab1" in failure(run(MODULE, **LAB1, workload_identity=True))
    assert azure.writes == []


def test_absent(converge: Run, azure: Emulated, backend: Backend) -> None:
    converge(MODULE, **LAB1, location="eastus")
    assert converge(MODULE, **LAB1, state="absent")["cluster"] is None
    assert azure.state.clusters == {}
    assert not converge(MODULE, resource_group="nowhere", name="lab1", state="absent")["changed"]


def test_a_failed_operation_says_why_and_the_next_run_repairs(converge: Run, run: Run, azure: Emulated, backend: Backend) -> None:
    backend.broken = RuntimeError("the node does not boot")
    result = run(MODULE, **LAB1, location="eastus")
    assert failure(result).startswith("Could not create the cluster lab1 in resource group image-trust-lab: ")
    assert "the node does not boot" in result["msg"]
    assert result["error"]["code"] == "InternalOperationError"
    backend.broken = None
    repaired = converge(MODULE, **LAB1)
    assert repaired["changed"]
    assert repaired["diff"]["before"] == repaired["diff"]["after"] + "provisioning_state: Failed\n"
    assert repaired["cluster"]["kubelet_identity"]


def test_the_wait_has_a_bound(run: Run, azure: Emulated, backend: Backend) -> None:
    azure.state.settings.operation_delay = 3
    result = run(MODULE, **LAB1, location="eastus", wait_timeout=1)
    assert failure(result).startswith("The cluster lab1 in resource group image-trust-lab was still InProgress after 1 s; Azure goes on with it")
    assert result["error"]["code"] == "Timeout"
    # The next run finds it and waits for it instead of writing again.
    result = run(MODULE, **LAB1)
    assert not result["changed"]
    assert result["cluster"]["kubelet_identity"]
    assert azure.writes == []


def test_another_client_s_operation_is_waited_for_within_the_bound(run: Run, converge: Run, azure: Emulated, backend: Backend) -> None:
    converge(MODULE, **LAB1, location="eastus")
    kept(azure).properties["provisioningState"] = "Upgrading"
    sentence = failure(run(MODULE, **LAB1, workload_identity=True, wait_timeout=0))
    assert "was still Upgrading after 0 s" in sentence
    assert azure.writes == []


def test_in_check_mode_nothing_needs_to_exist(run: Run, azure: Emulated) -> None:
    result = run(MODULE, check=True, resource_group="nowhere", name="lab1", oidc_issuer=True)
    assert result["changed"] is True
    assert result["cluster"]["issuer_url"] is None
    assert result["cluster"]["kubelet_identity"] is None


def test_a_resource_group_that_does_not_exist_is_named(run: Run, azure: Emulated) -> None:
    for location in ({}, {"location": "eastus"}):
        assert "Resource group 'nowhere' could not be found" in failure(run(MODULE, resource_group="nowhere", name="lab1", **location))
    assert azure.state.clusters == {}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "a" * 64}, "but must be 1 to 63"),
        ({"node_count": 0}, "node_count is 0, but must be 1 to 1000"),
        ({"kubernetes_version": "newest"}, "kubernetes_version is 'newest', but must be such as"),
        ({"oidc_issuer": False, "workload_identity": True}, "workload_identity needs the OIDC issuer"),
    ],
)
def test_bad_input_is_refused_before_any_request(run: Run, azure: Emulated, wrong: dict[str, Any], sentence: str) -> None:
    assert sentence in failure(run(MODULE, **{**LAB1, **wrong}))
    assert azure.requests == []


def test_what_another_client_changes_between_reading_and_writing_is_kept(run: Run, converge: Run, azure: Emulated, backend: Backend) -> None:
    converge(MODULE, **LAB1, location="eastus")
    turn_everything_off(azure)
    meanwhile(azure, "/managedClusters/lab1$", lambda: kept(azure).properties["addonProfiles"].update(azurepolicy={"enabled": False}))
    result = run(MODULE, **LAB1, oidc_issuer=True, workload_identity=True)
    assert result["cluster"]["workload_identity"] is True
    assert kept(azure).properties["addonProfiles"] == {"azurepolicy": {"enabled": False}}
    assert len(azure.writes) == 2


def test_a_cluster_that_another_client_makes_between_reading_and_writing_is_not_written_over(run: Run, azure: Emulated, backend: Backend) -> None:
    run(MODULE, **LAB1, location="eastus")
    made = azure.state.clusters.copy()
    azure.state.clusters.clear()
    meanwhile(azure, "/managedClusters/lab1$", lambda: azure.state.clusters.update(made))
    result = run(MODULE, **LAB1, location="eastus", node_count=7)
    assert not result.get("failed"), result
    assert [pool["count"] for pool in kept(azure).properties["agentPoolProfiles"]] == [3]


def test_a_cluster_that_another_client_deletes_while_it_is_made_is_not_said_to_be_there(run: Run, azure: Emulated, backend: Backend) -> None:
    azure.fail(method="GET", path="/managedClusters/lab1$", delay=0.01, count=2)
    azure.fail(method="GET", path="/managedClusters/lab1$", status=404, code="ResourceNotFound", count=1)
    result = run(MODULE, **LAB1, location="eastus")
    assert failure(result).startswith("There is no cluster lab1 in resource group image-trust-lab; ")
    assert azure.azure.faults.active == []


def test_a_cluster_whose_identity_is_the_user_s_keeps_it_and_tells_no_tenant(converge: Run, run: Run, azure: Emulated, backend: Backend) -> None:
    identity = run("user_assigned_identity", resource_group=LAB1["resource_group"], name="control-plane")["identity"]
    given = {identity["id"]: {"principalId": identity["principal_id"], "clientId": identity["client_id"]}}
    pools = [{"name": "nodepool1", "count": 1, "mode": "System"}]
    body: Any = {
        "location": "eastus",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity["id"]: {}}},
        "properties": {"dnsPrefix": "lab1", "agentPoolProfiles": pools, "oidcIssuerProfile": {"enabled": False}},
    }
    session(azure).clusters.managed_clusters.begin_create_or_update(LAB1["resource_group"], LAB1["name"], body, polling_interval=0).result(timeout=20)
    assert kept(azure).identity == {"type": "UserAssigned", "userAssignedIdentities": given}
    (found,) = run("aks_cluster_info", **LAB1)["clusters"]
    changed = converge(MODULE, **LAB1, oidc_issuer=True, workload_identity=True)["cluster"]
    assert (found["tenant_id"], changed["tenant_id"]) == (None, None)
    assert kept(azure).identity == {"type": "UserAssigned", "userAssignedIdentities": given}
