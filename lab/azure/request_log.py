"""A record of every request, in memory and as JSON lines: who asked what, and what was answered; never bodies, tokens or query values that are secret."""

from __future__ import annotations

import json
import os
import re
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEPT = 20_000
_SECRET = re.compile(r"([^&=]*(?:secret|token|password|assertion)[^&=]*)=[^&]*", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    time: str
    listener: str
    host: str
    method: str
    path: str
    query: str
    status: int | None
    """None when the connection was closed without an answer."""
    principal: str | None
    """Object id of the caller, where the service found out."""
    action: str | None
    """The permission that Resource Manager asked the caller's roles for."""
    error: str | None
    duration_ms: float
    request_bytes: int
    """Size of the request's body, as the caller says."""


@dataclass
class RequestLog:
    """The last requests, oldest first; also appended to `file` when there is one (mode 0600)."""

    file: Path | None = None
    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=KEPT))

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        if self.file:
            with open(os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as out:
                out.write(json.dumps(asdict(entry)) + "\n")

    def clear(self) -> None:
        self.entries.clear()
        if self.file:
            self.file.unlink(missing_ok=True)

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self.entries]


class Recorder:
    """ASGI middleware that records what `app` answers to the requests of one listener. `note` (context.py) adds principal, permission and error code."""

    def __init__(self, app: ASGIApp, log: RequestLog, listener: str) -> None:
        self._app, self._log, self._listener = app, log, listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, arrived, status = time.monotonic(), datetime.now(UTC), None
        state = scope.setdefault("state", {})

        recorded = False

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # Before the answer is sent: a client that then looks at the log finds its request there.
                record()
            await send(message)

        def record() -> None:
            nonlocal recorded
            if recorded:
                return
            recorded = True
            headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
            self._log.add(
                Entry(
                    time=arrived.isoformat(timespec="milliseconds"),
                    listener=self._listener,
                    host=headers.get(b"host", ""),
                    method=scope["method"],
                    path=scope["path"],
                    query=_SECRET.sub(r"\1=***", scope["query_string"].decode("latin-1")),
                    status=status,
                    principal=state.get("principal"),
                    action=state.get("action"),
                    error=state.get("error"),
                    duration_ms=round((time.monotonic() - started) * 1000, 1),
                    request_bytes=int(headers.get(b"content-length", "0")),
                )
            )

        try:
            await self._app(scope, receive, watch)
        finally:
            record()
