"""Container registries as resources."""

from __future__ import annotations

from typing import Any

import pytest

from lab.azure.roles import ACR_PUSH, READER
from tests.emulator.machine import GROUP, REGISTRY, Lab, error_of

NEW = REGISTRY.replace("labregistry", "newregistry")
OTHER_USER = "aaaaaaaa-0000-0000-0000-0000000000ff"


def body(sku: str = "Premium", **properties: Any) -> dict[str, Any]:
    return {"location": "eastus", "sku": {"name": sku}, "properties": properties}


def test_the_mode_of_a_registry_is_reported_and_changed_by_versions_that_know_it(lab: Lab) -> None:
    assert lab.call("GET", REGISTRY).json()["properties"]["roleAssignmentMode"] == "LegacyRegistryPermissions"
    assert "roleAssignmentMode" not in lab.call("GET", REGISTRY, version="2023-07-01").json()["properties"]
    changed = lab.call("PATCH", REGISTRY, {"properties": {"roleAssignmentMode": "AbacRepositoryPermissions"}, "tags": {"a": "b"}})
    assert changed.status_code == 200
    read = lab.call("GET", REGISTRY).json()
    assert (read["properties"]["roleAssignmentMode"], read["tags"]) == ("AbacRepositoryPermissions", {"a": "b"})


@pytest.mark.parametrize("properties", [{"roleAssignmentMode": "Everybody"}, {"publicNetworkAccess": "Disabled"}])
def test_other_changes_of_a_registry_are_refused(lab: Lab, properties: dict[str, Any]) -> None:
    before = lab.call("GET", REGISTRY).json()
    assert lab.call("PATCH", REGISTRY, {"properties": properties}).status_code == 400
    assert lab.call("GET", REGISTRY).json() == before


def test_a_registry_is_created_in_the_background(lab: Lab) -> None:
    lab.state.settings.operation_delay = 0.05
    made = lab.call("PUT", NEW, body("Basic"))
    assert (made.status_code, made.json()["properties"]["provisioningState"]) == (201, "Creating")
    url = made.headers["azure-asyncoperation"].partition("?")[0].removeprefix(lab.azure.arm_url)
    statuses = set()
    while "Succeeded" not in statuses:
        statuses.add(lab.call("GET", url).json()["status"])
    assert statuses == {"Creating", "Succeeded"}
    shown = lab.call("GET", NEW).json()
    assert (shown["sku"]["name"], shown["properties"]["provisioningState"], shown["properties"]["loginServer"]) == (
        "Basic",
        "Succeeded",
        "newregistry.azurecr.io",
    )


def test_a_registry_that_exists_keeps_what_is_not_said(lab: Lab) -> None:
    lab.call("PATCH", REGISTRY, {"properties": {"roleAssignmentMode": "AbacRepositoryPermissions"}})
    again = lab.call("PUT", REGISTRY, body("Standard", anonymousPullEnabled=False))
    assert (again.status_code, again.json()["sku"]["name"]) == (200, "Standard")
    assert again.json()["properties"]["roleAssignmentMode"] == "AbacRepositoryPermissions"


@pytest.mark.parametrize(
    ("path", "sent", "error"),
    [
        (NEW.replace("newregistry", "new-registry"), body(), (400, "InvalidResourceName")),
        (NEW, body("Golden"), (400, "InvalidSku")),
        (NEW, body(publicNetworkAccess="Disabled"), (400, "BadRequest")),
        (NEW, {"location": "eastus"}, (400, "InvalidRequestContent")),
        (REGISTRY.replace("/group/", "/other/"), body(), (409, "AlreadyInUse")),
        (REGISTRY, {**body(), "location": "westus"}, (409, "InvalidResourceLocation")),
    ],
)
def test_a_registry_that_azure_does_not_make_is_refused(lab: Lab, path: str, sent: dict[str, Any], error: tuple[int, str]) -> None:
    lab.done(GROUP.replace("/group", "/other"), {"location": "eastus"})
    before = dict(lab.state.registries)
    assert error_of(lab.call("PUT", path, sent)) == error
    assert lab.state.registries == before


def test_policies_are_changed_one_by_one(lab: Lab) -> None:
    before = lab.call("GET", REGISTRY).json()["properties"]["policies"]
    after = lab.call("PATCH", REGISTRY, {"properties": {"policies": {"retentionPolicy": {"status": "enabled"}}}}).json()["properties"]["policies"]
    assert (after["retentionPolicy"]["status"], after["retentionPolicy"]["days"]) == ("enabled", 7)
    assert {**after, "retentionPolicy": None} == {**before, "retentionPolicy": None}


def test_a_registry_is_deleted_only_by_who_may(lab: Lab) -> None:
    for role in (READER, ACR_PUSH):
        lab.assign(role, OTHER_USER)
    assert error_of(lab.call("DELETE", REGISTRY, token=lab.token(OTHER_USER))) == (403, "AuthorizationFailed")
    assert [lab.call("DELETE", REGISTRY).status_code for _ in range(2)] == [200, 204]
    assert error_of(lab.call("GET", REGISTRY)) == (404, "ResourceNotFound")


@pytest.mark.parametrize("network", [{"publicNetworkAccess": "Disabled"}, {"networkRuleSet": {"defaultAction": "Deny", "ipRules": []}}])
def test_the_networks_of_a_registry_cannot_be_changed(lab: Lab, network: dict[str, Any]) -> None:
    before = lab.call("GET", REGISTRY).json()
    for method in ("PUT", "PATCH"):
        refused = lab.call(method, REGISTRY, {**before, "properties": network})
        assert (refused.status_code, refused.json()["error"]["message"]) == (400, f"The lab's registry cannot change {next(iter(network))}.")
    assert lab.call("GET", REGISTRY).json() == before
