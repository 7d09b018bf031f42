"""A mutating webhook as service meshes have one: `injector.py CERTIFICATE KEY PORT SIDECAR PROGRAM`, answering on 127.0.0.1.

It adds a container with the image SIDECAR to each pod that has the label `inject`, and puts PROGRAM in the place of the image `auto`.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

CERTIFICATE, KEY, PORT, SIDECAR, PROGRAM = sys.argv[1:]


def patches(pod: dict[str, Any]) -> list[dict[str, Any]]:
    containers = pod["spec"]["containers"]
    replaced = [
        {"op": "replace", "path": f"/spec/containers/{number}/image", "value": PROGRAM} for number, each in enumerate(containers) if each["image"] == "auto"
    ]
    wanted = "inject" in (pod["metadata"].get("labels") or {}) and "side" not in [each["name"] for each in containers]
    return replaced + [{"op": "add", "path": "/spec/containers/-", "value": {"name": "side", "image": SIDECAR}}] * wanted


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = patches(review["request"]["object"])
        patch = {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(found).encode()).decode()} if found else {}
        body = json.dumps({**review, "request": None, "response": {"uid": review["request"]["uid"], "allowed": True, **patch}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        pass


if __name__ == "__main__":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    server = HTTPServer(("127.0.0.1", int(PORT)), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
