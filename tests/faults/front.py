"""A server in Ratify's place, with Ratify's certificate or another, that answers Gatekeeper as it is configured."""

from __future__ import annotations

import base64
import ctypes
import json
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .world import NAMESPACE

NAME = f"ratify.{NAMESPACE}"
PORT = 6001
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Asked:
    """A request of Gatekeeper: `what` is verify or mutate, `keys` are images."""

    what: str
    body: bytes
    ratify: Callable[[str, bytes], bytes]

    @property
    def keys(self) -> list[str]:
        return list(json.loads(self.body)["request"]["keys"])

    def truth(self) -> bytes:
        """What Ratify itself answers."""
        return self.ratify(self.what, self.body)


Way = Callable[[Asked], tuple[int, bytes]]
"""Status and body of the answer."""


def inside(network: str, make: Callable[[], socket.socket]) -> socket.socket:
    """A socket that was made in another network namespace, which `network` is the file of; a thread of its own enters it, and no other."""
    made: list[socket.socket | OSError] = []

    def run() -> None:
        try:
            with Path(network).open() as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            made.append(make())
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


@dataclass
class Front:
    """The server. `connections` counts those that were made to it, also those that were given up for its certificate; `answers` what it said to Gatekeeper."""

    network: str
    address: str
    ratify: Callable[[str, bytes], bytes]
    connections: int = 0
    answers: int = 0

    @contextmanager
    def answering(self, way: Way, certificate: tuple[Path, Path]) -> Iterator[None]:
        """It answers so inside the `with` block."""
        trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        trust.load_cert_chain(*certificate)
        front = self

        class Handler(BaseHTTPRequestHandler):
            def setup(self) -> None:
                front.connections += 1
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = way(Asked(self.path.rpartition("/")[2], body, front.ratify))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                front.answers += 1
                self.wfile.write(answer)

            def log_request(self, *_: Any) -> None:
                """Not on the tests' output."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Who does not trust the certificate, or does not wait any longer, hangs up."""

        server = Server((self.address, PORT), Handler, bind_and_activate=False)
        server.socket.close()
        listening = inside(self.network, lambda: socket.create_server((self.address, PORT), backlog=128))
        server.socket = trust.wrap_socket(listening, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def ask_ratify(network: str, address: str, own: Any, client: tuple[Path, Path]) -> Callable[[str, bytes], bytes]:
    """Asks Ratify at `address` as Gatekeeper does: `own` is the Secret with the authority of Ratify's certificate, `client` is Gatekeeper's certificate."""
    trust = ssl.create_default_context(cadata=base64.b64decode(own.data["ca.crt"]).decode())
    trust.load_cert_chain(*client)

    def ask(what: str, body: bytes) -> bytes:
        connection = HTTPConnection(NAME, PORT)
        plain = inside(network, lambda: socket.create_connection((address, PORT), timeout=10))
        connection.sock = trust.wrap_socket(plain, server_hostname=NAME)
        try:
            connection.request("POST", f"/ratify/gatekeeper/v1/{what}", body, {"Content-Type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    return ask


def pair(secret: Any, folder: Path) -> tuple[Path, Path]:
    """Files of the certificate and the key of a Secret."""
    files = folder / "tls.crt", folder / "tls.key"
    folder.mkdir()
    for file in files:
        file.write_bytes(base64.b64decode(secret.data[file.name]))
        file.chmod(0o600)
    return files
