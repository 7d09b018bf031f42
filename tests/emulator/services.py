"""An emulated Azure without a machine behind it, and a small OCI registry in memory, for tests of single services."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.azure.context import Azure
from lab.azure.registries.distribution import Distribution
from lab.azure.roles import Role
from lab.azure.state import ManagedCluster, Registry, RoleAssignment, ServicePrincipal, State, Vault, guid
from tests.emulator.machine import Machine, signing_key

TENANT, SUBSCRIPTION = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/group"
PRINCIPAL, CLIENT = "aaaaaaaa-0000-0000-0000-000000000001", "bbbbbbbb-0000-0000-0000-000000000001"
JWKS = {"keys": [{"kid": "cluster-key"}]}


class Stored(Machine):
    """A machine whose registry is `Storage`, and whose clusters sign with a key that is easy to tell."""

    registry = "http://storage"

    def jwks(self, name: str) -> dict[str, Any]:
        return JWKS


def azure() -> Azure:
    """With the registries `lab` and `other` and the vault `lab`, all without permissions for anybody, and the application CLIENT with the secret `secret`."""
    state = State(TENANT, SUBSCRIPTION, signing_key())
    for name in ("lab", "other"):
        resource = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/{name}"
        state.registries[resource.lower()] = Registry(resource, name, "eastus", {}, {"roleAssignmentMode": "LegacyRegistryPermissions"})
    vault = f"{GROUP}/providers/Microsoft.KeyVault/vaults/lab"
    state.vaults[vault.lower()] = Vault(vault, "lab", "eastus", {}, {"tenantId": TENANT, "accessPolicies": [], "enableRbacAuthorization": False})
    state.service_principals[CLIENT] = ServicePrincipal(CLIENT, PRINCIPAL, "tester", "secret")
    return Azure(state, Stored())


def other_azure() -> Azure:
    """Another Azure of the same tenant, whose tokens are signed by another key."""
    return Azure(State(TENANT, SUBSCRIPTION), Stored())


def assign(azure: Azure, role: Role, scope: str, *, effective_at: float = 0.0) -> RoleAssignment:
    """Give PRINCIPAL a role."""
    name = guid()
    identifier = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
    definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role.guid}"
    assignment = RoleAssignment(identifier, name, scope, definition, PRINCIPAL, "ServicePrincipal", effective_at=effective_at)
    azure.state.role_assignments[identifier.lower()] = assignment
    return assignment


def cluster(azure: Azure, name: str, **properties: Any) -> ManagedCluster:
    """A managed cluster with these properties."""
    identifier = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/{name}"
    made = azure.state.clusters[identifier.lower()] = ManagedCluster(identifier, name, "eastus", {}, properties)
    return made


class Storage:
    """The part of the distribution specification that the fronts forward to."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.types: dict[str, str] = {}
        methods = ["GET", "HEAD", "PUT", "DELETE"]
        routes = [
            Route("/v2/{name:path}/manifests/{reference}", self._manifest, methods=methods),
            Route("/v2/{name:path}/blobs/uploads/", self._open, methods=["POST"]),
            Route("/v2/{name:path}/blobs/uploads/{id}", self._upload, methods=["PUT"]),
            Route("/v2/{name:path}/blobs/{reference}", self._blob, methods=["GET", "HEAD"]),
            Route("/v2/{name:path}/tags/list", self._tags),
            Route("/v2/_catalog", self._catalog),
        ]
        self.seen: list[Request] = []
        self._app = Starlette(routes=routes)

    def client(self) -> Distribution:
        return Distribution(httpx.ASGITransport(self._app))

    async def _manifest(self, request: Request) -> Response:
        name, reference = request.path_params["name"], request.path_params["reference"]
        if request.method == "PUT":
            body = await request.body()
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            for key in (reference, digest):
                self.content[f"{name}@{key}"], self.types[f"{name}@{key}"] = body, request.headers["content-type"]
            return Response(status_code=201, headers={"Docker-Content-Digest": digest, "Location": f"http://storage/v2/{name}/manifests/{digest}"})
        if request.method == "DELETE":
            return Response(status_code=202 if self.content.pop(f"{name}@{reference}", None) else 404)
        answer = self._stored(f"{name}@{reference}")
        if answer.status_code == 200:
            answer.headers["Docker-Content-Digest"] = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        return answer

    async def _open(self, request: Request) -> Response:
        self.seen.append(request)
        return Response(status_code=202, headers={"Location": f"http://storage/v2/{request.path_params['name']}/blobs/uploads/id-1?_state=s"})

    async def _upload(self, request: Request) -> Response:
        digest = request.query_params["digest"]
        self.content[f"{request.path_params['name']}@{digest}"] = await request.body()
        return Response(status_code=201, headers={"Docker-Content-Digest": digest})

    async def _blob(self, request: Request) -> Response:
        return self._stored(f"{request.path_params['name']}@{request.path_params['reference']}")

    async def _tags(self, request: Request) -> Response:
        name = request.path_params["name"]
        tags = [key.partition("@")[2] for key in self.content if key.startswith(f"{name}@") and ":" not in key]
        link = {"Link": f'</v2/{name}/tags/list?last=b&n=1>; rel="next"'}
        return JSONResponse({"name": name, "tags": tags}, headers=link) if tags else JSONResponse({"errors": [{"code": "NAME_UNKNOWN"}]}, 404)

    async def _catalog(self, request: Request) -> Response:
        """In pages of one repository."""
        last = request.query_params.get("last", "")
        names = sorted({name for key in self.content if (name := key.partition("@")[0]) > last})
        link = {"Link": f'</v2/_catalog?last={names[0]}&n=1>; rel="next"'} if names[1:] else {}
        return JSONResponse({"repositories": names[:1]}, headers=link)

    def _stored(self, key: str) -> Response:
        if key not in self.content:
            return JSONResponse({"errors": [{"code": "MANIFEST_UNKNOWN"}]}, 404)
        return Response(self.content[key], media_type=self.types.get(key, "application/octet-stream"))
