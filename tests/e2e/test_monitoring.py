"""What docs/monitoring asks for is what Gatekeeper, Ratify and the API server really measure: Prometheus runs with it in the cluster. And what a team sees of
its own pods. About a minute."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml

from tests.support.prometheus import MONITORING

from .pods import IMAGE, SIGNED, UNSIGNED, pod, refusal
from .waiting import until
from .watching import NAMESPACE, ask, inside, prometheus, query, targets
from .workloads import MERGE, Namespace, deployment

RULES = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
PANELS = [panel for panel in json.loads((MONITORING / "dashboard.json").read_text())["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
SEEN = {"ImageTrustFailedOpen", "ImageTrustWebhookUnreachable", "ImageTrustWebhookErrors", "ImageTrustRatifyErrors"}
"""What `happened` brings about."""
SLOW = {"ImageTrustWebhookSlow", "ImageTrustMutationSlow", "ImageTrustVerificationSlow"}
"""What a machine that has much to do may bring about for a moment: these fire after ten minutes of it."""
LABEL = "image-trust-monitoring"
LEGACY = "image-trust-legacy"
"""A Deployment from before the policy denied."""
ASK = "Ask #platform"


def webhook(policy: str) -> dict[str, Any]:
    """One of the name of Gatekeeper's, that no pod answers, for what has the label alone."""
    return {
        "name": "validation.gatekeeper.sh",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": policy,
        "timeoutSeconds": 1,
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "objectSelector": {"matchLabels": {LABEL: policy}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
    }


def configmap(policy: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "it", "labels": {LABEL: policy}}}


def gatekeeper_errs(kube: Any, folder: Path) -> None:
    """It is asked about a pod in a namespace that is not there, which the API server never does."""
    body = pod(SIGNED, namespace="not-there")
    review = {
        "uid": "1",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "not-there",
        "name": "it",
        "operation": "CREATE",
        "userInfo": {"username": "somebody"},
        "object": body,
        "dryRun": True,
    }
    (folder / "review").write_text(json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": review}))
    address = next(each["__address__"] for each in targets(kube)["gatekeeper"] if each["__meta_kubernetes_pod_label_gatekeeper_sh_operation"] == "webhook")
    url = f"https://{address.split(':')[0]}:8443/v1/admit"
    said = subprocess.run(
        inside("curl", "--silent", "--insecure", "-H", "Content-Type: application/json", "-d", f"@{folder}/review", url, folder=folder),
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert json.loads(said.stdout)["response"]["status"]["code"] == 500, said.stdout


def ratify_errs(kube: Any, folder: Path) -> None:
    """It is asked what is no question, with Gatekeeper's certificate."""
    secret = kube.resources.get(api_version="v1", kind="Secret").get(name="gatekeeper-webhook-server-cert", namespace=NAMESPACE).to_dict()["data"]
    for name in ("tls.crt", "tls.key"):
        (folder / name).write_bytes(base64.b64decode(secret[name]))
    address = next(each["__address__"] for each in targets(kube)["ratify"] if each["__meta_kubernetes_pod_label_app_kubernetes_io_name"] == "ratify")
    url = f"https://{address.split(':')[0]}:6001/ratify/gatekeeper/v1/verify"
    words = ("curl", "--silent", "--insecure", "--cert", folder / "tls.crt", "--key", folder / "tls.key", "-d", "no question", url)
    said = subprocess.run(inside(*words, folder=folder), check=True, capture_output=True, text=True, timeout=30)
    assert "unable to unmarshal request body" in said.stdout


def enforce(kube: Any, action: str, suffix: str) -> None:
    """Every pod of Gatekeeper has the policy with this action and suffix of messages."""
    constraints = kube.resources.get(api_version="constraints.gatekeeper.sh/v1beta1", kind="ImagesVerified")
    spec = {"enforcementAction": action, "parameters": {"messageSuffix": suffix}}
    generation = constraints.patch(name="images-verified", body={"spec": spec}, content_type=MERGE).metadata.generation
    seen = {generation}
    until(lambda: {each.observedGeneration for each in constraints.get(name="images-verified").status.byPod} == seen, f"the policy is to {action}", 60)


@pytest.fixture(scope="module")
def events(kube_of_module: Any) -> dict[str, Any]:
    """By reason, of the pods of a Deployment whose image is not signed: while the policy warned, and since it denies."""
    made, listed = Namespace(kube_of_module, "default"), kube_of_module.resources.get(api_version="v1", kind="Event")

    def found() -> dict[str, Any]:
        of_gatekeeper = listed.get(namespace="default", field_selector="involvedObject.kind=Pod,source=gatekeeper-webhook").items
        return {each.reason: each for each in of_gatekeeper if each.involvedObject.name.startswith(LEGACY)}

    try:
        enforce(kube_of_module, "warn", ASK)
        made.create(deployment(LEGACY, UNSIGNED, 1))
        made.wait_for_pods(LEGACY, 1)
        enforce(kube_of_module, "deny", ASK)
        made.patch("Deployment", LEGACY, {"spec": {"replicas": 2}})
        until(lambda: len(found()) == 2, "the team's namespace has an event for each", 30)
        return found()
    finally:
        made.kind("Deployment").delete(namespace="default", name=LEGACY)
        enforce(kube_of_module, "deny", "")
        until(lambda: not made.replica_sets(LEGACY), "nothing asks for the pods any more", 30)


@pytest.fixture(scope="module")
def happened(kube_of_module: Any, events: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is only counted once it happens has happened."""
    kube, folder = kube_of_module, tmp_path_factory.mktemp("happened")
    configurations = kube.resources.get(api_version="admissionregistration.k8s.io/v1", kind="ValidatingWebhookConfiguration")
    for image in (SIGNED, UNSIGNED, f"{IMAGE}:other-signer"):
        refusal(kube, pod(image), "default")
    try:
        for policy in ("Ignore", "Fail"):
            metadata = {"name": f"{LABEL}-{policy.lower()}"}
            body = {"kind": configurations.kind, "apiVersion": configurations.group_version, "metadata": metadata}
            configurations.create(body={**body, "webhooks": [webhook(policy)]})
        until(lambda: refusal(kube, configmap("Fail"), "default") != "", "the new webhook is asked", 30)
        assert refusal(kube, configmap("Ignore"), "default") == ""
    finally:
        for found in configurations.get().items:
            if found.metadata.name.startswith(LABEL):
                configurations.delete(name=found.metadata.name)
    gatekeeper_errs(kube, folder)
    ratify_errs(kube, folder)


@pytest.fixture(scope="module")
def kube_of_module(site: Any) -> Iterator[Any]:
    from lab.clusters import cluster

    with kubernetes.config.new_client_from_config(str(cluster("lab1").kubeconfig)) as client:
        yield kubernetes.dynamic.DynamicClient(client)


@pytest.fixture(scope="module")
def watched(happened: None, kube_of_module: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Prometheus watches; the folder in which it is asked."""
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus(kube_of_module, folder):
        yield folder


@pytest.mark.parametrize(
    ("reason", "begins"),
    [
        ("WarningAdmission", 'Admission webhook "validation.gatekeeper.sh" raised a warning for this request'),
        ("FailedAdmission", 'Admission webhook "validation.gatekeeper.sh" denied request'),
    ],
)
def test_a_team_reads_in_its_own_namespace_which_pod_of_a_deployment_is_denied_and_why(events: dict[str, Any], reason: str, begins: str) -> None:
    event = events[reason]
    assert event.type == "Warning"
    assert re.fullmatch(
        rf"{re.escape(begins)}, Constraint: images-verified, Message: image {IMAGE}@sha256:[0-9a-f]{{64}} is not verified: it has no signature "
        rf"\(No verification results .*\)\. ReplicaSet {LEGACY}-[0-9a-z]+ tries again without end\. {ASK}",
        event.message,
    ), event.message
    assert len(json.dumps(event.to_dict())) < 4096


def selectors(expression: str) -> list[str]:
    """Each metric of the expression, with its labels, those that have to have a certain value with that value."""
    found = re.findall(r"\b([a-z_]+\{[^}]*\})", expression)
    return [re.sub(r'(\w+)(!=|=~)"[^"]*"', r'\1!=""', each) for each in found]


def test_every_pod_is_scraped_and_nothing_else(watched: Path, kube_of_module: Any) -> None:
    (found,) = ask(watched, query("up"))
    scraped = [each["metric"].get("pod", "the API server") for each in found["result"] if each["value"][1] == "1"]
    pods = kube_of_module.resources.get(api_version="v1", kind="Pod").get(namespace=NAMESPACE).to_dict()["items"]
    assert sorted(scraped) == sorted([*(each["metadata"]["name"] for each in pods), "the API server"])


def test_each_metric_and_label_of_the_alerts_is_measured(watched: Path) -> None:
    wanted = sorted({selector for rule in RULES for selector in selectors(rule["expr"])})
    assert len(wanted) > 20
    found = ask(watched, *(query(selector) for selector in wanted))
    # A registry that refuses is not there, but how it would be reported.
    assert [selector for selector, each in zip(wanted, found, strict=True) if not (each and each["result"])] == []


def test_the_alerts_that_fire_are_those_of_what_happened(watched: Path) -> None:
    (found,) = ask(watched, "alerts")
    named = {state: {alert["labels"]["alertname"] for alert in found["alerts"] if alert["state"] == state} for state in ("firing", "pending")}
    assert named["firing"] == SEEN
    assert named["pending"] <= SLOW


def test_a_rise_of_denials_is_an_alert_within_half_a_minute(watched: Path, kube_of_module: Any) -> None:
    for _request in range(80):
        assert "it has no signature" in refusal(kube_of_module, pod(UNSIGNED), "default", dry_run=False)
    firing = query('ALERTS{alertname="ImageTrustDenialsRise",alertstate="firing"}')
    until(lambda: bool(ask(watched, firing)[0]["result"]), "the alert fires", 30)


def test_each_panel_shows_something_and_the_labels_that_it_names(watched: Path) -> None:
    expressions = [target["expr"].replace("$cluster", ".*").replace("$__rate_interval", "30s") for _, target in TARGETS]
    found = ask(watched, *(query(each) for each in expressions))
    shown = {(title, target["refId"]): each["result"] if each else [] for (title, target), each in zip(TARGETS, found, strict=True)}
    assert [key for key, result in shown.items() if not result] == []
    missing = [
        (title, label, series["metric"])
        for title, target in TARGETS
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
        for series in shown[title, target["refId"]]
        if not series["metric"].get(label)
    ]
    assert missing == []


def test_no_certificate_s_end_is_measured_as_the_guide_says(watched: Path) -> None:
    (names,) = ask(watched, "label/__name__/values")
    ours = [name for name in names if name.startswith(("gatekeeper_", "ratify_"))]
    assert len(ours) > 30
    assert [name for name in ours if re.search("expir|not_after|valid_(to|until)", name)] == []
