"""The emulated Resource Manager answers as Azure did when it was recorded: status, error code, telling headers, property names.

The recordings are found by the environment variable AZURE_RECORDINGS or beside the checkout; without them these tests are skipped.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from lab.azure import app
from lab.azure.arm.groups import new_group
from lab.azure.arm.registries import new_registry
from lab.azure.arm.role_assignments import new_assignment
from lab.azure.context import Azure
from lab.azure.roles import OWNER
from lab.azure.state import ServicePrincipal, Settings, State
from tests.emulator.machine import OWNER_ID, Machine

RECORDINGS = Path(os.environ.get("AZURE_RECORDINGS") or Path(__file__).resolve().parents[3] / "shared/azure-recordings")
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"

FILES = {
    "identity.test_federated_identity_credential.json": 10,
    "identity.test_identity_management.json": 3,
    "keyvault-10.2.3.test_keyvault.json": 7,
    "keyvault.test_keyvault_mgmt.json": 30,
    "role.test_role_assignment_create_update.json": 15,
    "role.test_role_definition_scenario.json": 5,
    "other.resource.latest.test_resource_policy_identity.json": 11,
    "other.containerapp.latest.test_containerapp_registry_identity_user.json": 10,
    "acr.test_acr_create_with_managed_registry.json": 5,
    "acs.test_aks_create_default_service.json": 14,
    "acs.test_aks_create_with_oidc_issuer_enabled.json": 5,
    "acs.test_aks_create_with_workload_identity_enabled.json": 5,
}
"""How many interactions of a file are replayed at least: a filter that swallows them all would not be noticed otherwise."""

SERVED = re.compile(
    r"""/providers/Microsoft\.(
        ManagedIdentity/userAssignedIdentities(/[^/]+(/federatedIdentityCredentials(/[^/]+)?)?)?
      | KeyVault/vaults(/[^/]+(/accessPolicies/[a-z]+)?)?
      | Authorization/(roleAssignments|roleDefinitions)(/[^/]+)?
      | ContainerRegistry/registries(/[^/]+)?
      | ContainerService/(managedClusters(/[^/]+(/listClusterUserCredential)?)?|locations/[^/]+/operations/[^/]+)
    )$""",
    re.VERBOSE | re.IGNORECASE,
)
NOT_EMULATED = [
    ("PUT|DELETE", "/roleDefinitions/"),  # custom roles
    ("PUT", "/roleDefinitions$"),
    ("PATCH|DELETE", "/registries/"),  # only roleAssignmentMode changes
    ("GET", "/registries/acr000004$"),  # of SKU Basic; the lab's are Premium
    ("GET", r"^/subscriptions/[^/]+/providers/.*/registries$"),  # the same
]
TELLING = ("azure-asyncoperation", "location", "retry-after", "x-ms-failure-cause")
UNTOLD = {"systemData", "nextLink", "effectiveOutboundIPs", "autoUpgradeProfile"}
"""What Azure tells and the emulator does not: who wrote, the next page, public addresses, a channel that Azure began to tell between two recordings."""


@dataclass(frozen=True)
class Interaction:
    method: str
    path: str
    query: dict[str, str]
    request: Any
    status: int
    headers: dict[str, str]
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def interactions(file: Path) -> Iterator[Interaction]:
    """What was recorded, in the two forms of recordings (Azure CLI's, Azure SDK's)."""
    recorded = json.loads(file.read_text())
    for each in recorded.get("interactions", ()):
        url = urlsplit(each["uri"])
        yield Interaction(each["method"], url.path, dict(parse_qsl(url.query)), each["request"], each["status"], each["headers"], each["body"])
    for each in recorded.get("Entries", ()):
        url, headers = urlsplit(each["RequestUri"]), {name.lower(): value for name, value in each["ResponseHeaders"].items()}
        yield Interaction(each["RequestMethod"], url.path, dict(parse_qsl(url.query)), each["RequestBody"], each["StatusCode"], headers, each["ResponseBody"])


def replayed(interaction: Interaction) -> bool:
    emulated = not any(re.fullmatch(method, interaction.method) and re.search(path, interaction.path) for method, path in NOT_EMULATED)
    return bool(SERVED.search(interaction.path)) and emulated and "$skiptoken" not in interaction.query


def told(recording: str, name: str, default: str) -> str:
    """The value of the first property `name` in a recording."""
    found = re.search(rf'"{name}": ?"([^"]+)"', recording)
    return found[1] if found else default


def names(value: Any, at: str = "") -> set[str]:
    """The property names of a body at every depth, as `properties.sku.name`; the elements of a list taken together. Tags are data, not properties."""
    if isinstance(value, list):
        return set().union(*(names(element, at) for element in value))
    if not isinstance(value, dict):
        return set()
    told = {key: inner for key, inner in value.items() if key not in UNTOLD and not key.startswith("_")}
    return set().union(*({f"{at}{key}"} | (set() if key == "tags" else names(inner, f"{at}{key}.")) for key, inner in told.items()))


class Replay:
    """One recording, asked again of an emulated Azure that knows nothing but the subscription and its owner."""

    def __init__(self, tenant: str, version: str) -> None:
        self.machine = Machine()
        self.machine.version = version
        state = State(tenant, SUBSCRIPTION, settings=Settings(*[0.0] * 6))
        new_assignment(state, f"/subscriptions/{SUBSCRIPTION}", OWNER.guid, OWNER_ID)
        self.azure = Azure(state, self.machine)
        self.operation = ""

    def prepare(self, interaction: Interaction) -> None:
        """What the recording did by means that the emulator does not serve: groups, registries, principals that became visible."""
        state = self.azure.state
        if group := re.match(r"/subscriptions/[^/]+/resourceGroups/([^/]+)", interaction.path, re.IGNORECASE):
            made = new_group(SUBSCRIPTION, group[1], "eastus")
            state.resource_groups.setdefault(made["id"].lower(), made)
        properties = (interaction.request or {}).get("properties", {}) if isinstance(interaction.request, dict) else {}
        if "/roleAssignments/" in interaction.path and interaction.status == 201 and "principalType" not in properties:
            state.service_principals[properties["principalId"]] = ServicePrincipal(properties["principalId"], properties["principalId"], "made elsewhere", "")
        if interaction.method == "GET" and "/operations/" in interaction.path:
            self._let(interaction.body["status"] != "InProgress")
        if interaction.method in ("PUT", "DELETE") and "/managedClusters/" in interaction.path:
            self._let(False)

    def _let(self, ready: bool) -> None:
        (self.machine.ready.set if ready else self.machine.ready.clear)()

    def ask(self, client: TestClient, interaction: Interaction) -> httpx.Response:
        path = self.operation if "/operations/" in interaction.path else interaction.path
        token = self.azure.tokens.access_token(OWNER_ID, OWNER_ID, "https://management.azure.com")
        sent = None if interaction.method in ("GET", "DELETE") else interaction.request
        response: httpx.Response = client.request(interaction.method, path, json=sent, params=interaction.query, headers={"Authorization": f"Bearer {token}"})
        self.operation = urlsplit(response.headers["azure-asyncoperation"]).path if "azure-asyncoperation" in response.headers else self.operation
        return response

    def create_registry(self, interaction: Interaction) -> None:
        name = interaction.path.rpartition("/")[2]
        new_registry(self.azure.state, interaction.path.split("/")[4], name, "eastus")


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"there are no recordings in {RECORDINGS}; set AZURE_RECORDINGS")
@pytest.mark.parametrize("file", FILES)
def test_the_emulator_answers_as_azure_did(file: str) -> None:
    text = (RECORDINGS / file).read_text()
    replay, asked = Replay(told(text, "tenantId", "11111111-1111-1111-1111-111111111111"), told(text, "currentKubernetesVersion", "1.36.4")), 0
    with TestClient(app.outside(replay.azure), base_url=replay.azure.arm_url) as client:
        for interaction in filter(replayed, interactions(RECORDINGS / file)):
            replay.prepare(interaction)
            if interaction.method == "PUT" and "/registries/" in interaction.path and "/roleAssignments/" not in interaction.path:
                replay.create_registry(interaction)
                continue
            response = replay.ask(client, interaction)
            while interaction.method == "GET" and "/operations/" in interaction.path and response.json()["status"] != interaction.body["status"]:
                response = replay.ask(client, interaction)
            asked += 1
            assert_alike(interaction, response)
    assert asked >= FILES[file]


def assert_alike(interaction: Interaction, response: httpx.Response) -> None:
    got: Any = response.json() if response.content else None
    assert response.status_code == interaction.status, f"{interaction}: {response.text}"
    assert {name for name in TELLING if name in response.headers} == {name for name in TELLING if name in interaction.headers}, str(interaction)
    if interaction.status >= 400:
        assert got["error"]["code"] == interaction.body["error"]["code"], str(interaction)
        assert plain(got["error"]["message"]) == plain(interaction.body["error"]["message"]), str(interaction)
    else:
        assert names(got) ^ names(interaction.body) == set(), str(interaction)


def plain(message: str) -> str:
    """A message without what differs from one call to the next."""
    return re.sub(r"[0-9a-f]{32}|[0-9a-f-]{36}", "<id>", message)
