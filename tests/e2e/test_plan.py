"""`site.yml --check --diff` predicts the run that follows, task by task, from whatever state, and writes nothing (which `check` looks for each time)."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.support.seeds import soak

from .conftest import Lab, Run
from .objects import CLUSTER_PATH, identity
from .permissions import take_acr_pull, take_federation, take_ratify_pull, take_vault_permission
from .plans import KUBECONFIG, FromNothing, check, succeeded

pytestmark = [pytest.mark.first_lab, pytest.mark.order(7)]


def test_from_nothing_every_change_is_predicted_also_beside_the_kubeconfig_of_an_earlier_cluster(from_nothing: FromNothing) -> None:
    assert from_nothing.predicted.changed == from_nothing.made_cluster.changed + [
        name for name in from_nothing.made_rest.changed if not name.startswith("image_trust.azure.aks : ")
    ]
    for what in (
        "create the cluster",
        "create the identity",
        "Install chart gatekeeper",
        "Install chart ratify",
        "Write the constraint template",
        "install the constraints",
    ):
        assert any(what in name for name in from_nothing.predicted.changed), what


def test_on_a_cluster_with_nothing_in_it_and_without_its_kubeconfig_every_change_is_predicted(from_nothing: FromNothing) -> None:
    assert from_nothing.predicted_rest.changed == from_nothing.made_rest.changed


def test_the_differences_are_shown_and_no_secret_is(lab: Lab, from_nothing: FromNothing) -> None:
    shown = from_nothing.predicted.output + from_nothing.predicted_rest.output
    for what in (
        "gatekeeper-3.23.1",
        "values.validatingWebhookFailurePolicy: none -> ",
        "ratify-1.15.7",
        "excludedNamespaces",
        "access policies of vault image-trust-lab",
        " secrets: get",
        "system:serviceaccount:",
    ):
        assert what in shown, what
    for secret in (lab.environment["AZURE_SECRET"], "client-key-data", "PRIVATE KEY"):
        assert secret not in shown


def break_half_of_it(lab: Lab, kube: Any) -> None:
    """Ratify is gone but for its definitions, the template without constraint and changed, the identity and the nodes without permissions, and so on."""
    custom = kube.resources.get
    custom(api_version="constraints.gatekeeper.sh/v1beta1", kind="ImagesVerified").delete(name="images-verified")
    template = custom(api_version="templates.gatekeeper.sh/v1", kind="ConstraintTemplate")
    drifted = template.get(name="imagesverified").to_dict()["spec"]["targets"]
    drifted[0]["rego"] = drifted[0]["rego"] + "\n# drifted\n"
    template.patch(name="imagesverified", body={"spec": {"targets": drifted}}, content_type="application/merge-patch+json")
    helm(lab, "uninstall", "ratify", "--wait")
    helm(lab, "upgrade", "gatekeeper", "gatekeeper", "--repo", f"{lab.url}/charts/gatekeeper", "--reuse-values", "--set", "auditInterval=61", "--wait")
    take_federation(lab)
    take_ratify_pull(lab)
    take_vault_permission(lab)
    take_acr_pull(lab, lab.arm("GET", CLUSTER_PATH, "2024-09-01")["properties"]["identityProfile"]["kubeletidentity"]["objectId"])


def helm(lab: Lab, *arguments: str) -> None:
    command = ["helm", "--kubeconfig", str(KUBECONFIG), "--namespace", "gatekeeper-system", *arguments]
    subprocess.run(command, env=lab.environment, check=True, capture_output=True, timeout=180)


@soak("the plan from nothing, and each drift by itself in test_drift.py,")
def test_what_is_half_built_and_drifted_is_predicted_too(lab: Lab, site: Run, kube: Any) -> None:
    break_half_of_it(lab, kube)
    predicted = check(lab, "site")
    done = succeeded(lab.play("site"))
    assert predicted.changed == done.changed
    assert len(done.changed) == 8, done.changed
    assert "values.auditInterval: 61 -> none" in predicted.output
    assert identity(lab)["principalId"]


def test_where_nothing_is_to_be_done_nothing_is_predicted(lab: Lab, site: Run) -> None:
    assert check(lab, "site").changed == []
