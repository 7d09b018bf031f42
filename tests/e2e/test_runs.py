"""Runs of site.yml as a whole: again, and with input that cannot work."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import kubernetes
import pytest

from lab.config import REGISTRY
from tests.support.killing import kill_with_all
from tests.support.seeds import soak

from . import snapshots
from .conftest import Lab, Run
from .waiting import until


def test_a_second_run_changes_nothing_and_writes_nothing(lab: Lab, site: Run) -> None:
    lab.forget_requests()
    again = lab.play("site")
    assert again.returncode == 0, again.error
    assert again.changed == []
    assert [request for request in lab.requests() if request.writes] == []
    assert lab.requests(), "the log is empty, so it would not have shown a write either"


@soak("tests/roles/test_waves.py, where what fails has written nothing,")
def test_the_wave_behind_a_cluster_that_was_configured_and_not_verified_is_not_begun(lab: Lab, site: Run, kube: Any, tmp_path: Path) -> None:
    (tmp_path / "more").write_text("[clusters]\nlab1\naway\n[canary]\nlab1\n")
    constraints = kube.resources.get(api_version="constraints.gatekeeper.sh/v1beta1", kind="ImagesVerified")
    constraints.patch(name="images-verified", body={"spec": {"enforcementAction": "dryrun"}}, content_type="application/merge-patch+json")
    expected = [
        {"image": f"{REGISTRY}.azurecr.io/net-monitor:unsigned", "expect": "admitted"},
        {"image": f"{REGISTRY}.azurecr.io/net-monitor:signed", "expect": "admitted"},
        {"image": "nginx:latest", "expect": "denied"},
    ]
    lab.forget_requests()
    run = lab.play("site", "-i", str(tmp_path / "more"), site_waves=["canary", "100%"], verify_images=expected)
    assert run.returncode != 0
    assert run.changed != []
    assert "net-monitor:unsigned" in run.error
    assert "not begun yet are away" in run.output
    assert [request for request in lab.requests() if request.path.endswith("/away")] == []
    assert lab.play("site").changed == []


def holder(kube: Any) -> str:
    """The run that has the cluster; empty where none has."""
    try:
        lease = kube.resources.get(api_version="coordination.k8s.io/v1", kind="Lease").get(namespace="kube-system", name="image-trust")
    except kubernetes.dynamic.exceptions.NotFoundError:
        return ""
    return str(lease.spec.holderIdentity)


def test_of_two_runs_at_once_the_second_is_refused_with_the_name_of_the_first_and_writes_nothing(lab: Lab, site: Run, kube: Any, tmp_path: Path) -> None:
    words, environment = lab.command("site")
    with (tmp_path / "first.log").open("w") as log:
        first = subprocess.Popen(words, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: f"process {first.pid}, " in holder(kube), "the first run has the cluster")
        # It begins no other task until the second run is over. What it has begun finishes before the snapshot.
        os.kill(first.pid, signal.SIGSTOP)
        named, before = holder(kube), snapshots.settled()
        lab.forget_requests()
        # Alone, each of these would change the policy.
        second, planned = (lab.play("site", *options, policy_enforcement="warn") for options in ((), ("--check",)))
        assert [request for request in lab.requests() if request.writes] == []
        assert snapshots.differences(before, snapshots.versions()) == []
        assert holder(kube) == named
        os.kill(first.pid, signal.SIGCONT)
        assert first.wait(600) == 0, (tmp_path / "first.log").read_text()[-3000:]
    finally:
        kill_with_all(first.pid)
        first.wait()
    assert second.changed == []
    assert f"Nothing was changed. Another run configures the cluster: {named}, since " in second.error
    assert planned.returncode == 0, planned.error
    assert f"Another run configures the cluster: {named}, since " in planned.output
    assert holder(kube) == ""


UNKNOWN = "no-such-thing"
BAD_INPUT: dict[str, tuple[dict[str, Any], str]] = {
    "a vault that does not exist": ({"identity_vaults": [{"resource_group": "image-trust-lab", "name": UNKNOWN}]}, UNKNOWN),
    "a registry that does not exist": ({"aks_registries": [{"resource_group": "image-trust-lab", "name": "nosuchregistry"}]}, "nosuchregistry"),
    "a vault without its resource group": ({"identity_vaults": [{"name": "no-resource-group"}]}, "resource_group"),
    "a resource group that does not exist": ({"identity_resource_group": UNKNOWN}, UNKNOWN),
}


@pytest.mark.parametrize(("variables", "named"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_what_cannot_be_found_is_named_and_nothing_is_written(lab: Lab, site: Run, variables: dict[str, Any], named: str) -> None:
    lab.forget_requests()
    run = lab.play("site", **variables)
    assert run.returncode != 0
    assert named in run.error
    assert [request for request in lab.requests() if request.writes] == []


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"aks_registries": "imagetrustlab"}, "aks_registries"),
        ({"aks_wait_timeout": "soon"}, "aks_wait_timeout"),
        ({"aks_state": "gone"}, "aks_state"),
        ({"ratify_trust_policies": "everybody"}, "ratify_trust_policies"),
        ({"verify_images": [{"image": "nginx:latest"}]}, "expect"),
    ],
)
def test_missing_or_malformed_variables_are_refused_before_anything_is_called(lab: Lab, variables: dict[str, Any], named: str) -> None:
    lab.forget_requests()
    run = lab.play("site", **variables)
    assert run.returncode != 0
    assert named in run.error
    assert lab.requests() == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AZURE_SECRET", "wrong", "AADSTS7000215"),
        ("AZURE_SUBSCRIPTION_ID", "99999999-9999-9999-9999-999999999999", "99999999-9999-9999-9999-999999999999"),
        pytest.param(
            "AZURE_CLOUD_ENVIRONMENT", "https://127.0.0.1:1", "https://127.0.0.1:1", marks=soak("the table of tests/unit/plugins/modules/test_login.py")
        ),
    ],
)
def test_a_login_that_cannot_work_says_why_and_writes_nothing(lab: Lab, name: str, value: str, said: str) -> None:
    lab.forget_requests()
    run = Lab({**lab.environment, name: value}, lab.owner).play("site")
    assert run.returncode != 0
    assert said in run.error
    assert "wrong" not in run.error
    assert [request for request in lab.requests() if request.writes] == []


@pytest.mark.parametrize(
    ("role", "values"),
    [
        ("gatekeeper", {"audit": {"resources": {"limits": {"cpu": "much"}}}}),
        pytest.param("ratify", {"resources": {"limits": {"cpu": "much"}}}, marks=soak("Gatekeeper's values")),
    ],
)
def test_values_that_the_api_server_refuses_are_no_obstacle_once_they_are_fixed(request: pytest.FixtureRequest, role: str, values: dict[str, Any]) -> None:
    play = request.getfixturevalue(role)
    refused = play(**{f"{role}_values": values})
    assert refused.returncode != 0
    assert "much" in refused.error or "quantities must match" in refused.error
    restored = play()
    assert restored.returncode == 0, restored.error
    assert play().changed == []


def test_without_a_verdict_the_role_says_what_the_cluster_said(ratify: Any) -> None:
    run = ratify(ratify_registries=["no..name"], ratify_wait_timeout=6)
    image = f"no..name/image-trust-probe@sha256:{'0' * 64}"
    assert f"Gatekeeper and Ratify give no verdict on {image} within 6 s: " in run.error
    assert "failed to parse subject reference" in run.error
    assert ratify().returncode == 0
