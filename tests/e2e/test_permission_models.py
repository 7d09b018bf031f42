"""Permission models: a switch is followed, on the real cluster; who may use a cluster without local accounts. The lab is left as it was found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from lab import permissions
from lab.config import home
from lab.seed import ADMINISTRATORS, CONTROLLER
from tests.support.seeds import soak

from .conftest import Lab, Run
from .objects import ACR_PULL, CLUSTER_PATH, REGISTRY_PATH, VAULT_PATH, identity
from .permissions import restart_ratify
from .plans import FromNothing

pytestmark = [pytest.mark.first_lab, pytest.mark.order(9)]

REPOSITORY_READER = "b93aa761-3e63-49ed-ac28-beffa264f7ac"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
CREDENTIALS = "image_trust.azure.aks : Get credentials for a kubeconfig of its own"
"""What verify changes."""
KUBECONFIG = "image_trust.azure.aks : Configure the cluster, its registries and kubeconfig: write the kubeconfig"
"""What site changes, before the path."""


def test_whole_runs_ask_for_each_action_of_the_documented_roles_and_for_no_other(lab: Lab, from_nothing: FromNothing) -> None:
    assert lab.environment["AZURE_CLIENT_ID"] == CONTROLLER
    assert [request for request in from_nothing.requests if request.status == 403] == []
    assert {request.action for request in from_nothing.requests} == permissions.allowed()


def switch_models(lab: Lab, mode: str, *, rbac: bool) -> None:
    lab.arm("PATCH", REGISTRY_PATH, "2025-11-01", {"properties": {"roleAssignmentMode": mode}})
    lab.arm("PATCH", VAULT_PATH, "2026-02-01", {"properties": {"enableRbacAuthorization": rbac}})


def given(lab: Lab) -> tuple[set[str], set[str], set[str], bool]:
    """Roles on the registry of the nodes and of Ratify, Ratify's roles on the vault, and whether it has an entry there."""
    nodes = lab.arm("GET", CLUSTER_PATH, "2024-09-01")["properties"]["identityProfile"]["kubeletidentity"]["objectId"]
    ratify = identity(lab)["principalId"]
    entries = {entry["objectId"] for entry in lab.arm("GET", VAULT_PATH, "2026-02-01")["properties"]["accessPolicies"]}
    return roles(lab, REGISTRY_PATH, nodes), roles(lab, REGISTRY_PATH, ratify), roles(lab, VAULT_PATH, ratify), ratify in entries


def roles(lab: Lab, path: str, principal: str) -> set[str]:
    listed = lab.arm("GET", f"{path}/providers/Microsoft.Authorization/roleAssignments", "2022-04-01")["value"]
    return {a["properties"]["roleDefinitionId"].rpartition("/")[2] for a in listed if a["properties"]["principalId"] == principal}


@pytest.fixture
def found(lab: Lab, site: Run) -> Iterator[tuple[set[str], set[str], set[str], bool]]:
    """The permissions as they were found, and are again afterwards."""
    before = given(lab)
    yield before
    switch_models(lab, "LegacyRegistryPermissions", rbac=False)
    back = lab.play("site")
    assert back.returncode == 0, back.error
    assert given(lab) == before


@soak("the switch of the models in tests/roles/test_permission_models.py")
def test_registry_and_vault_of_another_model_make_verify_red_and_site_gives_the_other_permissions(
    lab: Lab, kube: Any, found: tuple[set[str], set[str], set[str], bool]
) -> None:
    assert found == ({ACR_PULL}, {ACR_PULL}, set(), True)
    switch_models(lab, "AbacRepositoryPermissions", rbac=True)
    lab.wait_for_propagation()
    restart_ratify(kube)
    red = lab.play("verify", verify_timeout=30)
    assert red.returncode != 0
    assert "unauthorized" in red.error

    followed = lab.play("site")
    assert followed.returncode == 0, followed.error
    assert given(lab) == ({REPOSITORY_READER}, {REPOSITORY_READER}, {SECRETS_USER}, False)
    assert [name for name in followed.changed if name.endswith("permission model is Azure role-based access control")]


def sign_in_by_entra(lab: Lab, groups: list[str]) -> None:
    """Make Entra alone sign the cluster's users in; returns when the cluster does."""
    body = {"location": "eastus", "properties": {"aadProfile": {"managed": True, "adminGroupObjectIDs": groups}, "disableLocalAccounts": True}}
    lab.arm("PUT", CLUSTER_PATH, "2024-09-01", body)
    deadline = time.monotonic() + 120
    while (state := lab.arm("GET", CLUSTER_PATH, "2024-09-01")["properties"]["provisioningState"]) == "Updating" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert state == "Succeeded"


@pytest.fixture
def entra_only(lab: Lab, site: Run) -> Iterator[None]:
    """A cluster without local accounts, and without administrators."""
    sign_in_by_entra(lab, [])
    yield
    # Azure could not.
    lab.http.delete(f"{lab.url}/lab/clusters/lab1/entra").raise_for_status()
    back = lab.play("verify")
    assert back.returncode == 0, back.error
    assert back.changed == [CREDENTIALS]


@soak("tests/unit/plugins/modules/test_aks_kubeconfig_entra.py")
def test_a_cluster_without_local_accounts_is_used_with_the_logins_own_token(lab: Lab, entra_only: None) -> None:
    lacking = lab.play("site")
    assert lacking.returncode != 0
    assert "may not administer the cluster lab1 in resource group image-trust-lab: the cluster names no groups of administrators" in lacking.error

    sign_in_by_entra(lab, [ADMINISTRATORS])
    first, second, green = lab.play("site"), lab.play("site"), lab.play("verify")
    for run in (first, second, green):
        assert run.returncode == 0, run.error
    [written] = first.changed
    assert written.startswith(f"{KUBECONFIG} ")
    assert (second.changed, green.changed) == ([], [])
    [user] = yaml.safe_load((home() / "kubeconfigs/lab1.yaml").read_text())["users"]
    assert user["user"].keys() == {"token"}
    assert user["user"]["token"] not in first.output + second.output + green.output
