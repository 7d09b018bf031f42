"""What the caller may do: https://learn.microsoft.com/rest/api/authorization/permissions"""

from __future__ import annotations

from starlette.responses import Response

from lab.azure.arm.errors import group_not_found
from lab.azure.arm.gateway import SUBSCRIPTION, Call, Operation, ResourceType, answer, scope_of, versions

PERMISSIONS = ResourceType(
    "Microsoft.Authorization",
    "permissions",
    versions(
        "2014-07-01-preview 2014-10-01-preview 2015-05-01-preview 2015-06-01 2015-07-01 2016-07-01 2018-01-01-preview 2018-07-01 2022-04-01 2022-05-01-preview"
    ),
)


async def _list(call: Call) -> Response:
    """Of each role that the caller has on the scope or above, with a condition or without."""
    if f"/subscriptions/{call['subscription']}/resourcegroups/{call['within'].split('/')[0]}".lower() not in call.azure.state.resource_groups:
        raise group_not_found(call["within"].split("/")[0])
    scope = scope_of(call.request).lower().rpartition("/providers/")[0]
    return answer({"value": [role.permissions() for role in call.azure.state.granted(call.principal_id, scope, lambda condition: True)]})


OPERATIONS = [
    Operation(
        "GET",
        SUBSCRIPTION + "/resourceGroups/{within:path}/providers/Microsoft.Authorization/permissions",
        "Microsoft.Authorization/permissions/read",
        PERMISSIONS,
        _list,
    ),
]
