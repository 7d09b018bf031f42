from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from lab.azure.state import Vault
from tests.support.emulated import Emulated
from tests.support.module_fixtures import meanwhile
from tests.support.module_runs import Run, failure

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
    who = f"principal {ME.upper()}"
    assert result["diff"] == {
        "before_header": "access policies of vault image-trust-lab in resource group image-trust-lab",
        "after_header": "access policies of vault image-trust-lab in resource group image-trust-lab",
        "before": f"{who} keys: sign\n{who} secrets: list\n",
        "after": f"{who} keys: sign\n{who} secrets: get\n{who} secrets: list\n",
    }


def test_exact_takes_the_others_away(converge: Run, vault: Vault) -> None:
    vault.properties["accessPolicies"].append(entry(ME, secrets=["list"], keys=["sign"]))
    result = converge(MODULE, **GET, exact=True)
    assert result["writes"] == [f"PUT {vault.id}/accessPolicies/replace"]
    assert mine(vault) == {"secrets": ["get"]}
    more = {"secrets": ["get", "list"], "keys": ["sign"]}
    assert converge(MODULE, **{**GET, "permissions": more}, exact=True)["writes"] == [f"PUT {vault.id}/accessPolicies/add"]
    assert converge(MODULE, **GET, exact=True)["writes"] == [f"PUT {vault.id}/accessPolicies/replace"]
    assert mine(vault) == {"secrets": ["get"]}


@pytest.mark.parametrize("has", [["Get"], ["GET", "list"], ["all"]])
def test_existing_permissions_are_no_change_however_they_are_written(converge: Run, vault: Vault, has: list[str]) -> None:
    vault.properties["accessPolicies"].append(entry(ME.upper(), secrets=has))
    assert not converge(MODULE, **{**GET, "vault_name": "Image-Trust-Lab"})["changed"]


def test_absent_takes_only_the_named_permissions_away(converge: Run, vault: Vault) -> None:
    vault.properties["accessPolicies"].append(entry(ME, secrets=["get", "list"], keys=["sign"]))
    assert converge(MODULE, **GET, state="absent")["access_policy"]["permissions"]["secrets"] == ["list"]
    assert mine(vault) == {"secrets": ["list"], "keys": ["sign"]}


def test_what_another_client_gives_and_takes_while_we_add_stays_given_and_taken(run: Run, vault: Vault, azure: Emulated) -> None:
    vault.properties["accessPolicies"].append(entry(ME, secrets=["Get", "List"]))
    meanwhile(azure, "/accessPolicies/", lambda: vault.properties["accessPolicies"][-1].update(permissions={"secrets": ["Get", "Set"]}))
    result = run(MODULE, **PRINCIPAL, permissions={"keys": ["sign"]})
    assert mine(vault) == {"secrets": ["Get", "Set"], "keys": ["sign"]}
    assert {kind: names for kind, names in result["access_policy"]["permissions"].items() if names} == {"secrets": ["get", "set"], "keys": ["sign"]}


def test_absent_without_permissions_takes_all_away(converge: Run, vault: Vault) -> None:
    vault.properties["accessPolicies"].append(entry(ME, secrets=["get", "list"], keys=["sign"]))
    result = converge(MODULE, **PRINCIPAL, state="absent")
    assert result["access_policy"] is None
    assert result["writes"] == [f"PUT {vault.id}/accessPolicies/remove"]
    assert mine(vault) is None


@pytest.mark.parametrize("permissions", [{}, {"secrets": []}])
def test_absent_with_permissions_that_name_none_takes_nothing_away(run: Run, vault: Vault, azure: Emulated, permissions: dict[str, Any]) -> None:
    """Such as a list that a playbook has worked out to be empty."""
    vault.properties["accessPolicies"].append(entry(ME, secrets=["get"], keys=["sign"]))
    for asked in ({**PRINCIPAL, "permissions": permissions}, {**PLACE, "policies": [{"object_id": ME, "permissions": permissions}]}):
        assert "permissions names no permission; name at least one, or leave it out" in failure(run(MODULE, **asked, state="absent"))
    assert mine(vault) == {"secrets": ["get"], "keys": ["sign"]}


def test_what_is_taken_away_is_named_as_azure_has_it_which_else_keeps_it_and_says_nothing(converge: Run, vault: Vault) -> None:
    vault.properties["accessPolicies"].append(entry(ME, secrets=["Get", "LIST"], keys=["unwrapKey"]))
    assert converge(MODULE, **PRINCIPAL, state="absent")["access_policy"] is None
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


PLACE = {"resource_group": "image-trust-lab", "vault_name": "image-trust-lab"}


def principal(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


def policies(numbers: Iterable[int], *names: str) -> list[dict[str, Any]]:
    return [{"object_id": principal(number), "permissions": {"secrets": list(names)}} for number in numbers]


def in_vault(vault: Vault) -> dict[str, list[str]]:
    return {policy["objectId"]: policy["permissions"].get("secrets", []) for policy in vault.properties["accessPolicies"]}


def test_a_set_is_converged_in_requests_of_16_and_others_stay(converge: Run, vault: Vault) -> None:
    result = converge(MODULE, **PLACE, policies=policies(range(20), "get"))
    assert result["writes"] == [f"PUT {vault.id}/accessPolicies/add"] * 2
    assert [policy["object_id"] for policy in result["access_policies"]] == [principal(number) for number in range(20)]
    assert "access_policy" not in result
    assert result["vault"]["name"] == "image-trust-lab"
    assert in_vault(vault) == {OTHER: ["Get", "List"], **{principal(number): ["get"] for number in range(20)}}
    more = converge(MODULE, **PLACE, policies=[*policies([3], "list"), *policies([4], "get")])
    assert more["access_policies"][0]["permissions"]["secrets"] == ["get", "list"]
    assert len(more["writes"]) == 1


def test_absent_takes_from_each_what_is_listed(converge: Run, vault: Vault) -> None:
    converge(MODULE, **PLACE, policies=policies(range(20), "get", "list"))
    gone = [{"object_id": principal(number)} for number in range(18)]
    result = converge(MODULE, **PLACE, policies=[*gone, *policies([18], "list"), *policies([77], "get")], state="absent", exact=True)
    assert [write.rpartition("/")[2] for write in result["writes"]] == ["remove", "remove", "replace"]
    assert [policy["object_id"] for policy in result["access_policies"]] == [principal(18)]
    assert in_vault(vault) == {OTHER: ["Get", "List"], principal(18): ["get"], principal(19): ["get", "list"]}


class TestExact:
    @pytest.fixture(autouse=True)
    def other_people_s_entries_are_untouched(self) -> None:
        """Here they are not."""

    def test_the_vault_has_these_and_no_others_and_the_diff_says_so(self, converge: Run, vault: Vault) -> None:
        vault.properties["accessPolicies"].append(entry(ME, secrets=["get", "list"], keys=["sign"]))
        result = converge(MODULE, **PLACE, policies=[{"object_id": ME, "permissions": {"secrets": ["get"]}}, *policies([1], "get")], exact=True)
        assert [write.rpartition("/")[2] for write in result["writes"]] == ["remove", "replace", "add"]
        assert in_vault(vault) == {ME: ["get"], principal(1): ["get"]}
        assert result["diff"]["before"].splitlines() == [
            f"principal {ME} keys: sign",
            f"principal {ME} secrets: get",
            f"principal {ME} secrets: list",
            f"principal {OTHER} keys: unwrapkey",
            f"principal {OTHER} secrets: get",
            f"principal {OTHER} secrets: list",
        ]
        assert result["diff"]["after"].splitlines() == [f"principal {ME} secrets: get", f"principal {principal(1)} secrets: get"]

    def test_an_empty_list_empties_the_vault(self, converge: Run, vault: Vault) -> None:
        assert converge(MODULE, **PLACE, policies=[], exact=True)["access_policies"] == []
        assert in_vault(vault) == {}

    def test_a_full_vault_is_changed(self, run: Run, vault: Vault) -> None:
        vault.properties["accessPolicies"] = [entry(principal(number), secrets=["get"]) for number in range(1024)]
        assert run(MODULE, **PLACE, policies=policies(range(1, 1025), "get"), exact=True)["changed"]
        assert in_vault(vault).keys() == {principal(number) for number in range(1, 1025)}

    def test_one_principal_s_exact_is_about_this_one_only(self, converge: Run, vault: Vault) -> None:
        vault.properties["accessPolicies"].append(entry(ME, secrets=["list"]))
        converge(MODULE, **GET, exact=True)
        assert in_vault(vault) == {OTHER: ["Get", "List"], ME: ["get"]}

    def test_in_check_mode_a_principal_that_is_not_known_is_none_of_those_that_are_there(self, run: Run, vault: Vault, azure: Emulated) -> None:
        result = run(MODULE, check=True, **PLACE, policies=[{"object_id": "", "permissions": {"secrets": ["get"]}}], exact=True)
        assert "principal (known afterwards) secrets: get\n" in result["diff"]["after"]
        assert OTHER not in result["diff"]["after"]
        assert azure.writes == []

    def test_more_than_1024_are_refused_before_any_write(self, run: Run, vault: Vault, azure: Emulated) -> None:
        vault.properties["accessPolicies"] = [entry(principal(number), secrets=["get"]) for number in range(1023)]
        two = policies([5000, 5001], "get")
        for check in (True, False):
            sentence = failure(run(MODULE, check=check, **PLACE, policies=two))
            assert f"has 1023 access policies and Azure allows 1024, so those of {principal(5000)}, {principal(5001)} cannot be added" in sentence
            assert azure.writes == []
        assert run(MODULE, **PLACE, policies=two[:1])["changed"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ([*policies([1, 2], "get"), *policies([1], "list")], f"policies names the principal {principal(1)} twice"),
        ([*policies([1], "get"), {"object_id": "ratify", "permissions": {"secrets": ["get"]}}], "policies[1]: object_id is 'ratify', but must be a GUID"),
        ([{"object_id": ME}], "policies[0]: permissions names no permission"),
        ([{"object_id": "", "permissions": {"secrets": ["get"]}}], "policies[0]: object_id is empty"),
    ],
)
def test_a_bad_list_is_refused_before_any_request(run: Run, azure: Emulated, wrong: list[dict[str, Any]], sentence: str) -> None:
    assert sentence in failure(run(MODULE, **PLACE, policies=wrong))
    assert azure.requests == []


@pytest.mark.parametrize("options", [{}, {**GET, "policies": []}, {"policies": [], "permissions": {}}, {"object_id": ME}])
def test_either_one_principal_or_a_list_is_asked_for(run: Run, azure: Emulated, options: dict[str, Any]) -> None:
    assert run(MODULE, **{**PLACE, **options})["failed"]
    assert azure.requests == []


def test_a_set_that_is_half_written_says_what_is_done_and_a_second_run_goes_on(run: Run, converge: Run, vault: Vault, azure: Emulated) -> None:
    converge(MODULE, **PLACE, policies=policies([1, 2, 3], "get", "list"))
    theirs = {"object_id": OTHER, "permissions": {"secrets": ["get", "list"], "keys": ["unwrapkey"]}}
    asked = [theirs, *policies([1], "get", "set"), *policies([4], "get")]
    azure.fail(method="PUT", path="accessPolicies/replace", status=403, code="AuthorizationFailed", count=1)
    result = run(MODULE, **PLACE, policies=asked, exact=True)
    assert failure(result).startswith(f"Could not replace permissions of principal {principal(1)} in the vault image-trust-lab in resource group ")
    assert result["changed"]
    assert result["done"] == [f"remove permissions of principals {principal(2)}, {principal(3)}"]
    assert result["not_done"] == [f"replace permissions of principal {principal(1)}", f"add permissions of principal {principal(4)}"]
    assert result["msg"].endswith(f" Done before it: {result['done'][0]}. Not done: {', '.join(result['not_done'])}.")
    assert in_vault(vault) == {OTHER: ["Get", "List"], principal(1): ["get", "list"]}
    assert len(converge(MODULE, **PLACE, policies=asked, exact=True)["writes"]) == 2
