"""What all services of the emulated Azure share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request

from lab.azure.backend import Backend
from lab.azure.faults import Faults
from lab.azure.request_log import RequestLog
from lab.azure.reset import Reset as Reset
from lab.azure.state import State
from lab.azure.tokens import Tokens
from lab.config import AZURE_PORT

_T = TypeVar("_T")


def _nowhere(state: State) -> None:
    """Keeps nothing: the state lives as long as the process."""


@dataclass
class Azure:
    """State, machine and keys. Handlers are `async def`, so that the state is only ever touched on the event loop; what blocks runs by `blocking`."""

    state: State
    backend: Backend
    persist: Callable[[State], None] = _nowhere
    clusters_changed: Callable[[], None] = lambda: None
    """Called when a managed cluster has appeared or gone."""
    port: int = AZURE_PORT
    """Where Resource Manager (as 127.0.0.1) and Entra (as localhost) are reached from outside the clusters."""
    log: RequestLog = field(default_factory=RequestLog)
    faults: Faults = field(default_factory=Faults)
    tokens: Tokens = field(init=False)
    _work: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _being_written: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.state)

    @property
    def arm_url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def login_url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def graph_url(self) -> str:
        """Microsoft Graph, outside the clusters."""
        return f"{self.login_url}/graph"

    @property
    def arm_audiences(self) -> list[str]:
        """Audiences of tokens for Resource Manager, as Azure lists them, and the one of this installation."""
        public = ("https://management.core.windows.net", "https://management.azure.com")
        return [form for host in (*public, self.arm_url) for form in (f"{host}/", host)]

    def save(self) -> None:
        """Keep the state; to be called after every change, before the answer is sent."""
        self.persist(self.state)

    def issuers(self) -> dict[str, str]:
        """Name of the cluster by issuer, for the managed clusters whose OIDC issuer is on."""
        profiles = {cluster.name: cluster.properties.get("oidcIssuerProfile", {}) for cluster in self.state.clusters.values()}
        return {profile["issuerURL"]: name for name, profile in profiles.items() if profile.get("enabled")}

    def work(self, job: Coroutine[Any, Any, None]) -> None:
        """Do `job` beside the requests: an asynchronous operation."""
        task = asyncio.get_running_loop().create_task(job)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    @property
    def working(self) -> bool:
        """Whether an asynchronous operation is not finished."""
        return bool(self._work)

    @asynccontextmanager
    async def writing(self, key: str, conflict: Exception) -> AsyncIterator[None]:
        """Hold the only right to write what `key` names, for as long as a write takes (`Settings.write_duration`); raise `conflict` when another holds it."""
        if key in self._being_written:
            raise conflict
        self._being_written.add(key)
        try:
            await asyncio.sleep(self.state.settings.write_duration)
            yield
        finally:
            self._being_written.discard(key)


async def blocking(call: Callable[..., _T], *args: Any) -> _T:
    """Result of `call(*args)`, which may block, without stopping the event loop."""
    return await asyncio.to_thread(call, *args)


def note(request: Request, *, principal: str | None = None, action: str | None = None, error: str | None = None) -> None:
    """Tell the request log who calls (object id), which permission that needs and which error code is answered. Never a secret."""
    if principal is not None:
        request.state.principal = principal
    if action is not None:
        request.state.action = action
    if error is not None:
        request.state.error = error
