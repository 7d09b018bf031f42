"""Which service answers: by listener, then by host name, as DNS would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Host, Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from lab.azure import arm, blob_storage, control, imds, oidc
from lab.azure.context import Azure, blocking, note
from lab.azure.entra import graph, token_service
from lab.azure.faults import FaultInjector
from lab.azure.keyvault import data_plane
from lab.azure.registries import container_registry, docker_hub
from lab.azure.request_log import Recorder
from lab.signing import ca, time_stamping


def outside(azure: Azure, charts: Path | None = None) -> ASGIApp:
    """What the machine sees: Resource Manager (127.0.0.1), Entra (localhost), Microsoft Graph (localhost/graph), Helm repositories below
    /charts, the lab's switches below /lab.
    """
    directory = Router([Mount("/graph", graph.app(azure)), Mount("/", token_service.app(azure))])
    hosts = Router([Host("127.0.0.1", arm.app(azure)), Host("localhost", directory)], default=_no_such_host)
    published = [Mount("/charts", StaticFiles(directory=charts, check_dir=False))] if charts else []
    services = Router([*published, Mount("/", hosts)])
    return Router([Mount("/lab", control.app(azure)), Mount("/", _observed(azure, services, "outside"))])


def inside(azure: Azure) -> ASGIApp:
    """What a cluster sees under the real names."""
    hub = docker_hub.app(azure)
    hosts = [
        Host("management.azure.com", arm.app(azure)),
        Host(token_service.PUBLIC_HOST, token_service.app(azure)),
        Host("{vault}.vault.azure.net", data_plane.app(azure)),
        Host("{account}.blob.core.windows.net", blob_storage.app(azure)),
        Host("{registry}.azurecr.io", container_registry.app(azure)),
        Host("{region}.oic.prod-aks.azure.com", oidc.app(azure)),
        *(Host(name, hub) for name in ("registry-1.docker.io", "auth.docker.io", "docker.io", "index.docker.io")),
    ]
    return _observed(azure, Router(hosts, default=_no_such_host), "inside")


def public(azure: Azure, revocation_list: Callable[[], bytes], stamp: Callable[[bytes], bytes]) -> ASGIApp:
    """What clusters and signers see by plain http: the revocation list of the signers' CA, and time stamps. They are not Azure's, but fail by its switches."""

    async def answer(request: Request) -> Response:
        return Response(await blocking(revocation_list), media_type="application/pkix-crl")

    async def stamped(request: Request) -> Response:
        query = await request.body()
        return Response(await blocking(lambda: stamp(query)), media_type=time_stamping.REPLY)

    revocations = Router([Route(urlsplit(ca.URL).path, answer)])
    stamps = Router([Route(urlsplit(time_stamping.URL).path, stamped, methods=["POST"])])
    return _observed(azure, Router([Host(ca.HOST, revocations), Host(time_stamping.HOST, stamps)], default=_no_such_host), "public")


def metadata_service(azure: Azure, cluster: str) -> ASGIApp:
    """What the nodes of `cluster` see at 169.254.169.254."""
    return _observed(azure, imds.app(azure, cluster), f"imds of {cluster}")


def _observed(azure: Azure, app: ASGIApp, listener: str) -> ASGIApp:
    return Recorder(FaultInjector(app, azure.faults), azure.log, listener)


async def _no_such_host(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    note(request, error="HostNotEmulated")
    message = f"The lab does not emulate '{request.headers.get('host', '')}'."
    await JSONResponse({"error": {"code": "HostNotEmulated", "message": message}}, status_code=404)(scope, receive, send)
