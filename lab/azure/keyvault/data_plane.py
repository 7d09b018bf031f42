"""Key Vault data plane: `<vault>.vault.azure.net`, secrets, which are read only, keys that are read and sign (keys.py), and certificates (certificates.py).

https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.azure.context import Azure, note
from lab.azure.keyvault import access, certificates, issuing, keys
from lab.azure.keyvault.errors import KeyVaultError, not_found
from lab.azure.reset import UnreachableError, no_answer
from lab.azure.state import Vault, now

VERSIONS = [
    "2015-06-01", "2016-10-01", "7.0", "7.1", "7.2-preview", "7.2", "7.3-preview", "7.3", "7.4-preview.1", "7.4", "7.5-preview.1", "7.5",
    "7.6-preview.1", "7.6-preview.2", "7.6", "2025-07-01",
]  # fmt: skip
"""Api-versions, oldest first: https://learn.microsoft.com/dotnet/api/azure.security.keyvault.secrets.secretclientoptions.serviceversion"""
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")


def app(azure: Azure) -> Starlette:
    """Serves every vault that exists, by the request's host name."""

    async def secret(request: Request) -> Response:
        vault, name, version = _opened(azure, request, access.SECRETS, "get")
        stored = {key.lower(): key for key in vault.secrets}.get(name.lower())
        kept = vault.secrets.get(stored or "")
        found = kept.versions.get(version or kept.latest) if kept else None
        if not stored or not kept or not found:
            raise not_found("secret", name, version)
        if not found.enabled:
            raise KeyVaultError(403, "Forbidden", "Operation get is not allowed on a disabled secret.", inner="SecretDisabled")
        host, version, of_certificate = request.url.hostname, version or kept.latest, stored in vault.certificates
        content: dict[str, Any] = {
            "value": found.value,
            "contentType": found.content_type,
            "id": f"https://{host}/secrets/{stored}/{version}",
            "attributes": certificates.attributes(found, issuing.leaf_of(found.value) if of_certificate else None),
        }
        if of_certificate:
            content |= {"kid": f"https://{host}/keys/{stored}/{version}", "managed": True}
        return JSONResponse(content)

    async def certificate(request: Request) -> Response:
        vault, name, version = _opened(azure, request, access.CERTIFICATES, "get")
        return JSONResponse(certificates.shown(vault, name, version, _host(request)))

    async def change_certificate(request: Request) -> Response:
        vault, name, version = _opened(azure, request, access.CERTIFICATES, "update")
        return _changed(certificates.change(vault, name, version, _host(request), await _body(request)))

    async def delete_certificate(request: Request) -> Response:
        vault, name, _ = _opened(azure, request, access.CERTIFICATES, "delete")
        return _changed(certificates.delete(vault, name, _host(request)))

    async def create_certificate(request: Request) -> Response:
        vault, name, _ = _opened(azure, request, access.CERTIFICATES, "create")
        operation = await certificates.create(azure, vault, name, _host(request), await _body(request))
        where = f"{operation['id']}?api-version={request.query_params['api-version']}&request_id={operation['request_id']}"
        return _changed(operation, 202, {"Location": where, **certificates.RETRY_AFTER})

    async def import_certificate(request: Request) -> Response:
        vault, name, _ = _opened(azure, request, access.CERTIFICATES, "import")
        return _changed(certificates.import_(vault, name, _host(request), await _body(request)))

    async def pending(request: Request) -> Response:
        vault, name, _ = _opened(azure, request, access.CERTIFICATES, "get")
        operation = certificates.pending(vault, name, _host(request), request.query_params.get("request_id", ""))
        return JSONResponse(operation, headers=certificates.RETRY_AFTER if operation["status"] == "inProgress" else None)

    async def cancel(request: Request) -> Response:
        vault, name, _ = _opened(azure, request, access.CERTIFICATES, "update")
        return _changed(certificates.cancel(vault, name, _host(request), await _body(request)))

    async def forget_operation(request: Request) -> Response:
        vault, name, _ = _opened(azure, request, access.CERTIFICATES, "update")
        return _changed(certificates.forget_operation(vault, name, _host(request)))

    async def policy(request: Request) -> Response:
        vault, name, _ = _opened(azure, request, access.CERTIFICATES, "get")
        return JSONResponse(certificates.policy_shown(vault, name, _host(request)))

    async def change_policy(request: Request) -> Response:
        vault, name, _ = _opened(azure, request, access.CERTIFICATES, "update")
        return _changed(certificates.change_policy(vault, name, _host(request), await _body(request)))

    async def versions(request: Request) -> Response:
        vault, name, _ = _opened(azure, request, access.CERTIFICATES, "list")
        return _page(request, certificates.versions(vault, name, _host(request)))

    async def names(request: Request) -> Response:
        vault, _name, _ = _opened(azure, request, access.CERTIFICATES, "list")
        return _page(request, certificates.names(vault, _host(request)))

    async def deleted(request: Request) -> Response:
        vault, name, _ = _opened(azure, request, access.CERTIFICATES, "get")
        return JSONResponse(certificates.deleted(vault, name, _host(request)))

    async def recover(request: Request) -> Response:
        vault, name, _ = _opened(azure, request, access.CERTIFICATES, "recover")
        return _changed(certificates.recover(vault, name, _host(request)))

    def _changed(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
        azure.save()
        return JSONResponse(content, status, headers)

    async def key(request: Request) -> Response:
        vault, name, version = _opened(azure, request, access.KEYS, "get")
        return JSONResponse(keys.shown(vault, name, version, str(request.url.hostname)))

    async def sign(request: Request) -> Response:
        vault, name, version = _opened(azure, request, access.KEYS, "sign")
        return JSONResponse(keys.signed(vault, name, version, str(request.url.hostname), await request.body()))

    async def something_else(request: Request) -> Response:
        """A caller without a token is referred to Entra, whatever the path."""
        access.authenticate(azure, request)
        raise KeyVaultError(404, "NotFound", f"The lab does not emulate {request.method} {request.url.path}.")

    def both(path: str, endpoint: Any, method: str = "GET") -> list[Route]:
        """SDKs end the path of a latest version with a slash, or not."""
        return [Route(path + end, endpoint, methods=[method]) for end in ("", "/")]

    one, of_version = "/certificates/{name}", "/certificates/{name}/{version}"
    routes = [
        *both("/certificates", names),
        *both(f"{one}/versions", versions),
        *both(f"{one}/pending", pending),
        *both(f"{one}/pending", cancel, "PATCH"),
        *both(f"{one}/pending", forget_operation, "DELETE"),
        *both(f"{one}/policy", policy),
        *both(f"{one}/policy", change_policy, "PATCH"),
        *both(f"{one}/create", create_certificate, "POST"),
        *both(f"{one}/import", import_certificate, "POST"),
        *both(one, change_certificate, "PATCH"),
        *both(of_version, change_certificate, "PATCH"),
        *both(one, delete_certificate, "DELETE"),
        *both("/deletedcertificates/{name}", deleted),
        *both("/deletedcertificates/{name}/recover", recover, "POST"),
        *both("/keys/{name}/{version}/sign", sign, "POST"),
        *(route for path, endpoint in ((one, certificate), (of_version, certificate)) for route in both(path, endpoint)),
        *(route for kind, endpoint in (("secrets", secret), ("keys", key)) for end in ("", "/{version}") for route in both(f"/{kind}/{{name}}{end}", endpoint)),
    ]
    routes.append(Route("/{rest:path}", something_else))
    return Starlette(routes=routes, exception_handlers={KeyVaultError: _refusal, UnreachableError: no_answer})


def _opened(azure: Azure, request: Request, kind: access.Kind, permission: str) -> tuple[Vault, str, str]:
    """Vault, name and version (empty: the latest) that the request names, if its caller may do that with it."""
    vault = azure.state.vault_named((request.url.hostname or "").partition(".")[0])
    if not vault or vault.registered_at > now():
        raise UnreachableError
    claims = access.authenticate(azure, request)
    note(request, principal=claims["oid"])
    access.admit(vault, claims, request.client.host if request.client else "")
    api_version = request.query_params.get("api-version")
    if not api_version:
        raise KeyVaultError(400, "BadParameter", "api-version must be specified")
    if api_version not in VERSIONS:
        message = f"The specified version ({api_version}) is not recognized. Consider using the latest supported version ({VERSIONS[-1]})."
        raise KeyVaultError(400, "BadParameter", message)
    name, version = request.path_params.get("name", ""), request.path_params.get("version", "")
    if "name" in request.path_params and not _NAME.fullmatch(name):
        raise KeyVaultError(400, "BadParameter", f"The request URI contains an invalid name: {name}")
    access.authorize(azure, vault, claims, kind, name, permission)
    if certificates.settle(vault):
        azure.save()
    return vault, name, version


def _host(request: Request) -> str:
    return str(request.url.hostname)


async def _body(request: Request) -> dict[str, Any]:
    try:
        content = json.loads(await request.body())
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise KeyVaultError(400, "BadParameter", "The request body is not a JSON object.")
    return content


def _page(request: Request, found: list[dict[str, Any]]) -> Response:
    """At most `maxresults` (25, as Key Vault has it), and the address of those after them."""
    size, at = int(request.query_params.get("maxresults", 25)), int(request.query_params.get("$skiptoken", 0))
    query = f"api-version={request.query_params['api-version']}&$skiptoken={at + size}&maxresults={size}"
    more = f"https://{_host(request)}{request.url.path}?{query}" if at + size < len(found) else None
    return JSONResponse({"value": found[at : at + size], "nextLink": more})


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, KeyVaultError)
    note(request, error=error.inner or error.code)
    content: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.inner:
        content["innererror"] = {"code": error.inner}
    return JSONResponse({"error": content}, error.status, error.headers)
