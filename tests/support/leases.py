"""A stand-in for an API server that keeps Leases, with the versions by which two writers at once are kept apart."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.lease import LEASE, LEASES

Json = dict[str, Any]
OTHER = "ops@elsewhere, process 4711, run 9f2c41d07e3b:ansible-local-4711abcdefgh"
"""A run on another machine."""


def lease(holder: str = OTHER, *, since: timedelta = timedelta(minutes=5), **changes: Any) -> Json:
    """One that was taken so long ago, for an hour."""
    taken = f"{datetime.now(UTC) - since:%Y-%m-%dT%H:%M:%S.%f}Z"
    return {
        "metadata": {"name": "image-trust"},
        "spec": {"holderIdentity": holder, "acquireTime": taken, "renewTime": taken, "leaseDurationSeconds": 3600} | changes,
    }


@dataclass
class Leases:
    """`before` is called with the method of each request for the Lease, before it is answered; what it returns, if anything, is the answer."""

    found: Json | None = None
    before: Callable[[str], tuple[int, Json] | None] = lambda _method: None
    otherwise: Callable[[str, str, str, Json], tuple[int, Json]] = lambda *_asked: (404, {})
    """Answers requests for all else."""
    log: list[tuple[str, str]] = field(default_factory=list)
    """Method and holder after it, of each write that was accepted."""
    _versions: count[int] = field(default_factory=lambda: count(1))
    _lock: Any = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.found:
            self.store(self.found)

    @property
    def holder(self) -> str:
        return str(self.found["spec"]["holderIdentity"]) if self.found else ""

    def store(self, given: Json) -> None:
        self.found = {**given, "metadata": {**given["metadata"], "resourceVersion": str(next(self._versions))}}

    def answer(self, method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        if not path.startswith(LEASES):
            return self.otherwise(method, path, query, body)
        if answered := self.before(method):
            return answered
        with self._lock:
            return self._answered(method, path, body)

    def _answered(self, method: str, path: str, body: Json) -> tuple[int, Json]:
        if method == "POST":
            assert path == LEASES
            if self.found:
                return 409, {"message": 'leases.coordination.k8s.io "image-trust" already exists'}
        else:
            assert path == LEASE
            if not self.found:
                return 404, {"message": 'leases.coordination.k8s.io "image-trust" not found'}
            if method == "GET":
                return 200, self.found
            # Of a deletion, the precondition.
            wanted = body["preconditions" if method == "DELETE" else "metadata"]["resourceVersion"]
            if wanted != self.found["metadata"]["resourceVersion"]:
                return 409, {"message": "the object has been modified; please apply your changes to the latest version and try again"}
        if method == "DELETE":
            self.found = None
        else:
            for name in ("acquireTime", "renewTime"):
                # https://pkg.go.dev/k8s.io/apimachinery/pkg/apis/meta/v1#MicroTime
                datetime.strptime(body["spec"][name], "%Y-%m-%dT%H:%M:%S.%fZ")
            self.store(body)
        self.log.append((method, self.holder))
        return 200, self.found or {}
