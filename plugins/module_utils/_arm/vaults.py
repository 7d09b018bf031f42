# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Key vaults, and what their access policies let principals do, as they are. Private to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._azure import ids
from .._azure.answers import as_sent, in_json
from .._azure.errors import ModuleError, ask, find
from .._azure.session import Azure
from .._azure.vault_network import Network, network_of
from .._change import KNOWN_AFTERWARDS

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
    """A vault. `rbac_enabled`: permissions come from role assignments, and access policies are ignored. None: not known yet."""

    name: str
    id: str | None = None
    uri: str | None = None
    tenant_id: str | None = None
    rbac_enabled: bool | None = None
    network: Network = field(default_factory=Network)

    @property
    def permission_model(self) -> str | None:
        """As Azure's portal names it."""
        return None if self.rbac_enabled is None else "Azure role-based access control" if self.rbac_enabled else "Vault access policy"

    def shown(self) -> dict[str, Any]:
        shown = {key: value for key, value in vars(self).items() if key != "network"}
        return {**shown, "permission_model": self.permission_model, "secrets_role": ROLE_UNDER_RBAC}


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
    spelt: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The permissions as Azure wrote them, in whatever case they were given."""

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

    def compared(self) -> dict[str, Any]:
        return {f"principal {self}": {kind: sorted(names) for kind, names in self.permissions.items() if names} or "no permissions"}

    def __str__(self) -> str:
        through = f" through application {self.application_id}" if self.application_id else ""
        return f"{self.object_id or KNOWN_AFTERWARDS}{through}"

    @property
    def key(self) -> tuple[str, str] | None:
        """Says whose it is: a vault keeps only one policy of each. None while that is not known."""
        return (self.object_id.lower(), (self.application_id or "").lower()) if self.object_id else None


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


def read(azure: Azure, place: Place) -> tuple[Vault, tuple[AccessPolicy, ...]] | None:
    """The vault and everybody's policies, in one request; None where there is no such vault."""
    found: Any = find(f"read the {place}", lambda: azure.vaults.vaults.get(place.resource_group, place.vault_name, cls=as_sent))
    if not found:
        return None
    properties = found["properties"]
    rbac_enabled = bool(properties.get("enableRbacAuthorization"))
    vault = Vault(found["name"], found["id"], properties["vaultUri"], properties["tenantId"], rbac_enabled, network_of(properties))
    return vault, tuple(policy_of(entry) for entry in properties.get("accessPolicies") or ())


def missing(azure: Azure, place: Place) -> ModuleError:
    """Why there is no such vault; a request a page for the subscription's deleted ones, as far as the login may read them."""
    sentence = f"There is no {place}; create it, or check {place.option}, resource_group and subscription_id."
    for deleted in _deleted(azure):
        if ids.same(deleted["name"], place.vault_name):
            properties = deleted["properties"]
            sentence = (
                f"The {place} was deleted, from resource group {ids.resource_group_of(properties['vaultId'])}, and is gone for good on "
                f"{str(properties['scheduledPurgeDate'])[:10]}. Recover it (az keyvault recover --name {place.vault_name}), or name another one."
            )
    return ModuleError(sentence, code="ResourceNotFound", status=404)


def _deleted(azure: Azure) -> list[Any]:
    """The deleted vaults of the subscription that can be recovered; none where the login may not read them."""
    try:
        return ask("list the deleted vaults", lambda: [in_json(each) for each in azure.vaults.vaults.list_deleted()])
    except ModuleError:
        return []


def policy_of(entry: Any) -> AccessPolicy:
    permissions = entry["permissions"]
    return with_permissions(
        AccessPolicy(entry["objectId"], application_id=entry.get("applicationId"), tenant_id=entry["tenantId"], spelt=permissions),
        {kind: frozenset(str(name).lower() for name in permissions.get(kind) or ()) for kind in PERMISSIONS},
    )
