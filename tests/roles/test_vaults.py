"""Role identity with two vaults: one under access policies, one under Azure RBAC in a resource group of its own."""

from __future__ import annotations

from typing import Any

from lab.azure.roles import ACR_PULL, KEY_VAULT_SECRETS_USER
from tests.support import vaults
from tests.support.emulated import Emulated

from .conftest import GROUP, Play
from .test_permission_models import READ, policies, roles

TWO: dict[str, Any] = {"identity_vaults": [{"name": GROUP}, {"name": vaults.NAME, "resource_group": vaults.GROUP}], "identity_issuer_url": "https://issuer/"}


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
