"""The step to deny on the lab: what would become of a new pod of each workload decides, not what is stored."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lab.build import tools

from .changes import changed
from .conftest import Lab, Run
from .drift import Hand
from .permissions import acr_pull_for_the_controller
from .plans import succeeded
from .pods import IMAGE, SIGNED, UNSIGNED, denied_soon, pod, policy, refusal
from .workloads import MUTATING, Namespace, deployment, no_pods

__all__ = ["policy"]
Json = dict[str, Any]
VERDICTS = ("denied", "not_judged", "unknown", "exempt", "admitted")
DEPLOYER = {"owner": "team", "reason": "is being moved", "ends": "2099-12-31", "service_accounts": ["ops/deployer"]}


def template(image: str, **more: Any) -> Json:
    return {"metadata": {"labels": {"app": "it"}}, "spec": {**pod(image)["spec"], **more}}


def job(name: str, image: str) -> Json:
    spec = {"suspend": True, "template": template(image, restartPolicy="Never")}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def cron_job(name: str, image: str) -> Json:
    spec = {"suspend": True, "schedule": "0 0 1 1 *", "jobTemplate": {"spec": job(name, image)["spec"]}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}


def stateful_set(name: str, image: str) -> Json:
    container = {"name": "it", "image": image, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}}
    spec = {
        "replicas": 0,
        "serviceName": name,
        "selector": {"matchLabels": {"app": "it"}},
        "template": template(image, containers=[container]),
        "volumeClaimTemplates": [claim],
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def warned(kube: Any, lab: Lab, policy: Any, team: str) -> Namespace:
    """A namespace at warn, with a signed pod that was created by its tag before Ratify's mutation."""
    assert policy(policy_stages=[{"namespaces": [team], "enforcement": "warn"}]).returncode == 0
    denied_soon(kube, pod(UNSIGNED), team, expected=False)
    made = Namespace(kube, team)
    with ExitStack() as stack:
        stack.enter_context(changed(Hand(lab), MUTATING, no_pods))
        deadline = time.monotonic() + 30
        while made.kind("Pod").create(body=pod(SIGNED), namespace=team, dry_run="All").spec.containers[0].image != SIGNED:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        made.create(pod(SIGNED, name="signed"))
    create(kube, team, deployment("signed", SIGNED, 0), stateful_set("data", SIGNED))
    return made


def create(kube: Any, namespace: str, *bodies: Json) -> None:
    for body in bodies:
        assert refusal(kube, body, namespace, dry_run=False) == ""


def trials(kube: Any) -> list[str]:
    found = kube.resources.get(api_version="constraints.gatekeeper.sh/v1beta1", kind="ImagesVerified").get().items
    return [each.metadata.name for each in found if each.metadata.name.endswith("-trial")]


def test_what_is_signed_and_was_created_by_its_tag_does_not_stop_the_step_to_deny(kube: Any, policy: Any, warned: Namespace) -> None:
    done = policy()
    assert done.returncode == 0, done.error
    assert "it has no signature" in denied_soon(kube, pod(UNSIGNED), warned.name)
    assert trials(kube) == []


def test_what_makes_no_pods_at_the_moment_is_listed_whole(kube: Any, policy: Any, warned: Namespace) -> None:
    unsigned = deployment("sleeping", UNSIGNED, 0), job("later", UNSIGNED), cron_job("nightly", UNSIGNED), stateful_set("old", UNSIGNED)
    create(kube, warned.name, *unsigned, pod(UNSIGNED, name="bare"))
    refused = policy()
    assert refused.returncode != 0
    assert "Of 8 workloads of lab1 that deny would cover now, 5 would be denied when their pods are created again, and 0 could not be judged" in refused.error
    for named in ("Deployment sleeping", "Job later", "CronJob nightly", "StatefulSet old", "Pod bare"):
        assert named in refused.error
    assert f"image {IMAGE}@sha256:" in refused.error
    assert "it has no signature" in refused.error
    assert "signed," not in refused.error.replace("unsigned", "")
    assert refused.changed == []
    assert trials(kube) == []
    assert refusal(kube, pod(UNSIGNED), warned.name) == ""


def test_the_audit_says_of_every_workload_what_would_become_of_it_and_changes_nothing(
    kube: Any, lab: Lab, site: Run, warned: Namespace, tmp_path: Path
) -> None:
    create(kube, warned.name, cron_job("nightly", UNSIGNED), deployment("proxy", "nginx", 0))
    vendor = {"owner": "platform", "reason": "vendor", "ends": "2099-12-31", "images": ["docker.io/library/nginx"]}
    file = tmp_path / "audit.json"
    program = str(tools.program("notation"))
    with acr_pull_for_the_controller(lab):
        lab.forget_requests()
        done = succeeded(lab.play("audit", policy_exemptions=[vendor], policy_audit_path=str(file), policy_notation_path=program))
        assert [request for request in lab.requests() if request.writes] == []
    assert [each for each in done.changed if "Record the audit" not in each] == []
    found = json.loads(file.read_text())
    here = {name: verdict for verdict in VERDICTS for each in found[verdict] if each["namespace"] == warned.name for name in each["workloads"]}
    assert here == {
        "CronJob nightly": "denied",
        "Deployment proxy": "exempt",
        "Deployment signed": "admitted",
        "Pod signed": "admitted",
        "StatefulSet data": "admitted",
    }
    [proxy] = [each["message"] for each in found["exempt"] if each["namespace"] == warned.name]
    assert proxy == "nginx until 2099-12-31 (platform: vendor)"
    assert f"{warned.name}  denied      CronJob nightly: image {IMAGE}@sha256:" in done.output
    by_name = {(each["namespace"], f"{each['kind']} {each['name']}"): image for image in found["images"] for each in image["needed_by"]}
    signed = by_name[warned.name, "Deployment signed"]
    [signature] = [each for each in signed["signatures"] if each["kind"] == "notation"]
    assert (signed["trusted"], signed["problem"], signature["trust_policy"]) == (True, None, "brooklyn")
    assert {"namespace": warned.name, "kind": "Pod", "name": "signed"} in signed["workloads"]
    assert signed["restartable_until"] == signature["certificate_expires"]
    assert (warned.name, "CronJob nightly") not in by_name
    [end] = [each for each in found["until"] if signed["image"] in each["images"]]
    assert end["day"] == signature["certificate_expires"][:10]
    assert [each["name"] for each in end["workloads"] if each["namespace"] == warned.name] == ["signed", "signed", "data"]
    assert f"not restartable after {end['day']}, when the certificate {signature['signer']} expires: " in done.output
    succeeded(lab.play("report", policy_audit_path=str(file), report_path=f"{tmp_path}/report.html"))
    [cluster] = json.loads((tmp_path / "report.json").read_text())["clusters"]
    [counted] = [each for each in cluster["audit"]["namespaces"] if each["name"] == warned.name]
    assert [each["trusted"] for each in cluster["audit"]["images"] if each["image"] == signed["image"]] == [True]
    assert counted == {"name": warned.name, "denied": 1, "not_judged": 0, "unknown": 0, "exempt": 1, "admitted": 3}
    asked_again = succeeded(lab.play("audit", "--check", policy_exemptions=[vendor], policy_notation_path=program))
    assert asked_again.changed == []
    assert f"{warned.name}  denied      CronJob nightly: image {IMAGE}@sha256:" in asked_again.output
    assert " images run: 0 signed by trusted signers, " in asked_again.output
    assert trials(kube) == []
    assert refusal(kube, pod(UNSIGNED), warned.name) == ""


def test_whether_an_exempt_service_account_created_a_bare_pod_is_not_known_and_stops_nothing(kube: Any, policy: Any, warned: Namespace) -> None:
    create(kube, warned.name, pod(UNSIGNED, name="bare"))
    done = policy(policy_exemptions=[DEPLOYER])
    assert done.returncode == 0, done.error
    assert "Pod bare: admitted only where ops/deployer creates the pod, and who creates it is not known" in done.output


def test_a_deployment_may_have_a_placeholder_and_a_pod_may_not(kube: Any, policy: Any, site: Run, team: str) -> None:
    assert policy(policy_placeholder_images=["auto"], policy_force_deny="lab1").returncode == 0
    assert denied_soon(kube, deployment("gateway", "auto", 0), team, expected=False) == ""
    assert "auto" in refusal(kube, pod("auto"), team)
