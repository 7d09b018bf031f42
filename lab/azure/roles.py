"""What a role is, and the built-in ones that the emulator knows, with their real ids and permissions:

https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Role:
    """A role definition. `actions` and the like may hold `*`, as in Azure."""

    name: str
    guid: str
    description: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    assignable_scopes: tuple[str, ...] = ("/",)

    def reaches(self, scope: str) -> bool:
        """Whether it can be assigned on `scope` (an ARM id)."""
        at = scope.lower().rstrip("/") + "/"
        return any(at.startswith(each.lower().rstrip("/") + "/") for each in self.assignable_scopes)

    def permissions(self) -> dict[str, Any]:
        return {
            "actions": list(self.actions),
            "notActions": list(self.not_actions),
            "dataActions": list(self.data_actions),
            "notDataActions": list(self.not_data_actions),
        }


OWNER = Role(
    "Owner",
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.",
    actions=("*",),
)
CONTRIBUTOR = Role(
    "Contributor",
    "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC, manage assignments in Azure Blueprints, "
    "or share image galleries.",
    actions=("*",),
    not_actions=("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write", "Microsoft.Authorization/elevateAccess/Action"),
)
USER_ACCESS_ADMINISTRATOR = Role(
    "User Access Administrator",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "Lets you manage user access to Azure resources.",
    actions=("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"),
)
READER = Role(
    "Reader",
    "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "View all resources, but does not allow you to make any changes.",
    actions=("*/read",),
)
ACR_PULL = Role(
    "AcrPull",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "acr pull",
    actions=("Microsoft.ContainerRegistry/registries/pull/read",),
)
ACR_PUSH = Role(
    "AcrPush",
    "8311e382-0749-4cb8-b61a-304f252e45ec",
    "acr push",
    actions=("Microsoft.ContainerRegistry/registries/pull/read", "Microsoft.ContainerRegistry/registries/push/write"),
)
ACR_DELETE = Role(
    "AcrDelete",
    "c2f4ef07-c644-48eb-af81-4b1b4947fb11",
    "acr delete",
    actions=("Microsoft.ContainerRegistry/registries/artifacts/delete",),
)
REPOSITORY_READER = Role(
    "Container Registry Repository Reader",
    "b93aa761-3e63-49ed-ac28-beffa264f7ac",
    "Allows for read access to Azure Container Registry repositories, but excluding catalog listing.",
    data_actions=("Microsoft.ContainerRegistry/registries/repositories/metadata/read", "Microsoft.ContainerRegistry/registries/repositories/content/read"),
)
REPOSITORY_WRITER = Role(
    "Container Registry Repository Writer",
    "2a1e307c-b015-4ebd-883e-5b7698a07328",
    "Allows for read and write access to Azure Container Registry repositories, but excluding catalog listing.",
    data_actions=(
        "Microsoft.ContainerRegistry/registries/repositories/metadata/read",
        "Microsoft.ContainerRegistry/registries/repositories/content/read",
        "Microsoft.ContainerRegistry/registries/repositories/metadata/write",
        "Microsoft.ContainerRegistry/registries/repositories/content/write",
    ),
)
REPOSITORY_CONTRIBUTOR = Role(
    "Container Registry Repository Contributor",
    "2efddaa5-3f1f-4df3-97df-af3f13818f4c",
    "Allows for read, write, and delete access to Azure Container Registry repositories, but excluding catalog listing.",
    data_actions=(
        *REPOSITORY_WRITER.data_actions,
        "Microsoft.ContainerRegistry/registries/repositories/metadata/delete",
        "Microsoft.ContainerRegistry/registries/repositories/content/delete",
    ),
)
REPOSITORY_CATALOG_LISTER = Role(
    "Container Registry Repository Catalog Lister",
    "bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7",
    "Allows for listing all repositories in an Azure Container Registry.",
    data_actions=("Microsoft.ContainerRegistry/registries/catalog/read",),
)
KEY_VAULT_ADMINISTRATOR = Role(
    "Key Vault Administrator",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483",
    "Perform all data plane operations on a key vault and all objects in it, including certificates, keys, and secrets. "
    "Cannot manage key vault resources or manage role assignments.",
    actions=(
        "Microsoft.Authorization/*/read",
        "Microsoft.KeyVault/checkNameAvailability/read",
        "Microsoft.KeyVault/vaults/*/read",
        "Microsoft.KeyVault/operations/read",
    ),
    data_actions=("Microsoft.KeyVault/vaults/*",),
)
KEY_VAULT_SECRETS_USER = Role(
    "Key Vault Secrets User",
    "4633458b-17de-408a-b874-0445c86b69e6",
    "Read secret contents. Only works for key vaults that use the 'Azure role-based access control' permission model.",
    data_actions=("Microsoft.KeyVault/vaults/secrets/getSecret/action", "Microsoft.KeyVault/vaults/secrets/readMetadata/action"),
)
KEY_VAULT_CERTIFICATE_USER = Role(
    "Key Vault Certificate User",
    "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba",
    "Read certificate contents. Only works for key vaults that use the 'Azure role-based access control' permission model.",
    data_actions=(
        "Microsoft.KeyVault/vaults/certificates/read",
        "Microsoft.KeyVault/vaults/secrets/getSecret/action",
        "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
        "Microsoft.KeyVault/vaults/keys/read",
    ),
)
KEY_VAULT_CERTIFICATES_OFFICER = Role(
    "Key Vault Certificates Officer",
    "a4417e6f-fecd-4de8-b567-7b0420556985",
    "Perform any action on the certificates of a key vault, except manage permissions. "
    "Only works for key vaults that use the 'Azure role-based access control' permission model.",
    actions=(
        "Microsoft.Authorization/*/read",
        "Microsoft.Insights/alertRules/*",
        "Microsoft.Resources/deployments/*",
        "Microsoft.Resources/subscriptions/resourceGroups/read",
        "Microsoft.Support/*",
        "Microsoft.KeyVault/checkNameAvailability/read",
        "Microsoft.KeyVault/deletedVaults/read",
        "Microsoft.KeyVault/locations/*/read",
        "Microsoft.KeyVault/vaults/*/read",
        "Microsoft.KeyVault/operations/read",
    ),
    data_actions=(
        "Microsoft.KeyVault/vaults/certificatecas/*",
        "Microsoft.KeyVault/vaults/certificates/*",
        "Microsoft.KeyVault/vaults/certificatecontacts/write",
    ),
)
KEY_VAULT_CRYPTO_USER = Role(
    "Key Vault Crypto User",
    "12338af0-0e69-4776-bea7-57ae8d297424",
    "Perform cryptographic operations using keys. Only works for key vaults that use the 'Azure role-based access control' permission model.",
    data_actions=(
        "Microsoft.KeyVault/vaults/keys/read",
        "Microsoft.KeyVault/vaults/keys/update/action",
        "Microsoft.KeyVault/vaults/keys/backup/action",
        "Microsoft.KeyVault/vaults/keys/encrypt/action",
        "Microsoft.KeyVault/vaults/keys/decrypt/action",
        "Microsoft.KeyVault/vaults/keys/wrap/action",
        "Microsoft.KeyVault/vaults/keys/unwrap/action",
        "Microsoft.KeyVault/vaults/keys/sign/action",
        "Microsoft.KeyVault/vaults/keys/verify/action",
    ),
)
KEY_VAULT_READER = Role(
    "Key Vault Reader",
    "21090545-7ca7-4776-b22c-e363652d74d2",
    "Read metadata of key vaults and its certificates, keys, and secrets. Cannot read sensitive values such as secret contents or key material. "
    "Only works for key vaults that use the 'Azure role-based access control' permission model.",
    actions=(
        "Microsoft.Authorization/*/read",
        "Microsoft.KeyVault/checkNameAvailability/read",
        "Microsoft.KeyVault/deletedVaults/read",
        "Microsoft.KeyVault/locations/*/read",
        "Microsoft.KeyVault/vaults/*/read",
        "Microsoft.KeyVault/operations/read",
    ),
    data_actions=("Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/vaults/secrets/readMetadata/action"),
)
STORAGE_BLOB_DATA_CONTRIBUTOR = Role(
    "Storage Blob Data Contributor",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Allows for read, write and delete access to Azure Storage blob containers and data",
    actions=(
        "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
        "Microsoft.Storage/storageAccounts/blobServices/containers/read",
        "Microsoft.Storage/storageAccounts/blobServices/containers/write",
        "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
    ),
    data_actions=(
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/move/action",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
    ),
)
STORAGE_BLOB_DATA_READER = Role(
    "Storage Blob Data Reader",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Allows for read access to Azure Storage blob containers and data",
    actions=(
        "Microsoft.Storage/storageAccounts/blobServices/containers/read",
        "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
    ),
    data_actions=("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",),
)
CLUSTER_USER = Role(
    "Azure Kubernetes Service Cluster User Role",
    "4abbcc35-e782-43d8-92c5-2d3f1bd2253f",
    "List cluster user credential action.",
    actions=("Microsoft.ContainerService/managedClusters/listClusterUserCredential/action", "Microsoft.ContainerService/managedClusters/read"),
)
CLUSTER_ADMIN = Role(
    "Azure Kubernetes Service Cluster Admin Role",
    "0ab0b1a8-8aac-4efd-b8c2-3ee1fb270be8",
    "List cluster admin credential action.",
    actions=(
        "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
        "Microsoft.ContainerService/managedClusters/accessProfiles/listCredential/action",
        "Microsoft.ContainerService/managedClusters/read",
        "Microsoft.ContainerService/managedClusters/runcommand/action",
    ),
)

BUILT_IN = {
    role.guid: role
    for role in (
        OWNER,
        CONTRIBUTOR,
        USER_ACCESS_ADMINISTRATOR,
        READER,
        ACR_PULL,
        ACR_PUSH,
        ACR_DELETE,
        REPOSITORY_READER,
        REPOSITORY_WRITER,
        REPOSITORY_CONTRIBUTOR,
        REPOSITORY_CATALOG_LISTER,
        KEY_VAULT_ADMINISTRATOR,
        KEY_VAULT_CRYPTO_USER,
        KEY_VAULT_READER,
        KEY_VAULT_SECRETS_USER,
        KEY_VAULT_CERTIFICATE_USER,
        KEY_VAULT_CERTIFICATES_OFFICER,
        STORAGE_BLOB_DATA_CONTRIBUTOR,
        STORAGE_BLOB_DATA_READER,
        CLUSTER_USER,
        CLUSTER_ADMIN,
    )
}
"""By GUID."""


def _matches(pattern: str, action: str) -> bool:
    """Whether an action (any case) is covered by a pattern in which `*` stands for anything, slashes included."""
    parts, rest = pattern.lower().split("*"), action.lower()
    if len(parts) == 1:
        return rest == parts[0]
    if not rest.startswith(parts[0]) or not rest.endswith(parts[-1]) or len(rest) < len(parts[0]) + len(parts[-1]):
        return False
    rest = rest[len(parts[0]) : len(rest) - len(parts[-1])]
    for part in parts[1:-1]:
        _, found, rest = rest.partition(part)
        if not found:
            return False
    return True


def allows(roles: Iterable[Role], action: str) -> bool:
    """Whether one of the roles permits `action`, such as `Microsoft.KeyVault/vaults/write`."""
    return any(_among(action, role.actions) and not _among(action, role.not_actions) for role in roles)


def allows_data(roles: Iterable[Role], action: str) -> bool:
    """Whether one of the roles permits the data action `action`, such as `Microsoft.KeyVault/vaults/secrets/getSecret/action`."""
    return any(_among(action, role.data_actions) and not _among(action, role.not_data_actions) for role in roles)


def _among(action: str, patterns: Iterable[str]) -> bool:
    return any(_matches(pattern, action) for pattern in patterns)
