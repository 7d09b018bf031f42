"""The emulated Azure in this process, over TLS on a free port, for tests of what talks to it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from starlette.types import ASGIApp

from lab import pki
from lab.azure import app
from lab.azure.arm.groups import new_group
from lab.azure.arm.registries import new_registry
from lab.azure.arm.role_assignments import new_assignment
from lab.azure.arm.vaults import new_vault
from lab.azure.backend import Backend
from lab.azure.context import Azure
from lab.azure.faults import Fault
from lab.azure.proxy import Proxy
from lab.azure.request_log import Entry
from lab.azure.roles import OWNER
from lab.azure.server import Certificate, Listeners, tcp
from lab.azure.state import ServicePrincipal, State
from lab.config import LOCATION, REGISTRY, RESOURCE_GROUP, SUBSCRIPTION, TENANT, VAULT
from tests.emulator.machine import no_delays

CLIENT_ID = "33333333-3333-3333-3333-333333333333"
OBJECT_ID = "33333333-0000-0000-0000-333333333333"
SECRET = "a secret of the tests"

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, None]], None]
"""Runs to its end, on the event loop of the emulated Azure."""


class Emulated:
    """A running emulated Azure. What it holds may be looked at and changed between requests."""

    def __init__(self, azure: Azure, authority: Path, run: Run, certificate: Certificate, proxy: int) -> None:
        self.azure = azure
        self._run, self._listeners, self._certificate = run, Listeners(), certificate
        self.authority = authority
        """The certificate (PEM) of who has issued that of everything that is served here."""
        self.environment = {
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "AZURE_TENANT": TENANT,
            "AZURE_CLIENT_ID": CLIENT_ID,
            "AZURE_SECRET": SECRET,
            "AZURE_CLOUD_ENVIRONMENT": azure.arm_url,
            "REQUESTS_CA_BUNDLE": str(authority),
        }
        """Environment of a process that logs in as the subscription's owner."""
        self.public = {**self.environment, "AZURE_CLOUD_ENVIRONMENT": "AzureCloud", "HTTPS_PROXY": f"http://127.0.0.1:{proxy}"}
        """The same where it finds this Azure under the public names of the real one."""
        self.reset()

    @property
    def state(self) -> State:
        return self.azure.state

    @property
    def requests(self) -> list[Entry]:
        """Since the last reset."""
        return list(self.azure.log.entries)

    @property
    def writes(self) -> list[str]:
        """Method and path of the requests to Resource Manager that write."""
        return [f"{entry.method} {entry.path}" for entry in self.requests if entry.method in ("PUT", "PATCH", "DELETE")]

    @property
    def reads(self) -> list[str]:
        """Path of the requests to Resource Manager that read; neither metadata nor logins."""
        return [entry.path for entry in self.requests if entry.method == "GET" and entry.path.startswith("/subscriptions/")]

    def forget_requests(self) -> None:
        self.azure.log.clear()

    @contextmanager
    def served(self, application: ASGIApp) -> Iterator[str]:
        """URL of another application, beside this Azure."""
        listening = tcp(0)
        self._run(self._listeners.open("another", listening, application, self._certificate))
        try:
            yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            self._run(self._listeners.close("another"))

    @contextmanager
    def metadata_service(self, cluster: str) -> Iterator[str]:
        """URL of what the nodes of a managed cluster see as the instance metadata service."""
        listening = tcp(0)
        self._run(self._listeners.open(cluster, listening, app.metadata_service(self.azure, cluster)))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            self._run(self._listeners.close(cluster))

    def fail(self, **fault: object) -> None:
        """Switch a fault on; see `Fault`."""
        self.azure.faults.active.append(Fault.model_validate(fault))

    def resume(self, state: State) -> None:
        """Hold what `state` holds, with keys of its own and without delays."""
        kept = replace(state, signing_key=self.state.signing_key, settings=no_delays())
        for field in fields(State):
            setattr(self.state, field.name, getattr(kept, field.name))

    def reset(self) -> None:
        """Back to a resource group with an empty vault under access policies and a registry, no delays, no faults, no requests."""
        self.resume(State(TENANT, SUBSCRIPTION))
        fresh = self.state
        group = new_group(SUBSCRIPTION, RESOURCE_GROUP, LOCATION)
        fresh.resource_groups[group["id"].lower()] = group
        new_registry(fresh, RESOURCE_GROUP, REGISTRY, LOCATION)
        new_vault(fresh, RESOURCE_GROUP, VAULT, LOCATION, {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}})
        fresh.service_principals[CLIENT_ID] = ServicePrincipal(CLIENT_ID, OBJECT_ID, "tests", SECRET)
        new_assignment(fresh, f"/subscriptions/{SUBSCRIPTION}", OWNER.guid, OBJECT_ID)
        self.azure.faults.active.clear()
        self.forget_requests()


@contextmanager
def emulated(folder: Path, backend: Backend) -> Iterator[Emulated]:
    """Serve in a thread until the end of the context; keys and certificates are made in `folder`."""
    with mock.patch.dict(os.environ, {"LAB_HOME": str(folder)}):
        certificate = pki.azure_certificate()
    outside, public = tcp(0), tcp(0)
    azure = Azure(State(TENANT, SUBSCRIPTION), backend, port=outside.getsockname()[1])
    loop, listeners = asyncio.new_event_loop(), Listeners()
    proxy = Proxy(lambda: asyncio.open_connection(*public.getsockname()))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    try:
        run(listeners.open("outside", outside, app.outside(azure), certificate))
        run(listeners.open("public", public, app.inside(azure), certificate))
        yield Emulated(azure, folder / "ca.crt", run, certificate, run(proxy.open(0)))
        run(proxy.close())
        run(listeners.close_all())
        run(_end_of_work())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _end_of_work() -> None:
    """Operations without a waiting client end with the service."""
    work = asyncio.all_tasks() - {asyncio.current_task()}
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
