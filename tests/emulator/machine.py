"""Resource Manager and Entra in the test's own process, with clusters that exist in memory only (but sign real tokens)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from typing import Any

import httpx
import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from starlette.testclient import TestClient

from lab.azure import app
from lab.azure.arm.groups import new_group
from lab.azure.arm.registries import new_registry
from lab.azure.arm.role_assignments import new_assignment
from lab.azure.arm.vaults import new_vault
from lab.azure.context import Azure
from lab.azure.roles import OWNER, Role
from lab.azure.state import ServicePrincipal, Settings, State
from lab.azure.tokens import Tokens
from lab.config import AKS_SERVER

TENANT, SUBSCRIPTION = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
GROUP_NAME = "group"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP_NAME}"
OWNER_ID, OWNER_CLIENT, OWNER_SECRET = "aaaaaaaa-0000-0000-0000-00000000000a", "bbbbbbbb-0000-0000-0000-00000000000b", "owner's secret"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ratify"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/lab-vault"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/labregistry"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/one"
AUDIENCE = "api://AzureADTokenExchange"

VERSIONS = {
    "microsoft.managedidentity": "2024-11-30",
    "microsoft.keyvault": "2026-05-15",
    "microsoft.authorization": "2022-04-01",
    "microsoft.containerservice": "2026-08-01",
    "microsoft.containerregistry": "2025-11-01",
}
"""The api-versions that today's SDKs send."""


class Machine:
    """A Backend (lab.azure.backend). It remembers which calls it got; `broken` makes starting a cluster fail, `ready` makes it wait."""

    registry = "http://127.0.0.1:9"

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.deleted: Counter[str] = Counter()
        self.broken = ""
        self.version = "1.36.4"
        self.ready = threading.Event()
        self.ready.set()

    def start_cluster(self, name: str) -> None:
        self.calls.append(("start", name))
        if self.broken:
            raise RuntimeError(self.broken)
        assert self.ready.wait(5)
        self.keys.setdefault(name, _cluster_key(name))

    def delete_cluster(self, name: str) -> None:
        self.calls.append(("delete", name))
        self.deleted[name] += 1
        self.keys.pop(name, None)

    def kubeconfig(self, name: str) -> str:
        return yaml.safe_dump({"current-context": name, "clusters": [{"name": name, "cluster": {"server": "https://127.0.0.1:14530"}}]})

    def issuer(self, name: str) -> str:
        return f"https://eastus.oic.prod-aks.azure.com/{TENANT}/{name}{'-again' * self.deleted[name]}/"

    def jwks(self, name: str) -> dict[str, Any]:
        return {"keys": [{**RSAAlgorithm.to_jwk(self.keys[name].public_key(), as_dict=True), "kid": f"key of {name}"}]}

    def kubernetes_version(self, name: str) -> str:
        return self.version

    def install_workload_identity(self, name: str, tenant: str) -> None:
        self.calls.append(("install workload identity", name))

    def remove_workload_identity(self, name: str) -> None:
        self.calls.append(("remove workload identity", name))

    def admit_entra(self, name: str, tenant: str, admin_groups: Sequence[str], token: str) -> None:
        assert jwt.decode(token, options={"verify_signature": False})["aud"] == AKS_SERVER
        self.calls.append((f"admit users of {tenant}, administrators {' '.join(admin_groups) or 'none'}", name))

    def forget_entra(self, name: str, token: str) -> None:
        self.calls.append(("forget users of Entra", name))

    def sign(self, name: str, subject: str, *, audience: str = AUDIENCE, seconds: int = 3600, issuer: str = "", key_id: str = "") -> str:
        """A service account token, as cluster `name` signs it."""
        at = int(time.time())
        claims = {"iss": issuer or self.issuer(name), "sub": subject, "aud": [audience], "iat": at - 10, "nbf": at - 10, "exp": at + seconds}
        return jwt.encode(claims, self.keys[name], algorithm="RS256", headers={"kid": key_id or f"key of {name}"})


@cache
def signing_key() -> str:
    """One key for all tests: making one takes 0.1 s."""
    state = State(TENANT, SUBSCRIPTION)
    Tokens(state)
    return state.signing_key


@cache
def _cluster_key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def no_delays() -> Settings:
    return Settings(**{field.name: 0.0 for field in fields(Settings)})


def new_state() -> State:
    """A subscription without delays: an owner, a group, a vault with access policies, a registry."""
    state = State(TENANT, SUBSCRIPTION, signing_key(), no_delays())
    group = new_group(SUBSCRIPTION, GROUP_NAME, "eastus")
    state.resource_groups[group["id"].lower()] = group
    state.service_principals[OWNER_CLIENT] = ServicePrincipal(OWNER_CLIENT, OWNER_ID, "owner", OWNER_SECRET)
    new_assignment(state, f"/subscriptions/{SUBSCRIPTION}", OWNER.guid, OWNER_ID)
    vault = {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "accessPolicies": [], "enableRbacAuthorization": False}
    new_vault(state, GROUP_NAME, "lab-vault", "eastus", vault)
    new_registry(state, GROUP_NAME, "labregistry", "eastus")
    return state


class Lab:
    """The emulated Azure and a client of it."""

    def __init__(self, azure: Azure, machine: Machine, client: TestClient) -> None:
        self.azure, self.machine, self.client = azure, machine, client

    @property
    def state(self) -> State:
        return self.azure.state

    def token(self, principal_id: str = OWNER_ID, audience: str = "https://management.azure.com", *, seconds: int = 3600) -> str:
        return self.azure.tokens.access_token(principal_id, "cccccccc-0000-0000-0000-00000000000c", audience, seconds=seconds)

    def call(self, method: str, path: str, body: Any = None, *, version: str | None = None, token: str | None = None, **query: str) -> httpx.Response:
        """Ask Resource Manager. The owner asks unless `token` says who; the api-version is today's for the last provider in the path."""
        if version is None:
            providers = path.lower().split("/providers/")
            version = VERSIONS[providers[-1].split("/")[0]] if len(providers) > 1 else "2025-04-01"
        query = {"api-version": version, **query} if version else query
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        response: httpx.Response = self.client.request(method, path, json=body, params=query, headers=headers)
        return response

    def done(self, path: str, body: Any, **more: Any) -> dict[str, Any]:
        """PUT that must succeed."""
        response = self.call("PUT", path, body, **more)
        assert response.status_code in (200, 201), response.text
        result: dict[str, Any] = response.json()
        return result

    def identity(self) -> dict[str, Any]:
        return self.done(IDENTITY, {"location": "eastus"})

    def federate(self, issuer: str, subject: str, name: str = "ratify", audience: str = AUDIENCE) -> dict[str, Any]:
        return self.done(f"{IDENTITY}/federatedIdentityCredentials/{name}", {"properties": {"issuer": issuer, "subject": subject, "audiences": [audience]}})

    def assign(self, role: Role, principal_id: str, scope: str = f"/subscriptions/{SUBSCRIPTION}") -> None:
        new_assignment(self.state, scope, role.guid, principal_id)

    def cluster(self, **properties: Any) -> dict[str, Any]:
        """A managed cluster, ready."""
        made = self.call("PUT", CLUSTER, cluster_body(**properties))
        assert made.status_code == 201, made.text
        self.wait(made)
        result: dict[str, Any] = self.call("GET", CLUSTER).json()
        return result

    def wait(self, response: httpx.Response) -> dict[str, Any]:
        """The end of an asynchronous operation."""
        url = httpx.URL(response.headers.get("azure-asyncoperation") or response.headers["location"])
        for _ in range(500):
            operation: dict[str, Any] = self.call("GET", url.path, version=url.params["api-version"]).json()
            if operation["status"] not in ("InProgress", "NotStarted"):
                return operation
            time.sleep(0.005)
        raise AssertionError("the operation does not end")


def cluster_body(**properties: Any) -> dict[str, Any]:
    pools = [{"name": "nodepool1", "count": 1, "vmSize": "Standard_D4ds_v5", "mode": "System"}]
    return {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {"dnsPrefix": "one", "agentPoolProfiles": pools, **properties}}


@contextmanager
def emulated(state: State | None = None) -> Iterator[Lab]:
    """One emulated Azure. Its answers come as from the lab's."""
    machine = Machine()
    azure = Azure(state or new_state(), machine)
    with TestClient(app.outside(azure), base_url=azure.arm_url) as client:
        yield Lab(azure, machine, client)


def error_of(response: httpx.Response) -> tuple[int, str]:
    """Status and error code."""
    return response.status_code, response.json()["error"]["code"]
