"""Each grant and object is taken away by itself: the next look is red and names what is wrong, and site.yml restores it.

This is how we know that the lab enforces: nothing here is checked by our own code, Azure (the emulated one), the kubelet, Ratify and Gatekeeper do.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.seeds import soak

from .conftest import Lab, Run
from .objects import ACR_PULL, CLUSTER_PATH, IDENTITY_PATH, REGISTRY_PATH, VAULT_PATH, identity


def take_acr_pull(lab: Lab, principal: str) -> None:
    listed = lab.arm("GET", f"{REGISTRY_PATH}/providers/Microsoft.Authorization/roleAssignments", "2022-04-01")["value"]
    mine = [a["name"] for a in listed if a["properties"]["principalId"] == principal and a["properties"]["roleDefinitionId"].endswith(ACR_PULL)]
    assert len(mine) == 1
    lab.arm("DELETE", f"{REGISTRY_PATH}/providers/Microsoft.Authorization/roleAssignments/{mine[0]}", "2022-04-01")


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


@dataclass(frozen=True)
class Loss:
    take: Callable[[Lab], None] | None
    names: str
    """What the error of the next run has to say, as a regular expression."""
    restores: str
    """The role that gives it back, and no other changes anything."""
    restart: bool = False


NOT_PULLED = "net-monitor:signed as container should be admitted and pulled.* but not pulled: (ErrImagePull|ImagePullBackOff)"
LOSSES = {
    "the registry permission of Ratify's identity": Loss(take_ratify_pull, "unauthorized", "identity", restart=True),
    "the federated credential": Loss(take_federation, "AADSTS70025", "identity", restart=True),
    "the vault permission": Loss(take_vault_permission, "does not have secrets get permission", "identity", restart=True),
    "the attached registry": Loss(take_kubelet_pull, NOT_PULLED, "aks"),
    "the constraint": Loss(None, "net-monitor:unsigned as container should be denied, it is admitted", "policy"),
}


SOAKED = {name: soak("the loss of the registry permission") for name in ("the federated credential", "the vault permission")}


@pytest.mark.parametrize("loss", [pytest.param(loss, id=name, marks=SOAKED.get(name, ())) for name, loss in LOSSES.items()])
def test_without_it_verify_is_red_and_says_why_and_site_restores_it(lab: Lab, site: Run, kube: Any, loss: Loss) -> None:
    if loss.take is None:
        kube.resources.get(api_version="constraints.gatekeeper.sh/v1beta1", kind="ImagesVerified").delete(name="images-verified")
    else:
        loss.take(lab)
        lab.wait_for_propagation()
    if loss.restart:
        restart_ratify(kube)

    red = lab.play("verify", verify_timeout=30)
    assert red.returncode != 0
    assert re.search(loss.names, red.error)

    restored = lab.play("site")
    assert restored.returncode == 0, restored.error
    assert [task.partition(" : ")[0] for task in restored.changed] == [f"image_trust.azure.{loss.restores}"], restored.changed
