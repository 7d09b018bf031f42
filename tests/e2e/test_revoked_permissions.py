"""Each grant and object is taken away by itself: the next look is red and names what is wrong, and site.yml restores it.

This is how we know that the lab enforces: nothing here is checked by our own code, Azure (the emulated one), the kubelet, Ratify and Gatekeeper do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.seeds import soak

from .conftest import Lab, Run
from .permissions import restart_ratify, take_federation, take_kubelet_pull, take_ratify_pull, take_vault_permission


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


REGISTRY_PERMISSION = "the loss of the registry permission"
SOAKED = {
    "the federated credential": soak(REGISTRY_PERMISSION),
    "the vault permission": soak(REGISTRY_PERMISSION),
    "the attached registry": soak("each missing thing of a cluster, in test_aks_cluster_attached.py,"),
    "the constraint": soak("the deletion of each object, in test_drift.py,"),
}


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
