"""A user who may do everything in one covered namespace, and nothing outside of it, tries to run an image without a trusted signature."""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import kubernetes
import pytest

from lab.clusters import cluster

from .pods import SIGNED, UNSIGNED, pod, refusal

Json = dict[str, Any]
PATCHES: dict[str, Callable[[str], Any]] = {
    "application/json-patch+json": lambda image: [{"op": "replace", "path": "/spec/containers/0/image", "value": image}],
    "application/strategic-merge-patch+json": lambda image: {"spec": {"containers": [{"name": "it", "image": image}]}},
    "application/merge-patch+json": lambda image: {"spec": {"containers": [{"name": "it", "image": image}]}},
    "application/apply-patch+yaml": lambda image: {**pod(image), "spec": {"containers": [{"name": "it", "image": image}]}},
}


@dataclass(frozen=True)
class Developer:
    """Asks the API server with these permissions; everything is a dry run but what is said to be for real."""

    client: kubernetes.client.ApiClient
    namespace: str

    def ask(self, method: str, path: str, body: Any, kind: str = "application/json", *, real: bool = False, raw: str = "") -> tuple[int, str]:
        """Status and answer of the API server."""
        # Of duplicate keys and unknown fields the API server says nothing then.
        query = f"fieldValidation=Ignore{'' if real else '&dryRun=All'}{'&fieldManager=dev&force=true' if 'apply' in kind else ''}"
        url = f"{self.client.configuration.host}/api/v1/namespaces/{self.namespace}/{path}?{query}"
        headers = {"Impersonate-User": "developer", "Content-Type": kind, "Accept": "application/json"}
        pool = self.client.rest_client.pool_manager
        answer = pool.request(method, url, body=raw or json.dumps(body), headers=headers, timeout=60)
        return answer.status, answer.data.decode()

    def has(self) -> Json:
        return dict(json.loads(self.ask("GET", "pods/it", None)[1]))


@pytest.fixture
def developer(kube: Any, team: str) -> Iterator[Developer]:
    rbac = "rbac.authorization.k8s.io"
    role = {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}
    bound = {"roleRef": {"apiGroup": rbac, "kind": "Role", "name": "all"}, "subjects": [{"apiGroup": rbac, "kind": "User", "name": "developer"}]}
    for kind, content in (("Role", role), ("RoleBinding", bound)):
        kube.resources.get(api_version=f"{rbac}/v1", kind=kind).create(namespace=team, body={"metadata": {"name": "all"}, **content})
    with kubernetes.config.new_client_from_config(str(cluster("lab1").kubeconfig)) as client:
        yield Developer(client, team)


def changed(item: Json, image: str, what: Callable[[Json], Any] = lambda item: None) -> Json:
    item = copy.deepcopy(item)
    item["spec"]["containers"][0]["image"] = image
    what(item)
    return item


def of_a_node(item: Json) -> None:
    """As the kubelet makes a pod that it runs from a file."""
    item["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "a", "kubernetes.io/config.source": "file", "kubernetes.io/config.hash": "a"}
    item["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "Node", "name": "lab1", "uid": "a", "controller": True}]
    item["spec"]["nodeName"] = "lab1"


CREATED: dict[str, Callable[[Json], Any]] = {
    "as the kubelet's": of_a_node,
    "on a node": lambda item: item["spec"].update(nodeName="lab1"),
    "as what a controller owns": lambda item: item["metadata"].update(ownerReferences=[{"apiVersion": "v1", "kind": "ReplicaSet", "name": "a", "uid": "a"}]),
    "without a name": lambda item: item["metadata"].update(name=None, generateName="it-"),
    "as if it went": lambda item: item["metadata"].update(finalizers=["example.com/a"], deletionTimestamp="2020-01-01T00:00:00Z", deletionGracePeriodSeconds=0),
    "as if it had run": lambda item: item.update(status={"phase": "Succeeded"}),
    "in another namespace": lambda item: item["metadata"].update(namespace="kube-system"),
    "as Gatekeeper's": lambda item: item["metadata"].update(labels={"admission.gatekeeper.sh/ignore": "yes", "gatekeeper.sh/system": "yes"}),
    "of Windows": lambda item: item["spec"].update(os={"name": "windows"}),
    "without pulling": lambda item: item["spec"]["containers"][0].update(imagePullPolicy="Never"),
    "beside a name that is there twice": lambda item: item["spec"].update(containers=[{"name": "it", "image": SIGNED}, *item["spec"]["containers"]]),
    "in a crowd": lambda item: item["spec"].update(containers=[{**item["spec"]["containers"][0], "name": f"c{i}"} for i in range(3000)]),
}


def test_no_way_leads_to_an_image_without_a_trusted_signature(kube: Any, developer: Developer) -> None:
    [digest] = set(re.findall(r"net-monitor@(sha256:[0-9a-f]{64})", refusal(kube, pod(UNSIGNED), "default")))
    pinned = f"{UNSIGNED.rpartition(':')[0]}@{digest}"
    body = pod(SIGNED)
    body["spec"]["nodeSelector"] = {"no": "node"}
    body["metadata"]["finalizers"] = ["example.com/kept"]
    assert developer.ask("POST", "pods", body, real=True)[0] == 201
    there = developer.has()

    answers: dict[str, tuple[int, str]] = {}

    def change(when: str) -> None:
        for image in (UNSIGNED, pinned):
            for sub in ("", "/status", "/resize", "/ephemeralcontainers"):
                for kind, patch in PATCHES.items():
                    answers[f"{when}, {kind} of {sub}, {image}"] = developer.ask("PATCH", f"pods/it{sub}", patch(image), kind, real=True)
                answers[f"{when}, PUT of {sub}, {image}"] = developer.ask("PUT", f"pods/it{sub}", changed(developer.has(), image), real=True)
            debug = [{"op": "add", "path": "/spec/ephemeralContainers", "value": [{"name": "e", "image": image}]}]
            for path in ("pods/it", "pods/it/ephemeralcontainers"):
                answers[f"{when}, debugging by {path}, {image}"] = developer.ask("PATCH", path, debug, "application/json-patch+json", real=True)

    try:
        change("it waits")
        developer.ask("DELETE", "pods/it", {"gracePeriodSeconds": 0}, real=True)
        assert developer.has()["metadata"]["deletionTimestamp"]
        change("it goes")
        assert developer.has()["spec"] == there["spec"]
    finally:
        developer.ask("PATCH", "pods/it", {"metadata": {"finalizers": None}}, "application/merge-patch+json", real=True)

    twice = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "new"}, "spec": {"containers": [{"name": "it", "image": "%s", "%s": "%s"}]}}'
    for image in (UNSIGNED, pinned):
        for how, what in CREATED.items():
            answers[f"{how}, {image}"] = developer.ask("POST", "pods", changed(pod(image, name="new"), image, what))
        apply = {**pod(image), "metadata": {"name": "new"}}
        answers[f"applied, {image}"] = developer.ask("PATCH", "pods/new", apply, "application/apply-patch+yaml")
        for first, key, last in ((SIGNED, "image", image), (image, "image", SIGNED), (SIGNED, "Image", image)):
            answers[f"{first}, {key} {last}"] = developer.ask("POST", "pods", None, raw=twice % (first, key, last))
    for name in (
        UNSIGNED.replace("imagetrustlab", "IMAGETRUSTLAB"),
        UNSIGNED.replace(".io/", ".io:443/"),
        f"{SIGNED}@{digest}",
        f"sha256:{digest[7:]}",
        digest[7:],
    ):
        answers[name] = developer.ask("POST", "pods", pod(name, name="new"))

    admitted = {how: answer for how, (status, answer) in answers.items() if status < 400}
    assert len(admitted) > 20, "the API server takes some, and leaves the image as it was"
    assert {how: answer for how, answer in admitted.items() if digest in answer or UNSIGNED in json.dumps(json.loads(answer)["spec"])} == {}


def shapes(image: str) -> dict[str, Json]:
    """Objects in which Ratify's mutations would replace the image's tag, or might."""
    spec, labels = pod(image)["spec"], {"app": "it"}
    later = {"containers": pod(SIGNED)["spec"]["containers"], "initContainers": [{"name": "first", "image": image}]}
    made = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": later}}
    job = {"template": {"spec": {**spec, "restartPolicy": "Never"}}}
    meta = {"metadata": {"name": "new"}}
    return {
        "pod": pod(image, name="new"),
        "init container": {**pod(image, name="new"), "spec": later},
        "deployment": {"apiVersion": "apps/v1", "kind": "Deployment", **meta, "spec": made},
        "stateful set": {"apiVersion": "apps/v1", "kind": "StatefulSet", **meta, "spec": {**made, "serviceName": "it"}},
        "daemon set": {"apiVersion": "apps/v1", "kind": "DaemonSet", **meta, "spec": made},
        "replica set": {"apiVersion": "apps/v1", "kind": "ReplicaSet", **meta, "spec": made},
        "job": {"apiVersion": "batch/v1", "kind": "Job", **meta, "spec": job},
        "cron job": {"apiVersion": "batch/v1", "kind": "CronJob", **meta, "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}},
        "replication controller": {"apiVersion": "v1", "kind": "ReplicationController", **meta, "spec": {**made, "selector": labels}},
    }


def logged_by_ratify(kube: Any, since: float) -> str:
    core, found = kubernetes.client.CoreV1Api(kube.client), kube.resources.get(api_version="v1", kind="Pod")
    names = [each.metadata.name for each in found.get(namespace="gatekeeper-system", label_selector="app.kubernetes.io/name=ratify").items]
    seconds = int(time.monotonic() - since) + 2
    return "".join(core.read_namespaced_pod_log(name, "gatekeeper-system", since_seconds=seconds) for name in names)


def test_a_name_with_brackets_is_denied_and_ratify_is_not_asked_for_its_digest_either(kube: Any, developer: Developer) -> None:
    """Ratify takes what is in the brackets for a namespace, and asks with the stores that its users have made there."""
    began = time.monotonic()
    assert developer.ask("POST", "pods", pod(SIGNED), real=True)[0] == 201
    # A tag that was never asked for, so that no answer is one that was remembered.
    for image in (SIGNED, f"{UNSIGNED.rpartition(':')[0]}:t{time.time_ns()}"):
        name = f"[{developer.namespace}]{image}"
        denied = {shape: refusal(kube, body, developer.namespace) for shape, body in shapes(name).items()}
        assert [shape for shape, said in denied.items() if "is not verified: it is not the name of an image" not in said] == [], denied
        debugged = {"spec": {"ephemeralContainers": [{"name": "e", "image": name}]}}
        asked = [("POST", "pods", pod(name, name="new"), "application/json")]
        asked += [("PATCH", "pods/it/ephemeralcontainers", debugged, "application/strategic-merge-patch+json")]
        asked += [("PATCH", "pods/it", PATCHES[kind](name), kind) for kind in ("application/json-patch+json", "application/strategic-merge-patch+json")]
        for method, path, body, kind in asked:
            status, said = developer.ask(method, path, body, kind)
            assert (status, "it is not the name of an image" in said) == (403, True), (path, kind, said)
        refusal(kube, pod(image, name="new"), developer.namespace)

    assert f"mutating image {image}" in logged_by_ratify(kube, began), "the log shows what Ratify is asked"
    assert f"[{developer.namespace}]" not in logged_by_ratify(kube, began)
    admitted = {shape: refusal(kube, body, developer.namespace) for shape, body in shapes(SIGNED).items()}
    assert set(admitted.values()) == {""}
    stored = json.loads(developer.ask("POST", "pods", pod(SIGNED, name="new"))[1])["spec"]["containers"][0]["image"]
    assert "@sha256:" in stored, "tags of images with a name are still replaced"
