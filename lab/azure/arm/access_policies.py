"""What a vault's access policies may say, and how add, replace and remove change one: pure rules.

https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/update-access-policy
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lab.azure.arm.errors import bad_request

PERMISSIONS = {
    "keys": "all encrypt decrypt wrapKey unwrapKey sign verify get list create update import delete backup restore recover purge "
    "release rotate getrotationpolicy "
    "setrotationpolicy",
    "secrets": "all get list set delete backup restore recover purge",
    "certificates": "all get list delete create import update managecontacts getissuers listissuers setissuers deleteissuers "
    "manageissuers recover purge backup restore",
    "storage": "all get list delete set update regeneratekey recover purge backup restore setsas listsas getsas deletesas",
}
_KNOWN = {category: set(names.lower().split()) for category, names in PERMISSIONS.items()}

Entry = dict[str, Any]


def who(entry: Entry) -> tuple[str, str, str]:
    return entry["tenantId"].lower(), entry["objectId"].lower(), (entry.get("applicationId") or "").lower()


def _permissions(entry: Entry) -> dict[str, list[str]]:
    return {category: list(names) for category, names in (entry.get("permissions") or {}).items() if names is not None}


def add(existing: Entry | None, sent: Entry) -> Entry:
    """The union; what was there comes first and keeps its spelling."""
    if existing is None:
        return replace(None, sent)
    result = _permissions(existing)
    for category, names in _permissions(sent).items():
        have = result.setdefault(category, [])
        have += [name for name in names if name.lower() not in {other.lower() for other in have}]
    return {**existing, "permissions": result}


def replace(existing: Entry | None, sent: Entry) -> Entry:
    return {key: value for key, value in {**sent, "permissions": _permissions(sent)}.items() if value is not None}


def remove(existing: Entry | None, sent: Entry) -> Entry | None:
    """What is left when the permissions sent are taken away; None when that is nothing. In another case than they are kept they stay, and nothing is said:
    https://github.com/Azure/azure-rest-api-specs/issues/42963
    """
    if existing is None:
        return None
    gone = _permissions(sent)
    left = {category: [name for name in names if name not in gone.get(category, [])] for category, names in _permissions(existing).items()}
    return {**existing, "permissions": left} if any(left.values()) else None


def check(policies: Any, tenant: str, most: int) -> None:
    """Raise `ArmError` where Azure refuses the list."""
    invalid = bad_request("An invalid value was provided for 'accessPolicies'.")
    if not isinstance(policies, list) or len(policies) > most or not all(isinstance(entry, dict) for entry in policies):
        raise invalid
    for index, entry in enumerate(policies):
        for field in ("objectId", *(["applicationId"] if entry.get("applicationId") else [])):
            if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", str(entry.get(field))):
                raise bad_request(f"Invalid value found at accessPolicies[{index}].{field[0].upper()}{field[1:]}: {entry.get(field)}")
        permissions = entry.get("permissions")
        if str(entry.get("tenantId")).lower() != tenant.lower() or not isinstance(permissions, dict) or not permissions.keys() <= _KNOWN.keys():
            raise invalid
        if not all(_are_known(category, names) for category, names in permissions.items()):
            raise invalid


def _are_known(category: str, names: Sequence[str] | None) -> bool:
    return names is None or (isinstance(names, list) and all(isinstance(name, str) and name.lower() in _KNOWN[category] for name in names))
