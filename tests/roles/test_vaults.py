"""Role identity with two vaults: one under access policies, one under Azure RBAC in a resource group of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import ACR_PULL, KEY_VAULT_SECRETS_USER
from lab.azure.state import Vault
from tests.support import vaults
from tests.support.emulated import Emulated

from .conftest import GROUP, ROOT, Command, Play, played
from .test_permission_models import OTHER_USER, READ, policies, roles

TWO: dict[str, Any] = {"identity_vaults": [{"name": GROUP}, {"name": vaults.NAME, "resource_group": vaults.GROUP}], "identity_issuer_url": "https://issuer/"}


FORMER = {"name": vaults.NAME, "resource_group": vaults.GROUP}


def of(vault: Vault) -> dict[str, Any]:
    """Its access policies, by principal."""
    return {entry["objectId"]: entry["permissions"] for entry in vault.properties["accessPolicies"]}


def give_to_another_user(azure: Emulated, vault: Vault) -> None:
    """Permissions of both models."""
    new_assignment(azure.state, vault.id, KEY_VAULT_SECRETS_USER.guid, OTHER_USER)
    vault.properties["accessPolicies"].append({"tenantId": azure.state.tenant, "objectId": OTHER_USER, "permissions": READ})


def test_the_identity_may_read_both_and_absent_takes_both_permissions_back(azure: Emulated, play: Play) -> None:
    partner = vaults.partner(azure)
    given = play("identity", **TWO)
    assert given.errors == []
    ratify = given.facts["identity_result"]["principal_id"]
    assert [vault["uri"] for vault in given.facts["identity_result"]["vaults"]] == [f"https://{name}.vault.azure.net/" for name in (GROUP, vaults.NAME)]
    assert roles(azure, ratify) == {ACR_PULL.name, KEY_VAULT_SECRETS_USER.name}
    assert policies(azure) == {ratify: READ}
    assert partner.properties["accessPolicies"] == []
    taken = play("identity", identity_state="absent", **TWO)
    assert taken.errors == []
    assert (roles(azure, ratify), policies(azure)) == (set(), {})


@pytest.mark.parametrize("rbac", [False, True], ids=["access policies", "Azure RBAC"])
def test_what_the_identity_may_do_in_a_former_vault_goes_and_what_others_may_stays(azure: Emulated, play: Play, rbac: bool) -> None:
    partner = vaults.partner(azure)
    partner.properties["enableRbacAuthorization"] = rbac
    give_to_another_user(azure, partner)
    ratify = play("identity", **TWO).facts["identity_result"]["principal_id"]
    one = {**TWO, "identity_vaults": [{"name": GROUP}], "identity_former_vaults": [FORMER]}
    predicted = play("identity", check=True, **one)
    assert azure.writes == []
    done = play("identity", **one)
    assert done.errors == []
    assert done.changed == predicted.changed
    assert [line.rpartition(": ")[2] for line in done.changed] == [
        f"{'take away the role Key Vault Secrets User on' if rbac else 'remove the access policy in'} the vault {vaults.NAME}, which is a former one"
    ]
    assert [vault["name"] for vault in done.facts["identity_result"]["vaults"]] == [GROUP]
    assert (roles(azure, ratify), policies(azure)) == ({ACR_PULL.name}, {ratify: READ})
    assert (of(partner), roles(azure, OTHER_USER)) == ({OTHER_USER: READ}, {KEY_VAULT_SECRETS_USER.name})
    assert play("identity", **one).changed == []
    assert play("identity", **{**one, "identity_former_vaults": [{**FORMER, "name": "deleted"}]}).changed == []
    assert "former_vaults has image-trust-lab twice, or vaults has it too" in play("identity", **{**one, "identity_former_vaults": [{"name": GROUP}]}).errors[0]


@pytest.mark.parametrize("rbac", [False, True], ids=["access policies", "Azure RBAC"])
def test_teardown_takes_back_what_the_identity_may_do_in_two_vaults_and_nothing_of_others(
    azure: Emulated, play: Play, command: Command, tmp_path: Path, rbac: bool
) -> None:
    partner, first = vaults.partner(azure), azure.state.vault_named(GROUP)
    assert first
    for vault in (first, partner):
        vault.properties["enableRbacAuthorization"] = rbac
        give_to_another_user(azure, vault)
    ratify = play("aks", "identity", identity_vaults=TWO["identity_vaults"]).facts["identity_result"]["principal_id"]
    given = ({ACR_PULL.name, KEY_VAULT_SECRETS_USER.name}, []) if rbac else ({ACR_PULL.name}, [first, partner])
    assert (roles(azure, ratify), [vault for vault in (first, partner) if ratify in of(vault)]) == given
    words, environment = command("identity", teardown_azure_only=True, aks_create=False, identity_vaults=TWO["identity_vaults"])
    (tmp_path / "inventory").write_text(f"[clusters]\nlab1 ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    words[3] = str(ROOT / "playbooks/teardown.yml")
    done = played(words, environment)
    assert done.errors == []
    assert (roles(azure, ratify), of(first), of(partner)) == (set(), {OTHER_USER: READ}, {OTHER_USER: READ})
    assert [each.scope for each in azure.state.role_assignments.values() if each.principal_id == OTHER_USER] == [first.id, partner.id]
