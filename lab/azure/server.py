"""The listeners of the emulated Azure: uvicorn servers in one event loop."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from lab.azure import app
from lab.azure.context import Azure
from lab.config import Cluster

Certificate = tuple[Path, Path]
"""Files of the certificate chain and its key (PEM)."""


class _Protocol(H11Protocol):
    """Puts the connection's transport into the request's state, so that a fault can reset it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    """One of several servers in a process: signals are not its business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listeners:
    """The open listeners. To be used on the event loop."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[_Server, asyncio.Task[None]]] = {}

    async def open(self, name: str, listening: socket.socket, application: ASGIApp, certificate: Certificate | None = None) -> None:
        """Serve `application` on a bound socket; returns when it answers."""
        chain, key = certificate or (None, None)
        config = uvicorn.Config(
            application,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
            ssl_certfile=chain,
            ssl_keyfile=key,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started and not task.done():
            await asyncio.sleep(0.005)
        if task.done():
            raise RuntimeError(f"the listener {name} did not start") from task.exception()
        self._open[name] = (server, task)

    async def close(self, name: str) -> None:
        server, task = self._open.pop(name)
        server.should_exit = True
        await task

    async def close_all(self) -> None:
        await asyncio.gather(*(self.close(name) for name in list(self._open)))

    @property
    def names(self) -> set[str]:
        return set(self._open)


def tcp(port: int) -> socket.socket:
    """A socket bound to 127.0.0.1 (port 0: a free one)."""
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it on every answer takes 40 ms more.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    return listening


def unix(path: Path) -> socket.socket:
    """A Unix socket at `path`, for the owner only; replaces what a crash left there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    return listening


class MetadataServices:
    """One plain listener for the nodes of each managed cluster that exists, at its `imds_socket`."""

    def __init__(self, azure: Azure, listeners: Listeners) -> None:
        self._azure, self._listeners, self._changed = azure, listeners, asyncio.Event()
        azure.clusters_changed = self._changed.set

    async def follow(self) -> None:
        """Open and close listeners as managed clusters come and go; never returns."""
        while True:
            self._changed.clear()
            wanted = {cluster.name for cluster in self._azure.state.clusters.values()}
            have = {name.removeprefix("imds of ") for name in self._listeners.names if name.startswith("imds of ")}
            for name in wanted - have:
                await self._listeners.open(f"imds of {name}", unix(Cluster(name, 0).imds_socket), app.metadata_service(self._azure, name))
            for name in have - wanted:
                await self._listeners.close(f"imds of {name}")
                Cluster(name, 0).imds_socket.unlink(missing_ok=True)
            await self._changed.wait()
