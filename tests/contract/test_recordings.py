"""The emulated Azure answers as Azure did when it was recorded: status, error, headers by which clients go on, property names, ids and states."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from lab.azure import app
from lab.azure.arm.groups import new_group
from lab.azure.arm.role_assignments import new_assignment
from lab.azure.arm.vaults import new_vault
from lab.azure.context import Azure
from lab.azure.roles import OWNER
from lab.azure.state import ServicePrincipal, State
from tests.contract.recordings import EXCLUDED, FOLDER, HEADERS, Interaction, files, interactions, names, plain, shape
from tests.emulator.machine import OWNER_ID, Machine, no_delays

PAGE = Path(__file__).parents[2] / "docs/contract.md"
SUBSCRIPTION = ZEROS = "00000000-0000-0000-0000-000000000000"
UNFINISHED = ("InProgress", "NotStarted", "Creating")
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"there are no recordings in {FOLDER}; set AZURE_RECORDINGS")


class Held(Azure):
    """Its asynchronous operations wait until they are let go, as an operation that takes its time."""

    let = True

    def work(self, job: Coroutine[Any, Any, None]) -> None:
        super().work(self._when_let(job))

    async def _when_let(self, job: Coroutine[Any, Any, None]) -> None:
        try:
            while not self.let:
                await asyncio.sleep(0.002)
            await job
        finally:
            job.close()


class Replay:
    """One recording, asked again of an emulated Azure that knows nothing but the subscription and its owner."""

    def __init__(self, file: str) -> None:
        self.recording, text = list(interactions(file)), (FOLDER / file).read_text()
        machine = Machine()
        machine.version = _returned(text, "currentKubernetesVersion", machine.version)
        state = State(_returned(text, "tenantId", "11111111-1111-1111-1111-111111111111"), SUBSCRIPTION, settings=no_delays())
        new_assignment(state, f"/subscriptions/{SUBSCRIPTION}", OWNER.guid, OWNER_ID)
        state.service_principals[ZEROS] = ServicePrincipal(ZEROS, OWNER_ID, "who recorded", ZEROS)
        self.azure = Held(state, machine)
        self.renamed: dict[str, str] = {}
        """Paths of operations: recorded, and here."""

    def prepare(self, interaction: Interaction) -> None:
        """What the recording did by means that were not recorded: groups, vaults that were there, principals that became visible."""
        state = self.azure.state
        if group := re.match(r"/subscriptions/[^/]+/resourceGroups/([^/]+)", interaction.path, re.IGNORECASE):
            made = new_group(SUBSCRIPTION, group[1], "eastus")
            state.resource_groups.setdefault(made["id"].lower(), made)
        if re.search(r"/vaults/[^/]+$", interaction.path) and interaction.status == 200 and interaction.method != "PUT":
            self._vault(interaction)
        if interaction.path.endswith("/checkNameAvailability") and not interaction.body["nameAvailable"]:
            new_vault(state, "of-somebody-else", interaction.request["name"], "eastus", {})
        properties = (interaction.request or {}).get("properties", {}) if isinstance(interaction.request, dict) else {}
        if "/roleAssignments/" in interaction.path and interaction.status == 201 and "principalType" not in properties:
            state.service_principals[properties["principalId"]] = ServicePrincipal(properties["principalId"], properties["principalId"], "made elsewhere", "")

    def _vault(self, interaction: Interaction) -> None:
        """A vault that was there before the recording began, as it is returned later; and how far its name is."""
        path, state, (*_, group, _, _, _, name) = interaction.path, self.azure.state, interaction.path.split("/")
        if path.lower() not in state.vaults:
            returned = next(each.body for each in self.recording if each.path == path and each.body and each.status == 200)
            new_vault(state, group, name, returned["location"], returned["properties"])
        registering = isinstance(interaction.body, dict) and interaction.body["properties"]["provisioningState"] == "RegisteringDns"
        state.vaults[path.lower()].registered_at = math.inf if registering else 0

    def ask(self, client: TestClient, interaction: Interaction) -> httpx.Response:
        """Asks as often as it takes until an operation is where it was in the recording."""
        status = interaction.body.get("status") if isinstance(interaction.body, dict) else None
        self.azure.let = interaction.method == "GET" and status not in UNFINISHED
        for _ in range(1000):
            response = self._send(client, interaction)
            if status is None or response.json().get("status") == status:
                break
        for header in HEADERS[:2]:
            if header in interaction.headers and header in response.headers:
                self.renamed[urlsplit(interaction.headers[header]).path] = urlsplit(response.headers[header]).path
        return response

    def _send(self, client: TestClient, interaction: Interaction) -> httpx.Response:
        login = interaction.host.startswith("login.")
        url = (self.azure.login_url if login else self.azure.arm_url) + self.renamed.get(interaction.path, interaction.path)
        token = self.azure.tokens.access_token(OWNER_ID, OWNER_ID, "https://management.azure.com")
        sent: dict[str, Any] = {}
        if interaction.method not in ("GET", "DELETE") and interaction.request is not None:
            sent = {"content": interaction.request} if isinstance(interaction.request, str) else {"json": interaction.request}
        query = {**interaction.query, **({"authorization_endpoint": url} if "authorization_endpoint" in interaction.query else {})}
        answer: httpx.Response = client.request(interaction.method, url, params=query, headers={"Authorization": f"Bearer {token}"}, **sent)
        return answer


def _returned(recording: str, name: str, default: str) -> str:
    """The value of the first property `name` in a recording."""
    found = re.search(rf'"{name}": ?"([^"]+)"', recording)
    return found[1] if found else default


@pytest.mark.parametrize("file", files())
def test_the_emulator_answers_as_azure_did(file: str) -> None:
    replay = Replay(file)
    with TestClient(app.outside(replay.azure), base_url=replay.azure.arm_url) as client:
        for interaction in replay.recording:
            if not interaction.excluded:
                replay.prepare(interaction)
                assert_alike(interaction, replay.ask(client, interaction))
        replay.azure.let = True


def assert_alike(interaction: Interaction, response: httpx.Response) -> None:
    got: Any = response.json() if response.content else None
    assert response.status_code == interaction.status, f"{interaction}: {response.text}"
    headers = {name: shape(value) for name, value in response.headers.items() if name in HEADERS}
    assert headers == {name: shape(value) for name, value in interaction.headers.items() if name in HEADERS}, str(interaction)
    if interaction.retry_after:
        assert ("retry-after" in response.headers) == ("retry-after" in interaction.headers), str(interaction)
    if interaction.status >= 400:
        assert got["error"]["code"] == interaction.body["error"]["code"], str(interaction)
        assert plain(got["error"]["message"]) == plain(interaction.body["error"]["message"]), str(interaction)
    else:
        assert bool(got) == bool(interaction.body), str(interaction)
        assert names(got) ^ names(interaction.body) == set(), str(interaction)
        assert _telling(got) == _telling(interaction.body), str(interaction)


def _telling(body: Any) -> dict[str, Any]:
    """Of a resource: its id, letter by letter, its name, type and place, and its state."""
    if not isinstance(body, dict) or "id" not in body:
        return {}
    return {key: body.get(key) for key in ("id", "name", "type", "location")} | {"state": body.get("properties", {}).get("provisioningState")}


def test_the_documentation_tells_what_is_replayed_and_what_is_not_and_why() -> None:
    page, used = PAGE.read_text(), set()
    for file in files():
        excluded = [interaction.excluded for interaction in interactions(file)]
        used |= set(excluded) - {None}
        reasons = ", ".join(sorted({EXCLUDED[pattern].partition(":")[0].partition(";")[0] for pattern in excluded if pattern}))
        assert f"| {file.removesuffix('.json')} | {excluded.count(None)} | {len(excluded) - excluded.count(None)} | {reasons} |" in page
    assert used == set(EXCLUDED)
