"""Soft delete of key vaults: what is deleted stays, and keeps its name, until it is purged."""

from __future__ import annotations

from typing import Any

import pytest

from lab.azure.roles import CONTRIBUTOR, KEY_VAULT_SECRETS_USER, READER, Role
from lab.azure.state import now
from tests.emulator.machine import GROUP, SUBSCRIPTION, TENANT, VAULT, Lab, error_of

OTHER_USER = "aaaaaaaa-0000-0000-0000-0000000000ff"
PROVIDER = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault"
DELETED = f"{PROVIDER}/locations/eastus/deletedVaults/lab-vault"
RECOVER = {"createMode": "recover"}


def body(**properties: Any) -> dict[str, Any]:
    return {"location": "eastus", "properties": {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, **properties}}


@pytest.fixture
def deleted(lab: Lab) -> Lab:
    """With a vault that was deleted."""
    assert lab.call("DELETE", VAULT).status_code == 200
    return lab


def listed(lab: Lab) -> list[str]:
    return [vault["name"] for vault in lab.call("GET", f"{PROVIDER}/deletedVaults").json()["value"]]


def test_a_deleted_vault_is_reported_with_the_day_on_which_it_goes(deleted: Lab) -> None:
    shown = deleted.call("GET", DELETED).json()
    assert (shown["id"], shown["type"], shown["properties"]["vaultId"]) == (DELETED, "Microsoft.KeyVault/deletedVaults", VAULT)
    kept = deleted.state.deleted_vaults["lab-vault"]
    assert kept.purged_at - kept.deleted_at == 90 * 86400
    assert listed(deleted) == ["lab-vault"]
    kept.purged_at = now() - 1
    assert listed(deleted) == []
    assert error_of(deleted.call("GET", DELETED)) == (404, "DeletedVaultNotFound")


def test_a_deleted_vault_is_at_its_location_only(deleted: Lab) -> None:
    assert error_of(deleted.call("GET", DELETED.replace("eastus", "westus"))) == (404, "DeletedVaultNotFound")


def test_the_name_of_a_deleted_vault_is_taken(deleted: Lab) -> None:
    response = deleted.call("PUT", VAULT, body())
    assert error_of(response) == (409, "ConflictError")
    assert "already exists in deleted state" in response.json()["error"]["message"]


def test_a_vault_is_recovered_as_it_was(lab: Lab) -> None:
    policy = {"tenantId": TENANT, "objectId": OTHER_USER, "permissions": {"secrets": ["get"]}}
    lab.done(f"{VAULT}/accessPolicies/add", {"properties": {"accessPolicies": [policy]}})
    lab.call("DELETE", VAULT)
    assert lab.done(VAULT, body(**RECOVER))["properties"]["accessPolicies"] == [policy]
    assert lab.call("GET", VAULT).status_code == 200
    assert listed(lab) == []


@pytest.mark.parametrize("path", [VAULT.replace("lab-vault", "new-vault"), VAULT.replace("/group/", "/other/")])
def test_only_a_deleted_vault_is_recovered_and_only_where_it_was(deleted: Lab, path: str) -> None:
    deleted.done(GROUP.replace("/group", "/other"), {"location": "eastus"})
    assert error_of(deleted.call("PUT", path, body(**RECOVER))) == (404, "DeletedVaultNotFound")
    assert listed(deleted) == ["lab-vault"]


def test_role_assignments_on_a_vault_go_with_it_and_do_not_come_back(lab: Lab) -> None:
    lab.assign(KEY_VAULT_SECRETS_USER, OTHER_USER, VAULT.upper())
    lab.assign(READER, OTHER_USER, GROUP)
    lab.call("DELETE", VAULT)
    lab.done(VAULT, body(**RECOVER))
    assert lab.state.roles_of(OTHER_USER, VAULT) == {READER.guid}


def test_a_purged_vault_is_gone_and_its_name_free(deleted: Lab) -> None:
    response = deleted.call("POST", f"{DELETED}/purge")
    assert (response.status_code, response.headers["retry-after"]) == (202, "5")
    assert deleted.wait(response)["status"] == "Succeeded"
    assert listed(deleted) == []
    assert error_of(deleted.call("POST", f"{DELETED}/purge")) == (404, "DeletedVaultNotFound")
    assert deleted.done(VAULT, body())["properties"]["accessPolicies"] == []


def test_purge_protection_forbids_the_purge_and_is_for_ever(lab: Lab) -> None:
    lab.call("PATCH", VAULT, {"properties": {"enablePurgeProtection": True}})
    assert error_of(lab.call("PATCH", VAULT, {"properties": {"enablePurgeProtection": False}})) == (400, "BadRequest")
    lab.call("DELETE", VAULT)
    assert error_of(lab.call("POST", f"{DELETED}/purge")) == (405, "MethodNotAllowed")
    assert listed(lab) == ["lab-vault"]


@pytest.mark.parametrize("days", [6, 91, "seven"])
def test_a_vault_is_kept_for_7_to_90_days(lab: Lab, days: Any) -> None:
    assert error_of(lab.call("PATCH", VAULT, {"properties": {"softDeleteRetentionInDays": days}})) == (400, "BadRequest")
    lab.call("PATCH", VAULT, {"properties": {"softDeleteRetentionInDays": 7}})
    lab.call("DELETE", VAULT)
    kept = lab.state.deleted_vaults["lab-vault"]
    assert kept.purged_at - kept.deleted_at == 7 * 86400


def test_the_vaults_of_a_deleted_group_can_be_recovered(lab: Lab) -> None:
    lab.call("DELETE", GROUP)
    while lab.call("GET", GROUP).status_code == 200:
        pass
    assert listed(lab) == ["lab-vault"]


@pytest.mark.parametrize(("role", "status"), [(READER, 403), (CONTRIBUTOR, 202)])
def test_purging_is_a_permission_of_its_own(deleted: Lab, role: Role, status: int) -> None:
    deleted.assign(role, OTHER_USER)
    assert deleted.call("GET", DELETED, token=deleted.token(OTHER_USER)).status_code == 200
    assert deleted.call("POST", f"{DELETED}/purge", token=deleted.token(OTHER_USER)).status_code == status


@pytest.mark.parametrize(
    ("name", "reason"), [("free-vault", None), ("lab-vault", "AlreadyExists"), ("LAB-VAULT", "AlreadyExists"), ("1vault", "AccountNameInvalid")]
)
def test_whether_a_name_is_free_is_reported_for_deleted_vaults_too(lab: Lab, name: str, reason: str | None) -> None:
    for _ in range(2):
        answered = lab.call("POST", f"{PROVIDER}/checkNameAvailability", {"name": name, "type": "Microsoft.KeyVault/vaults"}).json()
        assert (answered["nameAvailable"], answered.get("reason")) == (reason is None, reason)
        lab.call("DELETE", VAULT)
