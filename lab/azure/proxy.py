"""Azure under its public names: an HTTP proxy that leads them to the emulated Azure, for what knows no other name, and refuses all but this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
NAMES = (".azure.net", ".azure.com", ".blob.core.windows.net", ".azurecr.io", ".microsoftonline.com", ".docker.io")
"""How the names end that app.inside serves."""


THIS_MACHINE = ("127.0.0.1", "localhost")


class Proxy:
    """Its connections. `connect` opens one to the emulated Azure. To be used on one event loop."""

    def __init__(self, connect: Callable[[], Awaitable[Streams]]) -> None:
        self._connect = connect
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self, port: int) -> int:
        """Serve on that port of 127.0.0.1 (0: a free one); the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        served: int = self._server.sockets[0].getsockname()[1]
        return served

    async def close(self) -> None:
        if self._server:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            words = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split()
            host, _, port = words[1].rpartition(":")
            if words[0] != "CONNECT" or not (host.endswith(NAMES) or host in THIS_MACHINE):
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            there_reader, there_writer = await (asyncio.open_connection("127.0.0.1", int(port)) if host in THIS_MACHINE else self._connect())
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError, ValueError):
            pass
        finally:
            writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    except ConnectionError:
        pass
    finally:
        target.close()
