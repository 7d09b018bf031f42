"""Key vaults and their access policies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from lab.azure.keyvault import data_plane
from lab.azure.state import Secret, SecretVersion, now
from tests.emulator.machine import GROUP, SUBSCRIPTION, TENANT, VAULT, Lab, error_of

ONE, TWO = "aaaaaaaa-0000-0000-0000-000000000001", "aaaaaaaa-0000-0000-0000-000000000002"
NEW = VAULT.replace("lab-vault", "New-Vault")


def entry(object_id: str = ONE, tenant: str = TENANT, **permissions: list[str]) -> dict[str, Any]:
    return {"tenantId": tenant, "objectId": object_id, "permissions": permissions}


def policies(lab: Lab, kind: str, *entries: dict[str, Any]) -> list[dict[str, Any]]:
    answer = lab.done(f"{VAULT}/accessPolicies/{kind}", {"properties": {"accessPolicies": list(entries)}})
    result: list[dict[str, Any]] = answer["properties"]["accessPolicies"]
    return result


def kept(lab: Lab) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = lab.call("GET", VAULT).json()["properties"]["accessPolicies"]
    return result


def vault_body(**properties: Any) -> dict[str, Any]:
    return {"location": "eastus", "properties": {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, **properties}}


def test_adding_unites_permissions_what_was_there_first(lab: Lab) -> None:
    policies(lab, "add", entry(secrets=["Get"], keys=["list"]))
    assert policies(lab, "add", entry(secrets=["list", "get"])) == [entry(keys=["list"], secrets=["Get", "list"])]


def test_replacing_replaces_the_entry(lab: Lab) -> None:
    policies(lab, "add", entry(secrets=["get"], keys=["list"]))
    assert policies(lab, "replace", entry(secrets=["list"])) == [entry(secrets=["list"])]


def test_removing_takes_permissions_away_and_an_empty_entry_with_them(lab: Lab) -> None:
    policies(lab, "add", entry(secrets=["get", "list"]))
    assert policies(lab, "remove", entry(secrets=["GET"])) == [entry(secrets=["get", "list"])]
    assert policies(lab, "remove", entry(secrets=["get"])) == [entry(secrets=["list"])]
    assert policies(lab, "remove", entry(secrets=["list"])) == []
    assert kept(lab) == []


@pytest.mark.parametrize("kind", ["add", "replace", "remove"])
def test_other_principals_are_never_touched(lab: Lab, kind: str) -> None:
    policies(lab, "add", entry(TWO, secrets=["all", "purge"]), entry(secrets=["get"]))
    answer = policies(lab, kind, entry(secrets=["get"]))
    assert entry(TWO, secrets=["all", "purge"]) in kept(lab)
    assert all(each["objectId"] == ONE for each in answer)


def test_an_entry_is_known_by_its_ids_without_case_and_by_its_application(lab: Lab) -> None:
    policies(lab, "add", entry(secrets=["get"]))
    policies(lab, "add", entry(ONE.upper(), TENANT.upper(), secrets=["list"]))
    policies(lab, "add", entry(secrets=["set"]) | {"applicationId": TWO})
    assert [each["permissions"]["secrets"] for each in kept(lab)] == [["get", "list"], ["set"]]


def test_the_answer_is_shaped_as_azures(lab: Lab) -> None:
    answer = lab.done(f"{VAULT}/accessPolicies/add", {"properties": {"accessPolicies": [entry(secrets=["get"])]}})
    assert answer["id"] == f"{VAULT}/accessPolicies/"
    assert answer.keys() == {"id", "type", "properties"}


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (None, "The parameter 'accessPolicies' is not specified."),
        ([entry(secrets=[" list"])], "An invalid value was provided for 'accessPolicies'."),
        ([entry(secrets=["read"])], "An invalid value was provided for 'accessPolicies'."),
        ([entry(passwords=["get"])], "An invalid value was provided for 'accessPolicies'."),
        ([entry(tenant=ONE, secrets=["get"])], "An invalid value was provided for 'accessPolicies'."),
        ([entry(secrets=["get"]), entry("ratify", secrets=["get"])], "Invalid value found at accessPolicies[1].ObjectId: ratify"),
        ([entry(secrets=["get"]) | {"applicationId": "x"}], "Invalid value found at accessPolicies[0].ApplicationId: x"),
        ([entry(f"aaaaaaaa-0000-0000-0000-{number:012}", secrets=["get"]) for number in range(17)], "An invalid value was provided for 'accessPolicies'."),
    ],
)
def test_policies_that_azure_refuses_are_refused(lab: Lab, entries: Any, words: str) -> None:
    response = lab.call("PUT", f"{VAULT}/accessPolicies/add", {"properties": {"accessPolicies": entries}})
    assert (error_of(response), response.json()["error"]["message"]) == ((400, "BadRequest"), words)
    assert kept(lab) == []


def test_a_vault_has_at_most_1024_policies(lab: Lab) -> None:
    full = [entry(f"aaaaaaaa-0000-0000-0000-{number:012}", secrets=["get"]) for number in range(1024)]
    lab.done(VAULT, vault_body(accessPolicies=full))
    newcomer = entry("bbbbbbbb-0000-0000-0000-000000000000", secrets=["get"])
    assert error_of(lab.call("PUT", f"{VAULT}/accessPolicies/add", {"properties": {"accessPolicies": [newcomer]}})) == (400, "BadRequest")
    assert len(policies(lab, "add", full[0])) == 1


def test_two_writes_of_one_vault_at_a_time_conflict(lab: Lab) -> None:
    lab.state.settings.write_duration = 0.3

    def add(object_id: str) -> tuple[int, str]:
        response = lab.call("PUT", f"{VAULT}/accessPolicies/add", {"properties": {"accessPolicies": [entry(object_id, secrets=["get"])]}})
        return (200, "") if response.status_code == 200 else error_of(response)

    with ThreadPoolExecutor() as pool:
        both = sorted(pool.map(add, [ONE, TWO]))
    assert both == [(200, ""), (409, "ConflictError")]
    assert len(kept(lab)) == 1


def test_a_vault_under_rbac_takes_policies_silently(lab: Lab) -> None:
    lab.call("PATCH", VAULT, {"properties": {"enableRbacAuthorization": True}})
    assert policies(lab, "add", entry(secrets=["get"])) == [entry(secrets=["get"])]


@pytest.mark.parametrize(
    ("version", "given", "rbac"),
    [("2026-02-01", None, True), ("2026-05-15", False, False), ("2024-11-01", None, None), ("2024-11-01", True, True)],
)
def test_a_new_vault_is_under_rbac_by_default_since_2026_02_01(lab: Lab, version: str, given: bool | None, rbac: bool | None) -> None:
    said = {} if given is None else {"enableRbacAuthorization": given}
    made = lab.done(NEW, vault_body(accessPolicies=[], **said), version=version)
    assert made["properties"].get("enableRbacAuthorization") is rbac


def test_an_update_does_not_change_the_model_of_permissions(lab: Lab) -> None:
    assert lab.done(VAULT, vault_body(accessPolicies=[]))["properties"]["enableRbacAuthorization"] is False


def test_a_new_vault_registers_its_name_first_and_its_uri_ends_with_a_slash_later(lab: Lab) -> None:
    lab.state.settings.vault_dns_delay = 3600
    made, after = lab.done(NEW, vault_body())["properties"], lab.call("GET", NEW).json()["properties"]
    assert (made["vaultUri"], made["provisioningState"]) == ("https://New-Vault.vault.azure.net", "RegisteringDns")
    assert (after["vaultUri"], after["provisioningState"]) == ("https://new-vault.vault.azure.net/", "RegisteringDns")
    lab.state.vaults[NEW.lower()].registered_at = 0
    assert lab.call("GET", NEW).json()["properties"]["provisioningState"] == "Succeeded"


def test_a_vaults_name_is_unique_in_the_world(lab: Lab) -> None:
    lab.done(GROUP.replace("/group", "/other"), {"location": "eastus"})
    assert error_of(lab.call("PUT", VAULT.replace("/group/", "/other/"), vault_body())) == (409, "VaultAlreadyExists")


@pytest.mark.parametrize("name", ["ab", "1vault", "vault-", "va--ult", "x" * 25, "vault_one"])
def test_a_name_that_a_vault_cannot_have_is_refused(lab: Lab, name: str) -> None:
    assert error_of(lab.call("PUT", VAULT.replace("lab-vault", name), vault_body())) == (400, "VaultNameNotValid")


@pytest.mark.parametrize("change", [{"tenantId": ONE}, {"tenantId": None}, {"sku": None}, {"sku": {"family": "B", "name": "standard"}}])
def test_a_vault_needs_its_tenant_and_sku(lab: Lab, change: dict[str, Any]) -> None:
    assert lab.call("PUT", NEW, vault_body(**change)).status_code == 400
    assert lab.call("GET", NEW).status_code == 404


def test_vaults_are_listed_and_deleted(lab: Lab) -> None:
    vaults = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/vaults"
    assert [vault["name"] for vault in lab.call("GET", vaults).json()["value"]] == ["lab-vault"]
    assert [lab.call("DELETE", VAULT).status_code for _ in range(2)] == [200, 204]
    assert lab.call("GET", vaults).json() == {"value": []}


@pytest.mark.parametrize("said", [{}, {"enablePurgeProtection": None}])
def test_purge_protection_stays_once_it_is_set(lab: Lab, said: dict[str, Any]) -> None:
    lab.done(VAULT, vault_body(accessPolicies=[], enablePurgeProtection=True))
    assert lab.done(VAULT, vault_body(accessPolicies=[], **said))["properties"]["enablePurgeProtection"] is True
    assert lab.call("PATCH", VAULT, {"properties": said}).json()["properties"]["enablePurgeProtection"] is True
    for method in ("PUT", "PATCH"):
        refused = lab.call(method, VAULT, vault_body(accessPolicies=[], enablePurgeProtection=False))
        assert (refused.status_code, "irreversible" in refused.json()["error"]["message"]) == (400, True)
    assert lab.call("GET", VAULT).json()["properties"]["enablePurgeProtection"] is True


def test_null_does_not_change_the_model_of_permissions_either(lab: Lab) -> None:
    lab.done(NEW, vault_body(accessPolicies=[], enableRbacAuthorization=True))
    assert lab.done(NEW, vault_body(accessPolicies=[], enableRbacAuthorization=None))["properties"]["enableRbacAuthorization"] is True


def read_secret(lab: Lab) -> int:
    """Status of the answer when ONE reads a secret of the vault."""
    client = TestClient(data_plane.app(lab.azure), base_url="https://lab-vault.vault.azure.net")
    headers = {"Authorization": f"Bearer {lab.token(ONE, 'https://vault.azure.net')}"}
    return int(client.get("/secrets/one", params={"api-version": "7.4"}, headers=headers).status_code)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/accessPolicies/remove", {"accessPolicies": [{"tenantId": TENANT, "objectId": ONE, "permissions": {"secrets": ["get"]}}]}),
        ("PUT", "/accessPolicies/replace", {"accessPolicies": [{"tenantId": TENANT, "objectId": ONE, "permissions": {"keys": ["get"]}}]}),
        ("PUT", "", vault_body(accessPolicies=[])["properties"]),
        ("PATCH", "", {"accessPolicies": []}),
        ("PATCH", "", {"enableRbacAuthorization": True}),
    ],
)
def test_a_change_of_a_vault_s_permissions_takes_effect_after_the_propagation_delay(lab: Lab, method: str, path: str, body: dict[str, Any]) -> None:
    given = {"tenantId": TENANT, "objectId": ONE, "permissions": {"secrets": ["get"]}}
    vault = lab.state.vaults[VAULT.lower()]
    vault.secrets["one"] = Secret("0", {"0": SecretVersion("value", "text/plain", 0)})
    lab.state.settings.vault_permission_delay = 3600
    lab.done(f"{VAULT}/accessPolicies/add", {"properties": {"accessPolicies": [given]}})
    assert read_secret(lab) == 403, "giving takes its time too"
    vault.former.clear()
    assert read_secret(lab) == 200
    assert lab.call(method, VAULT + path, {"location": "eastus", "properties": body}).status_code == 200
    assert read_secret(lab) == 200
    for former in vault.former:
        former.until = now()
    assert read_secret(lab) == 403
