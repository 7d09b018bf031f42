"""Role definitions, built-in ones only: https://learn.microsoft.com/rest/api/authorization/role-definitions"""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from lab.azure.arm.errors import ArmError, bad_request
from lab.azure.arm.gateway import Call, Operation, ResourceType, answer, page, versions
from lab.azure.roles import BUILT_IN, Role

TYPE = "Microsoft.Authorization/roleDefinitions"
DEFINITIONS = ResourceType(
    "Microsoft.Authorization",
    "roleDefinitions",
    versions("""
        2015-07-01 2018-01-01-preview 2022-04-01 2022-05-01-preview
    """),
)


def missing(guid: str) -> ArmError:
    return ArmError(404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{guid}' does not exist.")


def _view(call: Call, role: Role) -> dict[str, Any]:
    subscription = re.match(r"subscriptions/[^/]+", call["scope"], re.IGNORECASE)
    properties = {
        "roleName": role.name,
        "type": "BuiltInRole",
        "description": role.description,
        "assignableScopes": ["/"],
        "permissions": [role.permissions()],
        "createdOn": "2015-02-02T21:55:09.8806423Z",
        "updatedOn": "2021-11-11T20:13:47.8628684Z",
        "createdBy": None,
        "updatedBy": None,
    }
    return {"properties": properties, "id": f"{'/' + subscription[0] if subscription else ''}/providers/{TYPE}/{role.guid}", "type": TYPE, "name": role.guid}


async def _get(call: Call) -> Response:
    role = BUILT_IN.get(call["name"].lower())
    if role is None:
        raise missing(call["name"])
    return answer(_view(call, role))


async def _list(call: Call) -> Response:
    """`$filter` knows `roleName eq`, `type eq` and `atScopeAndBelow()`; names without case."""
    found = list(BUILT_IN.values())
    for term in re.split(r"\s+and\s+", call.odata_filter) if call.odata_filter else []:
        match = re.fullmatch(r"(roleName|type) eq '((?:[^']|'')*)'|atScopeAndBelow\(\)", term, re.IGNORECASE)
        if not match:
            raise bad_request(f"The filter '{call.odata_filter}' is not supported.", "InvalidFilter")
        if match[1] and match[1].lower() == "rolename":
            found = [role for role in found if role.name.lower() == match[2].replace("''", "'").lower()]
        elif match[1] and match[2].lower() != "builtinrole":
            found = []
    return page(call, [_view(call, role) for role in found])


OPERATIONS = [
    Operation("GET", f"/{{scope:path}}providers/{TYPE}", f"{TYPE}/read", DEFINITIONS, _list),
    Operation("GET", f"/{{scope:path}}providers/{TYPE}/{{name}}", f"{TYPE}/read", DEFINITIONS, _get),
]
