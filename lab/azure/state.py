"""What the emulated Azure remembers. Resources are kept under their lower-cased ARM id: ids are case-insensitive."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import uuid4

from pydantic import TypeAdapter

from lab.azure.roles import BUILT_IN, Role

_T = TypeVar("_T")


def now() -> float:
    """Seconds since the epoch."""
    return time.time()


def guid() -> str:
    return str(uuid4())


def _never(condition: str) -> bool:
    return False


@dataclass
class Former(Generic[_T]):
    """What a change or a removal has replaced, and what is in effect in its place until then (propagation)."""

    what: _T
    until: float


def lasting(former: list[Former[_T]]) -> list[_T]:
    """Of what was replaced, what is still in effect, oldest first."""
    return [each.what for each in former if each.until > now()]


def replaced(former: list[Former[_T]], what: _T, delay: float) -> list[Former[_T]]:
    """`former`, and `what`, which is in effect for `delay` seconds more."""
    return [*(each for each in former if each.until > now()), Former(what, now() + delay)]


@dataclass
class FederatedCredential:
    name: str
    issuer: str
    subject: str
    audiences: list[str]
    effective_at: float = 0.0
    """Entra honours it from then on (propagation)."""


@dataclass
class Identity:
    """A user-assigned managed identity."""

    id: str
    name: str
    location: str
    tags: dict[str, str]
    principal_id: str = field(default_factory=guid)
    client_id: str = field(default_factory=guid)
    credentials: dict[str, FederatedCredential] = field(default_factory=dict)
    """By lower-cased name."""
    former_credentials: list[Former[FederatedCredential]] = field(default_factory=list)
    visible_at: float = 0.0
    """Role assignments find the principal from then on (PrincipalNotFound before)."""

    def credentials_in_effect(self) -> list[FederatedCredential]:
        """What Entra goes by."""
        known = (*self.credentials.values(), *lasting(self.former_credentials))
        return [credential for credential in known if credential.effective_at <= now()]


@dataclass
class ServicePrincipal:
    """An application with a client secret and perhaps certificates."""

    client_id: str
    object_id: str
    name: str
    secret: str
    certificates: list[str] = field(default_factory=list)
    """PEM, of those registered for it."""
    graph_permissions: list[str] = field(default_factory=list)
    """Application permissions on Microsoft Graph that an administrator consented to, such as `Directory.Read.All`."""


@dataclass
class SecretVersion:
    value: str
    content_type: str
    created: float
    enabled: bool = True
    updated: float | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Secret:
    """A secret of a vault; a certificate is one whose name is also in `Vault.certificates`."""

    latest: str
    versions: dict[str, SecretVersion]


@dataclass
class KeyVersion:
    private_key: str
    """PEM of an RSA or EC key."""
    created: float
    enabled: bool = True
    operations: list[str] = field(default_factory=lambda: ["sign", "verify"])


@dataclass
class Key:
    """A key of a vault; one that has the name of a certificate is that certificate's, version by version."""

    latest: str
    versions: dict[str, KeyVersion]


@dataclass
class CertificateOperation:
    """The making of one version of a certificate, which Key Vault shows as `pending`."""

    request_id: str
    version: str
    issuer: str
    csr: str
    """DER in base64."""
    private_key: str
    """PEM."""
    enabled: bool
    tags: dict[str, str]
    ready_at: float | None
    """It completes then; None: it waits for a certificate to merge, which the lab does not emulate."""
    status: str = "inProgress"
    error: dict[str, str] | None = None
    """Given to it, it fails with that when its time comes."""
    cancellation_requested: bool = False


@dataclass
class Certificate:
    """What is kept of a certificate beside its versions, which are its secret's and its key's."""

    policy: dict[str, Any]
    policy_created: float
    policy_updated: float
    first_version: str
    """Has a certificate of which no version was made yet."""
    operation: CertificateOperation | None = None


@dataclass
class Issuer:
    """A certificate authority that a vault has under a name; stands for DigiCert or GlobalSign."""

    certificate: str
    """PEM."""
    private_key: str
    """PEM."""


@dataclass
class DeletedCertificate:
    """A certificate that can be recovered until `purged_at`. Until then no other one gets its name."""

    certificate: Certificate | None
    secret: Secret
    key: Key | None
    deleted_at: float
    purged_at: float


@dataclass
class Vault:
    id: str
    name: str
    location: str
    tags: dict[str, str]
    properties: dict[str, Any]
    """As in ARM: tenantId, sku, accessPolicies, enableRbacAuthorization, ..."""
    registered_at: float = 0.0
    """provisioningState is RegisteringDns until then."""
    secrets: dict[str, Secret] = field(default_factory=dict)
    certificates: list[str] = field(default_factory=list)
    """Names of those that have versions."""
    certificate_states: dict[str, Certificate] = field(default_factory=dict)
    """By name; the lab seeds certificates without."""
    deleted_certificates: dict[str, DeletedCertificate] = field(default_factory=dict)
    """By name."""
    issuers: dict[str, Issuer] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    former: list[Former[dict[str, Any]]] = field(default_factory=list)
    """Properties."""

    def in_effect(self) -> dict[str, Any]:
        """The properties by which the data plane decides who may do what."""
        return next(iter(lasting(self.former)), self.properties)


@dataclass
class DeletedVault:
    """A vault that is deleted and can be recovered until `purged_at`. Until then no other vault gets its name."""

    vault: Vault
    deleted_at: float
    purged_at: float


@dataclass
class RoleAssignment:
    id: str
    name: str
    scope: str
    role_definition_id: str
    principal_id: str
    principal_type: str
    properties: dict[str, Any] = field(default_factory=dict)
    """createdOn, updatedBy, description, condition, ..."""
    effective_at: float = 0.0


@dataclass
class CustomRole:
    role: Role
    properties: dict[str, Any]
    """createdOn, updatedBy, ..."""


@dataclass
class Registry:
    id: str
    name: str
    location: str
    tags: dict[str, str]
    properties: dict[str, Any]
    """As in ARM: loginServer, roleAssignmentMode, ..."""
    sku: str = "Premium"
    referrers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Descriptors of what refers to a manifest, by `<repository>@<digest>` (the OCI referrers API, which the backend lacks)."""


@dataclass
class Blob:
    """A block blob."""

    content: str
    """In base64."""
    content_type: str
    etag: str
    modified: float


@dataclass
class Container:
    """A container of blobs."""

    public_access: str = ""
    """`blob` or `container` where anybody may read."""
    blobs: dict[str, Blob] = field(default_factory=dict)


@dataclass
class StorageAccount:
    id: str
    name: str
    location: str
    tags: dict[str, str]
    properties: dict[str, Any]
    """As in ARM: publicNetworkAccess, networkAcls, ..."""
    containers: dict[str, Container] = field(default_factory=dict)


@dataclass
class ManagedCluster:
    id: str
    name: str
    location: str
    tags: dict[str, str]
    properties: dict[str, Any]
    """As in ARM: oidcIssuerProfile, securityProfile, identityProfile, ..."""
    identity: dict[str, Any] = field(default_factory=dict)
    sku: dict[str, Any] = field(default_factory=dict)
    operation: str = ""
    """Id of the last asynchronous operation; one that was interrupted is taken up again at the next start."""


@dataclass
class Operation:
    """An asynchronous operation, as `Azure-AsyncOperation` shows it."""

    id: str
    status: str
    started: float
    ended: float | None = None
    error: dict[str, str] | None = None
    aborted_by: str = ""
    """Id of the operation that aborts this one."""
    deletes: str = ""
    """Lower-cased id of the resource group that it deletes."""


@dataclass
class Settings:
    """Delays in seconds, as in Azure but short; all may be set at run time."""

    role_assignment_delay: float = 1.0
    role_assignment_removal_delay: float = 1.0
    federated_credential_delay: float = 1.0
    federated_credential_removal_delay: float = 1.0
    custom_role_delay: float = 1.0
    """A custom role that is changed or deleted decides as before for so long."""
    vault_permission_delay: float = 1.0
    """A vault whose access policies or permission model change decides as before for so long."""
    principal_delay: float = 2.0
    vault_dns_delay: float = 2.0
    operation_delay: float = 1.0
    write_duration: float = 0.05
    """A write of a federated credential or of a vault takes that long; another of the same identity or vault meanwhile is refused."""


@dataclass
class State:
    tenant: str
    subscription: str
    signing_key: str = ""
    """PEM of the key that signs the tokens of Entra and of the registries; kept, so that tokens outlive a restart."""
    settings: Settings = field(default_factory=Settings)
    service_principals: dict[str, ServicePrincipal] = field(default_factory=dict)
    """By client id."""
    groups: dict[str, list[str]] = field(default_factory=dict)
    """Security groups of the directory: object ids of the members, by the group's object id."""
    resource_groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    identities: dict[str, Identity] = field(default_factory=dict)
    vaults: dict[str, Vault] = field(default_factory=dict)
    deleted_vaults: dict[str, DeletedVault] = field(default_factory=dict)
    """By lower-cased name."""
    role_assignments: dict[str, RoleAssignment] = field(default_factory=dict)
    former_assignments: list[Former[RoleAssignment]] = field(default_factory=list)
    custom_roles: dict[str, CustomRole] = field(default_factory=dict)
    """By GUID."""
    former_roles: list[Former[Role]] = field(default_factory=list)
    registries: dict[str, Registry] = field(default_factory=dict)
    storage_accounts: dict[str, StorageAccount] = field(default_factory=dict)
    clusters: dict[str, ManagedCluster] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)

    def vault_named(self, name: str) -> Vault | None:
        return next((v for v in self.vaults.values() if v.name.lower() == name.lower()), None)

    def deleted_vault_named(self, name: str) -> DeletedVault | None:
        deleted = self.deleted_vaults.get(name.lower())
        return deleted if deleted and deleted.purged_at > now() else None

    def registry_named(self, name: str) -> Registry | None:
        return next((r for r in self.registries.values() if r.name.lower() == name.lower()), None)

    def storage_account_named(self, name: str) -> StorageAccount | None:
        return next((a for a in self.storage_accounts.values() if a.name.lower() == name.lower()), None)

    def cluster_named(self, name: str) -> ManagedCluster | None:
        return next((c for c in self.clusters.values() if c.name.lower() == name.lower()), None)

    def role(self, guid: str) -> Role | None:
        """The role definition, built in or custom."""
        custom = self.custom_roles.get(guid)
        return custom.role if custom else BUILT_IN.get(guid)

    def granted(self, principal_id: str, scope: str, holds: Callable[[str], bool] = _never) -> list[Role]:
        """The roles of `roles_of` that exist, as they are in effect."""
        former = {role.guid: role for role in reversed(lasting(self.former_roles))}
        return [role for guid in self.roles_of(principal_id, scope, holds) if (role := former.get(guid) or self.role(guid))]

    def roles_of(self, principal_id: str, scope: str, holds: Callable[[str], bool] = _never) -> set[str]:
        """GUIDs of the role definitions that `principal_id` holds on `scope` (an ARM id) or above, and that have taken effect; with a
        condition only where that `holds`."""
        at = scope.lower().rstrip("/") + "/"
        return {
            a.role_definition_id.rpartition("/")[2].lower()
            for a in (*self.role_assignments.values(), *lasting(self.former_assignments))
            if a.principal_id.lower() == principal_id.lower()
            and at.startswith(a.scope.lower().rstrip("/") + "/")
            and a.effective_at <= now()
            and (not a.properties.get("condition") or holds(a.properties["condition"]))
        }


_ADAPTER = TypeAdapter(State)


def load(file: Path) -> State | None:
    """The state that `save` wrote, or None where there is none."""
    return _ADAPTER.validate_json(file.read_bytes()) if file.exists() else None


def save(state: State, file: Path) -> None:
    """Write the whole state, readable by the owner only, in one step."""
    new = file.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(_ADAPTER.dump_json(state, indent=1))
    new.replace(file)
