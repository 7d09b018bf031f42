"""Clusters that answer as one of the lab did: what that one answered to a run of site.yml without a change, given again to each host under its own names."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import yaml
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from lab.azure.state import Identity
from lab.clusters import cluster
from lab.node.control import Node
from tests.support.emulated import emulated
from tests.support.module_runs import Backend

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
"""The only answers that follow from what was written: each run writes another holder."""
HELM = b'"type":"helm.sh/release.v1"'
DRAWN = re.compile(r"/image-trust\.azure/[0-9a-f-]{36}")
"""The command of a probe, which each run draws at random."""
Names = Callable[[str], Mapping[str, str]]
"""By host: its own name of each thing that the recorded cluster has a name of its own for."""


@dataclass(frozen=True)
class Exchange:
    """A request to an API server, with its path and query, and the answer."""

    method: str
    target: str
    body: str
    status: int
    answer: bytes


class RecordedClusters(Backend):
    """Clusters of the emulated Azure that are served as Recorded at `url`; the one that was recorded keeps its issuer."""

    def __init__(self, name: str, exchanges: list[Exchange]) -> None:
        super().__init__()
        answers = {each.target: each.answer for each in exchanges}
        self.name, self.url, self.authority = name, "", Path()
        self.recorded_issuer: str = json.loads(answers["/.well-known/openid-configuration"])["issuer"]
        self._version: str = json.loads(answers["/version"])["gitVersion"]

    def kubeconfig(self, name: str) -> str:
        return kubeconfig(f"{self.url}/{name}", self.authority)

    def issuer(self, name: str) -> str:
        return self.recorded_issuer if name == self.name else super().issuer(name)

    def kubernetes_version(self, name: str) -> str:
        return self._version.removeprefix("v")

    def names(self, identities: Mapping[str, Identity], host: str) -> dict[str, str]:
        """What the answers call otherwise for a host: its issuer, and its identity where it has one."""
        by_name = {identity.name: identity.client_id for identity in identities.values()}
        recorded, own = (f"ratify-{each}" for each in (self.name, host))
        known = {by_name[recorded]: by_name[own]} if own in by_name else {}
        return {self.recorded_issuer: self.issuer(host), **known}


def kubeconfig(url: str, authority: Path) -> str:
    """Of a cluster at `url`, whose certificate is of that authority; it takes any token."""
    certificate = base64.b64encode(authority.read_bytes()).decode()
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "recorded",
            "contexts": [{"name": "recorded", "context": {"cluster": "recorded", "user": "recorded"}}],
            "clusters": [{"name": "recorded", "cluster": {"server": url, "certificate-authority-data": certificate}}],
            "users": [{"name": "recorded", "user": {"token": "recorded"}}],
        }
    )


@contextmanager
def recording(name: str) -> Iterator[list[Exchange]]:
    """What the lab's cluster `name` is asked and answers until the end of the context, in the order of the answers; who wants to keep less empties the list.

    Azure names us as its address meanwhile. The controller knows another one until its next run.
    """
    file = cluster(name).kubeconfig
    before, exchanges = file.read_text(), list[Exchange]()
    with TemporaryDirectory(prefix="recording-") as folder, emulated(Path(folder), Backend()) as azure, azure.served(_forward(name, exchanges)) as url:
        file.write_text(kubeconfig(url, azure.authority))
        try:
            yield exchanges
        finally:
            file.write_text(before)


def _forward(name: str, exchanges: list[Exchange]) -> ASGIApp:
    node = Node(cluster(name))
    client = httpx.AsyncClient(base_url=node.url, verify=node.administrator(), timeout=60, trust_env=False)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        target, body = _target(request), (await request.body()).decode()
        headers = {name: request.headers[name] for name in ("accept", "content-type", "user-agent") if name in request.headers}
        answer = await client.request(request.method, target, content=body, headers=headers)
        exchanges.append(Exchange(request.method, target, body, answer.status_code, answer.content))
        await Response(answer.content, answer.status_code, media_type="application/json")(scope, receive, send)

    return app


def _target(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


class Recorded:
    """Answers to `/<host>/<path>`. The same request again has the next answer to it, and at last the last one."""

    def __init__(self, exchanges: list[Exchange], names: Names) -> None:
        self._names = names
        self._answers: dict[tuple[str, str, str], list[Exchange]] = {}
        for each in exchanges:
            self._answers.setdefault((each.method, each.target, DRAWN.sub("", each.body)), []).append(each)
        self._given: Counter[tuple[str, str, str, str]] = Counter()
        self._drawn: dict[str, dict[str, str]] = defaultdict(dict)
        self._leases: dict[str, bytes] = {}

    def begin(self) -> None:
        """Answer a new run from the first answer on."""
        self._given.clear()
        self._drawn.clear()

    def answer(self, host: str, method: str, target: str, body: str) -> tuple[int, bytes]:
        """Status and answer; status 501 for a request that was not recorded."""
        if target.startswith(LEASES):
            return self._lease(host, method, body)
        own = self._names(host)
        for recorded, mine in own.items():
            body = body.replace(mine, recorded)
        key = method, target, DRAWN.sub("", body)
        answers = self._answers.get(key)
        if not answers:
            return 501, json.dumps({"message": f"no answer is recorded to {method} {target} {body}"}).encode()
        chosen = answers[min(self._given[host, *key], len(answers) - 1)]
        self._given[host, *key] += 1
        self._drawn[host].update(zip(DRAWN.findall(chosen.body), DRAWN.findall(body), strict=True))
        return chosen.status, renamed(chosen.answer, {**own, **self._drawn[host]})

    def _lease(self, host: str, method: str, body: str) -> tuple[int, bytes]:
        if method in ("POST", "PUT"):
            lease = json.loads(body)
            lease["metadata"]["resourceVersion"] = "1"
            self._leases[host] = json.dumps(lease).encode()
            return (201 if method == "POST" else 200), self._leases[host]
        if host not in self._leases:
            return 404, json.dumps({"message": "there is no such Lease"}).encode()
        return 200, self._leases.pop(host) if method == "DELETE" else self._leases[host]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        host, _, target = _target(request).removeprefix("/").partition("/")
        status, answer = self.answer(host, request.method, f"/{target}", (await request.body()).decode())
        await Response(answer, status, media_type="application/json")(scope, receive, send)


def renamed(answer: bytes, names: Mapping[str, str]) -> bytes:
    """An answer of the recorded cluster with these names; also in the records of Helm, which are compressed."""
    if HELM in answer:
        secrets = json.loads(answer)
        for secret in secrets["items"]:
            secret["data"]["release"] = _renamed_release(secret["data"]["release"], names)
        answer = json.dumps(secrets).encode()
    for recorded, mine in names.items():
        answer = answer.replace(recorded.encode(), mine.encode())
    return answer


def _renamed_release(release: str, names: Mapping[str, str]) -> str:
    """https://github.com/helm/helm/blob/v3.18.4/pkg/storage/driver/util.go: gzip in base64, which Kubernetes wraps again."""
    record = gzip.decompress(base64.b64decode(base64.b64decode(release)))
    for recorded, mine in names.items():
        record = record.replace(recorded.encode(), mine.encode())
    return base64.b64encode(base64.b64encode(gzip.compress(record, 1))).decode()
