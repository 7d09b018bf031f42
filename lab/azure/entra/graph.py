"""Microsoft Graph: which service principals there are. https://learn.microsoft.com/graph/api/directoryobject-getbyids and .../serviceprincipal-list"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import jwt
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.azure.context import Azure, note
from lab.azure.entra.directory import Principal, principals
from lab.azure.state import guid

RESOURCE = "https://graph.microsoft.com"
READERS = {f"{what}.{access}.All" for what in ("Application", "Directory") for access in ("Read", "ReadWrite")}
"""Application permissions with which an application may read service principals. Roles of Azure, Owner included, give none of them."""
MOST = 1000


class GraphError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def app(azure: Azure) -> Starlette:
    """Graph at its root: version 1.0."""
    graph = _Graph(azure)
    routes = [
        Route("/v1.0/directoryObjects/getByIds", graph.reading(graph.get_by_ids), methods=["POST"]),
        Route("/v1.0/servicePrincipals", graph.reading(graph.service_principals), methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers={GraphError: _refuse, HTTPException: _no_such_route})


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, GraphError)
    note(request, error=error.code)
    inner = {"date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}", "request-id": guid(), "client-request-id": request.headers.get("client-request-id") or guid()}
    return JSONResponse({"error": {"code": error.code, "message": error.message, "innerError": inner}}, status_code=error.status)


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return await _refuse(request, GraphError(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."))
    return await _refuse(request, GraphError(400, "BadRequest", f"Resource not found for the segment '{request.url.path.rpartition('/')[2]}'."))


class _Graph:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def reading(self, operation: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of an operation that lists what its caller may read."""

        async def endpoint(request: Request) -> Response:
            self._authorize(request)
            return JSONResponse({"@odata.context": f"{RESOURCE}/v1.0/$metadata#directoryObjects", "value": await operation(request)})

        return endpoint

    def _authorize(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token or scheme.lower() != "bearer":
            raise GraphError(401, "InvalidAuthenticationToken", "Access token is empty.")
        try:
            object_id = self._azure.tokens.verify_access_token(token, [RESOURCE, self._azure.graph_url])["oid"]
        except jwt.ExpiredSignatureError:
            raise GraphError(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.") from None
        except jwt.InvalidAudienceError:
            raise GraphError(401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience.") from None
        except jwt.InvalidTokenError:
            raise GraphError(401, "InvalidAuthenticationToken", "Access token validation failure.") from None
        note(request, principal=object_id)
        applications = self._azure.state.service_principals.values()
        if not any(one.object_id == object_id and READERS & set(one.graph_permissions) for one in applications):
            raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")

    async def get_by_ids(self, request: Request) -> list[dict[str, Any]]:
        """Those of `ids` that exist; `types` narrows it to some kinds of objects, of which the tenant has service principals only."""
        try:
            body = json.loads(await request.body())
            ids, types = [str(one) for one in body["ids"]], body.get("types", ["directoryObject"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise GraphError(400, "Request_BadRequest", "The ids of the objects are missing.") from None
        if len(ids) > MOST:
            raise GraphError(400, "Request_BadRequest", f"Too many ids: at most {MOST} are allowed.")
        for one in ids:
            if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", one):
                raise GraphError(400, "Request_BadRequest", f"Invalid GUID:{one}")
        known = principals(self._azure.state) if {"directoryObject", "servicePrincipal"} & set(types) else {}
        found = (known.get(one.lower()) for one in dict.fromkeys(ids))
        return [{"@odata.type": "#microsoft.graph.servicePrincipal", **_view(one, self._azure.state.tenant)} for one in found if one]

    async def service_principals(self, request: Request) -> list[dict[str, Any]]:
        """`$filter` knows `servicePrincipalNames/any(c:c eq '…')` and `appId eq '…'`."""
        everybody, wanted = principals(self._azure.state).values(), request.query_params.get("$filter", "").strip()
        match = re.fullmatch(r"(?:servicePrincipalNames/any\((\w+):\1 eq '([^']*)'\)|appId eq '([^']*)')", wanted, re.IGNORECASE)
        if wanted and not match:
            raise GraphError(400, "Request_UnsupportedQuery", f"Unsupported or invalid query filter clause specified: {wanted}.")
        return [_view(one, self._azure.state.tenant) for one in everybody if not match or one.client_id.lower() == (match[2] or match[3] or "").lower()]


def _view(principal: Principal, tenant: str) -> dict[str, Any]:
    return {
        "id": principal.object_id,
        "accountEnabled": True,
        "alternativeNames": [f"isExplicit={'/userAssignedIdentities/' in principal.resource_id}", principal.resource_id] if principal.resource_id else [],
        "appDisplayName": principal.name if principal.kind == "Application" else None,
        "appId": principal.client_id,
        "appOwnerOrganizationId": tenant if principal.kind == "Application" else None,
        "displayName": principal.name,
        "servicePrincipalNames": [principal.client_id],
        "servicePrincipalType": principal.kind,
    }
