"""No answer at all: the connection is lost."""

from __future__ import annotations

import socket
import struct

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Reset(Response):
    """Closes the connection with a TCP reset instead of answering.

    Without a real connection (an in-process client) it raises what a client would see: `ConnectionResetError`.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = scope.get("state", {}).get("transport")
        if transport is None:
            raise ConnectionResetError("connection reset")
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


class UnreachableError(Exception):
    """The host that the request names has no address, or none yet."""


async def no_answer(request: Request, error: Exception) -> Response:
    """Exception handler for UnreachableError."""
    return Reset()
