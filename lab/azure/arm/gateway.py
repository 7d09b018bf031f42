"""The front of Resource Manager: who calls, which api-version, with what permission, on what; then the operation of the resource type."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.azure.arm import conditions, tags
from lab.azure.arm.errors import ArmError, bad_request, group_being_deleted, group_not_found, location_conflict
from lab.azure.context import Azure, note
from lab.azure.roles import allows
from lab.azure.state import guid

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = SUBSCRIPTION + "/resourceGroups/{group}"


@dataclass(frozen=True)
class Call:
    """One request that passed the front. Names from the path keep the case in which the caller wrote them."""

    azure: Azure
    request: Request
    principal_id: str
    version: str
    """The api-version."""
    body: dict[str, Any]

    def __getitem__(self, parameter: str) -> str:
        """A parameter of the path."""
        value: str = self.request.path_params[parameter]
        return value

    @property
    def key(self) -> str:
        """What the path names, lower-cased: the key in `State`."""
        return self.request.url.path.rstrip("/").lower()

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self['subscription']}/resourceGroups/{self['group']}"

    @property
    def odata_filter(self) -> str:
        return self.request.query_params.get("$filter", "").strip()

    def required(self, *path: str) -> Any:
        """The value at `path` in the body. Raises `ArmError` when it is missing, null or empty."""
        value: Any = self.body
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if value in (None, "", []):
            what = "location" if path == ("location",) else ".".join(path)
            code = "LocationRequired" if path == ("location",) else "InvalidRequestContent"
            raise bad_request(f"The {what} property is required for this definition.", code)
        return value

    def location(self, existing: str | None = None) -> str:
        """The location of the body as Azure keeps it (`East US` is `eastus`); `existing` may not change."""
        wanted = str(self.required("location")).replace(" ", "").lower()
        if existing is not None and existing != wanted:
            raise location_conflict(self["name"], self["group"], existing, wanted)
        return wanted

    def properties(self) -> dict[str, Any]:
        """`properties` of the body; empty when it has none."""
        value = self.body.get("properties")
        if value is not None and not isinstance(value, dict):
            raise bad_request("The request content was invalid and could not be deserialized: 'properties' is not an object.", "InvalidRequestContent")
        return value or {}

    def tags(self, existing: dict[str, str] | None = None) -> dict[str, str]:
        """The tags of the body, else `existing`."""
        value = self.body.get("tags")
        if value is None:
            return existing or {}
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise bad_request("The request content was invalid and could not be deserialized: tags are strings by name.", "InvalidRequestContent")
        # https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources
        if len({name.lower() for name in value}) < len(value):
            raise bad_request("The request content was invalid and could not be deserialized: a tag's name is there twice.", "InvalidRequestContent")
        tags.check(value)
        return value


Handler = Callable[[Call], Awaitable[Response]]


def versions(text: str) -> tuple[str, ...]:
    """Api-versions, oldest first, from a text with blanks between them."""
    return tuple(text.split())


@dataclass(frozen=True)
class ResourceType:
    """A type of a resource provider and the api-versions that it answers to."""

    namespace: str
    name: str
    versions: Sequence[str]


@dataclass(frozen=True)
class Operation:
    """What Resource Manager does for one method on one kind of path."""

    method: str
    path: str
    action: str | None
    """The permission it needs, such as `Microsoft.KeyVault/vaults/write`; None: to be signed in is enough."""
    type: ResourceType
    handler: Handler


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(body, status_code=status, headers=headers)


def nothing(status: int, headers: dict[str, str] | None = None) -> Response:
    """An answer without content."""
    return Response(status_code=status, headers=headers)


def page(call: Call, items: Sequence[dict[str, Any]]) -> Response:
    """A list, in pages of `$top` when the caller asks for that."""
    query = call.request.query_params
    try:
        start, size = int(query.get("$skiptoken", "0")), int(query.get("$top", str(len(items) or 1)))
    except ValueError:
        raise bad_request("The value of $top or $skiptoken is invalid.", "InvalidQueryParameterValue") from None
    body: dict[str, Any] = {"value": items[start : start + size]}
    if start + size < len(items):
        body["nextLink"] = str(call.request.url.include_query_params(**{"$skiptoken": start + size}))
    return answer(body)


def build(azure: Azure, operations: Sequence[Operation], open_routes: Sequence[Route]) -> Starlette:
    """Resource Manager with these operations; `open_routes` need no token."""
    routes = [*open_routes, *(_route(azure, operation) for operation in operations)]
    for route in routes:
        route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
    known = {operation.type.namespace.lower() for operation in operations}

    async def arm_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ArmError)
        note(request, error=error.code)
        return _with_ids(answer({"error": {"code": error.code, "message": error.message}}, error.status, error.headers), request)

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        _authenticate(azure, request)
        _version(request)
        return await arm_error(request, _no_such_route(request, error.status_code, known))

    async def unrouted(request: Request, error: Exception) -> Response:
        try:
            return await http_error(request, error)
        except ArmError as failure:
            return await arm_error(request, failure)

    return Starlette(routes=routes, exception_handlers={ArmError: arm_error, HTTPException: unrouted})


def _route(azure: Azure, operation: Operation) -> Route:
    async def endpoint(request: Request) -> Response:
        claims = _authenticate(azure, request)
        version = _version(request)
        _subscription(azure, request)
        if version not in operation.type.versions:
            raise _unknown_version(request, operation.type, version)
        _authorize(azure, request, claims, operation.action, await _assigned(azure, request))
        _group(azure, request, operation)
        call = Call(azure, request, claims["oid"], version, await _body(request))
        call.tags()  # Resource Manager refuses them before the provider sees the request.
        return _with_ids(await operation.handler(call), request)

    route = Route(operation.path, endpoint)
    route.methods = {operation.method}  # Route would add HEAD to GET
    return route


def _authenticate(azure: Azure, request: Request) -> dict[str, Any]:
    """Claims of the caller's token. Raises `ArmError` 401 as Resource Manager answers."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not token or scheme.lower() != "bearer":
        raise _unauthenticated(azure, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
    try:
        claims = azure.tokens.verify_access_token(token, azure.arm_audiences)
    except jwt.ExpiredSignatureError:
        raise _unauthenticated(azure, "ExpiredAuthenticationToken", _expired(token)) from None
    except jwt.InvalidAudienceError:
        got = jwt.decode(token, options={"verify_signature": False}).get("aud")
        allowed = ",".join(f"'{audience}'" for audience in azure.arm_audiences)
        message = f"The access token has been obtained for wrong audience or resource '{got}'. "
        message += f"It should exactly match with one of the allowed audiences {allowed}."
        raise _unauthenticated(azure, "InvalidAuthenticationTokenAudience", message) from None
    except jwt.InvalidIssuerError:
        got = jwt.decode(token, options={"verify_signature": False}).get("iss")
        message = f"The access token is from the wrong issuer '{got}'. It must match the tenant '{azure.tokens.issuer}' associated with this subscription."
        raise _unauthenticated(azure, "InvalidAuthenticationTokenTenant", message) from None
    except jwt.InvalidTokenError:
        raise _unauthenticated(azure, "InvalidAuthenticationToken", "The access token is invalid.") from None
    note(request, principal=claims["oid"])
    return claims


def _expired(token: str) -> str:
    expiry = datetime.fromtimestamp(jwt.decode(token, options={"verify_signature": False})["exp"], UTC)
    words = "%m/%d/%Y %I:%M:%S %p"
    return f"The access token expiry UTC time '{expiry:{words}}' is earlier than current UTC time '{datetime.now(UTC):{words}}'."


def _unauthenticated(azure: Azure, code: str, message: str) -> ArmError:
    challenge = f'Bearer authorization_uri="{azure.login_url}/{azure.state.tenant}", error="invalid_token", error_description="{message}"'
    return ArmError(401, code, message, {"WWW-Authenticate": challenge})


def _version(request: Request) -> str:
    version = request.query_params.get("api-version")
    if not version:
        raise bad_request("The api-version query parameter (?api-version=) is required for all requests.", "MissingApiVersionParameter")
    return version


def _unknown_version(request: Request, kind: ResourceType, version: str) -> ArmError:
    supported = ", ".join(kind.versions)
    if "group" not in request.path_params:
        message = f"The resource type '{kind.name}' could not be found in the namespace '{kind.namespace}' for api version '{version}'. "
        return ArmError(404, "InvalidResourceType", message + f"The supported api-versions are '{supported}'.")
    message = f"No registered resource provider found for location 'eastus' and API version '{version}' for type '{kind.name}'. "
    return bad_request(message + f"The supported api-versions are '{supported}'.", "NoRegisteredProviderFound")


def _subscription(azure: Azure, request: Request) -> None:
    match = re.match(r"/subscriptions/([^/]+)", request.url.path, re.IGNORECASE)
    if match and match[1].lower() != azure.state.subscription.lower():
        if not re.fullmatch(r"[0-9a-fA-F-]{36}", match[1]):
            raise bad_request(f"The provided subscription identifier '{match[1]}' is malformed or invalid.", "InvalidSubscriptionId")
        raise ArmError(404, "SubscriptionNotFound", f"The subscription '{match[1]}' could not be found.", {"x-ms-failure-cause": "gateway"})


def scope_of(request: Request) -> str:
    """The path without doubled slashes, which Resource Manager overlooks: the SDK writes them where a resource has no parent."""
    return re.sub("/+", "/", request.url.path.rstrip("/"))


def _authorize(azure: Azure, request: Request, claims: dict[str, Any], action: str | None, assigned: str) -> None:
    scope = scope_of(request)
    if action is None:
        return
    note(request, action=action)
    if allows(azure.state.granted(claims["oid"], scope, lambda condition: conditions.holds(condition, action, assigned)), action):
        return
    message = (
        f"The client '{claims['appid']}' with object id '{claims['oid']}' does not have authorization to perform action '{action}' over scope '{scope}' "
        "or the scope is invalid. If access was recently granted, please refresh your credentials."
    )
    raise ArmError(403, "AuthorizationFailed", message, {"x-ms-failure-cause": "gateway"})


async def _assigned(azure: Azure, request: Request) -> str:
    """GUID of the role that a request assigns or takes away, by which conditions decide; empty where it does neither."""
    existing = azure.state.role_assignments.get(request.url.path.rstrip("/").lower())
    if request.method == "DELETE" and existing:
        return existing.role_definition_id.rpartition("/")[2]
    found = re.search(rb'"roleDefinitionId":\s*"[^"]*/([0-9a-fA-F-]{36})"', await request.body()) if request.method == "PUT" else None
    return found[1].decode() if found else ""


def _group(azure: Azure, request: Request, operation: Operation) -> None:
    """Whatever lies in a resource group needs the group, and nothing is written into one that is being deleted."""
    named = re.match(r"/subscriptions/[^/]+/resourcegroups/([^/]+)", request.url.path, re.IGNORECASE)
    kept = azure.state.resource_groups.get(named[0].lower()) if named else None
    if named and kept and request.method in ("PUT", "PATCH") and kept["properties"]["provisioningState"] == "Deleting":
        raise group_being_deleted(named[1])
    group = request.path_params.get("group")
    if not group or operation.type.name == "resourceGroups":
        return
    if f"/subscriptions/{azure.state.subscription}/resourcegroups/{group}".lower() not in azure.state.resource_groups:
        raise group_not_found(group)


async def _body(request: Request) -> dict[str, Any]:
    content = await request.body()
    if not content:
        return {}
    try:
        body = json.loads(content)
    except ValueError as error:
        raise bad_request(f"The request content was invalid and could not be deserialized: '{error}'.", "InvalidRequestContent") from error
    if not isinstance(body, dict):
        raise bad_request("The request content was invalid and could not be deserialized: it is not an object.", "InvalidRequestContent")
    return body


def _no_such_route(request: Request, status: int, known: set[str]) -> ArmError:
    if status == 405:
        return ArmError(405, "MethodNotAllowed", f"The requested resource does not support http method '{request.method}'.")
    provider = re.search(r"/providers/([^/]+)(?:/([^/]+))?", request.url.path, re.IGNORECASE)
    if provider and provider[1].lower() not in known:
        return ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{provider[1]}' is invalid.")
    if provider and provider[2]:
        version = request.query_params["api-version"]
        message = f"The resource type '{provider[2]}' could not be found in the namespace '{provider[1]}' for api version '{version}'."
        return ArmError(404, "InvalidResourceType", message)
    return ArmError(404, "NotFound", f"No HTTP resource was found that matches the request URI '{request.url.path}'.")


def _with_ids(response: Response, request: Request) -> Response:
    ids = request.headers.get("x-ms-correlation-request-id") or guid()
    response.headers["x-ms-request-id"] = guid()
    response.headers["x-ms-correlation-request-id"] = ids
    response.headers["x-ms-routing-request-id"] = f"EASTUS:{datetime.now(UTC):%Y%m%dT%H%M%SZ}:{ids}"
    if request.headers.get("x-ms-return-client-request-id", "").lower() == "true" and "x-ms-client-request-id" in request.headers:
        response.headers["x-ms-client-request-id"] = request.headers["x-ms-client-request-id"]
    return response
