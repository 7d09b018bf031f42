"""The real OCI registry (distribution) behind the registry fronts: paths, errors, and what it streams."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from lab.azure.context import note

MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
MANIFEST_LIMIT = 4 * 1024 * 1024
"""Bytes; larger manifests are refused, as by Azure Container Registry."""

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_PATH = re.compile(rf"/v2/(?P<repository>{_REPOSITORY})/(?P<kind>manifests|blobs|tags|referrers)/(?P<reference>uploads/[\w=-]*|\w[\w.:+-]*)")
_PER_HOP = {"host", "authorization", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "accept-encoding", "date", "server"}
_API_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


class RegistryError(Exception):
    """A request that is answered with an error of the distribution specification."""

    def __init__(self, status: int, code: str, message: str, *, detail: Any = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.detail, self.headers = status, code, message, detail, headers or {}


async def refusal(request: Request, error: Exception) -> Response:
    """Exception handler for RegistryError."""
    assert isinstance(error, RegistryError)
    note(request, error=error.code)
    content = {"errors": [{"code": error.code, "message": error.message, "detail": error.detail}]}
    return JSONResponse(content, error.status, {**_API_VERSION, **error.headers})


@dataclass(frozen=True)
class Target:
    """What a path under /v2/ names. `reference` is a tag, a digest, `list` (tags) or `uploads/…` (blobs)."""

    repository: str
    kind: str
    reference: str

    @classmethod
    def of(cls, request: Request) -> Target:
        """Raises RegistryError where the path is none of the distribution specification."""
        match = _PATH.fullmatch(request.url.path)
        if not match:
            raise RegistryError(404, "NAME_INVALID", "invalid repository name or unsupported path")
        return cls(**match.groupdict())

    def action(self, method: str) -> str:
        """The action that a token must carry: pull, push or delete."""
        if method in ("GET", "HEAD"):
            return "pull"
        return "delete" if method == "DELETE" and not self.reference.startswith("uploads/") else "push"


def repository_of(path: str) -> str:
    """The name of a repository in a path. Raises RegistryError where it is none."""
    if not re.fullmatch(_REPOSITORY, path):
        raise RegistryError(404, "NAME_INVALID", "invalid repository name")
    return path


def challenge(realm: str, service: str, *, scope: str | None = None, error: str | None = None) -> dict[str, str]:
    """The WWW-Authenticate header of a bearer challenge."""
    values = {"realm": realm, "service": service, "scope": scope, "error": error}
    return {"WWW-Authenticate": "Bearer " + ",".join(f'{key}="{value}"' for key, value in values.items() if value)}


def scopes(values: Sequence[str]) -> dict[str, set[str]]:
    """Actions by repository, of `scope` parameters such as `repository:a/b:pull,push`. Other resource types are left out."""
    wanted: dict[str, set[str]] = {}
    for scope in " ".join(values).split():
        kind, _, rest = scope.partition(":")
        repository, _, actions = rest.rpartition(":")
        if kind == "repository":
            wanted.setdefault(repository, set()).update(actions.replace("*", "pull,push,delete").split(","))
    return wanted


class Distribution:
    """Client of the real registry. `prefix` is the path under which it keeps the repositories of one front; `transport` is for tests."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = httpx.AsyncClient(timeout=60, transport=transport)

    async def exists(self, base: str, prefix: str, repository: str) -> bool:
        """Whether the repository holds anything. `base` is the registry's URL."""
        answer = await self._ask(self._client.build_request("GET", f"{base}/v2/{prefix}/{repository}/tags/list"))
        await answer.aclose()
        return answer.status_code == 200

    async def repositories(self, base: str, prefix: str) -> list[str]:
        """Names of all repositories."""
        found: list[str] = []
        path = "/v2/_catalog"
        while path:
            answer = await self._ask(self._client.build_request("GET", f"{base}{path}"))
            found += (await self._json(answer))["repositories"]
            path = answer.links.get("next", {}).get("url", "")
        return [name.removeprefix(f"{prefix}/") for name in found if name.startswith(f"{prefix}/")]

    async def tags(self, base: str, prefix: str, repository: str) -> list[str] | None:
        """None where there is no such repository."""
        answer = await self._ask(self._client.build_request("GET", f"{base}/v2/{prefix}/{repository}/tags/list"))
        return (await self._json(answer)).get("tags") or [] if answer.status_code == 200 else None

    async def digest(self, base: str, prefix: str, repository: str, tag: str) -> str | None:
        """Of the manifest that the tag names; None where there is none."""
        headers = {"Accept": ", ".join(MANIFESTS)}
        answer = await self._ask(self._client.build_request("HEAD", f"{base}/v2/{prefix}/{repository}/manifests/{tag}", headers=headers))
        await answer.aclose()
        digest: str | None = answer.headers.get("Docker-Content-Digest")
        return digest

    async def forward(self, request: Request, base: str, prefix: str, target: Target, body: bytes | None = None) -> Response:
        """What the registry at `base` answers to `request`, streamed both ways. `body` is the request's, where it has been read already."""
        # A blob is uploaded, not mounted: `from` may name a repository that the caller must not read.
        query = urlencode([(key, value) for key, value in parse_qsl(request.url.query) if key not in ("mount", "from")])
        url = f"{base}/v2/{prefix}/{target.repository}/{target.kind}/{target.reference}" + (f"?{query}" if query else "")
        headers = [(key, value) for key, value in request.headers.items() if key not in _PER_HOP]
        reads = request.method in ("GET", "HEAD")
        content = None if reads else request.stream() if body is None else body
        answer = await self._ask(self._client.build_request(request.method, url, headers=[*headers, ("accept-encoding", "identity")], content=content))
        kept = {key: value for key, value in answer.headers.items() if key not in _PER_HOP}
        for name in ("location", "link"):
            if name in kept:
                kept[name] = self._outward(kept[name], prefix)
        if target.kind == "tags" and answer.status_code == 200:
            listed = {**(await self._json(answer)), "name": target.repository}
            kept.pop("content-length")
            return JSONResponse(listed, headers=kept)
        return StreamingResponse(answer.aiter_raw(), answer.status_code, kept, background=BackgroundTask(answer.aclose))

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._client.send(request, stream=True)
        except httpx.TransportError as error:
            raise RegistryError(503, "UNAVAILABLE", f"the registry's storage cannot be reached: {error!r}") from error

    @staticmethod
    async def _json(answer: httpx.Response) -> dict[str, Any]:
        await answer.aread()
        content: dict[str, Any] = answer.json()
        return content

    @staticmethod
    def _outward(value: str, prefix: str) -> str:
        """A Location or Link of the registry as the front's clients may follow it: relative, and without the prefix."""
        opening, closing = ("<", value[value.index(">") :]) if value.startswith("<") else ("", "")
        url = urlsplit(value[len(opening) : len(value) - len(closing)])
        path = url.path.replace(f"/v2/{prefix}/", "/v2/", 1)
        return opening + path + (f"?{url.query}" if url.query else "") + closing
