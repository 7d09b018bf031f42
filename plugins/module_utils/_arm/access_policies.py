# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changing what a key vault's access policies let principals do. Private to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from .._azure import ids
from .._azure.answers import as_sent
from .._azure.errors import ModuleError, refuse
from .._azure.session import Azure
from .._azure.writes import Write, in_turn
from .._change import Change
from .vaults import ROLE_UNDER_RBAC, AccessPolicy, Place, Vault, policy_of, with_permissions

LIMIT = 1024
"""Access policies of one vault (https://learn.microsoft.com/azure/key-vault/general/assign-access-policy)."""
MOST_IN_A_CALL = 16
"""Access policies that one request adds, replaces or removes."""

Operation = Literal["remove", "replace", "add"]


def policy(object_id: str | None, application_id: str | None, permissions: Mapping[str, Iterable[str] | None] | None, *, some: bool) -> AccessPolicy:
    """The policy that is asked for, of permissions that are in PERMISSIONS; None, without `some`, are all. Raises `ModuleError` where an id is none, or
    permissions name none."""
    if object_id is not None:
        ids.GUID.check("object_id", object_id)
    if application_id is not None:
        ids.GUID.check("application_id", application_id)
    sets = {kind: frozenset(names or ()) for kind, names in (permissions or {}).items()}
    if not any(sets.values()) and (some or permissions is not None):
        raise refuse(f"permissions names no permission; name at least one, or {'use state=absent' if some else 'leave it out'} to take all away.")
    return with_permissions(AccessPolicy(object_id, application_id=application_id), sets)


def check_set(wanted: Sequence[AccessPolicy]) -> None:
    """Refuse a list that names a principal twice."""
    known = set()
    for one in wanted:
        if one.key and one.key in known:
            raise refuse(f"policies names the principal {one} twice; put its permissions into one entry.")
        known.add(one.key)


def plan(vault: Vault, current: Sequence[AccessPolicy], wanted: Sequence[AccessPolicy], *, exact: bool, alone: bool = False) -> list[Change[AccessPolicy]]:
    """Give the permissions beside those that each principal has, or with `exact` instead of them; no I/O. A change for each that is wanted, then, with
    `alone`, one for each of the others, which go. Raises `ModuleError` for a vault under Azure RBAC, and for more entries than a vault takes."""
    if vault.rbac_enabled:
        raise ModuleError(
            f"The vault {vault.name} is under Azure RBAC and ignores access policies; assign the role {ROLE_UNDER_RBAC} (for secrets)"
            f" on {vault.id} with image_trust.azure.role_assignment instead.",
            code="VaultUnderRbac",
        )
    changes, by_principal = [], _by_principal(current)
    for one in wanted:
        before = by_principal.get(one.key)
        if not before:
            changes.append(Change(None, replace(one, tenant_id=vault.tenant_id)))
        elif exact:
            changes.append(Change(before, with_permissions(before, one.permissions)))
        else:
            changes.append(Change(before, with_permissions(before, {kind: _union(before.permissions[kind], names) for kind, names in one.permissions.items()})))
    listed = _by_principal(wanted)
    others = [policy for policy in current if policy.key not in listed]
    new = [change.after for change in changes if change.after and not change.before]
    if new and len(wanted) + (0 if alone else len(others)) > LIMIT:
        raise ModuleError(
            f"The vault {vault.name} has {len(current)} access policies and Azure allows {LIMIT}, so those of {', '.join(map(str, new))} cannot be added;"
            " remove some, or put the vault under Azure RBAC.",
            code="LimitExceeded",
        )
    return changes + [Change(other, None) for other in others if alone]


def plan_absent(current: Iterable[AccessPolicy], unwanted: Iterable[AccessPolicy]) -> list[Change[AccessPolicy]]:
    """Take the permissions away; all of a principal's where none is named. Raises `ModuleError` where `all` would have to be taken apart."""
    by_principal = _by_principal(current)
    return [_without(by_principal.get(one.key), one) for one in unwanted]


def _without(before: AccessPolicy | None, unwanted: AccessPolicy) -> Change[AccessPolicy]:
    if not before or not any(unwanted.permissions.values()):
        return Change(before, None)
    for kind, names in unwanted.permissions.items():
        if names and "all" in before.permissions[kind] and "all" not in names:
            raise refuse(f"The principal {before} has 'all' in permissions.{kind}, of which single ones cannot be taken away; name 'all'.")
    left = {kind: frozenset() if "all" in names else before.permissions[kind] - names for kind, names in unwanted.permissions.items()}
    return Change(before, with_permissions(before, left) if any(left.values()) else None)


def batches(changes: Iterable[Change[AccessPolicy]]) -> list[tuple[Operation, list[AccessPolicy]]]:
    """The requests that make the changes, with the entries that each sends; what makes room comes first."""
    entries: dict[Operation, list[AccessPolicy]] = {"remove": [], "replace": [], "add": []}
    for before, after in ((change.before, change.after) for change in changes if change.changed):
        if not after:
            entries["remove"].extend([before] if before else [])
        elif any(_lacks(after, before).values()):
            # Nowhere is it written that `remove` takes single permissions away and leaves the rest.
            entries["replace"].append(after)
        else:
            # `add` unites within Azure, so nothing is undone that another client gives or takes meanwhile.
            entries["add"].append(with_permissions(after, _lacks(before, after)))
    return [(operation, all_[at : at + MOST_IN_A_CALL]) for operation, all_ in entries.items() for at in range(0, len(all_), MOST_IN_A_CALL)]


def apply(azure: Azure, place: Place, changes: Sequence[Change[AccessPolicy]]) -> list[Change[AccessPolicy]]:
    """Make the changes by operations on these entries, never by writing the vault, and return them as Azure confirmed them."""
    answers = in_turn([_write(azure, place, operation, entries) for operation, entries in batches(changes)], f"in the {place}")
    confirmed = _by_principal(policy_of(entry) for answer in answers for entry in answer["properties"]["accessPolicies"])
    return [Change(change.before, change.after and confirmed.get(change.after.key, change.after)) for change in changes]


def _write(azure: Azure, place: Place, operation: Operation, entries: Sequence[AccessPolicy]) -> Write[Any]:
    body: Any = {"properties": {"accessPolicies": [_sent(operation, entry) for entry in entries]}}
    return Write(
        f"{operation} permissions of principal{'s' if len(entries) > 1 else ''} {', '.join(map(str, entries))}",
        lambda: azure.vaults.vaults.update_access_policy(place.resource_group, place.vault_name, operation, body, cls=as_sent),
    )


def _sent(operation: Operation, entry: AccessPolicy) -> dict[str, Any]:
    # `remove` keeps what is named in another case, and says nothing: https://github.com/Azure/azure-rest-api-specs/issues/42963
    names_of: Mapping[str, Any] = entry.spelt if operation == "remove" else {kind: sorted(names) for kind, names in entry.permissions.items()}
    return {
        "tenantId": entry.tenant_id,
        "objectId": entry.object_id,
        **({"applicationId": entry.application_id} if entry.application_id else {}),
        "permissions": {kind: names for kind, names in names_of.items() if names},
    }


def _lacks(one: AccessPolicy | None, other: AccessPolicy | None) -> dict[str, frozenset[str]]:
    """The permissions of `other` that `one` has not."""
    return {kind: names - one.permissions[kind] if one else names for kind, names in other.permissions.items()} if other else {}


def _union(has: frozenset[str], given: frozenset[str]) -> frozenset[str]:
    # `all` is everything but purge.
    return has | (given & {"all", "purge"} if "all" in has else given)


def _by_principal(policies: Iterable[AccessPolicy]) -> dict[tuple[str, str] | None, AccessPolicy]:
    return {policy.key: policy for policy in policies if policy.key}
