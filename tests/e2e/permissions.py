"""Permissions that are taken from identities."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from lab import seed
from lab.azure import state as azure_state
from lab.config import SUBSCRIPTION, home

from .conftest import Lab
from .objects import ACR_PULL, CLUSTER_PATH, IDENTITY_PATH, REGISTRY_PATH, VAULT_PATH, identity


def take_acr_pull(lab: Lab, principal: str) -> None:
    listed = lab.arm("GET", f"{REGISTRY_PATH}/providers/Microsoft.Authorization/roleAssignments", "2022-04-01")["value"]
    mine = [a["name"] for a in listed if a["properties"]["principalId"] == principal and a["properties"]["roleDefinitionId"].endswith(ACR_PULL)]
    assert len(mine) == 1
    lab.arm("DELETE", f"{REGISTRY_PATH}/providers/Microsoft.Authorization/roleAssignments/{mine[0]}", "2022-04-01")


@contextmanager
def acr_pull_for_the_controller(lab: Lab) -> Iterator[None]:
    """The login of the playbooks may pull from the registry, which no role gives it."""
    state = azure_state.load(home() / "azure/state.json")
    assert state
    principal, role = (
        state.service_principals[seed.CONTROLLER].object_id,
        f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ACR_PULL}",
    )
    path = f"{REGISTRY_PATH}/providers/Microsoft.Authorization/roleAssignments/{uuid4()}"
    body = {"properties": {"roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal"}}
    lab.arm("PUT", path, "2022-04-01", body)
    try:
        lab.wait_for_propagation()
        yield
    finally:
        lab.arm("DELETE", path, "2022-04-01")
        lab.wait_for_propagation()


def take_ratify_pull(lab: Lab) -> None:
    take_acr_pull(lab, identity(lab)["principalId"])


def take_kubelet_pull(lab: Lab) -> None:
    cluster = lab.arm("GET", CLUSTER_PATH, "2024-09-01")
    take_acr_pull(lab, cluster["properties"]["identityProfile"]["kubeletidentity"]["objectId"])


def take_federation(lab: Lab) -> None:
    for credential in lab.arm("GET", f"{IDENTITY_PATH}/federatedIdentityCredentials", "2024-11-30")["value"]:
        lab.arm("DELETE", f"{IDENTITY_PATH}/federatedIdentityCredentials/{credential['name']}", "2024-11-30")


def take_vault_permission(lab: Lab) -> None:
    vault = lab.arm("GET", VAULT_PATH, "2026-02-01")
    mine = [entry for entry in vault["properties"]["accessPolicies"] if entry["objectId"] == identity(lab)["principalId"]]
    assert mine
    lab.arm("PUT", f"{VAULT_PATH}/accessPolicies/remove", "2026-02-01", {"properties": {"accessPolicies": mine}})


def restart_ratify(kube: Any) -> None:
    """Ratify keeps tokens and certificates in memory; a restart shows what it would get today."""
    pods = kube.resources.get(api_version="v1", kind="Pod")
    old = {pod.metadata.uid for pod in pods.get(namespace="gatekeeper-system", label_selector="app.kubernetes.io/name=ratify").items}
    assert old
    pods.delete(namespace="gatekeeper-system", label_selector="app.kubernetes.io/name=ratify")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = pods.get(namespace="gatekeeper-system", label_selector="app.kubernetes.io/name=ratify").items
        if found and all(p.metadata.uid not in old and any(c.type == "Ready" and c.status == "True" for c in p.status.conditions or []) for p in found):
            return
        time.sleep(1)
    pytest.fail("Ratify was not ready 120 s after its restart")
