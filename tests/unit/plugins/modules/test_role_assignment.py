from __future__ import annotations

from typing import Any

import pytest

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import ACR_PULL, OWNER, READER
from tests.support.emulated import CLIENT_ID, OBJECT_ID, Emulated
from tests.support.module_runs import Run, failure

MODULE = "role_assignment"
ME = "5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11"
GROUP = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust-lab"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/imagetrustlab"
PULL = {"scope": REGISTRY, "role": "AcrPull", "principal_id": ME, "principal_type": "ServicePrincipal"}
UNTYPED = {"scope": REGISTRY, "role": "AcrPull"}


def roles(azure: Emulated, scope: str = REGISTRY) -> set[str]:
    return {a.role_definition_id.rpartition("/")[2] for a in azure.state.role_assignments.values() if a.principal_id == ME and a.scope == scope}


def test_a_role_is_assigned_with_the_principal_s_type(converge: Run, azure: Emulated) -> None:
    result = converge(MODULE, **PULL)
    (kept,) = [a for a in azure.state.role_assignments.values() if a.principal_id == ME]
    assert result["changed"]
    assert result["role_assignment"] == {
        "id": kept.id,
        "name": kept.name,
        "scope": REGISTRY,
        "role_definition_id": f"/subscriptions/{azure.state.subscription}/providers/Microsoft.Authorization/roleDefinitions/{ACR_PULL.guid}",
        "principal_id": ME,
        "principal_type": "ServicePrincipal",
        "description": None,
        "condition": None,
    }
    assert result["diff"] == {
        "before_header": f"role AcrPull of principal {ME}",
        "after_header": f"role AcrPull of principal {ME}",
        "before": "",
        "after": f"scope: {REGISTRY}\nprincipal_type: ServicePrincipal\n",
    }
    assert kept.principal_type == "ServicePrincipal"
    assert roles(azure) == {ACR_PULL.guid}


@pytest.mark.parametrize(
    "role",
    [
        "acrpull",
        ACR_PULL.guid.upper(),
        f"/providers/Microsoft.Authorization/roleDefinitions/{ACR_PULL.guid}",
        f"/subscriptions/22222222-2222-2222-2222-222222222222/providers/Microsoft.Authorization/roleDefinitions/{ACR_PULL.guid}",
    ],
)
def test_a_role_is_the_same_however_it_is_named(converge: Run, role: str) -> None:
    converge(MODULE, **PULL)
    assert not converge(MODULE, **{**PULL, "role": role, "principal_id": ME.upper()})["changed"]


def test_a_role_that_is_not_built_in_is_looked_up_by_its_name(run: Run, azure: Emulated) -> None:
    options = {**PULL, "role": READER.name}
    assert run(MODULE, **options)["changed"]
    assert roles(azure) == {READER.guid}
    assert not run(MODULE, **options)["changed"]
    assert azure.writes == []


def test_an_unknown_role_is_named(run: Run, azure: Emulated) -> None:
    assert failure(run(MODULE, **{**PULL, "role": "Image 'Puller'"})).startswith("There is no role \"Image 'Puller'\" on /subscriptions/")
    assert azure.writes == []


def test_an_assignment_under_another_name_is_enough(converge: Run, azure: Emulated) -> None:
    theirs = new_assignment(azure.state, REGISTRY, ACR_PULL.guid, ME)
    result = converge(MODULE, **PULL)
    assert not result["changed"]
    assert result["role_assignment"]["name"] == theirs.name


CONDITION = "(!(ActionMatches{'Microsoft.ContainerRegistry/registries/pull/read'}))"


def test_description_and_condition_are_set_changed_left_alone_and_taken_away(converge: Run, azure: Emulated) -> None:
    made = converge(MODULE, **PULL, description="pulls", condition=CONDITION)
    (kept,) = [a for a in azure.state.role_assignments.values() if a.principal_id == ME]
    assert (kept.properties["description"], kept.properties["condition"], kept.properties["conditionVersion"]) == ("pulls", CONDITION, "2.0")
    assert not converge(MODULE, **PULL)["changed"]
    changed = converge(MODULE, **PULL, description="pulls images")
    assert changed["role_assignment"] == {**made["role_assignment"], "description": "pulls images"}
    assert [line for line in changed["diff"]["after"].splitlines() if line not in changed["diff"]["before"].splitlines()] == ["description: pulls images"]
    assert kept.properties["condition"] == CONDITION
    assert converge(MODULE, **PULL, description="", condition="")["changed"]
    assert (kept.properties["description"], kept.properties["condition"]) == (None, None)


def test_what_another_client_assigned_keeps_its_name_and_all_that_is_not_asked(converge: Run, azure: Emulated) -> None:
    theirs = new_assignment(azure.state, REGISTRY, ACR_PULL.guid, ME)
    theirs.properties |= {"condition": CONDITION, "conditionVersion": "2.0", "delegatedManagedIdentityResourceId": "/id/of/theirs"}
    result = converge(MODULE, **PULL, description="pulls")
    assert result["role_assignment"]["name"] == theirs.name
    assert {key: theirs.properties[key] for key in ("description", "condition", "delegatedManagedIdentityResourceId")} == {
        "description": "pulls",
        "condition": CONDITION,
        "delegatedManagedIdentityResourceId": "/id/of/theirs",
    }


def test_what_is_inherited_or_below_or_another_principal_s_is_not(converge: Run, azure: Emulated) -> None:
    for scope, role, principal in ((GROUP, ACR_PULL, ME), (f"{REGISTRY}/repositories/a", ACR_PULL, ME), (REGISTRY, OWNER, ME), (REGISTRY, ACR_PULL, ME[::-1])):
        new_assignment(azure.state, scope, role.guid, principal)
    before = set(azure.state.role_assignments)
    assert converge(MODULE, **PULL)["changed"]
    assert converge(MODULE, **PULL, state="absent")["role_assignment"] is None
    assert set(azure.state.role_assignments) == before


def test_one_that_appears_meanwhile_is_success_and_no_change(run: Run, azure: Emulated) -> None:
    azure.fail(method="PUT", path="roleAssignments", status=409, code="RoleAssignmentExists", count=1)
    result = run(MODULE, **PULL)
    assert result["changed"] is False
    assert result["role_assignment"]["scope"] == REGISTRY


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_a_client_id_is_refused_with_the_principal_id_to_give(run: Run, azure: Emulated, check: bool) -> None:
    identity = run("user_assigned_identity", resource_group="image-trust-lab", name="ratify")["identity"]
    before = dict(azure.state.role_assignments)
    result = run(MODULE, check=check, **UNTYPED, principal_id=identity["client_id"].upper())
    sentence = (
        f"principal_id is {identity['client_id'].upper()}, the client id of the identity ratify in resource group image-trust-lab;"
        f" give its principal id, {identity['principal_id']}."
    )
    assert failure(result) == sentence
    assert result["error"]["code"] == "InvalidInput"
    assert (azure.writes, azure.state.role_assignments) == ([], before)


def test_an_identity_is_found_to_be_a_service_principal_also_while_the_directory_does_not_know_it(converge: Run, run: Run, azure: Emulated) -> None:
    identity = run("user_assigned_identity", resource_group="image-trust-lab", name="ratify")["identity"]
    for kept in azure.state.identities.values():
        kept.visible_at = float("inf")
    result = converge(MODULE, **UNTYPED, principal_id=identity["principal_id"].upper())
    assert result["role_assignment"]["principal_type"] == "ServicePrincipal"


def test_azure_finds_out_what_kind_of_principal_any_other_is(converge: Run, run: Run) -> None:
    result = converge(MODULE, **UNTYPED, principal_id=OBJECT_ID)
    assert result["role_assignment"]["principal_type"] == "ServicePrincipal"
    assert run(MODULE, check=True, **{**UNTYPED, "scope": GROUP}, principal_id=OBJECT_ID)["role_assignment"]["principal_type"] is None


@pytest.mark.parametrize("principal_id", [ME, CLIENT_ID], ids=["nobody", "client id of an application"])
def test_an_id_of_no_principal_gets_no_role(run: Run, azure: Emulated, principal_id: str) -> None:
    before = dict(azure.state.role_assignments)
    result = run(MODULE, **UNTYPED, principal_id=principal_id)
    assert "give the object id of a principal: of a managed identity its principal id, of an application that of its service principal" in failure(result)
    assert result["error"]["code"] == "PrincipalNotFound"
    assert azure.state.role_assignments == before


def test_a_login_that_may_not_list_identities_leaves_it_to_azure(run: Run, azure: Emulated) -> None:
    identity = run("user_assigned_identity", resource_group="image-trust-lab", name="ratify")["identity"]
    azure.fail(method="GET", path="userAssignedIdentities$", status=403, code="AuthorizationFailed")
    assert run(MODULE, **UNTYPED, principal_id=identity["principal_id"])["changed"]
    assert run(MODULE, **UNTYPED, principal_id=identity["client_id"])["error"]["code"] == "PrincipalNotFound"


def test_identities_that_cannot_be_listed_for_another_reason_are_an_error(run: Run, azure: Emulated) -> None:
    azure.fail(method="GET", path="userAssignedIdentities$", status=400, code="Strange")
    assert "Could not list the identities of the subscription" in failure(run(MODULE, **UNTYPED, principal_id=ME))
    assert azure.writes == []


def test_a_type_that_is_given_is_taken_without_a_request(run: Run, azure: Emulated) -> None:
    run(MODULE, **PULL)
    assert [entry.method for entry in azure.requests if "/providers/" in entry.path] == ["GET", "PUT"]


def test_a_wrong_type_is_an_error_with_the_remedy(run: Run) -> None:
    result = run(MODULE, **UNTYPED, principal_id=OBJECT_ID, principal_type="User")
    assert "(UnmatchedPrincipalType); correct principal_type, or leave it out" in failure(result)


def test_a_principal_that_is_not_known_yet_is_waited_for(run: Run, azure: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    azure.fail(method="PUT", path="roleAssignments", status=400, code="PrincipalNotFound", count=3)
    assert run(MODULE, **PULL)["changed"]
    assert len(pauses) == 3


def test_absent_without_scope_or_principal(run: Run, azure: Emulated) -> None:
    nowhere = REGISTRY.replace("image-trust-lab", "nowhere")
    assert run(MODULE, **{**PULL, "scope": nowhere}, state="absent")["changed"] is False
    assert azure.writes == []


def test_a_scope_that_does_not_exist_is_named(run: Run) -> None:
    nowhere = REGISTRY.replace("image-trust-lab", "nowhere")
    sentence = failure(run(MODULE, **{**PULL, "scope": nowhere}))
    assert nowhere in sentence
    assert "Resource group 'nowhere' could not be found" in sentence


@pytest.mark.parametrize("unknown", [{"scope": ""}, {"principal_id": ""}, {"scope": None, "principal_id": None}])
def test_in_check_mode_neither_scope_nor_principal_needs_to_exist(run: Run, azure: Emulated, unknown: dict[str, Any]) -> None:
    result = run(MODULE, check=True, **{**PULL, **unknown})
    assert result["changed"] is True
    assert all(result["role_assignment"][key] is None for key in unknown)
    assert "is empty" in failure(run(MODULE, **{**PULL, **unknown}))
    assert azure.requests == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"scope": "imagetrustlab"}, "scope is 'imagetrustlab', but must be the id of"),
        ({"scope": REGISTRY + "/"}, "without '/' at its end"),
        ({"principal_id": "ratify"}, "principal_id is 'ratify', but must be a GUID"),
        ({"role": "/AcrPull"}, "role is '/AcrPull', but must be the id of a role definition"),
    ],
)
def test_bad_input_is_refused_before_any_request(run: Run, azure: Emulated, wrong: dict[str, str], sentence: str) -> None:
    assert sentence in failure(run(MODULE, **{**PULL, **wrong}))
    assert azure.requests == []
