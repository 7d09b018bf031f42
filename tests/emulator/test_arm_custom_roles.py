"""Role definitions of one's own."""

from __future__ import annotations

from typing import Any

import pytest

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import ACR_PULL, USER_ACCESS_ADMINISTRATOR
from lab.azure.state import now
from tests.emulator.machine import GROUP, IDENTITY, SUBSCRIPTION, VAULT, Lab, error_of

OTHER_USER = "aaaaaaaa-0000-0000-0000-0000000000ff"
OF_SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION}"
GUID = "88888888-0000-0000-0000-000000000001"
OTHER_GUID = "88888888-0000-0000-0000-000000000002"


def at(guid: str = GUID, scope: str = OF_SUBSCRIPTION) -> str:
    return f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{guid}"


def body(name: str = "Vault policy writer", scope: str = GROUP, **permissions: list[str]) -> dict[str, Any]:
    given = {"actions": ["Microsoft.KeyVault/vaults/*"], "notActions": ["Microsoft.KeyVault/vaults/delete"], **permissions}
    return {"properties": {"roleName": name, "description": "", "assignableScopes": [scope], "permissions": [given]}}


@pytest.fixture
def writer(lab: Lab) -> Lab:
    """OTHER_USER has the custom role on the group."""
    lab.done(at(), body())
    new_assignment(lab.state, GROUP, GUID, OTHER_USER)
    return lab


def test_a_custom_role_permits_what_it_says_and_not_what_it_excepts(writer: Lab) -> None:
    token = writer.token(OTHER_USER)
    assert writer.call("GET", VAULT, token=token).status_code == 200
    assert error_of(writer.call("DELETE", VAULT, token=token)) == (403, "AuthorizationFailed")
    assert error_of(writer.call("PUT", IDENTITY, {"location": "eastus"}, token=token)) == (403, "AuthorizationFailed")


def test_a_change_of_a_role_reaches_those_who_have_it(writer: Lab) -> None:
    changed = writer.call("PUT", at(), body(notActions=[]))
    assert changed.status_code == 201
    assert writer.call("DELETE", VAULT, token=writer.token(OTHER_USER)).status_code == 200


def test_a_change_of_a_role_takes_effect_after_the_propagation_delay(writer: Lab) -> None:
    writer.state.settings.custom_role_delay = 3600
    token = writer.token(OTHER_USER)
    writer.done(at(), body(actions=["Microsoft.KeyVault/vaults/delete"], notActions=[]))
    writer.done(at(), body(actions=["Microsoft.ManagedIdentity/*"], notActions=[]))
    assert writer.call("GET", at(scope=VAULT)).json()["properties"]["permissions"][0]["actions"] == ["Microsoft.ManagedIdentity/*"]
    assert writer.call("GET", VAULT, token=token).status_code == 200
    assert error_of(writer.call("DELETE", VAULT, token=token)) == (403, "AuthorizationFailed")
    for former in writer.state.former_roles:
        former.until = now()
    assert error_of(writer.call("GET", VAULT, token=token)) == (403, "AuthorizationFailed")
    assert writer.call("PUT", IDENTITY, {"location": "eastus"}, token=token).status_code == 201


def test_a_role_that_is_deleted_permits_until_the_propagation_delay_is_over(writer: Lab) -> None:
    writer.state.settings.custom_role_delay = writer.state.settings.role_assignment_removal_delay = 3600
    assignment = next(a for a in writer.state.role_assignments.values() if a.principal_id == OTHER_USER)
    assert [writer.call("DELETE", path).status_code for path in (assignment.id, at())] == [200, 200]
    assert error_of(writer.call("GET", at(scope=VAULT))) == (404, "RoleDefinitionDoesNotExist")
    assert writer.call("GET", VAULT, token=writer.token(OTHER_USER)).status_code == 200
    for former in writer.state.former_roles:
        former.until = now()
    assert writer.call("GET", VAULT, token=writer.token(OTHER_USER)).status_code == 403


def test_data_actions_are_excepted_too(lab: Lab) -> None:
    action = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
    lab.done(at(), body(dataActions=["Microsoft.KeyVault/*"], notDataActions=[action]))
    (role,) = (each.role for each in lab.state.custom_roles.values())
    assert (role.data_actions, role.not_data_actions) == (("Microsoft.KeyVault/*",), (action,))


def test_a_custom_role_is_found_where_it_can_be_assigned(lab: Lab) -> None:
    lab.done(at(), body())
    query = {"$filter": "roleName eq 'vault policy WRITER'"}
    (shown,) = lab.call("GET", at("", VAULT).rstrip("/"), **query).json()["value"]
    assert (shown["name"], shown["properties"]["type"]) == (GUID, "CustomRole")
    assert lab.call("GET", at("").rstrip("/"), **query).json()["value"] == []
    assert error_of(lab.call("GET", at())) == (404, "RoleDefinitionDoesNotExist")


@pytest.mark.parametrize(("scope", "status"), [(VAULT, 201), (OF_SUBSCRIPTION, 404)])
def test_a_custom_role_is_assigned_only_within_its_scopes(lab: Lab, scope: str, status: int) -> None:
    lab.done(at(), body())
    assignment = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{OTHER_GUID}"
    wanted = {"roleDefinitionId": at(), "principalId": OTHER_USER, "principalType": "ServicePrincipal"}
    assert lab.call("PUT", assignment, {"properties": wanted}).status_code == status


def test_a_role_in_use_is_not_deleted(writer: Lab) -> None:
    assert error_of(writer.call("DELETE", at())) == (400, "RoleDefinitionHasAssignments")
    writer.state.role_assignments.clear()
    new_assignment(writer.state, OF_SUBSCRIPTION, USER_ACCESS_ADMINISTRATOR.guid, OTHER_USER)
    token = writer.token(OTHER_USER)
    assert [writer.call("DELETE", at(), token=token).status_code for _ in range(2)] == [200, 204]


@pytest.mark.parametrize(
    ("guid", "sent", "error"),
    [
        ("no-guid", body(), (400, "InvalidRoleDefinitionId")),
        (ACR_PULL.guid, body(), (403, "RoleDefinitionCannotBeUpdated")),
        (GUID, body("acrpull"), (409, "RoleDefinitionWithSameNameExists")),
        (GUID, {"properties": {**body()["properties"], "assignableScopes": []}}, (400, "InvalidRequestContent")),
        (GUID, {"properties": {**body()["properties"], "permissions": ["all"]}}, (400, "InvalidRoleDefinition")),
    ],
)
def test_a_role_that_azure_does_not_make_is_refused(lab: Lab, guid: str, sent: dict[str, Any], error: tuple[int, str]) -> None:
    assert error_of(lab.call("PUT", at(guid), sent)) == error
    assert lab.state.custom_roles == {}


def test_a_built_in_role_is_not_deleted(lab: Lab) -> None:
    assert error_of(lab.call("DELETE", at(ACR_PULL.guid))) == (403, "RoleDefinitionCannotBeDeleted")


def test_who_may_make_roles_in_one_group_makes_none_for_another(lab: Lab) -> None:
    lab.assign(USER_ACCESS_ADMINISTRATOR, OTHER_USER, GROUP)
    token = lab.token(OTHER_USER)
    assert lab.call("PUT", at(GUID, GROUP), body(), token=token).status_code == 201
    assert error_of(lab.call("PUT", at(OTHER_GUID, GROUP), body("Another", OF_SUBSCRIPTION), token=token)) == (403, "LinkedAuthorizationFailed")
