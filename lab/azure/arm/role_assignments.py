"""Role assignments: https://learn.microsoft.com/rest/api/authorization/role-assignments"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from starlette.responses import Response

from lab.azure.arm import role_definitions
from lab.azure.arm.errors import ArmError, bad_request, group_not_found, resource_not_found
from lab.azure.arm.gateway import Call, Operation, ResourceType, answer, nothing, page, versions
from lab.azure.entra.directory import principals
from lab.azure.state import RoleAssignment, State, guid, now, replaced

TYPE = "Microsoft.Authorization/roleAssignments"
ASSIGNMENTS = ResourceType(
    "Microsoft.Authorization",
    "roleAssignments",
    versions("""
        2015-07-01 2017-10-01-preview 2018-01-01-preview 2018-07-01 2018-09-01-preview 2020-03-01-preview 2020-04-01-preview
        2020-08-01-preview 2020-10-01-preview 2022-04-01
    """),
)
PRINCIPAL_TYPES = ("User", "Group", "ServicePrincipal", "ForeignGroup", "Device")
MOST = 4000


def new_assignment(state: State, scope: str, role: str, principal_id: str, *, name: str = "", by: str | None = None) -> RoleAssignment:
    """Assign the role with the GUID `role` to a service principal, as PUT does. It takes effect after `Settings.role_assignment_delay`."""
    name = name or guid()
    assignment = RoleAssignment(
        id=f"{scope.rstrip('/')}/providers/{TYPE}/{name}",
        name=name,
        scope=scope,
        role_definition_id=f"/subscriptions/{state.subscription}/providers/{role_definitions.TYPE}/{role}",
        principal_id=principal_id,
        principal_type="ServicePrincipal",
        properties={"createdOn": _time(), "updatedOn": _time(), "createdBy": by, "updatedBy": by},
        effective_at=now() + state.settings.role_assignment_delay,
    )
    state.role_assignments[assignment.id.lower()] = assignment
    return assignment


def _time() -> str:
    return f"{datetime.fromtimestamp(now(), UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"


def _view(assignment: RoleAssignment) -> dict[str, Any]:
    kept = assignment.properties
    properties = {
        "roleDefinitionId": assignment.role_definition_id,
        "principalId": assignment.principal_id,
        "principalType": assignment.principal_type,
        "scope": assignment.scope,
        "condition": kept.get("condition"),
        "conditionVersion": kept.get("conditionVersion"),
        "createdOn": kept.get("createdOn"),
        "updatedOn": kept.get("updatedOn"),
        "createdBy": kept.get("createdBy"),
        "updatedBy": kept.get("updatedBy"),
        "delegatedManagedIdentityResourceId": kept.get("delegatedManagedIdentityResourceId"),
        "description": kept.get("description"),
    }
    return {"properties": properties, "id": assignment.id, "type": TYPE, "name": assignment.name}


def _scope(call: Call) -> str:
    return "/" + call["scope"].strip("/")


def _is_guid(value: object) -> bool:
    return bool(re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", str(value)))


async def _get(call: Call) -> Response:
    assignment = call.azure.state.role_assignments.get(call.key)
    if assignment is None:
        raise ArmError(404, "RoleAssignmentNotFound", f"The role assignment '{call['name']}' is not found.")
    return answer(_view(assignment))


async def _list(call: Call) -> Response:
    """`$filter`: `atScope()` takes the scope and above, `principalId eq`, `assignedTo()` and no filter also what is below."""
    at, found = _scope(call).lower().rstrip("/") + "/", list(call.azure.state.role_assignments.values())
    found = [a for a in found if at.startswith(_from(a)) or _from(a).startswith(at)]
    for term in re.split(r"\s+and\s+", call.odata_filter) if call.odata_filter else []:
        match = re.fullmatch(r"atScope\(\)|principalId eq '([^']*)'|assignedTo\('([^']*)'\)", term, re.IGNORECASE)
        if not match:
            message = f"The filter '{call.odata_filter}' is not supported. Supported filters are either 'atScope()' or 'principalId eq '{{value}}''."
            raise bad_request(message, "UnsupportedFilter")
        principal = match[1] or match[2]
        found = [a for a in found if (a.principal_id.lower() == principal.lower() if principal else at.startswith(_from(a)))]
    return page(call, [_view(assignment) for assignment in found])


def _from(assignment: RoleAssignment) -> str:
    return assignment.scope.lower().rstrip("/") + "/"


async def _put(call: Call) -> Response:
    state, name, scope = call.azure.state, call["name"], _scope(call)
    if not _is_guid(name):
        raise bad_request(f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID.", "InvalidRoleAssignmentId")
    _scope_exists(state, scope)
    properties = call.properties()
    role = str(call.required("properties", "roleDefinitionId")).rpartition("/")[2].lower()
    principal = str(call.required("properties", "principalId"))
    definition = state.role(role)
    if definition is None or not definition.reaches(scope):
        raise role_definitions.missing(role)
    if not _is_guid(principal):
        raise bad_request(f"The principal ID '{principal}' is not valid. Principal ID must be a GUID.", "InvalidPrincipalId")
    principal_type = _check_principal(state, principal, properties.get("principalType"))
    existing = state.role_assignments.get(call.key)
    if existing is None and any(a.id.lower() != call.key and _same(a, scope, role, principal) for a in state.role_assignments.values()):
        raise ArmError(409, "RoleAssignmentExists", "The role assignment already exists.")
    if existing and not _same(existing, scope, role, principal):
        raise bad_request("Tenant ID, application ID, principal ID, and scope are not allowed to be updated.", "RoleAssignmentUpdateNotPermitted")
    if not existing and len(state.role_assignments) >= MOST:
        raise bad_request("No more role assignments can be created", "RoleAssignmentLimitExceeded")
    assignment = existing or new_assignment(state, scope, role, principal, name=name, by=call.principal_id)
    assignment.principal_type = principal_type
    chosen = {key: properties.get(key) for key in ("condition", "conditionVersion", "description", "delegatedManagedIdentityResourceId")}
    assignment.properties |= {**chosen, "updatedOn": _time(), "updatedBy": call.principal_id}
    call.azure.save()
    view = _view(assignment)
    view["properties"]["createdBy"] = None
    return answer(view, 201)


def _same(assignment: RoleAssignment, scope: str, role: str, principal: str) -> bool:
    theirs = (assignment.scope.lower(), assignment.role_definition_id.rpartition("/")[2].lower(), assignment.principal_id.lower())
    return theirs == (scope.lower(), role, principal.lower())


def _check_principal(state: State, principal: str, principal_type: str | None) -> str:
    """The type to record. Without a type the directory is asked, and may not know a new principal yet; with one it is only compared if known."""
    known = principal.lower() in principals(state)
    plain = UUID(principal).hex
    if principal_type is None and not known:
        raise bad_request(
            f"Principal {plain} does not exist in the directory {state.tenant}. Check that you have the correct principal ID. If you are creating this "
            "principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment "
            "principalType property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
            "PrincipalNotFound",
        )
    if principal_type is not None and principal_type not in PRINCIPAL_TYPES:
        raise bad_request(f"The principal type '{principal_type}' is not one of {', '.join(PRINCIPAL_TYPES)}.", "InvalidPrincipalType")
    if known and principal_type not in (None, "ServicePrincipal"):
        message = f"The PrincipalId '{plain}' has type 'ServicePrincipal' , which is different from specified PrinciaplType '{principal_type}'."
        raise bad_request(message, "UnmatchedPrincipalType")
    return principal_type or "ServicePrincipal"


def _scope_exists(state: State, scope: str) -> None:
    """Raise `ArmError` unless the group or resource that `scope` names exists."""
    match = re.match(r"/subscriptions/[^/]+/resourcegroups/([^/]+)(?:/providers/([^/]+/[^/]+)/([^/]+))?", scope.lower())
    if not match:
        return
    if f"/subscriptions/{state.subscription}/resourcegroups/{match[1]}".lower() not in state.resource_groups:
        raise group_not_found(scope.split("/")[4])
    if match[2] and not any(match[0] in kept for kept in (state.identities, state.vaults, state.registries, state.storage_accounts, state.clusters)):
        parts = scope.split("/")
        raise resource_not_found(f"{parts[6]}/{parts[7]}", parts[8], parts[4])


async def _delete(call: Call) -> Response:
    state = call.azure.state
    removed = state.role_assignments.pop(call.key, None)
    if removed is None:
        return nothing(204)
    state.former_assignments = replaced(state.former_assignments, removed, state.settings.role_assignment_removal_delay)
    call.azure.save()
    return answer(_view(removed))


OPERATIONS = [
    Operation("GET", f"/{{scope:path}}providers/{TYPE}", f"{TYPE}/read", ASSIGNMENTS, _list),
    Operation("GET", f"/{{scope:path}}providers/{TYPE}/{{name}}", f"{TYPE}/read", ASSIGNMENTS, _get),
    Operation("PUT", f"/{{scope:path}}providers/{TYPE}/{{name}}", f"{TYPE}/write", ASSIGNMENTS, _put),
    Operation("DELETE", f"/{{scope:path}}providers/{TYPE}/{{name}}", f"{TYPE}/delete", ASSIGNMENTS, _delete),
]
