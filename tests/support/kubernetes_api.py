"""A stand-in for a Kubernetes API server."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Json = dict[str, Any]
Answer = Callable[[str, str, str, Json], tuple[int, Json]]
"""Status and body, by method, path, query and the request's body."""
RUNNING = {"phase": "Running", "containerStatuses": [{"name": "probe", "imageID": "r@sha256:1", "state": {"running": {}}}]}
NOT_STARTED = {"exitCode": 128, "startedAt": "1970-01-01T00:00:00Z", "reason": "StartError", "message": "stat /x: no such file or directory"}
PULLED = {"phase": "Failed", "containerStatuses": [{"name": "probe", "imageID": "r@sha256:1", "state": {"terminated": NOT_STARTED}}]}
"""The status that kubelet 1.36 with containerd and runc writes of a pod whose command its image does not have."""


def denied(message: str) -> tuple[int, Json]:
    return 403, {"message": f'admission webhook "validation.gatekeeper.sh" denied the request: {message}'}


@dataclass
class Cluster:
    """`judge` sees the image in question and answers None (admit) or a refusal; `status` is that of every pod that exists, if it is given."""

    judge: Callable[[str], tuple[int, Json] | None]
    status: Json | None = None
    """Otherwise a pod has pulled its image, and runs where it has no command of its own."""
    status_code: int = 200
    stored_volumes: Callable[[list[Json]], list[Json]] = list
    """What becomes of a pod's volumes, before admission sees them: an API server without image volumes drops these."""
    pods: dict[str, Json] = field(default_factory=dict)
    deployments: dict[str, Json] = field(default_factory=dict)
    made: int = 0
    asked: list[str] = field(default_factory=list)
    """Paths of the dry runs."""
    sent: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and content type of all requests."""
    events: list[Json] = field(default_factory=list)
    commands: list[tuple[str, list[str] | None]] = field(default_factory=list)
    """Image and command of the pods that were really made, in order."""
    kubeconfig: Path = Path()

    def answer(self, method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        if path == "/api/v1/namespaces/default/events":
            return 200, {"items": self.events}
        if not path.startswith("/api/v1/namespaces/default/pods"):
            return self.answer_workload(method, path, query, body)
        name = path.removeprefix("/api/v1/namespaces/default/pods").strip("/").removesuffix("/ephemeralcontainers")
        if method == "GET" and not name:
            return 200, {"items": list(self.pods.values())}
        if method == "GET":
            with_command = "command" in self.pods[name]["spec"]["containers"][0]
            status = self.status or (PULLED if with_command else RUNNING)
            return self.status_code, {"status": status, "message": "etcd is slow"}
        if method == "DELETE":
            return (200, {}) if self.pods.pop(name, None) else (404, {"message": "not found"})
        spec = {**body["spec"], "volumes": self.stored_volumes(body["spec"].get("volumes", []))}
        volumes = [{"image": volume["image"]["reference"]} for volume in spec["volumes"] if "image" in volume]
        found = next(c for c in volumes + spec.get("ephemeralContainers", []) + spec.get("initContainers", []) + spec.get("containers", []))
        refusal = self.judge(found["image"])
        if refusal is not None:
            return refusal
        if "dryRun=All" in query:
            return 200, {"spec": spec}
        self.made += 1
        made = {"metadata": {"name": f"p{self.made}", "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}, "spec": spec}
        self.pods[made["metadata"]["name"]] = made
        self.commands.append((found["image"], found.get("command")))
        return 201, made

    def answer_workload(self, method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        """Workloads anywhere, pods in the exempt namespace."""
        name = path.rpartition("/deployments")[2].strip("/")
        if method == "GET":
            return 200, {"items": list(self.deployments.values())}
        if method == "DELETE":
            return (200, {}) if self.deployments.pop(name, None) else (404, {"message": "not found"})
        spec = body["spec"].get("jobTemplate", body)["spec"]
        refusal = self.judge(spec.get("template", body)["spec"]["containers"][0]["image"]) if "/default/" in path else None
        if refusal is not None:
            return refusal
        if "dryRun=All" in query:
            self.asked.append(path)
            return 200, body
        made = {**body, "metadata": {"name": "d1", "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}}
        self.deployments["d1"] = made
        return 201, made


def reading(answers: Mapping[str, Any], otherwise: Answer | None = None) -> Answer:
    """Answers to GET by path and query; an int is a status without a body. All else is answered by `otherwise`, or 404."""

    def answer(method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        found = answers.get(f"{path}?{query}" if query else path) if method == "GET" else None
        if found is None:
            return otherwise(method, path, query, body) if otherwise else (404, {})
        return (found, {}) if isinstance(found, int) else (200, found)

    return answer


@contextmanager
def serving(
    answer: Answer,
    kubeconfig: Path,
    sent: list[tuple[str, str, str | None]] | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    headers: list[Mapping[str, str]] | None = None,
    cluster: Json | None = None,
    user: Json | None = None,
) -> Iterator[None]:
    """Until the end of the context; writes a kubeconfig for it, with what `cluster` and `user` hold beside the server.

    `sent` gets method, path and content type of each request, `headers` its headers. Is a proxy as well, which opens no tunnel.
    """

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            path, _, query = unquote(self.path).partition("?")
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            if sent is not None:
                sent.append((self.command, path, self.headers.get("Content-Type")))
            if headers is not None:
                headers.append({name.title(): value for name, value in self.headers.items()})
            code, answered = answer(self.command, path, query, body)
            data = json.dumps(answered).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if code == 429:
                self.send_header("Retry-After", "1")
            # Who asked may have given up, as in tests of a slow API server.
            with suppress(BrokenPipeError):
                self.end_headers()
                self.wfile.write(data)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Silent."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "CONNECT"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    content = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
    }
    kubeconfig.write_text(json.dumps(content))
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
