"""A stand-in for the API server that keeps objects, and the module exact_objects run against it."""

from __future__ import annotations

import base64
import gzip
import io
import json
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.modules import exact_objects

from .discovery import kind, point_at

Json = dict[str, Any]
NO_ANSWER = 'Internal error occurred: failed calling webhook "validation.gatekeeper.sh": failed to call webhook: service "gatekeeper-webhook-service" not found'
AUTOSCALERS = "/apis/autoscaling/v2/namespaces/trust/horizontalpodautoscalers"
RUNNING = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}


@dataclass
class Api:
    """`objects` are the existing ones, by path; `refusals` the statuses that a write is refused with, by path, each once."""

    kinds: dict[str, list[Json]]
    objects: dict[str, Json] = field(default_factory=dict)
    refusals: dict[str, list[int]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    propagations: list[str] = field(default_factory=list)
    """Of the deletions, in order."""
    slow: int = 0
    """How many more looks an object that was deleted stays for."""
    kubeconfig: Path = Path()

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Json | None) -> tuple[int, Json]:
        dry = query.get("dryRun") == ["All"]
        self.asked.append(path)
        if path.count("/") in (2, 3) and path.lstrip("/").split("/", 1)[1] in self.kinds:
            return 200, {"resources": self.kinds[path.lstrip("/").split("/", 1)[1]]}
        if method == "GET" and path == AUTOSCALERS:
            return 200, {"items": [each for at, each in self.objects.items() if at.startswith(f"{path}/")]}
        if method == "GET" and "labelSelector" in query:
            return 200, {"items": [each for at, each in self.objects.items() if at.startswith(f"{path}/") and "owner" in each["metadata"].get("labels", {})]}
        if method != "GET" and not dry:
            self.writes.append(f"{method} {path}")
            self.propagations += query.get("propagationPolicy", [])
        if method != "GET" and self.refusals.get(path):
            status = self.refusals[path].pop(0)
            return status, {"message": NO_ANSWER if status == 500 else f"refused with {status}"}
        return self._stored(method, path, body, dry=dry)

    def _stored(self, method: str, path: str, body: Json | None, *, dry: bool) -> tuple[int, Json]:
        found = self.objects.get(path)
        if method == "POST" and body and f"{path}/{body['metadata']['name']}" in self.objects:
            return 409, {"message": "already exists"}
        if method == "POST" and body:
            path, after = f"{path}/{body['metadata']['name']}", {**body, "filled": "in", "metadata": {**body["metadata"], "generation": 1}}
            if body["kind"] == "Deployment":
                after["status"] = RUNNING
        elif found is None:
            return 404, {"message": "not found"}
        elif method == "PUT" and body:
            after = {**body, "filled": body.get("filled", "in")}
        elif method == "PATCH" and body:
            after = merged(found, body)
        else:
            after = found
            self.slow -= "deletionTimestamp" in found["metadata"]
            if found["kind"] == "CustomResourceDefinition":
                # It is established when a client reads it.
                found["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
                self.kinds["things/v1"] = [kind("Thing", "things", namespaced=False)]
        going = found is not None and "deletionTimestamp" in found["metadata"]
        if found and method == "DELETE" and self.slow:
            found["metadata"]["deletionTimestamp"] = "2026-11-24T12:00:00Z"
        elif method == "DELETE" or (going and self.slow <= 0):
            del self.objects[path]
        elif not dry:
            self.objects[path] = after
        return 200, after


def merged(value: Any, patch: Any) -> Any:
    return {**value, **{key: merged(value.get(key, {}), each) for key, each in patch.items()}} if isinstance(patch, dict) else patch


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    kinds = {
        "v1": [
            kind("Secret", "secrets", namespaced=True),
            kind("ConfigMap", "configmaps", namespaced=True),
            kind("Namespace", "namespaces", namespaced=False),
        ],
        "apps/v1": [kind("Deployment", "deployments", namespaced=True)],
        "hooks/v1": [kind("Webhook", "webhooks", namespaced=False)],
        "apiextensions.k8s.io/v1": [kind("CustomResourceDefinition", "customresourcedefinitions", namespaced=False)],
    }
    api = Api(kinds, kubeconfig=tmp_path / "kubeconfig")

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, found = api.answer(self.command, asked.path, parse_qs(asked.query), body)
            data = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Silent."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    point_at(api.kubeconfig, server.server_port)
    yield api
    server.shutdown()
    thread.join()
    server.server_close()


def run(api: Api, *, check: bool = False, **options: Any) -> Json:
    printed = io.StringIO()
    arguments = {"kubeconfig": str(api.kubeconfig), "wait_timeout": 2, **options, "_ansible_check_mode": check, "_ansible_diff": True}
    for seen in (api.writes, api.asked, api.propagations):
        seen.clear()
    with patch_module_args(arguments), redirect_stdout(printed), pytest.raises(SystemExit):
        exact_objects.main()
    result: Json = json.loads(printed.getvalue())
    return result


def item(name: str, item_kind: str, version: str, namespace: str | None = None, **content: Any) -> Json:
    return {"apiVersion": version, "kind": item_kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, **content}


WEBHOOK = item("ask", "Webhook", "hooks/v1", webhooks=[{"name": "a", "policy": "Fail"}])


def record(*items: Json, manager: str = "Helm") -> Json:
    """A record of release web."""
    says = {"manifest": "".join(f"---\n{json.dumps(each)}\n" for each in items)}
    data = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(says).encode()))).decode()
    labels = {"name": "web", "owner": "helm", "status": "deployed", "version": "1"}
    managed = [{"manager": manager, "fieldsV1": {"f:data": {}}}]
    return {"metadata": {"name": "web.v1", "namespace": "trust", "labels": labels, "managedFields": managed}, "data": {"release": data}}
