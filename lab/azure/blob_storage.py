"""Blob Storage data plane: `<account>.blob.core.windows.net`. Of containers the properties; block blobs are written whole, read and deleted.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from ipaddress import ip_address, ip_network
from typing import Any
from xml.sax.saxutils import escape

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lab.azure.context import Azure, note
from lab.azure.reset import UnreachableError, no_answer
from lab.azure.roles import Role, allows, allows_data
from lab.azure.state import Blob, Container, State, StorageAccount, guid, now

TYPE = "Microsoft.Storage/storageAccounts"
AUDIENCE = "https://storage.azure.com"
FIRST_VERSION = "2019-12-12"
"""From it on, a request without a token is answered with where to get one. Tokens are taken from 2017-11-09 on, but no client of today asks so."""
_CONTAINERS = f"{TYPE}/blobServices/containers"
READ_CONTAINER = f"{_CONTAINERS}/read"
READ, WRITE, DELETE = (f"{_CONTAINERS}/blobs/{action}" for action in ("read", "write", "delete"))
_VERSION = re.compile(r"20\d\d-\d\d-\d\d")

_Permits = Callable[[list[Role]], bool]


class BlobError(Exception):
    """A request that is answered with an error, in Blob Storage's form."""

    def __init__(self, status: int, code: str, message: str, *, detail: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.detail, self.headers = status, code, message, detail, headers or {}


def new_account(state: State, group: str, name: str, location: str, *containers: str) -> StorageAccount:
    """Create a storage account with these private containers; with the properties that Azure gives to a new one."""
    resource_id = f"/subscriptions/{state.subscription}/resourceGroups/{group}/providers/{TYPE}/{name}"
    properties = {"allowBlobPublicAccess": False, "publicNetworkAccess": "Enabled", "networkAcls": {"defaultAction": "Allow", "ipRules": []}}
    account = StorageAccount(resource_id, name, location, {}, properties, {each: Container() for each in containers})
    state.storage_accounts[resource_id.lower()] = account
    return account


def app(azure: Azure) -> Starlette:
    """Serves every storage account that exists, by the request's host name."""

    async def container(request: Request) -> Response:
        account = _opened(azure, request, READ_CONTAINER, lambda roles: allows(roles, READ_CONTAINER))
        found = _container(account, request)
        headers = {"x-ms-lease-status": "unlocked", "x-ms-lease-state": "available", "x-ms-has-immutability-policy": "false", "x-ms-has-legal-hold": "false"}
        return _answer(request, headers=headers | ({"x-ms-blob-public-access": found.public_access} if found.public_access else {}))

    async def put(request: Request) -> Response:
        account = _opened(azure, request, WRITE, lambda roles: allows_data(roles, WRITE))
        content, (blobs, name) = await request.body(), _place(account, request)
        if request.headers.get("x-ms-blob-type") != "BlockBlob":
            raise BlobError(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.")
        if name in blobs and request.headers.get("if-none-match") == "*":
            raise BlobError(409, "BlobAlreadyExists", "The specified blob already exists.")
        _condition(request, blobs.get(name))
        content_type = request.headers.get("x-ms-blob-content-type") or request.headers.get("content-type") or "application/octet-stream"
        blobs[name] = Blob(base64.b64encode(content).decode(), content_type, f'"0x8{guid().replace("-", "")[:14].upper()}"', now())
        azure.save()
        return _answer(request, 201, headers={**_dates(blobs[name]), "x-ms-request-server-encrypted": "true"})

    async def get(request: Request) -> Response:
        account = _opened(azure, request, READ, lambda roles: allows_data(roles, READ))
        blobs, name = _place(account, request)
        found = _existing(blobs, name)
        _condition(request, found)
        content = base64.b64decode(found.content)
        headers = {**_dates(found), "Content-Type": found.content_type, "x-ms-blob-type": "BlockBlob", "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("x-ms-range") or request.headers.get("range") or "")
        if request.method == "HEAD" or not asked:
            return _answer(request, content=content, headers=headers)
        first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        if first > last:
            raise BlobError(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
        return _answer(request, 206, content[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{len(content)}"})

    async def delete(request: Request) -> Response:
        account = _opened(azure, request, DELETE, lambda roles: allows_data(roles, DELETE))
        blobs, name = _place(account, request)
        _condition(request, _existing(blobs, name))
        del blobs[name]
        azure.save()
        return _answer(request, 202)

    async def something_else(request: Request) -> Response:
        _authenticate(azure, request)
        raise BlobError(400, "UnsupportedHttpVerb", f"The lab does not emulate {request.method} {request.url.path}.")

    blob = "/{container}/{blob:path}"
    routes = [
        Route(blob, put, methods=["PUT"]),
        Route(blob, get, methods=["GET"]),
        Route(blob, delete, methods=["DELETE"]),
        Route("/{container}", container, methods=["GET"]),
        Route("/{rest:path}", something_else, methods=["GET", "PUT", "POST", "DELETE"]),
    ]
    return Starlette(routes=routes, exception_handlers={BlobError: _refusal, UnreachableError: no_answer})


def _opened(azure: Azure, request: Request, action: str, permits: _Permits) -> StorageAccount:
    """The storage account that the request names, if its caller may do that there; whether the container exists is asked later, as in Azure."""
    account = azure.state.storage_account_named((request.url.hostname or "").partition(".")[0])
    if not account:
        raise UnreachableError
    claims = _authenticate(azure, request)
    note(request, principal=claims["oid"], action=action)
    _admit(account, request.client.host if request.client else "")
    scope = f"{account.id}/blobServices/default/containers/{request.path_params['container']}"
    if not permits(azure.state.granted(claims["oid"], scope)):
        raise BlobError(403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission.")
    # Which operation it is, its query may say: a block, a lease, a list. None of them is emulated.
    if request.query_params.get("comp"):
        raise BlobError(400, "InvalidQueryParameterValue", f"The lab does not emulate comp={request.query_params['comp']}.")
    return account


def _authenticate(azure: Azure, request: Request) -> dict[str, Any]:
    """Claims of the caller's Entra token for Azure Storage; without a good one the answer says where to get it."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    version = request.headers.get("x-ms-version", "")
    if not _VERSION.fullmatch(version) or version < FIRST_VERSION:
        if not token:
            raise BlobError(409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")
        detail = "Authentication scheme Bearer is not supported in this version."
        message = "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature."
        raise BlobError(403, "AuthenticationFailed", message, detail=detail)
    code, detail = "InvalidAuthenticationInfo", ""
    try:
        if kind.lower() == "bearer" and token:
            return azure.tokens.verify_access_token(token, [AUDIENCE])
        code = "NoAuthenticationInformation"
    except jwt.InvalidAudienceError:
        detail = "Audience validation failed. Audience did not match."
    except jwt.InvalidIssuerError:
        detail = "Issuer validation failed. Issuer did not match."
    except jwt.ExpiredSignatureError:
        detail = "Lifetime validation failed. The token is expired."
    except jwt.InvalidTokenError:
        detail = "Signature validation failed."
    challenge = f"Bearer authorization_uri=https://login.microsoftonline.com/{azure.state.tenant}/oauth2/authorize resource_id={AUDIENCE}"
    message = "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
    raise BlobError(401, code, message, detail=detail, headers={"WWW-Authenticate": challenge})


def _admit(account: StorageAccount, address: str) -> None:
    """Raise BlobError 403 where the account's network keeps the caller out, whatever the caller may do. There are no private endpoints.

    https://learn.microsoft.com/azure/storage/common/storage-network-security
    """
    rules = account.properties.get("networkAcls") or {}
    denied = rules.get("defaultAction") == "Deny" and not any(ip_address(address) in ip_network(rule["value"]) for rule in rules.get("ipRules") or ())
    if account.properties.get("publicNetworkAccess") == "Disabled" or denied:
        raise BlobError(403, "AuthorizationFailure", "This request is not authorized to perform this operation.")


def _container(account: StorageAccount, request: Request) -> Container:
    found = account.containers.get(request.path_params["container"])
    if not found:
        raise BlobError(404, "ContainerNotFound", "The specified container does not exist.")
    return found


def _place(account: StorageAccount, request: Request) -> tuple[dict[str, Blob], str]:
    """The blobs of the container, and the name of the one that is asked for."""
    return _container(account, request).blobs, request.path_params["blob"]


def _existing(blobs: dict[str, Blob], name: str) -> Blob:
    if name not in blobs:
        raise BlobError(404, "BlobNotFound", "The specified blob does not exist.")
    return blobs[name]


def _condition(request: Request, blob: Blob | None) -> None:
    """Raise BlobError 412 where the blob has another ETag than the request wants to meet."""
    wanted = request.headers.get("if-match")
    if wanted and wanted not in ("*" if blob else "", blob.etag if blob else ""):
        raise BlobError(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")


def _dates(blob: Blob) -> dict[str, str]:
    return {"ETag": blob.etag, "Last-Modified": format_datetime(datetime.fromtimestamp(int(blob.modified), UTC), usegmt=True)}


def _answer(request: Request, status: int = 200, content: bytes = b"", headers: dict[str, str] | None = None) -> Response:
    return Response(content, status, {"x-ms-request-id": guid(), "x-ms-version": request.headers.get("x-ms-version", ""), **(headers or {})})


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, BlobError)
    note(request, error=error.code)
    request_id, at = guid(), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
    detail = f"<AuthenticationErrorDetail>{escape(error.detail)}</AuthenticationErrorDetail>" if error.detail else ""
    message = f"{escape(error.message)}\nRequestId:{request_id}\nTime:{at}"
    body = f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>{error.code}</Code><Message>{message}</Message>{detail}</Error>'
    headers = {"x-ms-error-code": error.code, "x-ms-request-id": request_id, "x-ms-version": request.headers.get("x-ms-version", ""), **error.headers}
    return Response(b"" if request.method == "HEAD" else body.encode(), error.status, headers, media_type="application/xml")
