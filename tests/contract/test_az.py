"""Microsoft's own client on the emulated Azure: what it makes our modules find right, and what our modules make it reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.azure.roles import ACR_PULL, CONTRIBUTOR
from lab.azure.state import ServicePrincipal
from lab.config import REGISTRY, RESOURCE_GROUP, SUBSCRIPTION, TENANT, VAULT
from lab.permissions import CONDITION, OF_GROUP, OF_SUBSCRIPTION, definition
from tests.support.azure_cli import Az, AzError
from tests.support.emulated import OBJECT_ID, Emulated
from tests.support.module_runs import Backend, Run

SCOPE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}/providers/Microsoft.ContainerRegistry/registries/{REGISTRY}"
SUBJECT = "system:serviceaccount:gatekeeper-system:ratify-admin"
ISSUER = "https://eastus.oic.prod-aks.azure.com/tenant/lab1/"
OTHER = "99999999-9999-9999-9999-999999999999"
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: lab1
clusters: [{name: lab1, cluster: {server: "https://lab1.example:443"}}]
contexts: [{name: lab1, context: {cluster: lab1, user: clusterUser_lab1}}]
users: [{name: clusterUser_lab1, user: {client-key-data: c2VjcmV0}}]
"""

CLUSTER = {"resource_group": RESOURCE_GROUP, "name": "lab1", "oidc_issuer": True, "workload_identity": True}
IDENTITY = {"resource_group": RESOURCE_GROUP, "name": "ratify"}
CREDENTIAL = {"resource_group": RESOURCE_GROUP, "identity_name": "ratify", "name": "ratify", "issuer": ISSUER, "subject": SUBJECT}


def policy(principal_id: str) -> dict[str, Any]:
    return {"resource_group": RESOURCE_GROUP, "vault_name": VAULT, "object_id": principal_id, "permissions": {"secrets": ["get"]}}


def acr_pull(principal_id: str) -> dict[str, Any]:
    return {"scope": SCOPE, "role": "AcrPull", "principal_id": principal_id}


def assign(principal_id: str) -> str:
    """The command that gives AcrPull, without the principal's type."""
    return f"role assignment create --assignee-object-id {principal_id} --role acrpull --scope {SCOPE}"


def assert_as_wished(run: Run, azure: Emulated, module: str, **options: Any) -> dict[str, Any]:
    """The module finds nothing to change, and writes nothing."""
    result = run(module, **options)
    assert (result.get("failed"), result["changed"], azure.writes) == (None, False, []), result
    return result


@pytest.fixture
def cluster(backend: Backend) -> None:
    """Clusters of this test have a kubeconfig that names them."""
    backend.kubeconfig_text = KUBECONFIG


@pytest.mark.usefixtures("cluster")
def test_objects_of_az_are_those_that_our_modules_want(az: Az, run: Run, azure: Emulated) -> None:
    """The commands of a manual set-up, in their order."""
    made = az.line(f"aks create -g {RESOURCE_GROUP} -n lab1 --attach-acr {REGISTRY} --enable-oidc-issuer --enable-workload-identity --no-ssh-key")
    az.line(f"aks get-credentials -g {RESOURCE_GROUP} -n lab1")
    issuer = az.line(f"aks show -g {RESOURCE_GROUP} -n lab1 --query oidcIssuerProfile.issuerUrl")
    identity = az.line(f"identity create -g {RESOURCE_GROUP} -n ratify")
    principal_id = identity["principalId"]
    az.line(f"{assign(principal_id)} --assignee-principal-type ServicePrincipal")
    az.line(f"identity federated-credential create -g {RESOURCE_GROUP} --identity-name ratify -n ratify --issuer {issuer} --subject {SUBJECT}")
    az.line(f"keyvault set-policy -n {VAULT} --object-id {principal_id} --secret-permissions get")
    uri = az.line(f"keyvault show -n {VAULT} --query properties.vaultUri")

    kubelet = made["identityProfile"]["kubeletidentity"]
    assert yaml.safe_load(az.kubeconfig.read_text())["current-context"] == "lab1"
    found = assert_as_wished(run, azure, "aks_cluster", **CLUSTER)["cluster"]
    assert (found["issuer_url"], found["kubelet_identity"]["object_id"]) == (issuer, kubelet["objectId"]) == (ISSUER, kubelet["objectId"])
    found = assert_as_wished(run, azure, "user_assigned_identity", **IDENTITY)["identity"]
    assert (found["principal_id"], found["client_id"], found["tenant_id"]) == (principal_id, identity["clientId"], TENANT)
    assert_as_wished(run, azure, "role_assignment", **acr_pull(kubelet["objectId"]))
    assert_as_wished(run, azure, "role_assignment", **acr_pull(principal_id))
    assert_as_wished(run, azure, "federated_credential", **CREDENTIAL)
    found = assert_as_wished(run, azure, "keyvault_access_policy", **policy(principal_id))
    assert found["vault"]["uri"] == uri


@pytest.mark.usefixtures("cluster")
def test_az_reads_what_our_modules_make(az: Az, run: Run) -> None:
    cluster = run("aks_cluster", **CLUSTER)["cluster"]
    identity = run("user_assigned_identity", **IDENTITY)["identity"]
    run("federated_credential", **CREDENTIAL)
    assignment = run("role_assignment", **acr_pull(identity["principal_id"]))["role_assignment"]
    run("keyvault_access_policy", **policy(identity["principal_id"]))

    shown = az.line(f"aks show -g {RESOURCE_GROUP} -n lab1")
    assert shown["oidcIssuerProfile"] == {"enabled": True, "issuerUrl": cluster["issuer_url"]}
    assert shown["securityProfile"]["workloadIdentity"] == {"enabled": True}
    assert shown["identityProfile"]["kubeletidentity"]["clientId"] == cluster["kubelet_identity"]["client_id"]
    shown = az.line(f"identity show -g {RESOURCE_GROUP} -n ratify")
    assert (shown["principalId"], shown["clientId"]) == (identity["principal_id"], identity["client_id"])
    (shown,) = az.line(f"identity federated-credential list -g {RESOURCE_GROUP} --identity-name ratify")
    assert (shown["name"], shown["issuer"], shown["subject"], shown["audiences"]) == ("ratify", ISSUER, SUBJECT, ["api://AzureADTokenExchange"])
    (shown,) = [each for each in az.line(f"role assignment list --scope {SCOPE}") if each["principalId"] == identity["principal_id"]]
    assert (shown["name"], shown["roleDefinitionName"], shown["principalType"]) == (assignment["name"], "AcrPull", "ServicePrincipal")
    (shown,) = az.line(f"keyvault show -n {VAULT}")["properties"]["accessPolicies"]
    assert (shown["objectId"], shown["permissions"]["secrets"]) == (identity["principal_id"], ["get"])


@pytest.mark.usefixtures("cluster")
def test_az_turns_on_what_a_cluster_lacks(az: Az, run: Run, azure: Emulated) -> None:
    made = run("aks_cluster", **{**CLUSTER, "workload_identity": None, "oidc_issuer": False})["cluster"]
    assert (made["oidc_issuer"], made["workload_identity"]) == (False, False)
    az.line(f"aks update -g {RESOURCE_GROUP} -n lab1 --attach-acr {REGISTRY} --enable-oidc-issuer --enable-workload-identity")
    assert_as_wished(run, azure, "aks_cluster", **CLUSTER)
    assert_as_wished(run, azure, "role_assignment", **acr_pull(made["kubelet_identity"]["object_id"]))


@pytest.mark.usefixtures("cluster")
def test_where_entra_signs_users_in_az_needs_kubelogin_and_our_module_does_not(az: Az, run: Run, azure: Emulated) -> None:
    entra = f"--enable-aad --aad-admin-group-object-ids {OTHER} --disable-local-accounts"
    az.line(f"aks create -g {RESOURCE_GROUP} -n lab1 --enable-oidc-issuer --enable-workload-identity --no-ssh-key {entra}")
    assert_as_wished(run, azure, "aks_cluster", **CLUSTER)
    az.line(f"aks get-credentials -g {RESOURCE_GROUP} -n lab1")
    (user,) = yaml.safe_load(az.kubeconfig.read_text())["users"]
    assert user["user"]["exec"]["command"] == "kubelogin"
    with pytest.raises(AzError, match="this cluster is set to disable local accounts"):
        az.line(f"aks get-credentials -g {RESOURCE_GROUP} -n lab1 --admin")
    (user,) = yaml.safe_load(run("aks_kubeconfig", resource_group=RESOURCE_GROUP, cluster_name="lab1")["kubeconfig"])["users"]
    assert user["user"].keys() == {"token"}


def test_az_knows_that_workload_identity_needs_an_issuer(az: Az, run: Run, azure: Emulated) -> None:
    run("aks_cluster", **{**CLUSTER, "workload_identity": None, "oidc_issuer": False})
    azure.forget_requests()
    with pytest.raises(AzError, match="Enabling workload identity requires enabling OIDC issuer"):
        az.line(f"aks update -g {RESOURCE_GROUP} -n lab1 --enable-workload-identity")
    assert azure.writes == []


def test_what_az_takes_away_is_absent_for_our_modules(az: Az, run: Run, azure: Emulated) -> None:
    principal_id = run("user_assigned_identity", **IDENTITY)["identity"]["principal_id"]
    run("federated_credential", **CREDENTIAL)
    assignment = run("role_assignment", **acr_pull(principal_id))["role_assignment"]
    run("keyvault_access_policy", **policy(principal_id))
    az.line(f"keyvault delete-policy -n {VAULT} --object-id {principal_id}")
    az.line(f"role assignment delete --ids {assignment['id']}")
    az.line(f"identity federated-credential delete -g {RESOURCE_GROUP} --identity-name ratify -n ratify --yes")
    assert_as_wished(run, azure, "keyvault_access_policy", **policy(principal_id), state="absent")
    assert_as_wished(run, azure, "role_assignment", **acr_pull(principal_id), state="absent")
    assert_as_wished(run, azure, "federated_credential", **CREDENTIAL, state="absent")
    az.line(f"identity delete -g {RESOURCE_GROUP} -n ratify")
    assert_as_wished(run, azure, "user_assigned_identity", **IDENTITY, state="absent")


def test_az_takes_an_assignment_of_ours_as_its_own(az: Az, run: Run) -> None:
    """The role assignment exists under another GUID than az chooses: Azure answers 409, and az lists."""
    identity = run("user_assigned_identity", **IDENTITY)["identity"]
    ours = run("role_assignment", **acr_pull(identity["principal_id"]))["role_assignment"]
    command = (
        f"role assignment create --assignee-object-id {identity['principal_id']} --assignee-principal-type ServicePrincipal --role acrpull --scope {SCOPE}"
    )
    assert az.line(command)["name"] == ours["name"]


def test_set_policy_replaces_one_kind_of_permissions_of_one_principal(az: Az, run: Run, azure: Emulated) -> None:
    """So it is `az keyvault set-policy`, and not our module, that takes permissions away; our module gives them back."""
    ours = policy(OTHER) | {"permissions": {"secrets": ["get", "list"], "certificates": ["get"]}}
    run("keyvault_access_policy", **ours)
    run("keyvault_access_policy", **policy(OBJECT_ID))
    az.line(f"keyvault set-policy -n {VAULT} --object-id {OTHER} --secret-permissions get")
    vault = azure.state.vault_named(VAULT)
    assert vault
    assert [(each["objectId"], each["permissions"]["secrets"]) for each in vault.properties["accessPolicies"]] == [(OTHER, ["get"]), (OBJECT_ID, ["get"])]
    assert vault.properties["accessPolicies"][0]["permissions"]["certificates"] == ["get"]
    assert run("keyvault_access_policy", **ours)["changed"]


def test_a_registry_that_az_makes_for_repository_permissions_names_the_role_that_pulls_there(az: Az, run: Run) -> None:
    az.line(f"acr create -g {RESOURCE_GROUP} -n anotherregistry --sku Premium --role-assignment-mode rbac-abac")
    found = run("registry_info", resource_group=RESOURCE_GROUP, name="anotherregistry")["registry"]
    assert (found["role_assignment_mode"], found["pull_role"]) == ("AbacRepositoryPermissions", "Container Registry Repository Reader")


def test_a_new_vault_is_under_azure_rbac_and_az_refuses_policies_there_as_our_module_does(az: Az, run: Run, azure: Emulated) -> None:
    made = az.line(f"keyvault create -g {RESOURCE_GROUP} -n another-vault")
    assert made["properties"]["enableRbacAuthorization"]
    with pytest.raises(AzError, match="Cannot set policies to a vault with '--enable-rbac-authorization' specified"):
        az.line(f"keyvault set-policy -n another-vault --object-id {OTHER} --secret-permissions get")
    refused = run("keyvault_access_policy", **policy(OTHER) | {"vault_name": "another-vault"})
    assert "Key Vault Secrets User" in refused["msg"]
    wished = {"scope": made["id"], "role": "Key Vault Secrets User", "principal_id": OTHER}
    who = ("--assignee-object-id", OTHER, "--assignee-principal-type", "ServicePrincipal")
    az("role", "assignment", "create", *who, "--role", wished["role"], "--scope", wished["scope"])
    assert_as_wished(run, azure, "role_assignment", **wished)


def test_az_brings_a_deleted_vault_back_with_its_policies_and_purges_it(az: Az, run: Run, azure: Emulated) -> None:
    run("keyvault_access_policy", **policy(OTHER))
    az.line(f"keyvault delete -n {VAULT}")
    (shown,) = az.line("keyvault list-deleted --resource-type vault")
    assert shown["properties"]["vaultId"].endswith(f"/vaults/{VAULT}")
    az.line(f"keyvault recover -n {VAULT}")
    assert_as_wished(run, azure, "keyvault_access_policy", **policy(OTHER))
    az.line(f"keyvault delete -n {VAULT}")
    az.line(f"keyvault purge -n {VAULT}")
    assert az.line("keyvault list-deleted --resource-type vault") == []


def test_a_login_that_may_not_assign_roles_is_refused_with_the_reason(az: Az, azure: Emulated) -> None:
    for assignment in azure.state.role_assignments.values():
        assignment.role_definition_id = assignment.role_definition_id.rpartition("/")[0] + f"/{CONTRIBUTOR.guid}"
    with pytest.raises(AzError, match=r"AuthorizationFailed.*Microsoft\.Authorization/roleAssignments/write"):
        az.line(f"{assign(OTHER)} --assignee-principal-type ServicePrincipal")


def test_without_a_permission_in_the_directory_az_warns_and_azure_asks_it_itself(az: Az, run: Run) -> None:
    principal_id = run("user_assigned_identity", **IDENTITY)["identity"]["principal_id"]
    made = az.line(assign(principal_id))
    assert "Failed to query --assignee-principal-type" in az.printed
    assert made["principalType"] == "ServicePrincipal"


def test_with_a_permission_in_the_directory_az_finds_a_principal_by_its_client_id(az: Az, run: Run, caller: ServicePrincipal) -> None:
    caller.graph_permissions = ["Directory.Read.All"]
    identity = run("user_assigned_identity", **IDENTITY)["identity"]
    az.line(f"role assignment create --assignee {identity['client_id']} --role acrpull --scope {SCOPE}")
    (shown,) = az.line(f"role assignment list --assignee {identity['principal_id']} --scope {SCOPE}")
    assert (shown["principalName"], shown["roleDefinitionId"].rpartition("/")[2]) == (identity["client_id"], ACR_PULL.guid)


def test_az_takes_the_role_definitions_of_the_documentation_and_assigns_the_first_with_its_condition(az: Az, azure: Emulated, tmp_path: Path) -> None:
    for file in (OF_GROUP, OF_SUBSCRIPTION):
        wanted = definition(file, SUBSCRIPTION)
        (tmp_path / file.name).write_text(json.dumps(wanted))
        az("role", "definition", "create", "--role-definition", str(tmp_path / file.name))
        (made,) = (custom.role for custom in azure.state.custom_roles.values() if custom.role.name == wanted["Name"])
        assert (list(made.actions), list(made.assignable_scopes)) == (wanted["Actions"], wanted["AssignableScopes"])
    scope, condition = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}", CONDITION.read_text()
    words = f"role assignment create --assignee-object-id {OTHER} --assignee-principal-type ServicePrincipal --condition-version 2.0 --scope {scope}".split()
    assert az(*words, "--role", "Image trust", "--condition", condition)["condition"] == condition
