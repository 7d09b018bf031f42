"""Azure Container Registry: `<name>.azurecr.io`, in front of the real registry. No admin user, no anonymous pull.

Permissions are looked up at every request, so that a role that is taken away ends with its propagation (in Azure, when the access token has expired too).
https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
https://github.com/Azure/azure-rest-api-specs/tree/main/specification/containerregistry/data-plane (below /acr/v1)
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, quote

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.azure.context import Azure, note
from lab.azure.registries.distribution import MANIFEST_LIMIT, Distribution, RegistryError, Target, challenge, refusal, repository_of, scopes
from lab.azure.reset import UnreachableError, no_answer
from lab.azure.roles import allows, allows_data
from lab.azure.state import Registry, guid

ISSUER = "Azure Container Registry"
AUDIENCES = ("https://containerregistry.azure.net", "https://management.azure.com", "https://management.core.windows.net")
NULL_GUID = "00000000-0000-0000-0000-000000000000"
"""The user name that says that the password is a refresh token."""
REFRESH_SECONDS = 3 * 60 * 60
ACCESS_SECONDS = 75 * 60
INDEX = "application/vnd.oci.image.index.v1+json"

_CATALOG = "registry:catalog:*"
_PAGE = 100
"""Entries of a list, where a request does not say how many."""
_PROVIDER = "Microsoft.ContainerRegistry/registries"
_PULL = f"{_PROVIDER}/pull/read"
_LEGACY = {"pull": _PULL, "metadata_read": _PULL, "catalog": _PULL, "push": f"{_PROVIDER}/push/write", "delete": f"{_PROVIDER}/artifacts/delete"}
_REPOSITORY = {
    "pull": f"{_PROVIDER}/repositories/content/read",
    "push": f"{_PROVIDER}/repositories/content/write",
    "delete": f"{_PROVIDER}/repositories/content/delete",
    "metadata_read": f"{_PROVIDER}/repositories/metadata/read",
    "catalog": f"{_PROVIDER}/catalog/read",
}
"""The roles: https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-directory-reference"""


def app(azure: Azure, storage: Distribution | None = None) -> Starlette:
    """Serves every registry that exists, by the request's host name."""
    front = _Front(azure, storage or Distribution())
    routes = [
        Route("/oauth2/exchange", front.exchange, methods=["POST"]),
        Route("/oauth2/token", front.token, methods=["GET", "POST"]),
        Route("/acr/v1/_catalog", front.catalog, methods=["GET"]),
        Route("/acr/v1/{repository:path}/_tags", front.tags, methods=["GET"]),
        Route("/v2/", front.version, methods=["GET"]),
        Route("/v2/{path:path}", front.repository, methods=["GET", "PUT", "POST", "PATCH", "DELETE"]),
    ]
    return Starlette(routes=routes, exception_handlers={RegistryError: refusal, UnreachableError: no_answer})


def permissions(azure: Azure, registry: Registry, principal_id: str) -> set[str]:
    """Which of pull, push, delete, metadata_read and catalog a principal may do in `registry`, by the registry's role assignment mode."""
    roles = azure.state.granted(principal_id, registry.id)
    if registry.properties.get("roleAssignmentMode") == "AbacRepositoryPermissions":
        return {action for action, needed in _REPOSITORY.items() if allows_data(roles, needed)}
    return {action for action, needed in _LEGACY.items() if allows(roles, needed)}


class _Front:
    def __init__(self, azure: Azure, storage: Distribution) -> None:
        self._azure, self._storage = azure, storage

    async def exchange(self, request: Request) -> Response:
        """An Entra access token for the registry's refresh token."""
        registry, form = self._registry(request), parse_qs((await request.body()).decode())
        service = form.get("service", [""])[0]
        if form.get("grant_type") != ["access_token"] or service.lower() != _host(request):
            raise RegistryError(400, "UNSUPPORTED", "grant_type must be access_token and service the registry's login server")
        try:
            claims = self._azure.tokens.verify_access_token(form.get("access_token", [""])[0], AUDIENCES)
        except jwt.InvalidTokenError as error:
            raise _unauthorized() from error
        note(request, principal=claims["oid"])
        if not permissions(self._azure, registry, claims["oid"]):
            raise _unauthorized()
        return JSONResponse({"refresh_token": self._sign(request, claims["oid"], "refresh_token", REFRESH_SECONDS)})

    async def token(self, request: Request) -> Response:
        """A refresh token, or a service principal's id and secret, for an access token with the scopes that the principal may have."""
        registry = self._registry(request)
        asked = parse_qs((await request.body()).decode() if request.method == "POST" else request.url.query)
        principal = self._principal(request, *_credentials(request, asked))
        note(request, principal=principal)
        allowed, access = permissions(self._azure, registry, principal), []
        for repository, wanted in scopes(asked.get("scope", [])).items():
            if not wanted & allowed:
                raise _unauthorized(f"repository:{repository}:{','.join(sorted(wanted))}")
            access.append({"Type": "repository", "Name": repository, "Actions": sorted(wanted & allowed)})
        if _CATALOG in " ".join(asked.get("scope", [])).split():
            if "catalog" not in allowed:
                raise _unauthorized(_CATALOG)
            access.append({"Type": "registry", "Name": "catalog", "Actions": ["*"]})
        return JSONResponse({"access_token": self._sign(request, principal, "access_token", ACCESS_SECONDS, access=access)})

    async def version(self, request: Request) -> Response:
        self._registry(request)
        self._bearer(request)
        return JSONResponse({}, headers={"Docker-Distribution-Api-Version": "registry/2.0"})

    async def catalog(self, request: Request) -> Response:
        registry = self._registry(request)
        self._authorize(request, registry, _CATALOG, "catalog")
        page, headers = _page(request, await self._storage.repositories(self._azure.backend.registry, _host(request)))
        return JSONResponse({"repositories": page}, headers=headers)

    async def tags(self, request: Request) -> Response:
        """Of each its name and digest; when it was made and whether it is locked is not known here."""
        registry, repository = self._registry(request), repository_of(request.path_params["repository"])
        where = self._azure.backend.registry, _host(request), repository
        self._authorize(request, registry, f"repository:{repository}:metadata_read", "metadata_read")
        tags = await self._storage.tags(*where)
        if tags is None:
            raise RegistryError(404, "NAME_UNKNOWN", "repository name not known to registry", detail={"name": repository})
        page, headers = _page(request, tags)
        listed = [{"name": tag, "digest": await self._storage.digest(*where, tag)} for tag in page]
        return JSONResponse({"registry": _host(request), "imageName": repository, "tags": listed}, headers=headers)

    async def repository(self, request: Request) -> Response:
        """Everything below /v2/<repository>/."""
        registry, target = self._registry(request), Target.of(request)
        action = target.action(request.method)
        self._authorize(request, registry, f"repository:{target.repository}:{'pull,push' if action == 'push' else action}", action)
        if target.kind == "referrers":
            return self._referrers(request, registry, target)
        body = await _manifest(request) if target.kind == "manifests" and request.method == "PUT" else None
        answer = await self._storage.forward(request, self._azure.backend.registry, _host(request), target, body)
        if body is not None and answer.status_code == 201:
            self._refer(registry, target, answer, body)
        if target.kind == "manifests" and request.method == "DELETE" and answer.status_code == 202:
            self._forget(registry, target)
        return answer

    def _registry(self, request: Request) -> Registry:
        name, _, domain = _host(request).partition(".")
        registry = self._azure.state.registry_named(name)
        if not registry or domain != "azurecr.io":
            raise UnreachableError
        return registry

    def _sign(self, request: Request, principal: str, kind: str, seconds: int, **claims: Any) -> str:
        return self._azure.tokens.sign({"sub": principal, "grant_type": kind, **claims}, issuer=ISSUER, audience=_host(request), seconds=seconds)

    def _verify(self, request: Request, token: str, kind: str) -> dict[str, Any]:
        """Claims of a token of this registry of the given kind. Raises jwt.InvalidTokenError."""
        claims = self._azure.tokens.verify(token, issuer=ISSUER, audiences=[_host(request)])
        if claims.get("grant_type") != kind:
            raise jwt.InvalidTokenError(f"not a {kind}")
        return claims

    def _principal(self, request: Request, user: str, password: str) -> str:
        """Object id of who has these credentials."""
        if user == NULL_GUID:
            try:
                return str(self._verify(request, password, "refresh_token")["sub"])
            except jwt.InvalidTokenError as error:
                raise _unauthorized() from error
        application = self._azure.state.service_principals.get(user.lower())
        if not application or not hmac.compare_digest(application.secret.encode(), password.encode()):
            raise _unauthorized()
        return application.object_id

    def _bearer(self, request: Request, scope: str | None = None) -> dict[str, Any]:
        """Claims of the request's access token; without a good one the answer says where to get it."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        realm, error = f"https://{_host(request)}/oauth2/token", None
        if kind.lower() == "bearer":
            try:
                return self._verify(request, token, "access_token")
            except jwt.InvalidTokenError:
                error = "invalid_token"
        raise _unauthorized(headers=challenge(realm, _host(request), scope=scope, error=error))

    def _authorize(self, request: Request, registry: Registry, scope: str, needed: str) -> None:
        """Raises RegistryError unless the token is for `scope` and its principal still has the permission that is `needed`."""
        claims = self._bearer(request, scope)
        note(request, principal=claims["sub"])
        kind, name, _ = scope.split(":")
        granted = {action for grant in claims.get("access", []) if (grant["Type"], grant["Name"]) == (kind, name) for action in grant["Actions"]}
        if not granted & {needed, "*"} or needed not in permissions(self._azure, registry, claims["sub"]):
            raise _unauthorized(scope, challenge(f"https://{_host(request)}/oauth2/token", _host(request), scope=scope, error="insufficient_scope"))

    def _referrers(self, request: Request, registry: Registry, target: Target) -> Response:
        if request.method != "GET":
            raise RegistryError(405, "UNSUPPORTED", "the operation is unsupported")
        wanted = request.query_params.get("artifactType")
        found = registry.referrers.get(f"{target.repository}@{target.reference}", [])
        shown = [descriptor for descriptor in found if not wanted or descriptor["artifactType"] == wanted]
        headers = {"OCI-Filters-Applied": "artifactType"} if wanted else None
        return JSONResponse({"schemaVersion": 2, "mediaType": INDEX, "manifests": shown}, headers=headers, media_type=INDEX)

    def _refer(self, registry: Registry, target: Target, stored: Response, body: bytes) -> None:
        """Keep what the manifest just stored refers to: the real registry has no referrers API."""
        manifest = json.loads(body)
        subject = manifest.get("subject")
        if not subject:
            return
        descriptor = {
            "mediaType": manifest["mediaType"],
            "digest": stored.headers["docker-content-digest"],
            "size": len(body),
            "artifactType": manifest.get("artifactType") or manifest["config"]["mediaType"],
            "annotations": manifest.get("annotations", {}),
        }
        known = registry.referrers.setdefault(f"{target.repository}@{subject['digest']}", [])
        if descriptor not in known:
            known.append(descriptor)
            self._azure.save()
        stored.headers["OCI-Subject"] = subject["digest"]

    def _forget(self, registry: Registry, target: Target) -> None:
        for key, descriptors in list(registry.referrers.items()):
            if key.startswith(f"{target.repository}@"):
                registry.referrers[key] = [descriptor for descriptor in descriptors if descriptor["digest"] != target.reference]
        self._azure.save()


def _host(request: Request) -> str:
    return (request.url.hostname or "").lower()


def _unauthorized(scope: str | None = None, headers: dict[str, str] | None = None) -> RegistryError:
    kind, name, actions = (scope or "::").split(":")
    detail = [{"Type": kind, "Name": name, "Action": action} for action in actions.split(",")] if scope else None
    message = f"authentication required, visit https://aka.ms/acr/authorization for more information. CorrelationId: {guid()}"
    return RegistryError(401, "UNAUTHORIZED", message, detail=detail, headers=headers)


def _page(request: Request, names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """At most `n` of the names after `last`, and the header that leads to the others."""
    number, last = request.query_params.get("n", str(_PAGE)), request.query_params.get("last", "")
    if not number.isdecimal() or not int(number):
        raise RegistryError(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
    rest = [name for name in sorted(names) if name > last]
    page = rest[: int(number)]
    return page, {"Link": f'<{request.url.path}?last={quote(page[-1], safe="")}&n={number}&orderby=>; rel="next"'} if page != rest else {}


def _credentials(request: Request, asked: dict[str, list[str]]) -> tuple[str, str]:
    """User and password of a token request: by Basic (GET) or in the form (POST)."""
    if request.method == "POST":
        if asked.get("grant_type") == ["refresh_token"]:
            return NULL_GUID, asked.get("refresh_token", [""])[0]
        return asked.get("username", [""])[0], asked.get("password", [""])[0]
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(encoded if kind.lower() == "basic" else "", validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _unauthorized() from error
    return user, password


async def _manifest(request: Request) -> bytes:
    """The body of a manifest PUT, read whole because its `subject` is looked at."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MANIFEST_LIMIT:
            raise RegistryError(413, "MANIFEST_INVALID", f"the manifest is larger than {MANIFEST_LIMIT} bytes")
    return body
