"""Role assignments and role definitions."""

from __future__ import annotations

from typing import Any

import pytest

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import ACR_PULL, BUILT_IN, KEY_VAULT_SECRETS_USER, OWNER, READER, USER_ACCESS_ADMINISTRATOR, Role, allows, allows_data
from lab.azure.state import now
from tests.emulator.machine import GROUP, OWNER_ID, REGISTRY, SUBSCRIPTION, VAULT, Lab, error_of

OTHER_USER = "aaaaaaaa-0000-0000-0000-0000000000ff"
UNKNOWN = "dddddddd-0000-0000-0000-000000000000"
FIRST, SECOND = "99999999-0000-0000-0000-000000000001", "99999999-0000-0000-0000-000000000002"


def at(scope: str, name: str = FIRST) -> str:
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"


def wanted(principal: str, role: str = ACR_PULL.guid, principal_type: str | None = "ServicePrincipal", **more: Any) -> dict[str, Any]:
    definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    typed = {"principalType": principal_type} if principal_type else {}
    return {"properties": {"roleDefinitionId": definition, "principalId": principal, **typed, **more}}


def listed(lab: Lab, scope: str, odata_filter: str = "") -> list[str]:
    query = {"$filter": odata_filter} if odata_filter else {}
    found = lab.call("GET", f"{scope}/providers/Microsoft.Authorization/roleAssignments", **query).json()["value"]
    return sorted(each["name"] for each in found if each["properties"]["principalId"] != OWNER_ID)


def test_an_assignment_is_created_and_may_get_another_description(lab: Lab) -> None:
    principal = lab.identity()["properties"]["principalId"]
    made = lab.call("PUT", at(REGISTRY), wanted(principal))
    again = lab.call("PUT", at(REGISTRY), wanted(principal, description="for Ratify"))
    assert (made.status_code, again.status_code) == (201, 201)
    assert (made.json()["properties"]["createdBy"], made.json()["properties"]["updatedBy"]) == (None, OWNER_ID)
    kept = lab.call("GET", at(REGISTRY)).json()["properties"]
    assert (kept["createdBy"], kept["description"], kept["scope"]) == (OWNER_ID, "for Ratify", REGISTRY)


def test_the_same_permission_under_another_name_exists_already(lab: Lab) -> None:
    principal = lab.identity()["properties"]["principalId"]
    lab.done(at(REGISTRY), wanted(principal))
    response = lab.call("PUT", at(REGISTRY.upper(), SECOND), wanted(principal.upper()))
    assert error_of(response) == (409, "RoleAssignmentExists")
    assert FIRST not in response.text


def test_a_name_in_use_cannot_get_another_principal(lab: Lab) -> None:
    lab.done(at(REGISTRY), wanted(UNKNOWN))
    assert error_of(lab.call("PUT", at(REGISTRY), wanted(OWNER_ID))) == (400, "RoleAssignmentUpdateNotPermitted")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (at(REGISTRY, "not-a-guid"), wanted(UNKNOWN), 400, "InvalidRoleAssignmentId"),
        (at(REGISTRY), wanted("not-a-guid"), 400, "InvalidPrincipalId"),
        (at(REGISTRY), wanted(UNKNOWN, role=UNKNOWN), 404, "RoleDefinitionDoesNotExist"),
        (at(REGISTRY), wanted(UNKNOWN, principal_type="Robot"), 400, "InvalidPrincipalType"),
        (at(REGISTRY), {"properties": {"principalId": UNKNOWN}}, 400, "InvalidRequestContent"),
        (at(REGISTRY + "x"), wanted(UNKNOWN), 404, "ResourceNotFound"),
        (at(GROUP + "x"), wanted(UNKNOWN), 404, "ResourceGroupNotFound"),
    ],
)
def test_an_assignment_that_azure_refuses_is_refused(lab: Lab, path: str, body: dict[str, Any], status: int, code: str) -> None:
    assert error_of(lab.call("PUT", path, body)) == (status, code)


def test_a_principal_that_the_directory_does_not_show_yet_is_not_found_unless_its_type_is_given(lab: Lab) -> None:
    lab.state.settings.principal_delay = 3600
    principal = lab.identity()["properties"]["principalId"]
    response = lab.call("PUT", at(REGISTRY), wanted(principal, principal_type=None))
    assert error_of(response) == (400, "PrincipalNotFound")
    assert f"Principal {principal.replace('-', '')} does not exist in the directory" in response.json()["error"]["message"]
    assert "retry-after" not in response.headers
    assert lab.call("PUT", at(REGISTRY), wanted(principal)).status_code == 201
    for identity in lab.state.identities.values():
        identity.visible_at = now()
    assert lab.done(at(VAULT), wanted(principal, principal_type=None))["properties"]["principalType"] == "ServicePrincipal"


def test_a_wrong_principal_type_is_reported(lab: Lab) -> None:
    principal = lab.identity()["properties"]["principalId"]
    assert error_of(lab.call("PUT", at(REGISTRY), wanted(principal, principal_type="User"))) == (400, "UnmatchedPrincipalType")


def test_filters_choose_by_scope_and_principal(lab: Lab) -> None:
    lab.done(at(GROUP, FIRST), wanted(UNKNOWN, READER.guid))
    lab.done(at(REGISTRY, SECOND), wanted(UNKNOWN))
    assert listed(lab, GROUP) == listed(lab, REGISTRY) == [FIRST, SECOND]
    assert listed(lab, VAULT) == [FIRST]
    assert listed(lab, GROUP, "atScope()") == [FIRST]
    assert listed(lab, GROUP, f"principalId eq '{UNKNOWN.upper()}'") == [FIRST, SECOND]
    assert listed(lab, GROUP, f"assignedTo('{UNKNOWN}')") == [FIRST, SECOND]
    assert listed(lab, GROUP, f"atScope() and assignedTo('{UNKNOWN}')") == [FIRST]
    assert listed(lab, GROUP, f"principalId eq '{FIRST}'") == []


def test_an_unknown_filter_is_refused_rather_than_ignored(lab: Lab) -> None:
    response = lab.call("GET", f"{GROUP}/providers/Microsoft.Authorization/roleAssignments", **{"$filter": "roleName eq 'x'"})
    assert error_of(response) == (400, "UnsupportedFilter")


def test_deleting_answers_what_was_deleted_and_then_nothing(lab: Lab) -> None:
    made = lab.done(at(REGISTRY), wanted(UNKNOWN))
    gone = lab.call("DELETE", at(REGISTRY))
    assert (gone.status_code, gone.json()["id"]) == (200, made["id"])
    assert lab.call("DELETE", at(REGISTRY)).status_code == 204
    assert error_of(lab.call("GET", at(REGISTRY))) == (404, "RoleAssignmentNotFound")


@pytest.mark.parametrize("name", ["AcrPull", "acrpull", "Key Vault Secrets User", "Container Registry Repository Reader"])
def test_a_role_is_found_by_its_name_without_case(lab: Lab, name: str) -> None:
    found = lab.call("GET", f"{REGISTRY}/providers/Microsoft.Authorization/roleDefinitions", **{"$filter": f"roleName eq '{name}'"}).json()["value"]
    assert [role["properties"]["roleName"].lower() for role in found] == [name.lower()]
    assert found[0]["id"] == f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{found[0]['name']}"


def test_a_role_is_found_by_its_id_and_an_unknown_one_is_not(lab: Lab) -> None:
    definitions = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
    assert lab.call("GET", f"{definitions}/{ACR_PULL.guid}").json()["properties"]["roleName"] == "AcrPull"
    assert error_of(lab.call("GET", f"{definitions}/{UNKNOWN}")) == (404, "RoleDefinitionDoesNotExist")
    assert len(lab.call("GET", definitions).json()["value"]) == len(BUILT_IN)
    assert lab.call("GET", definitions, **{"$filter": "roleName eq 'Nobody'"}).json() == {"value": []}


@pytest.mark.parametrize(
    ("role", "action", "data_action", "allowed"),
    [
        ("Owner", "Microsoft.Authorization/roleAssignments/write", None, True),
        ("Contributor", "Microsoft.Authorization/roleAssignments/write", None, False),
        ("Contributor", "Microsoft.KeyVault/vaults/write", None, True),
        ("Reader", "Microsoft.KeyVault/vaults/read", None, True),
        ("Reader", "Microsoft.KeyVault/vaults/write", None, False),
        ("AcrPull", "Microsoft.ContainerRegistry/registries/pull/read", None, True),
        ("AcrPull", "Microsoft.ContainerRegistry/registries/push/write", None, False),
        ("Reader", "Microsoft.ContainerRegistry/registries/pull/read", None, True),
        ("Owner", None, "Microsoft.KeyVault/vaults/secrets/getSecret/action", False),
        ("Key Vault Administrator", None, "Microsoft.KeyVault/vaults/secrets/getSecret/action", True),
        ("Key Vault Secrets User", None, "Microsoft.KeyVault/vaults/secrets/setSecret/action", False),
    ],
)
def test_a_role_permits_what_its_definition_says(role: str, action: str | None, data_action: str | None, allowed: bool) -> None:
    roles = [each for each in BUILT_IN.values() if each.name == role]
    assert (allows(roles, action) if action else allows_data(roles, data_action or "")) is allowed


def test_an_unknown_role_permits_nothing(lab: Lab) -> None:
    new_assignment(lab.state, REGISTRY, UNKNOWN, OTHER_USER)
    assert lab.state.granted(OTHER_USER, REGISTRY) == []
    assert not allows([], "Microsoft.KeyVault/vaults/read")
    assert not allows_data([ACR_PULL], KEY_VAULT_SECRETS_USER.data_actions[0])


def delegated(*roles: Role) -> str:
    """The condition by which Azure's own roles say which roles one may assign and take away."""
    listed = ", ".join(role.guid for role in roles)
    clause = "((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/{}'}})) OR "
    clause += "(@{}[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals{{{}}}))"
    return clause.format("write", "Request", listed) + "\n AND " + clause.format("delete", "Resource", listed)


def test_who_may_assign_some_roles_assigns_and_takes_away_these_alone(lab: Lab) -> None:
    lab.assign(USER_ACCESS_ADMINISTRATOR, OTHER_USER)
    next(a for a in lab.state.role_assignments.values() if a.principal_id == OTHER_USER).properties["condition"] = delegated(ACR_PULL, KEY_VAULT_SECRETS_USER)
    new_assignment(lab.state, REGISTRY, OWNER.guid, UNKNOWN, name=SECOND)
    token = lab.token(OTHER_USER)
    assert lab.call("PUT", at(REGISTRY), wanted(UNKNOWN), token=token).status_code == 201
    assert error_of(lab.call("PUT", at(VAULT), wanted(OTHER_USER, OWNER.guid), token=token)) == (403, "AuthorizationFailed")
    assert error_of(lab.call("DELETE", at(REGISTRY, SECOND), token=token)) == (403, "AuthorizationFailed")
    assert lab.call("DELETE", at(REGISTRY), token=token).status_code == 200
    assert lab.call("GET", VAULT, token=token).status_code == 200
