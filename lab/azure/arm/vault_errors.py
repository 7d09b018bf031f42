"""What Azure answers when it refuses something about a vault, and which names it refuses."""

from __future__ import annotations

import re

from lab.azure.arm.errors import ArmError


def conflict(name: str) -> ArmError:
    return ArmError(
        409,
        "ConflictError",
        f"A conflict occurred that prevented the operation from completing. The operation failed because the Key Vault '{name}' changed from the point the "
        "operation began. This can happen if parallel operations are being performed on the Key Vault. To prevent this error, serialize "
        "the operations so that only "
        "one operation is performed on the Key Vault at a time. Follow this link for more information: https://go.microsoft.com/fwlink/?linkid=2147741",
    )


def name_taken(name: str) -> ArmError:
    return ArmError(
        409,
        "VaultAlreadyExists",
        f"The vault name '{name}' is already in use. Vault names are globaly unique so it is possible that the name is already taken. If "
        "you are sure that the vault "
        "name was not taken then it is possible that a vault with the same name was recently deleted but not purged after being placed "
        "in a recoverable state. If the "
        "vault is in a recoverable state then the vault will need to be purged before reusing the name. For more information on soft "
        "delete and purging a vault "
        "follow this link https://go.microsoft.com/fwlink/?linkid=2147740.",
    )


def is_deleted() -> ArmError:
    return ArmError(
        409,
        "ConflictError",
        "A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault. "
        "Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.",
    )


def deleted_vault_not_found(name: str) -> ArmError:
    return ArmError(404, "DeletedVaultNotFound", f"The specified deleted vault '{name}' does not exist.")


def is_name(name: str) -> bool:
    return bool(re.fullmatch(r"(?=.{3,24}$)[A-Za-z](-?[A-Za-z0-9])*", name))


def invalid_name(name: str) -> str:
    return (
        f"The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name must begin with "
        "a letter, end with a letter or digit, and not contain consecutive hyphens"
    )
