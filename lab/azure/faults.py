"""The fault switchboard: makes chosen requests fail, wait, or lose their connection."""

from __future__ import annotations

import asyncio
import json
import random
import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab.azure.reset import Reset


class Fault(BaseModel):
    """Which requests, and what happens to them. Without `count` or `rate` it strikes every time.

    `host` and `path` are regular expressions searched without case (the path without its query). `delay` is in seconds and comes first; `reset` closes the
    TCP connection "before" the request takes effect or "after" it, without an answer; `status` answers instead of the service. `instead` lets the service
    answer to another path: what `path` matches is replaced by it.
    """

    model_config = ConfigDict(extra="forbid")

    host: str | None = None
    method: str | None = None
    path: str | None = None
    status: int | None = Field(default=None, ge=200, le=599)
    code: str = "InjectedFault"
    message: str = "The lab is configured to fail this request."
    retry_after: int | None = Field(default=None, ge=0)
    page: str | None = None
    """With `status`: text that is answered as a page of the web, as a proxy does, instead of Azure's error."""
    delay: float = Field(default=0.0, ge=0)
    reset: Literal["before", "after"] | None = None
    instead: str | None = None
    count: int | None = Field(default=None, ge=1)
    """Strikes this many times, then is gone."""
    rate: float | None = Field(default=None, gt=0, le=1)
    """Strikes with this probability; `seed` makes the sequence the same every time."""
    seed: int = 0
    struck: int = 0
    _random: random.Random = PrivateAttr()

    @field_validator("host", "path")
    @classmethod
    def _is_regular_expression(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _does_something(self) -> Fault:
        if self.status is None and self.reset is None and self.instead is None and not self.delay:
            raise ValueError("give at least one of status, reset, instead and delay")
        if sum(each is not None for each in (self.status, self.reset, self.instead)) > 1:
            raise ValueError("give one of status, reset and instead")
        if (self.status or 400) < 400 and self.page is None:
            raise ValueError("a status below 400 answers a page: give page")
        if self.instead is not None and self.path is None:
            raise ValueError("instead replaces what path matches: give path")
        if self.count is not None and self.rate is not None:
            raise ValueError("give count or rate, not both")
        return self

    def model_post_init(self, context: Any) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - for a sequence that can be repeated

    @property
    def spent(self) -> bool:
        return self.count is not None and self.struck >= self.count

    def strikes(self, host: str, method: str, path: str) -> bool:
        """Whether this request is hit; counts it when it is."""
        patterns = ((self.host, host), (self.path, path))
        wanted = (self.method or method).upper() == method.upper() and all(re.search(p or "", v, re.IGNORECASE) for p, v in patterns)
        if self.spent or not wanted or (self.rate is not None and self._random.random() >= self.rate):
            return False
        self.struck += 1
        return True


class Faults:
    """The faults that are switched on, in the order given; the first that strikes is the only one."""

    def __init__(self) -> None:
        self.active: list[Fault] = []

    def strike(self, host: str, method: str, path: str) -> Fault | None:
        fault = next((f for f in self.active if f.strikes(host, method, path)), None)
        self.active = [f for f in self.active if not f.spent]
        return fault


class FaultInjector:
    """ASGI middleware before a service."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app, self._faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = None
        if scope["type"] == "http":
            request = Request(scope)
            fault = self._faults.strike(request.headers.get("host", ""), request.method, request.url.path)
        if fault is None:
            await self._app(scope, receive, send)
            return
        await asyncio.sleep(fault.delay)
        if fault.reset == "after":
            await self._app(scope, receive, _swallow)
        if fault.reset:
            scope["state"]["error"] = f"reset {fault.reset}"
            await Reset()(scope, receive, send)
        elif fault.status:
            scope["state"]["error"] = fault.code
            await _answer(fault)(scope, receive, send)
        else:
            await self._app(_elsewhere(scope, fault), receive, send)


def _elsewhere(scope: Scope, fault: Fault) -> Scope:
    if fault.instead is None:
        return scope
    path = re.sub(fault.path or "", fault.instead, scope["path"], flags=re.IGNORECASE)
    return {**scope, "path": path, "raw_path": path.encode()}


async def _swallow(message: Message) -> None:
    """The answer that the client never gets."""


def _answer(fault: Fault) -> Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.page is not None:
        return HTMLResponse(fault.page, status_code=fault.status or 500, headers=headers)
    body = json.dumps({"error": {"code": fault.code, "message": fault.message}})
    return Response(body, status_code=fault.status or 500, headers=headers, media_type="application/json")
