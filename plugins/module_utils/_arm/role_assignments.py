# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Roles of principals on scopes. Private to the collection."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from .._azure import ids
from .._azure.errors import ModuleError, ask, find, refuse
from .._azure.session import Azure
from .._change import KNOWN_AFTERWARDS, Change
from .identities import is_principal

CONDITION_VERSION = "2.0"
"""The only one that Azure takes (https://learn.microsoft.com/azure/role-based-access-control/conditions-format)."""
PRINCIPAL_TYPES = ("ServicePrincipal", "User", "Group", "ForeignGroup", "Device")

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
BUILT_IN = {
    "acrpull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "acrpush": "8311e382-0749-4cb8-b61a-304f252e45ec",
    "container registry repository reader": "b93aa761-3e63-49ed-ac28-beffa264f7ac",
    "key vault secrets user": "4633458b-17de-408a-b874-0445c86b69e6",
}
"""Roles that need no request to be found, by lower-case name. All others are asked for."""


@dataclass(frozen=True)
class RoleAssignment:
    """A role of a principal on a scope. What is None is not known yet."""

    scope: str | None
    role_definition_id: str
    principal_id: str | None
    principal_type: str | None = None
    description: str | None = None
    condition: str | None = None
    id: str | None = None
    name: str | None = None
    delegated_by: str | None = None
    """The managed identity that assigned it in another tenant; only kept."""

    def shown(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "delegated_by"}

    def compared(self) -> dict[str, Any]:
        values = {
            "scope": self.scope or KNOWN_AFTERWARDS,
            "principal_type": self.principal_type or KNOWN_AFTERWARDS,
            "description": self.description,
            "condition": self.condition,
        }
        return {key: value for key, value in values.items() if value is not None}

    def grants_as(self, other: RoleAssignment) -> bool:
        """Whether both give the same role to the same principal on the same scope; Azure keeps only one such."""
        return (
            ids.same(self.scope, other.scope)
            and ids.same(ids.last(self.role_definition_id), ids.last(other.role_definition_id))
            and ids.same(self.principal_id, other.principal_id)
        )

    @property
    def own_name(self) -> str:
        """The GUID under which we create it: the same again for the same scope, role and principal."""
        return str(uuid5(NAMESPACE_URL, f"{self.scope}|{ids.last(self.role_definition_id)}|{self.principal_id}".lower()))


@dataclass(frozen=True)
class Wanted:
    """What is asked: `role` is a name, a GUID or the id of a role definition; `scope` and `principal_id` None are not known yet, `principal_type` None
    is to be found out; `description` and `condition` None are left as they are, empty there is none."""

    scope: str | None
    role: str
    principal_id: str | None
    principal_type: str | None = None
    description: str | None = None
    condition: str | None = None

    def __post_init__(self) -> None:
        _check(self.scope, self.role, self.principal_id)

    def __str__(self) -> str:
        return f"role {self.role} of principal {self.principal_id or KNOWN_AFTERWARDS}"


@dataclass(frozen=True)
class Question:
    """Which assignments on a scope are asked for; `role` and `principal_id` None do not matter, `scope` None is not known yet. `inherited`: also those
    above, from which the scope inherits."""

    scope: str | None
    role: str | None = None
    principal_id: str | None = None
    inherited: bool = False

    def __post_init__(self) -> None:
        _check(self.scope, self.role, self.principal_id)


def _check(scope: str | None, role: str | None, principal_id: str | None) -> None:
    if scope is not None:
        ids.SCOPE.check("scope", scope)
    if principal_id is not None:
        ids.GUID.check("principal_id", principal_id)
    if role is not None and "/" in role:
        ids.ROLE_ID.check("role", role)
    elif role is not None and not role.strip():
        raise refuse("role is empty, but must be the name, GUID or id of a role definition.")


def find_role(azure: Azure, wanted: Wanted) -> RoleAssignment:
    """The assignment that is asked for, with the role's id: a request only for a name that is not in BUILT_IN. Raises `ModuleError` for an unknown role."""
    role = _role(azure, wanted.role, wanted.scope)
    if not role.startswith("/"):
        subscription = f"/subscriptions/{azure.subscription_id}" if wanted.scope is None else ids.subscription_of(wanted.scope)
        role = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    return RoleAssignment(wanted.scope, role, wanted.principal_id, wanted.principal_type, wanted.description, wanted.condition)


def read(azure: Azure, wanted: RoleAssignment) -> tuple[RoleAssignment, ...]:
    """The principal's assignments on this scope, above and below, in one request a page; none where the principal or the scope is not known."""
    scope = wanted.scope
    if scope is None or wanted.principal_id is None:
        return ()
    return _listed(azure, scope, f"principalId eq '{wanted.principal_id}'")


def read_all(azure: Azure, asked: Question) -> tuple[RoleAssignment, ...]:
    """The assignments that are asked for, in one request a page, and one for a role's name that is not in BUILT_IN; none where there is no such scope.
    Raises `ModuleError` for an unknown role."""
    scope, principal_id = asked.scope, asked.principal_id
    if scope is None:
        return ()
    # Only atScope() tells what is above from what is below in every kind of scope.
    of_principal = principal_id and not asked.inherited
    found = _listed(azure, scope, f"principalId eq '{principal_id}'" if of_principal else "atScope()")
    fitting = [a for a in found if (asked.inherited or ids.same(a.scope, scope)) and (principal_id is None or ids.same(a.principal_id, principal_id))]
    if not fitting or asked.role is None:
        return tuple(fitting)
    role = ids.last(_role(azure, asked.role, scope))
    return tuple(a for a in fitting if ids.same(ids.last(a.role_definition_id), role))


def _listed(azure: Azure, scope: str, which: str) -> tuple[RoleAssignment, ...]:
    found = find(f"list the role assignments on {scope}", lambda: list(azure.authorization.role_assignments.list_for_scope(scope, filter=which)))
    return tuple(map(_assignment, found or ()))


def plan(current: Iterable[RoleAssignment], wanted: RoleAssignment) -> Change[RoleAssignment]:
    """Assign it, or change description and condition of one that is there, under whatever name."""
    before = _granting(current, wanted)
    if not before:
        return Change(None, replace(wanted, description=wanted.description or None, condition=wanted.condition or None))
    description = before.description if wanted.description is None else wanted.description or None
    condition = before.condition if wanted.condition is None else wanted.condition or None
    return Change(before, replace(before, description=description, condition=condition))


def with_type(azure: Azure, change: Change[RoleAssignment]) -> Change[RoleAssignment]:
    """The change with the principal's type, where it makes an assignment without one and the principal is an identity of the subscription: one request.
    Of others Azure finds it out. Raises `ModuleError` for the client id of an identity."""
    new = change.after
    if change.before or not new or new.principal_type or new.principal_id is None:
        return change
    return Change(None, replace(new, principal_type="ServicePrincipal")) if is_principal(azure, "principal_id", new.principal_id) else change


def plan_absent(current: Iterable[RoleAssignment], unwanted: RoleAssignment, *, only_own: bool = False) -> Change[RoleAssignment]:
    """Take the role away; with `only_own` not where something else assigned it, which shows in another name."""
    before = _granting(current, unwanted)
    stays = before and only_own and not ids.same(before.name, unwanted.own_name)
    return Change(before, before if stays else None)


def apply(azure: Azure, change: Change[RoleAssignment]) -> Change[RoleAssignment]:
    """Make the change and return it as Azure confirmed it; where another client made the same assignment meanwhile, only what that one lacks."""
    operations = azure.authorization.role_assignments
    before, after = change.before, change.after
    if not change.changed:
        return change
    if not after:
        assignment_id = str(before and before.id)
        ask(f"delete the role assignment {assignment_id}", lambda: operations.delete_by_id(assignment_id))
        return change
    what = f"assign the role {after.role_definition_id} on {after.scope} to principal {after.principal_id}"
    try:
        answer = ask(what, lambda: operations.create(str(after.scope), after.name or after.own_name, _body(after)))
    except ModuleError as failure:
        if failure.code != "RoleAssignmentExists" or before:
            raise
        meanwhile = plan(read(azure, after), after)
        if not meanwhile.before:
            return Change(after, after)
        # Under our own name it is the one we asked for, when the answer to that was lost.
        return Change(None, meanwhile.before) if ids.same(meanwhile.before.name, after.own_name) else apply(azure, meanwhile)
    return Change(before, _assignment(answer))


def _body(wanted: RoleAssignment) -> bytes:
    """As bytes, for the SDK sends the type `User` where an object has none. Without a type Azure looks the principal up, and does not find a new one; with
    one it takes any GUID: https://learn.microsoft.com/azure/role-based-access-control/role-assignments-rest."""
    properties = {
        "roleDefinitionId": wanted.role_definition_id,
        "principalId": wanted.principal_id,
        "principalType": wanted.principal_type,
        "description": wanted.description,
        "condition": wanted.condition,
        "conditionVersion": wanted.condition and CONDITION_VERSION,
        "delegatedManagedIdentityResourceId": wanted.delegated_by,
    }
    return json.dumps({"properties": {key: value for key, value in properties.items() if value is not None}}).encode()


def _granting(current: Iterable[RoleAssignment], wanted: RoleAssignment) -> RoleAssignment | None:
    return next((assignment for assignment in current if assignment.grants_as(wanted)), None)


def _role(azure: Azure, role: str, scope: str | None) -> str:
    """The GUID of a role that is given by name or GUID, the id of one that is given by id."""
    role = BUILT_IN.get(role.lower(), role)
    if role.startswith("/") or _is_guid(role):
        return role
    name = role.replace("'", "''")
    where = scope or f"/subscriptions/{azure.subscription_id}"
    found = find(f"look up the role {role}", lambda: list(azure.authorization.role_definitions.list(where, filter=f"roleName eq '{name}'")))
    if not found:
        raise ModuleError(f"There is no role {role!r} on {where}; check role and scope.", code="RoleDefinitionNotFound", status=404)
    return ids.last(str(found[0].id))


def _is_guid(text: str) -> bool:
    try:
        ids.GUID.check("role", text)
    except ModuleError:
        return False
    return True


def _assignment(answer: Any) -> RoleAssignment:
    return RoleAssignment(
        scope=answer.scope,
        role_definition_id=answer.role_definition_id,
        principal_id=answer.principal_id,
        principal_type=answer.principal_type,
        description=answer.description or None,
        condition=answer.condition or None,
        id=answer.id,
        name=answer.name,
        delegated_by=answer.delegated_managed_identity_resource_id,
    )
