"""The module run whole against a stand-in for the API server that serves a few kinds, by discovery as the real one does."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.modules import cluster_objects_info

from .discovery import RELEASE, Json, items, kind, point_at

ANSWERS: dict[str, Json] = {
    "/apis": {"groups": [{"name": name, "preferredVersion": {"groupVersion": f"{name}/v1"}} for name in ("mutations", "apps", "going")]},
    "/apis/mutations/v1": {
        "resources": [
            kind("Assign", "assign", namespaced=False),
            kind("Assign", "assign/status", namespaced=False),
            kind("Review", "reviews", namespaced=False, verbs=("create",)),
        ]
    },
    "/apis/apps/v1": {"resources": [kind("Deployment", "deployments", namespaced=True)]},
    "/api/v1": {"resources": [kind("Secret", "secrets", namespaced=True), kind("Event", "events", namespaced=True), kind("Node", "nodes", namespaced=False)]},
    "/apis/mutations/v1/assign": items({"name": "tag", "annotations": RELEASE}, {"name": "hook", "annotations": {"helm.sh/hook": "pre-install"}}),
    "/apis/apps/v1/namespaces/trust/deployments": items({"name": "web", "namespace": "trust", "labels": {"app": "web"}, "ownerReferences": [{"name": "x"}]}),
    "/api/v1/namespaces/trust/secrets": items(),
    "/api/v1/namespaces?fieldSelector=metadata.name=trust": items({"name": "trust", "managedFields": [{"manager": "helm"}, {"manager": "helm"}]}),
}


@dataclass
class Api:
    answers: dict[str, Json] = field(default_factory=lambda: dict(ANSWERS))
    asked: list[str] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)
    kubeconfig: Path = Path()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    api = Api(kubeconfig=tmp_path / "kubeconfig")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server asks for
            path = unquote(self.path)
            api.asked.append(path)
            api.accepted[path] = self.headers["Accept"]
            found = api.answers.get(path)
            data = json.dumps(found if found is not None else {"message": "not found"}).encode()
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    point_at(api.kubeconfig, server.server_port)
    yield api
    server.shutdown()
    thread.join()
    server.server_close()


def run(kubeconfig: Path, **options: Any) -> Json:
    printed = io.StringIO()
    with patch_module_args({"kubeconfig": str(kubeconfig), **options}), redirect_stdout(printed), pytest.raises(SystemExit):
        cluster_objects_info.main()
    result: Json = json.loads(printed.getvalue())
    return result


def test_the_objects_of_a_group_are_listed_with_the_release_or_hook_that_made_them(api: Api) -> None:
    result = run(api.kubeconfig, groups=["mutations"])
    assert [(each["title"], each["release"], each["hook"]) for each in result["objects"]] == [
        ("Assign tag", "trust/ratify", False),
        ("Assign hook", None, True),
    ]
    assert result["kinds"] == ["Assign"]
    assert result["objects"][0]["reference"] == {"apiVersion": "mutations/v1", "kind": "Assign", "metadata": {"name": "tag"}}
    assert not any(path.startswith(("/apis/apps", "/api/v1")) for path in api.asked)


def test_a_namespace_is_listed_with_everything_in_it_but_events(api: Api) -> None:
    result = run(api.kubeconfig, namespaces=["trust"])
    assert [(each["title"], each["managers"], each["owned"]) for each in result["objects"]] == [
        ("Namespace trust", ["helm"], False),
        ("Deployment trust/web", [], True),
    ]
    assert result["objects"][1]["reference"]["metadata"] == {"name": "web", "namespace": "trust"}
    assert "/api/v1/namespaces/trust/events" not in api.asked


def test_only_metadata_is_asked_for_so_that_no_secret_is_read(api: Api) -> None:
    run(api.kubeconfig, namespaces=["trust"])
    listed = [accepted for path, accepted in api.accepted.items() if "items" in ANSWERS.get(path, {})]
    assert len(listed) == 3
    assert all(accepted.startswith("application/json;as=PartialObjectMetadataList") for accepted in listed)


def test_what_is_not_there_is_no_error(api: Api) -> None:
    api.answers["/api/v1/namespaces?fieldSelector=metadata.name=gone"] = items()
    assert run(api.kubeconfig, groups=["never.heard.of", "going"])["objects"] == []
    assert run(api.kubeconfig, namespaces=["gone"])["objects"] == []


def test_a_cluster_that_does_not_answer_is_a_clear_error(tmp_path: Path) -> None:
    point_at(tmp_path / "kubeconfig", 1)
    result = run(tmp_path / "kubeconfig", groups=["mutations"])
    assert result["failed"] is True
    assert result["msg"].startswith("The cluster cannot be looked at: it does not answer: ")


def test_a_kubeconfig_of_no_use_is_named(tmp_path: Path) -> None:
    result = run(tmp_path / "nothing", groups=["mutations"])
    assert result["failed"] is True
    assert str(tmp_path / "nothing") in result["msg"]


def test_a_refusal_is_reported_with_what_was_asked(api: Api) -> None:
    del api.answers["/apis"]
    assert "it refuses GET /apis: HTTP 404" in run(api.kubeconfig, groups=["mutations"])["msg"]
