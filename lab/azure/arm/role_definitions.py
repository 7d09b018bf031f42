"""Role definitions, built-in and custom: https://learn.microsoft.com/rest/api/authorization/role-definitions"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from lab.azure.arm.errors import ArmError, bad_request
from lab.azure.arm.gateway import Call, Operation, ResourceType, answer, nothing, page, versions
from lab.azure.roles import BUILT_IN, Role, allows
from lab.azure.state import CustomRole, now, replaced

TYPE = "Microsoft.Authorization/roleDefinitions"
DEFINITIONS = ResourceType(
    "Microsoft.Authorization",
    "roleDefinitions",
    versions("""
        2015-07-01 2018-01-01-preview 2022-04-01 2022-05-01-preview
    """),
)
BUILT_IN_TIMES = {"createdOn": "2015-02-02T21:55:09.8806423Z", "updatedOn": "2021-11-11T20:13:47.8628684Z", "createdBy": None, "updatedBy": None}


def missing(guid: str) -> ArmError:
    return ArmError(404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{guid}' does not exist.")


def _scope(call: Call) -> str:
    return "/" + call["scope"].strip("/")


def _view(call: Call, role: Role, kind: str, times: Mapping[str, Any]) -> dict[str, Any]:
    subscription = re.match(r"subscriptions/[^/]+", call["scope"], re.IGNORECASE)
    properties = {
        "roleName": role.name,
        "type": kind,
        "description": role.description,
        "assignableScopes": list(role.assignable_scopes),
        "permissions": [role.permissions()],
        **times,
    }
    return {"properties": properties, "id": f"{'/' + subscription[0] if subscription else ''}/providers/{TYPE}/{role.guid}", "type": TYPE, "name": role.guid}


def _custom(call: Call, custom: CustomRole, **times: Any) -> dict[str, Any]:
    return _view(call, custom.role, "CustomRole", {**custom.properties, **times})


def _visible(call: Call) -> list[dict[str, Any]]:
    """The definitions that can be assigned on the scope of the call."""
    custom = [_custom(call, each) for each in call.azure.state.custom_roles.values() if each.role.reaches(_scope(call))]
    return custom + [_view(call, role, "BuiltInRole", BUILT_IN_TIMES) for role in BUILT_IN.values()]


async def _get(call: Call) -> Response:
    found = next((view for view in _visible(call) if view["name"] == call["name"].lower()), None)
    if found is None:
        raise missing(call["name"])
    return answer(found)


async def _list(call: Call) -> Response:
    """`$filter` knows `roleName eq`, `type eq` and `atScopeAndBelow()`; names without case."""
    found = _visible(call)
    for term in re.split(r"\s+and\s+", call.odata_filter) if call.odata_filter else []:
        match = re.fullmatch(r"(roleName|type) eq '((?:[^']|'')*)'|atScopeAndBelow\(\)", term, re.IGNORECASE)
        if not match:
            raise bad_request(f"The filter '{call.odata_filter}' is not supported.", "InvalidFilter")
        if match[1]:
            attribute, wanted = "roleName" if match[1].lower() == "rolename" else "type", match[2].replace("''", "'").lower()
            found = [view for view in found if view["properties"][attribute].lower() == wanted]
    return page(call, found)


async def _put(call: Call) -> Response:
    """Create or replace a custom role. Its assignments follow it after `Settings.custom_role_delay`."""
    kept, role, at = call.azure.state.custom_roles, _wanted(call), f"{datetime.fromtimestamp(now(), UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
    others = [each.role for guid, each in kept.items() if guid != role.guid] + list(BUILT_IN.values())
    if role.guid in BUILT_IN:
        raise ArmError(403, "RoleDefinitionCannotBeUpdated", "A built-in role cannot be updated.")
    if any(role.name.lower() == other.name.lower() for other in others):
        message = f"A custom role with the same name already exists in this directory. Use a different name: '{role.name}'."
        raise ArmError(409, "RoleDefinitionWithSameNameExists", message)
    for scope in role.assignable_scopes:
        if not allows(call.azure.state.granted(call.principal_id, scope), f"{TYPE}/write"):
            message = f"The client '{call.principal_id}' does not have authorization to perform action '{TYPE}/write' over scope '{scope}'."
            raise ArmError(403, "LinkedAuthorizationFailed", message)
    if role.guid in kept:
        _goes_on(call, kept[role.guid].role)
    made = kept[role.guid].properties if role.guid in kept else {"createdOn": at, "createdBy": call.principal_id}
    kept[role.guid] = CustomRole(role, {**made, "updatedOn": at, "updatedBy": call.principal_id})
    call.azure.save()
    return answer(_custom(call, kept[role.guid], createdBy=None), 201)


def _goes_on(call: Call, role: Role) -> None:
    """A custom role that is changed or deleted is in effect as before until that has propagated."""
    state = call.azure.state
    state.former_roles = replaced(state.former_roles, role, state.settings.custom_role_delay)


def _wanted(call: Call) -> Role:
    """The role that the body describes; of several permissions the first, as Azure supports no more."""
    name, scopes, permissions = (call.required("properties", key) for key in ("roleName", "assignableScopes", "permissions"))
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", call["name"]):
        raise bad_request(f"The role definition ID '{call['name']}' is not valid. The role definition ID must be a GUID.", "InvalidRoleDefinitionId")
    if not isinstance(permissions, list) or not isinstance(permissions[0], dict) or not isinstance(scopes, list):
        raise bad_request("The permissions and assignable scopes of a role definition are lists.", "InvalidRoleDefinition")
    actions = {key: tuple(map(str, permissions[0].get(key) or ())) for key in ("actions", "notActions", "dataActions", "notDataActions")}
    return Role(
        name=str(name),
        guid=call["name"].lower(),
        description=str(call.properties().get("description") or ""),
        actions=actions["actions"],
        not_actions=actions["notActions"],
        data_actions=actions["dataActions"],
        not_data_actions=actions["notDataActions"],
        assignable_scopes=tuple(map(str, scopes)),
    )


async def _delete(call: Call) -> Response:
    state, guid = call.azure.state, call["name"].lower()
    if guid in BUILT_IN:
        raise ArmError(403, "RoleDefinitionCannotBeDeleted", "A built-in role cannot be deleted.")
    if guid not in state.custom_roles:
        return nothing(204)
    if any(assignment.role_definition_id.rpartition("/")[2].lower() == guid for assignment in state.role_assignments.values()):
        raise bad_request("There are existing role assignments referencing role (code: RoleDefinitionHasAssignments).", "RoleDefinitionHasAssignments")
    removed = state.custom_roles.pop(guid)
    _goes_on(call, removed.role)
    call.azure.save()
    return answer(_custom(call, removed))


OPERATIONS = [
    Operation("GET", f"/{{scope:path}}providers/{TYPE}", f"{TYPE}/read", DEFINITIONS, _list),
    Operation("GET", f"/{{scope:path}}providers/{TYPE}/{{name}}", f"{TYPE}/read", DEFINITIONS, _get),
    Operation("PUT", f"/{{scope:path}}providers/{TYPE}/{{name}}", f"{TYPE}/write", DEFINITIONS, _put),
    Operation("DELETE", f"/{{scope:path}}providers/{TYPE}/{{name}}", f"{TYPE}/delete", DEFINITIONS, _delete),
]
