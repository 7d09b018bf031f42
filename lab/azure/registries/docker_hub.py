"""Docker Hub: registry-1.docker.io and its token service auth.docker.io, for anonymous pulls."""

from __future__ import annotations

from datetime import UTC, datetime

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Host, Route, Router

from lab.azure.context import Azure
from lab.azure.registries.distribution import Distribution, RegistryError, Target, challenge, refusal, scopes
from lab.azure.state import now

ISSUER = "auth.docker.io"
SERVICE = "registry.docker.io"
PREFIX = "docker.io"
"""Under which the real registry keeps what Docker Hub serves."""
SECONDS = 300


def app(azure: Azure, storage: Distribution | None = None) -> Starlette:
    hub = _Hub(azure, storage or Distribution())
    token = Router([Route("/token", hub.token, methods=["GET"])])
    registry = Router(
        [Route("/v2/", hub.version, methods=["GET"]), Route("/v2/{path:path}", hub.repository, methods=["GET", "PUT", "POST", "PATCH", "DELETE"])]
    )
    return Starlette(routes=[Host("auth.docker.io", token), Host("registry-1.docker.io", registry)], exception_handlers={RegistryError: refusal})


class _Hub:
    def __init__(self, azure: Azure, storage: Distribution) -> None:
        self._azure, self._storage = azure, storage

    async def token(self, request: Request) -> Response:
        """A token for everybody: pull of the repositories that exist, nothing of others."""
        access = []
        for repository, wanted in scopes(request.query_params.getlist("scope")).items():
            actions = wanted & {"pull"} if await self._exists(repository) else set()
            access.append({"type": "repository", "name": repository, "actions": sorted(actions)})
        token = self._azure.tokens.sign({"access": access}, issuer=ISSUER, audience=SERVICE, seconds=SECONDS)
        issued_at = datetime.fromtimestamp(now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return JSONResponse({"token": token, "access_token": token, "expires_in": SECONDS, "issued_at": issued_at})

    async def version(self, request: Request) -> Response:
        self._grants(request)
        return JSONResponse({}, headers={"Docker-Distribution-Api-Version": "registry/2.0"})

    async def repository(self, request: Request) -> Response:
        """Everything below /v2/<repository>/."""
        target = Target.of(request)
        action = target.action(request.method)
        if action not in self._grants(request, target, action).get(target.repository, set()):
            raise _unauthorized(target, action, "insufficient_scope")
        return await self._storage.forward(request, self._azure.backend.registry, PREFIX, target)

    async def _exists(self, repository: str) -> bool:
        return await self._storage.exists(self._azure.backend.registry, PREFIX, repository)

    def _grants(self, request: Request, target: Target | None = None, action: str = "") -> dict[str, set[str]]:
        """Actions by repository of the request's token."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            raise _unauthorized(target, action)
        try:
            claims = self._azure.tokens.verify(token, issuer=ISSUER, audiences=[SERVICE])
        except jwt.InvalidTokenError as error:
            raise _unauthorized(target, action, "invalid_token") from error
        return {grant["name"]: set(grant["actions"]) for grant in claims["access"]}


def _unauthorized(target: Target | None, action: str, error: str | None = None) -> RegistryError:
    scope = f"repository:{target.repository}:{'pull,push' if action == 'push' else action}" if target else None
    detail = [{"Type": "repository", "Class": "", "Name": target.repository, "Action": action}] if target else None
    raise RegistryError(
        401, "UNAUTHORIZED", "authentication required", detail=detail, headers=challenge("https://auth.docker.io/token", SERVICE, scope=scope, error=error)
    )
