"""Which permission the roles aks and identity give: the one that counts, and no other."""

from __future__ import annotations

from typing import Any

from ansible_collections.image_trust.azure.plugins.module_utils._arm.role_assignments import RoleAssignment

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import ACR_PULL, BUILT_IN, KEY_VAULT_SECRETS_USER, REPOSITORY_READER
from tests.support.emulated import Emulated

from .conftest import Play, Played
from .models import ABAC, LEGACY, switch

OTHER_USER = "99999999-0000-0000-0000-000000000001"
READ = {"secrets": ["get"]}


def roles(azure: Emulated, principal: str) -> set[str]:
    held = [assignment for assignment in azure.state.role_assignments.values() if assignment.principal_id == principal]
    return {BUILT_IN[assignment.role_definition_id.rpartition("/")[2]].name for assignment in held}


def policies(azure: Emulated) -> dict[str, Any]:
    vault = azure.state.vault_named("image-trust-lab")
    assert vault
    return {entry["objectId"]: entry["permissions"] for entry in vault.properties["accessPolicies"]}


def permissions(azure: Emulated, played: Played) -> tuple[set[str], set[str], dict[str, list[str]] | None]:
    """Roles of the nodes, roles of Ratify's identity, and its entry in the vault."""
    nodes, ratify = played.facts["aks_result"]["kubelet_identity"]["object_id"], played.facts["identity_result"]["principal_id"]
    return roles(azure, nodes), roles(azure, ratify), policies(azure).get(ratify)


def give_to_another_user(azure: Emulated) -> None:
    """Permissions of both models."""
    registry, vault = azure.state.registry_named("imagetrustlab"), azure.state.vault_named("image-trust-lab")
    assert registry
    assert vault
    for role, scope in ((ACR_PULL, registry.id), (REPOSITORY_READER, registry.id), (KEY_VAULT_SECRETS_USER, vault.id)):
        new_assignment(azure.state, scope, role.guid, OTHER_USER)
    vault.properties["accessPolicies"].append({"tenantId": azure.state.tenant, "objectId": OTHER_USER, "permissions": READ})


ALL = {ACR_PULL.name, REPOSITORY_READER.name, KEY_VAULT_SECRETS_USER.name}
AS_FOUND = ({ACR_PULL.name}, {ACR_PULL.name}, READ)
SWITCHED = ({REPOSITORY_READER.name}, {REPOSITORY_READER.name, KEY_VAULT_SECRETS_USER.name}, None)


def test_a_switch_of_the_models_is_followed_there_and_back_and_no_idle_permission_is_left(azure: Emulated, play: Play) -> None:
    give_to_another_user(azure)
    first = play("aks", "identity")
    assert permissions(azure, first) == AS_FOUND
    assert first.facts["identity_result"]["vaults"][0]["permission_model"] == "Vault access policy"

    switch(azure, mode=ABAC, rbac=True)
    predicted = play("aks", "identity", check=True)
    assert azure.writes == []
    followed = play("aks", "identity")
    assert followed.changed == predicted.changed
    assert len(followed.changed) == len(azure.writes) == 6
    assert permissions(azure, followed) == SWITCHED
    assert followed.facts["aks_result"]["registries"][0]["pull_role"] == REPOSITORY_READER.name
    assert f"assign the role {REPOSITORY_READER.name} on the registry imagetrustlab in mode {ABAC}" in followed.said
    assert "permission model is Azure role-based access control" in followed.changed[-1]
    assert play("aks", "identity").changed == azure.writes == []

    switch(azure, mode=LEGACY, rbac=False)
    assert permissions(azure, play("aks", "identity")) == AS_FOUND
    assert (roles(azure, OTHER_USER), policies(azure)[OTHER_USER]) == (ALL, READ)


def test_absent_takes_the_permissions_of_both_models_and_of_no_other_principal(azure: Emulated, play: Play) -> None:
    give_to_another_user(azure)
    given = play("aks", "identity")
    nodes, ratify = given.facts["aks_result"]["kubelet_identity"]["object_id"], given.facts["identity_result"]["principal_id"]
    registry, vault = azure.state.registry_named("imagetrustlab"), azure.state.vault_named("image-trust-lab")
    assert registry
    assert vault
    # As after a switch that no run has followed yet, and one before it.
    more = [(nodes, REPOSITORY_READER, registry.id), (ratify, REPOSITORY_READER, registry.id), (ratify, KEY_VAULT_SECRETS_USER, vault.id)]
    for principal, role, scope in more:
        new_assignment(azure.state, scope, role.guid, principal, name=RoleAssignment(scope, role.guid, principal).own_name)
    switch(azure, mode=ABAC, rbac=True)
    taken = play("identity", "aks", identity_state="absent", aks_state="absent")
    assert taken.errors == []
    assert (roles(azure, nodes), roles(azure, ratify)) == (set(), set())
    assert policies(azure) == {OTHER_USER: READ}
    assert roles(azure, OTHER_USER) == ALL
    assert play("identity", "aks", identity_state="absent", aks_state="absent").changed == []


def test_clusters_that_share_an_identity_take_it_away_in_one_run_as_its_check_says(azure: Emulated, play: Play) -> None:
    shared: dict[str, Any] = {"identity_name": "shared", "identity_issuer_url": "https://issuer.example/{{ inventory_hostname }}/"}
    assert play("identity", hosts=("lab1", "lab2"), **shared).errors == []
    gone = {**shared, "identity_federation_name": "RATIFY-{{ inventory_hostname }}", "identity_state": "absent"}
    alone = play("identity", check=True, **gone)
    predicted, taken = (play("identity", hosts=("lab1", "lab2"), check=check, **gone) for check in (True, False))
    assert len(set(alone.changed)) == 1
    assert taken.errors == []
    assert set(taken.changed) == set(predicted.changed) > set(alone.changed)
    assert (azure.state.identities, policies(azure)) == ({}, {})


def test_absent_leaves_the_nodes_the_pull_role_that_az_had_given_them_before(azure: Emulated, play: Play) -> None:
    nodes = play("aks", aks_registries=[]).facts["aks_result"]["kubelet_identity"]["object_id"]
    registry = azure.state.registry_named("imagetrustlab")
    assert registry
    new_assignment(azure.state, registry.id, ACR_PULL.guid, nodes)
    assert play("aks").changed == []
    taken = play("aks", aks_state="absent")
    assert taken.errors == []
    assert roles(azure, nodes) == {ACR_PULL.name}
