"""Key Vault data plane: `<vault>.vault.azure.net`, secrets and certificates, read only, and keys that are read and sign (keys.py).

https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret
"""

from __future__ import annotations

import base64
import re
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.azure.context import Azure, note
from lab.azure.keyvault import access, keys
from lab.azure.keyvault.errors import KeyVaultError, not_found
from lab.azure.reset import UnreachableError, no_answer
from lab.azure.state import SecretVersion, Vault, now

VERSIONS = [
    "2015-06-01", "2016-10-01", "7.0", "7.1", "7.2-preview", "7.2", "7.3-preview", "7.3", "7.4-preview.1", "7.4", "7.5-preview.1", "7.5",
    "7.6-preview.1", "7.6-preview.2", "7.6", "2025-07-01",
]  # fmt: skip
"""Api-versions, oldest first: https://learn.microsoft.com/dotnet/api/azure.security.keyvault.secrets.secretclientoptions.serviceversion"""
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")


def app(azure: Azure) -> Starlette:
    """Serves every vault that exists, by the request's host name."""

    async def secret(request: Request) -> Response:
        vault, name, version, found = _read(azure, request, access.SECRETS)
        if not found.enabled:
            raise KeyVaultError(403, "Forbidden", "Operation get is not allowed on a disabled secret.", inner="SecretDisabled")
        host = request.url.hostname
        content: dict[str, Any] = {
            "value": found.value,
            "contentType": found.content_type,
            "id": f"https://{host}/secrets/{name}/{version}",
            "attributes": _attributes(found),
        }
        if name in vault.certificates:
            content |= {"kid": f"https://{host}/keys/{name}/{version}", "managed": True}
        return JSONResponse(content)

    async def certificate(request: Request) -> Response:
        _, name, version, found = _read(azure, request, access.CERTIFICATES)
        leaf = _leaf(found.value)
        ids = {key: f"https://{request.url.hostname}/{kind}/{name}/{version}" for key, kind in {"id": "certificates", "kid": "keys", "sid": "secrets"}.items()}
        thumbprint = base64.urlsafe_b64encode(leaf.fingerprint(hashes.SHA1())).rstrip(b"=").decode()  # noqa: S303 - Key Vault's x5t
        cer = base64.b64encode(leaf.public_bytes(serialization.Encoding.DER)).decode()
        policy = {"key_props": {"exportable": "PRIVATE KEY-----" in found.value}, "secret_props": {"contentType": found.content_type}}
        return JSONResponse({**ids, "x5t": thumbprint, "cer": cer, "contentType": found.content_type, "attributes": _attributes(found), "policy": policy})

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

    paths = {"secrets": secret, "certificates": certificate, "keys": key}
    routes = [
        Route(f"/{plural}/{{name}}{rest}", endpoint, methods=["GET"]) for plural, endpoint in paths.items() for rest in ("", "/", "/{version}", "/{version}/")
    ]
    routes.append(Route("/keys/{name}/{version}/sign", sign, methods=["POST"]))
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
    name, version = request.path_params["name"], request.path_params.get("version", "")
    if not _NAME.fullmatch(name):
        raise KeyVaultError(400, "BadParameter", f"The request URI contains an invalid name: {name}")
    access.authorize(azure, vault, claims, kind, name, permission)
    return vault, name, version


def _read(azure: Azure, request: Request, kind: access.Kind) -> tuple[Vault, str, str, SecretVersion]:
    """Vault, name, version and content of the object that the request names, if its caller may read it."""
    vault, name, version = _opened(azure, request, kind, "get")
    stored = {key.lower(): key for key in (vault.secrets if kind is access.SECRETS else vault.certificates)}.get(name.lower())
    secret = vault.secrets.get(stored or "")
    found = secret.versions.get(version or secret.latest) if secret else None
    if not stored or not secret or not found:
        raise not_found(kind.singular, name, version)
    return vault, stored, version or secret.latest, found


def _leaf(value: str) -> x509.Certificate:
    """The certificate that issued no other one of the PEM: the secret keeps the order of the import, the certificate is the leaf."""
    chain = x509.load_pem_x509_certificates(value.encode())
    issuers = {certificate.issuer for certificate in chain if certificate.issuer != certificate.subject}
    return next((certificate for certificate in chain if certificate.subject not in issuers), chain[0])


def _attributes(version: SecretVersion) -> dict[str, Any]:
    at = int(version.created)
    return {"enabled": version.enabled, "created": at, "updated": at, "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90}


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, KeyVaultError)
    note(request, error=error.inner or error.code)
    content: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.inner:
        content["innererror"] = {"code": error.inner}
    return JSONResponse({"error": content}, error.status, error.headers)
