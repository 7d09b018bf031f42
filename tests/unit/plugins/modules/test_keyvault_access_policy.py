from __future__ import annotations

from typing import Any

import pytest

from lab.azure.state import Vault
from tests.emulated import Emulated
from tests.module_runs import Run, failure

MODULE = "keyvault_access_policy"
ME = "5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11"
OTHER = "99999999-9999-9999-9999-999999999999"
TENANT = "11111111-1111-1111-1111-111111111111"
PRINCIPAL = {"resource_group": "image-trust-lab", "vault_name": "image-trust-lab", "object_id": ME}
GET = {**PRINCIPAL, "permissions": {"secrets": ["get"]}}


def entry(object_id: str, **permissions: list[str]) -> dict[str, Any]:
    return {"tenantId": TENANT, "objectId": object_id, "permissions": permissions}


THEIRS = entry(OTHER, secrets=["Get", "List"], keys=["unwrapKey"])


@pytest.fixture
def vault(azure: Emulated) -> Vault:
    vault = azure.state.vault_named("image-trust-lab")
    assert vault
    vault.properties["accessPolicies"] = [THEIRS]
    return vault


@pytest.fixture(autouse=True)
def other_people_s_entries_are_untouched(vault: Vault) -> Any:
    yield
    assert THEIRS in vault.properties["accessPolicies"]
    assert entry(OTHER, secrets=["Get", "List"], keys=["unwrapKey"]) == THEIRS


def mine(vault: Vault) -> dict[str, list[str]] | None:
    found = [policy["permissions"] for policy in vault.properties["accessPolicies"] if policy["objectId"].lower() == ME]
    assert len(found) <= 1
    return {kind: sorted(names) for kind, names in found[0].items() if names} if found else None


def test_a_policy_is_added(converge: Run, vault: Vault) -> None:
    result = converge(MODULE, **GET)
    assert result["changed"]
    assert result["access_policy"] == {
        "object_id": ME,
        "application_id": None,
        "tenant_id": TENANT,
        "permissions": {"keys": [], "secrets": ["get"], "certificates": [], "storage": []},
    }
    assert result["vault"] == {
        "id": vault.id,
        "name": vault.name,
        "uri": "https://image-trust-lab.vault.azure.net/",
        "tenant_id": TENANT,
        "rbac_enabled": False,
        "permission_model": "Vault access policy",
        "secrets_role": "Key Vault Secrets User",
    }
    assert result["writes"] == [f"PUT {vault.id}/accessPolicies/add"]
    assert mine(vault) == {"secrets": ["get"]}


def test_permissions_are_added_to_those_that_are_there(converge: Run, vault: Vault) -> None:
    vault.properties["accessPolicies"].append(entry(ME.upper(), secrets=["List"], keys=["sign"]))
    result = converge(MODULE, **GET)
    assert result["diff"]["before"]["permissions"]["secrets"] == ["list"]
    assert result["diff"]["after"]["permissions"]["secrets"] == ["get", "list"]
    assert result["diff"]["after"]["permissions"]["keys"] == ["sign"]


def test_exact_takes_the_others_away(converge: Run, vault: Vault) -> None:
    vault.properties["accessPolicies"].append(entry(ME, secrets=["list"], keys=["sign"]))
    result = converge(MODULE, **GET, exact=True)
    assert result["writes"] == [f"PUT {vault.id}/accessPolicies/replace"]
    assert mine(vault) == {"secrets": ["get"]}


@pytest.mark.parametrize("has", [["Get"], ["GET", "list"], ["all"]])
def test_what_is_there_is_no_change_however_it_is_written(converge: Run, vault: Vault, has: list[str]) -> None:
    vault.properties["accessPolicies"].append(entry(ME.upper(), secrets=has))
    assert not converge(MODULE, **{**GET, "vault_name": "Image-Trust-Lab"})["changed"]


def test_absent_takes_only_the_named_permissions_away(converge: Run, vault: Vault) -> None:
    vault.properties["accessPolicies"].append(entry(ME, secrets=["get", "list"], keys=["sign"]))
    assert converge(MODULE, **GET, state="absent")["access_policy"]["permissions"]["secrets"] == ["list"]
    assert mine(vault) == {"secrets": ["list"], "keys": ["sign"]}


def test_absent_without_permissions_takes_all_away(converge: Run, vault: Vault) -> None:
    vault.properties["accessPolicies"].append(entry(ME, secrets=["get", "list"], keys=["sign"]))
    result = converge(MODULE, **PRINCIPAL, state="absent")
    assert result["access_policy"] is None
    assert result["writes"] == [f"PUT {vault.id}/accessPolicies/remove"]
    assert mine(vault) is None


def test_an_application_s_entry_is_another_one(converge: Run, vault: Vault) -> None:
    through = {**entry(ME, secrets=["get"]), "applicationId": OTHER}
    vault.properties["accessPolicies"].append(through)
    converge(MODULE, **{**GET, "permissions": {"keys": ["sign"]}})
    assert through in vault.properties["accessPolicies"]
    assert converge(MODULE, **GET, application_id=OTHER)["changed"] is False


def test_a_vault_under_rbac_is_refused_with_the_role_to_assign(run: Run, vault: Vault, azure: Emulated) -> None:
    vault.properties["enableRbacAuthorization"] = True
    for check in (True, False):
        sentence = failure(run(MODULE, check=check, **GET))
        assert f"assign the role Key Vault Secrets User (for secrets) on {vault.id} with image_trust.azure.role_assignment" in sentence
        assert azure.writes == []


def test_a_vault_that_does_not_exist_is_named_and_nothing_is_written(run: Run, azure: Emulated) -> None:
    sentence = failure(run(MODULE, **{**GET, "vault_name": "nowhere"}))
    assert sentence == "There is no vault nowhere in resource group image-trust-lab; create it, or check vault_name, resource_group and subscription_id."
    assert azure.writes == []
    assert run(MODULE, **{**PRINCIPAL, "vault_name": "nowhere"}, state="absent")["changed"] is False
    assert run(MODULE, check=True, **{**GET, "vault_name": "nowhere"})["changed"] is True


@pytest.mark.parametrize("object_id", ["", None])
def test_in_check_mode_the_principal_need_not_exist(run: Run, object_id: str | None, azure: Emulated) -> None:
    result = run(MODULE, check=True, **{**GET, "object_id": object_id})
    assert result["changed"] is True
    assert result["access_policy"]["object_id"] is None
    assert "object_id is empty" in failure(run(MODULE, **{**GET, "object_id": object_id}))
    assert azure.requests == []


@pytest.mark.parametrize(("status", "code"), [(409, "ConflictError"), (412, "ConditionNotMet")])
def test_another_writer_of_the_vault_is_waited_for(run: Run, vault: Vault, azure: Emulated, status: int, code: str) -> None:
    azure.fail(method="PUT", path="accessPolicies", status=status, code=code, count=1)
    assert run(MODULE, **GET)["changed"]
    assert mine(vault) == {"secrets": ["get"]}
    assert len(azure.writes) == 2


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"object_id": "ratify"}, "object_id is 'ratify', but must be a GUID"),
        ({"application_id": "ratify"}, "application_id is 'ratify', but must be a GUID"),
        ({"vault_name": "-"}, "vault_name is '-', but must be 3 to 24"),
        ({"resource_group": "a/b"}, "resource_group is 'a/b', but must be"),
        ({"permissions": {"secrets": []}}, "permissions names no permission"),
    ],
)
def test_bad_input_is_refused_before_any_request(run: Run, azure: Emulated, wrong: dict[str, Any], sentence: str) -> None:
    assert sentence in failure(run(MODULE, **{**GET, **wrong}))
    assert azure.requests == []


@pytest.mark.parametrize("permissions", [{"secrets": ["fetch"]}, {"secrets": [" get"]}, {"cookies": ["get"]}, None])
def test_unknown_permissions_are_refused_before_any_request(run: Run, azure: Emulated, permissions: Any) -> None:
    result = run(MODULE, **{**PRINCIPAL, "permissions": permissions})
    assert result["failed"]
    assert "permissions" in result["msg"]
    assert azure.requests == []
