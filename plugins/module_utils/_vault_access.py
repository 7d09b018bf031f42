# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Key vaults, and what their access policies let principals do. Private to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ._azure import ids
from ._azure.answers import as_sent
from ._azure.errors import ModuleError, ask, find, refuse
from ._azure.session import Azure
from ._change import Change

PERMISSIONS: dict[str, tuple[str, ...]] = {
    "keys": (
        "all", "backup", "create", "decrypt", "delete", "encrypt", "get", "getrotationpolicy", "import", "list", "purge", "recover", "release", "restore",
        "rotate", "setrotationpolicy", "sign", "unwrapkey", "update", "verify", "wrapkey",
    ),
    "secrets": ("all", "backup", "delete", "get", "list", "purge", "recover", "restore", "set"),
    "certificates": (
        "all", "backup", "create", "delete", "deleteissuers", "get", "getissuers", "import", "list", "listissuers", "managecontacts", "manageissuers", "purge",
        "recover", "restore", "setissuers", "update",
    ),
    "storage": (
        "all", "backup", "delete", "deletesas", "get", "getsas", "list", "listsas", "purge", "recover", "regeneratekey", "restore", "set", "setsas",
        "update",
    ),
}  # fmt: skip
"""What Azure knows, by kind of object (https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/update-access-policy)."""

ROLE_UNDER_RBAC = "Key Vault Secrets User"


@dataclass(frozen=True)
class Vault:
    """A vault. `rbac_enabled`: rights come from role assignments, and access policies are ignored. None: not known yet."""

    name: str
    id: str | None = None
    uri: str | None = None
    tenant_id: str | None = None
    rbac_enabled: bool | None = None

    @property
    def permission_model(self) -> str | None:
        """As Azure's portal names it."""
        return None if self.rbac_enabled is None else "Azure role-based access control" if self.rbac_enabled else "Vault access policy"

    def shown(self) -> dict[str, Any]:
        return {**vars(self), "permission_model": self.permission_model, "secrets_role": ROLE_UNDER_RBAC}


@dataclass(frozen=True)
class AccessPolicy:
    """What one principal may do. Permissions are sets of lower-case names, by kind of object; `object_id` is None while it is not known."""

    object_id: str | None
    keys: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    certificates: frozenset[str] = frozenset()
    storage: frozenset[str] = frozenset()
    application_id: str | None = None
    tenant_id: str | None = None

    @property
    def permissions(self) -> dict[str, frozenset[str]]:
        return {kind: getattr(self, kind) for kind in PERMISSIONS}

    def shown(self) -> dict[str, Any]:
        return {
            "object_id": self.object_id,
            "application_id": self.application_id,
            "tenant_id": self.tenant_id,
            "permissions": {kind: sorted(names) for kind, names in self.permissions.items()},
        }


def with_permissions(policy: AccessPolicy, permissions: Mapping[str, frozenset[str]]) -> AccessPolicy:
    """`policy` with these instead of its own; kinds that are not named have none."""
    keys, secrets, certificates, storage = (permissions.get(kind, frozenset()) for kind in ("keys", "secrets", "certificates", "storage"))
    return replace(policy, keys=keys, secrets=secrets, certificates=certificates, storage=storage)


@dataclass(frozen=True)
class Place:
    """The vault that is meant."""

    resource_group: str
    vault_name: str
    option: str = "vault_name"

    def __post_init__(self) -> None:
        ids.RESOURCE_GROUP.check("resource_group", self.resource_group)
        ids.VAULT.check(self.option, self.vault_name)

    def __str__(self) -> str:
        return f"vault {self.vault_name} in resource group {self.resource_group}"


def policy(object_id: str | None, application_id: str | None, permissions: Mapping[str, Iterable[str] | None] | None, *, some: bool) -> AccessPolicy:
    """The policy that is asked for, of permissions that are in PERMISSIONS; raises `ModuleError` where an id is none, or with `some` no permission is named."""
    if object_id is not None:
        ids.GUID.check("object_id", object_id)
    if application_id is not None:
        ids.GUID.check("application_id", application_id)
    sets = {kind: frozenset(names or ()) for kind, names in (permissions or {}).items()}
    if some and not any(sets.values()):
        raise refuse("permissions names no permission; name at least one, or use state=absent to take all away.")
    return with_permissions(AccessPolicy(object_id, application_id=application_id), sets)


def read(azure: Azure, place: Place) -> tuple[Vault, tuple[AccessPolicy, ...]] | None:
    """The vault and everybody's policies, in one request; None where there is no such vault."""
    found: Any = find(f"read the {place}", lambda: azure.vaults.vaults.get(place.resource_group, place.vault_name, cls=as_sent))
    if not found:
        return None
    properties = found["properties"]
    vault = Vault(found["name"], found["id"], properties["vaultUri"], properties["tenantId"], bool(properties.get("enableRbacAuthorization")))
    return vault, tuple(_policy(entry) for entry in properties.get("accessPolicies") or ())


def missing(place: Place) -> ModuleError:
    return ModuleError(f"There is no {place}; create it, or check {place.option}, resource_group and subscription_id.", code="ResourceNotFound", status=404)


def plan(vault: Vault, current: Iterable[AccessPolicy], wanted: AccessPolicy, *, exact: bool) -> Change[AccessPolicy]:
    """Give the permissions beside those that the principal has, or with `exact` instead of them. Raises `ModuleError` for a vault under Azure RBAC."""
    if vault.rbac_enabled:
        raise ModuleError(
            f"The vault {vault.name} is under Azure RBAC and ignores access policies; assign the role {ROLE_UNDER_RBAC} (for secrets)"
            f" on {vault.id} with image_trust.azure.role_assignment instead.",
            code="VaultUnderRbac",
        )
    before = _of(current, wanted)
    if not before:
        return Change(None, replace(wanted, tenant_id=vault.tenant_id))
    if exact:
        return Change(before, with_permissions(before, wanted.permissions))
    return Change(before, with_permissions(before, {kind: _union(before.permissions[kind], names) for kind, names in wanted.permissions.items()}))


def plan_absent(current: Iterable[AccessPolicy], unwanted: AccessPolicy) -> Change[AccessPolicy]:
    """Take the permissions away; all of them where none is named. Raises `ModuleError` where `all` would have to be taken apart."""
    before = _of(current, unwanted)
    if not before or not any(unwanted.permissions.values()):
        return Change(before, None)
    for kind, names in unwanted.permissions.items():
        if names and "all" in before.permissions[kind] and "all" not in names:
            raise refuse(f"The principal {before.object_id} has 'all' in permissions.{kind}, of which single ones cannot be taken away; name 'all'.")
    left = {kind: frozenset() if "all" in names else before.permissions[kind] - names for kind, names in unwanted.permissions.items()}
    return Change(before, with_permissions(before, left) if any(left.values()) else None)


def apply(azure: Azure, place: Place, change: Change[AccessPolicy]) -> Change[AccessPolicy]:
    """Make the change by an operation on this one entry, never by writing the vault, and return it as Azure confirmed it."""
    entry = change.after or change.before
    if not change.changed or not entry:
        return change
    operation: Literal["add", "replace", "remove"]
    # `add` unites within Azure, so that two writers of one principal lose nothing; `replace` is only for taking away.
    operation = "remove" if not change.after else "replace" if _shrinks(change) else "add"
    body: Any = {
        "properties": {
            "accessPolicies": [
                {
                    "tenantId": entry.tenant_id,
                    "objectId": entry.object_id,
                    **({"applicationId": entry.application_id} if entry.application_id else {}),
                    "permissions": {kind: sorted(names) for kind, names in entry.permissions.items() if names},
                }
            ]
        }
    }
    answer: Any = ask(
        f"{operation} the access policy of principal {entry.object_id} in the {place}",
        lambda: azure.vaults.vaults.update_access_policy(place.resource_group, place.vault_name, operation, body, cls=as_sent),
    )
    if not change.after:
        return change
    confirmed = _of((_policy(answered) for answered in answer["properties"]["accessPolicies"]), entry)
    return Change(change.before, confirmed or change.after)


def _shrinks(change: Change[AccessPolicy]) -> bool:
    before, after = change.before, change.after
    return bool(before and after and any(before.permissions[kind] - after.permissions[kind] for kind in PERMISSIONS))


def _union(has: frozenset[str], given: frozenset[str]) -> frozenset[str]:
    # `all` is everything but purge.
    return has | (given & {"all", "purge"} if "all" in has else given)


def _of(policies: Iterable[AccessPolicy], principal: AccessPolicy) -> AccessPolicy | None:
    fitting = (p for p in policies if ids.same(p.object_id, principal.object_id) and ids.same(p.application_id, principal.application_id))
    return next(fitting, None) if principal.object_id else None


def _policy(entry: Any) -> AccessPolicy:
    permissions = entry["permissions"]
    return with_permissions(
        AccessPolicy(entry["objectId"], application_id=entry.get("applicationId"), tenant_id=entry["tenantId"]),
        {kind: frozenset(str(name).lower() for name in permissions.get(kind) or ()) for kind in PERMISSIONS},
    )
