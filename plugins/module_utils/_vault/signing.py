# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Whether the login may sign with a key of a vault, as far as Resource Manager says it. Nothing is signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._arm import permissions
from .._arm.vaults import AccessPolicy, Vault
from .._azure.errors import ModuleError
from .._azure.session import Azure

ROLE = "Key Vault Crypto User"
ACTION = "Microsoft.KeyVault/vaults/keys/sign/action"
"""https://learn.microsoft.com/azure/role-based-access-control/permissions/security#microsoftkeyvault"""


@dataclass(frozen=True)
class Caller:
    """Who has logged in, and why it may not sign: None where it may, or where that is not known."""

    object_id: str | None
    signing_problem: str | None


def caller(azure: Azure, vault: Vault, policies: Sequence[AccessPolicy], key: str) -> Caller:
    """The login, as regards that key of the vault. Raises `ModuleError` where there is no login."""
    claims = azure.claims()
    object_id = str(claims["oid"]) if claims.get("oid") else None
    if not object_id:
        return Caller(None, None)
    whom = f"The login (object id {object_id}) may not sign with the key {key} of the vault {vault.name}"
    if not vault.rbac_enabled:
        # Any other principal with the permission may be a group that the login is in.
        if any(policy.keys & {"sign", "all"} for policy in policies):
            return Caller(object_id, None)
        command = f"az keyvault set-policy --name {vault.name} --object-id {object_id} --key-permissions sign"
        return Caller(object_id, f"{whom}: no access policy has the permission sign on keys. Give it that ({command}).")
    try:
        lacking = permissions.lacking(azure, f"{vault.id}/keys/{key}", [ACTION], data=True)
    except ModuleError:
        return Caller(object_id, None)
    remedy = f"Assign it {ROLE} on the vault; that takes some minutes to take effect."
    return Caller(object_id, f"{whom}: none of its roles has the data action {ACTION}. {remedy}" if lacking else None)
