"""The front of Resource Manager: token, api-version, subscription, permission, resource group, path."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from lab.azure.context import Azure
from lab.azure.roles import CLUSTER_USER, CONTRIBUTOR, OWNER, READER, USER_ACCESS_ADMINISTRATOR, Role
from lab.azure.state import State, now
from lab.services import URL
from tests.emulator.machine import CLUSTER, GROUP, IDENTITY, OWNER_ID, REGISTRY, SUBSCRIPTION, TENANT, VAULT, Lab, Machine, error_of

OTHER_USER = "aaaaaaaa-0000-0000-0000-0000000000ff"
ASSIGNMENT = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/99999999-0000-0000-0000-000000000000"


def test_a_request_without_a_token_is_unauthorized_and_says_where_to_sign_in(lab: Lab) -> None:
    response = lab.client.get("/subscriptions", params={"api-version": "2022-12-01"})
    assert error_of(response) == (401, "AuthenticationFailed")
    assert f'authorization_uri="{lab.azure.login_url}/{TENANT}"' in response.headers["www-authenticate"]


def test_a_token_that_another_issuer_signed_is_refused(lab: Lab) -> None:
    foreign = Azure(State(TENANT, SUBSCRIPTION), Machine()).tokens.access_token(OWNER_ID, OWNER_ID, "https://management.azure.com")
    assert error_of(lab.call("GET", GROUP, token=foreign)) == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize("token", ["", "not.a.jwt", "e30.e30."])
def test_what_is_not_a_token_is_refused(lab: Lab, token: str) -> None:
    response = lab.client.get(GROUP, params={"api-version": "2025-04-01"}, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401


def test_a_token_for_another_service_is_refused_and_the_audiences_are_named(lab: Lab) -> None:
    response = lab.call("GET", GROUP, token=lab.token(audience="https://vault.azure.net"))
    assert error_of(response) == (401, "InvalidAuthenticationTokenAudience")
    assert "'https://vault.azure.net'" in response.json()["error"]["message"]
    assert "'https://management.azure.com/'" in response.json()["error"]["message"]


@pytest.mark.parametrize("audience", ["https://management.azure.com", "https://management.azure.com/", "https://management.core.windows.net/", URL])
def test_every_audience_of_resource_manager_is_accepted(lab: Lab, audience: str) -> None:
    assert lab.call("GET", GROUP, token=lab.token(audience=audience)).status_code == 200


def test_an_expired_token_is_refused(lab: Lab) -> None:
    assert error_of(lab.call("GET", GROUP, token=lab.token(seconds=-1))) == (401, "ExpiredAuthenticationToken")


def test_a_token_of_another_tenant_is_refused(lab: Lab) -> None:
    foreign = lab.azure.tokens.sign({"oid": OWNER_ID}, issuer="https://sts.windows.net/other/", audience="https://management.azure.com", seconds=60)
    assert error_of(lab.call("GET", GROUP, token=foreign)) == (401, "InvalidAuthenticationTokenTenant")


@pytest.mark.parametrize(
    ("path", "version", "status", "code"),
    [
        (GROUP, "", 400, "MissingApiVersionParameter"),
        (VAULT, "2099-01-01", 400, "NoRegisteredProviderFound"),
        (f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/vaults", "2099-01-01", 404, "InvalidResourceType"),
        (f"{GROUP}/providers/Microsoft.KeyVault/safes/one", "2026-05-15", 404, "InvalidResourceType"),
        (f"{GROUP}/providers/Microsoft.Unknown/things/one", "2026-05-15", 404, "InvalidResourceNamespace"),
        ("/subscriptions/99999999-0000-0000-0000-000000000000/resourceGroups/group", "2025-04-01", 404, "SubscriptionNotFound"),
        ("/subscriptions/nonsense/resourceGroups/group", "2025-04-01", 400, "InvalidSubscriptionId"),
        (GROUP.replace("/group", "/other"), "2025-04-01", 404, "ResourceGroupNotFound"),
        (VAULT.replace("/group/", "/other/"), "2026-05-15", 404, "ResourceGroupNotFound"),
        (VAULT + "x", "2026-05-15", 404, "ResourceNotFound"),
    ],
)
def test_what_does_not_exist_is_reported_in_azures_codes(lab: Lab, path: str, version: str, status: int, code: str) -> None:
    assert error_of(lab.call("GET", path, version=version)) == (status, code)


def test_the_words_for_a_missing_resource_are_azures(lab: Lab) -> None:
    response = lab.call("GET", VAULT + "x")
    assert response.headers["x-ms-failure-cause"] == "gateway"
    assert response.json()["error"]["message"] == (
        "The Resource 'Microsoft.KeyVault/vaults/lab-vaultx' under resource group 'group' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )


def test_a_method_that_a_resource_does_not_have_is_not_allowed(lab: Lab) -> None:
    assert error_of(lab.call("POST", VAULT, {})) == (405, "MethodNotAllowed")


@pytest.mark.parametrize("path", [VAULT, REGISTRY])
def test_ids_are_compared_without_case_and_answered_as_first_written(lab: Lab, path: str) -> None:
    response = lab.call("GET", path.upper().replace("/PROVIDERS", "/providers"), version="2026-05-15" if path == VAULT else "2025-11-01")
    assert response.status_code == 200
    assert response.json()["id"] == path


def test_every_answer_carries_ids_to_quote_to_support(lab: Lab) -> None:
    for response in (lab.call("GET", GROUP), lab.call("GET", VAULT + "x")):
        assert {"x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id"} <= response.headers.keys()


def test_a_body_that_is_not_json_is_refused(lab: Lab) -> None:
    headers = {"Authorization": f"Bearer {lab.token()}", "Content-Type": "application/json"}
    response = lab.client.put(IDENTITY, params={"api-version": "2024-11-30"}, headers=headers, content=b"{")
    assert error_of(response) == (400, "InvalidRequestContent")


WRITES = {"identity": (IDENTITY, {"location": "eastus"}), "assignment": (ASSIGNMENT, {}), "group": (GROUP, {"location": "eastus"}), "cluster": (CLUSTER, {})}


@pytest.mark.parametrize(
    ("role", "may_read", "may_write"),
    [
        (None, False, set()),
        (READER, True, set()),
        (CONTRIBUTOR, True, {"identity", "group", "cluster"}),
        (USER_ACCESS_ADMINISTRATOR, True, {"assignment"}),
        (OWNER, True, {"identity", "group", "cluster", "assignment"}),
        (CLUSTER_USER, False, set()),
    ],
    ids=lambda value: value.name if isinstance(value, Role) else None,
)
def test_a_caller_may_do_what_its_role_permits_and_nothing_else(lab: Lab, role: Role | None, may_read: bool, may_write: set[str]) -> None:
    if role:
        lab.assign(role, OTHER_USER)
    token = lab.token(OTHER_USER)
    assert (lab.call("GET", VAULT, token=token).status_code == 200) is may_read
    for what, (path, body) in WRITES.items():
        refused = lab.call("PUT", path, body, token=token).status_code == 403
        assert refused is (what not in may_write), what


def test_a_refusal_names_the_caller_the_action_and_the_scope(lab: Lab) -> None:
    response = lab.call("DELETE", VAULT, token=lab.token(OTHER_USER))
    assert error_of(response) == (403, "AuthorizationFailed")
    message = response.json()["error"]["message"]
    assert OTHER_USER in message
    assert "'Microsoft.KeyVault/vaults/delete'" in message
    assert f"over scope '{VAULT}'" in message


def test_a_permission_on_one_resource_does_not_reach_another(lab: Lab) -> None:
    lab.assign(OWNER, OTHER_USER, VAULT)
    token = lab.token(OTHER_USER)
    assert lab.call("GET", VAULT, token=token).status_code == 200
    assert lab.call("GET", REGISTRY, token=token).status_code == 403
    assert lab.call("GET", GROUP, token=token).status_code == 403


def test_a_new_role_takes_effect_after_the_propagation_delay(lab: Lab) -> None:
    lab.state.settings.role_assignment_delay = 3600
    lab.assign(READER, OTHER_USER)
    assert error_of(lab.call("GET", VAULT, token=lab.token(OTHER_USER))) == (403, "AuthorizationFailed")
    for assignment in lab.state.role_assignments.values():
        assignment.effective_at = 0
    assert lab.call("GET", VAULT, token=lab.token(OTHER_USER)).status_code == 200


def test_a_role_that_is_taken_away_works_until_the_propagation_delay_is_over(lab: Lab) -> None:
    lab.assign(READER, OTHER_USER)
    assignment = next(a for a in lab.state.role_assignments.values() if a.principal_id == OTHER_USER)
    lab.state.settings.role_assignment_removal_delay = 3600
    assert lab.call("DELETE", assignment.id).status_code == 200
    assert lab.call("GET", assignment.id).status_code == 404
    assert lab.call("GET", VAULT, token=lab.token(OTHER_USER)).status_code == 200
    for former in lab.state.former_assignments:
        former.until = now()
    assert error_of(lab.call("GET", VAULT, token=lab.token(OTHER_USER))) == (403, "AuthorizationFailed")


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        *(({f"a{character}b": "x"}, "InvalidTagNameCharacters") for character in "<>%&\\?/\n"),
        ({"a" * 513: "x"}, "InvalidTagName"),
        ({"": "x"}, "InvalidTagName"),
        ({"a": "x" * 257}, "InvalidTagValueLength"),
        ({str(number): "x" for number in range(51)}, "TagCountLimitExceeded"),
        ({"a": 1}, "InvalidRequestContent"),
        ({"a": "x", "A": "x"}, "InvalidRequestContent"),
    ],
)
@pytest.mark.parametrize("path", [GROUP, IDENTITY, VAULT, REGISTRY, CLUSTER])
def test_tags_beyond_the_limits_are_refused_before_anything_is_written(lab: Lab, path: str, tags: dict[str, Any], code: str) -> None:
    before = asdict(lab.state)
    assert error_of(lab.call("PUT", path, {"location": "eastus", "tags": tags})) == (400, code)
    assert asdict(lab.state) == before


def test_tags_at_the_limits_are_taken(lab: Lab) -> None:
    tags = {"a" * 512: "x" * 256, **{f"{number} é:.": "<>%&\\?/" for number in range(49)}}
    assert lab.done(IDENTITY, {"location": "eastus", "tags": tags})["tags"] == tags


def test_a_role_with_a_condition_that_is_not_understood_grants_nothing(lab: Lab) -> None:
    lab.assign(READER, OTHER_USER)
    next(a for a in lab.state.role_assignments.values() if a.principal_id == OTHER_USER).properties["condition"] = "@Resource[x] StringEquals 'y'"
    assert lab.call("GET", VAULT, token=lab.token(OTHER_USER)).status_code == 403


@pytest.mark.parametrize(("version", "at"), [("1.0", None), ("2019-05-01", 0), ("2022-09-01", "")])
def test_the_endpoints_are_reported_without_a_token_in_the_form_of_the_api_version(lab: Lab, version: str, at: int | str | None) -> None:
    body = lab.client.get("/metadata/endpoints", params={"api-version": version}).json()
    cloud = body[at] if isinstance(at, int) else body
    assert cloud["authentication"]["loginEndpoint"] == lab.azure.login_url
    assert cloud["authentication"]["audiences"][0] == lab.azure.arm_url
    assert ("resourceManager" in cloud) is (version != "1.0")
