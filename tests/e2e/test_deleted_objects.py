"""An administrator deletes what holds all the rest: the namespace of Gatekeeper and Ratify, while the webhooks stay and fail closed, and Ratify's identity."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import kubernetes
import pytest

from lab.config import REGISTRY
from tests.support.seeds import soak

from .conftest import Lab, Run
from .drift import Hand, content, managed
from .objects import IDENTITY_PATH, REGISTRY_PATH, VAULT_PATH, identity
from .permissions import take_acr_pull
from .plans import check, succeeded
from .pods import pod, refusal

pytestmark = [pytest.mark.first_lab, pytest.mark.order(6)]

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gatekeeper-system"}}
SIGNED = f"{REGISTRY}.azurecr.io/net-monitor:signed"
GONE_IN_AZURE = ("create the identity", "create the federated credential", "assign the role AcrPull", "access policy in the vault")
GONE_IN_THE_CLUSTER = ("Install chart gatekeeper", "Install chart ratify")


def permissions(lab: Lab, principal: str) -> list[Any]:
    """What it may do in the registry and in the vault."""
    roles = lab.arm("GET", f"{REGISTRY_PATH}/providers/Microsoft.Authorization/roleAssignments", "2022-04-01")["value"]
    entries = lab.arm("GET", VAULT_PATH, "2026-02-01")["properties"]["accessPolicies"]
    return [each["properties"]["roleDefinitionId"] for each in roles if each["properties"]["principalId"] == principal] + [
        each["permissions"] for each in entries if each["objectId"] == principal
    ]


def take_vault_permission(lab: Lab, principal: str) -> None:
    entries = [each for each in lab.arm("GET", VAULT_PATH, "2026-02-01")["properties"]["accessPolicies"] if each["objectId"] == principal]
    lab.arm("PUT", f"{VAULT_PATH}/accessPolicies/remove", "2026-02-01", {"properties": {"accessPolicies": entries}})


@pytest.fixture
def dead(lab: Lab, site: Run) -> Iterator[dict[str, Any]]:
    """The identity, which the test deletes; what it leaves is taken away afterwards, as docs/permissions.md says."""
    properties = identity(lab)
    yield properties
    if properties != identity(lab):
        take_acr_pull(lab, properties["principalId"])
        take_vault_permission(lab, properties["principalId"])


def gone(hand: Hand, item: dict[str, Any]) -> None:
    """Delete it, and wait until it and all that is in it is gone."""
    hand.delete(item)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            hand.get(item)
        except kubernetes.dynamic.exceptions.NotFoundError:
            return
        time.sleep(0.5)
    pytest.fail(f"{item['metadata']['name']} was not gone 120 s after it was deleted")


@soak("the deletion of each object by itself, in test_drift.py,")
def test_a_check_predicts_how_the_namespace_and_the_identity_come_back_and_a_run_brings_both(lab: Lab, site: Run, dead: dict[str, Any]) -> None:
    hand = Hand(lab)
    before = json.dumps(objects())
    had = permissions(lab, dead["principalId"])
    assert len(had) == 2
    lab.arm("DELETE", IDENTITY_PATH, "2024-11-30")
    gone(hand, NAMESPACE)
    assert "failed calling webhook" in refusal(hand.kube, pod(SIGNED), "default")
    assert refusal(hand.kube, pod(SIGNED), "kube-system") == ""
    with pytest.raises(kubernetes.dynamic.exceptions.InternalServerError):
        hand.kube.resources.get(api_version="v1", kind="Namespace").create(body={"metadata": {"name": "another"}}, dry_run="All")

    predicted = check(lab, "site")
    expected = (*GONE_IN_AZURE, *GONE_IN_THE_CLUSTER)
    assert [name for name in predicted.changed if not any(part in name for part in expected)] == []
    assert [part for part in expected if not any(part in name for name in predicted.changed)] == []
    assert succeeded(lab.play("site")).changed == predicted.changed

    new = identity(lab)
    assert new["principalId"] != dead["principalId"]
    assert (permissions(lab, new["principalId"]), permissions(lab, dead["principalId"])) == (had, had), (
        "no entries are touched, not even those of deleted objects"
    )
    after = json.dumps(objects()).replace(new["clientId"], dead["clientId"])
    assert json.loads(after) == json.loads(before)


def objects() -> dict[str, Any]:
    """Everything in the cluster but Helm's records, which are numbered."""
    return {title: each for title, each in content(managed({})).items() if "sh.helm.release" not in title}
