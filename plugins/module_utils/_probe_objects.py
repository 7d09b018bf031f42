# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The objects that a probe asks a cluster to make: pods, and what makes pods. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._cluster_api import Kind

LABELS = {"app.kubernetes.io/name": "image-trust-probe", "app.kubernetes.io/managed-by": "image_trust.azure"}
POD = Kind("v1", "Pod", "pods", namespaced=True)
WORKLOADS = {
    "deployment": Kind("apps/v1", "Deployment", "deployments", namespaced=True),
    "replica_set": Kind("apps/v1", "ReplicaSet", "replicasets", namespaced=True),
    "stateful_set": Kind("apps/v1", "StatefulSet", "statefulsets", namespaced=True),
    "daemon_set": Kind("apps/v1", "DaemonSet", "daemonsets", namespaced=True),
    "replication_controller": Kind("v1", "ReplicationController", "replicationcontrollers", namespaced=True),
    "job": Kind("batch/v1", "Job", "jobs", namespaced=True),
    "cron_job": Kind("batch/v1", "CronJob", "cronjobs", namespaced=True),
}
"""By the shape in which an image is asked for."""
HOSTED = ("ephemeral_container", "patched_deployment")
"""Shapes that change an object which exists: one is made for them."""
SHAPES = ("container", "init_container", "ephemeral_container", *WORKLOADS, "patched_deployment")


def container(name: str, image: str) -> dict[str, Any]:
    """A container that the restricted Pod Security Standard admits."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "Always",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "100m", "memory": "128Mi"}},
    }


def pod(image: str, *, init_image: str | None = None, deadline: int = 300) -> dict[str, Any]:
    """A pod without privileges, token or restarts that ends after `deadline` seconds. The image in question is the one of the container `probe`."""
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "activeDeadlineSeconds": deadline,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container("probe" if init_image is None else "companion", image)],
    }
    if init_image is not None:
        spec["initContainers"] = [container("probe", init_image)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "image-trust-probe-", "labels": LABELS}, "spec": spec}


def host_pod(image: str) -> dict[str, Any]:
    """A pod to which ephemeral containers can be added. It is never scheduled."""
    body = pod(image)
    body["spec"]["containers"] = [container("companion", image)]
    body["spec"]["schedulingGates"] = [{"name": "image-trust.azure/probe"}]
    return body


def ephemeral(image: str) -> dict[str, Any]:
    """A merge patch of the `ephemeralcontainers` of a pod that has none, which adds the image as `kubectl debug` does."""
    added = {key: value for key, value in container("probe", image).items() if key != "resources"}
    return {"spec": {"ephemeralContainers": [added]}}


def workload(shape: str, image: str) -> dict[str, Any]:
    """An object of WORKLOADS with no pods, whose pods would have the image."""
    kind = WORKLOADS[shape].name
    ends = kind in ("Job", "CronJob")
    spec = {key: value for key, value in pod(image)["spec"].items() if key != "activeDeadlineSeconds"}
    template = {"metadata": {"labels": LABELS}, "spec": {**spec, "restartPolicy": "Never" if ends else "Always"}}
    bodies: dict[str, dict[str, Any]] = {
        "Job": {"suspend": True, "template": template},
        "CronJob": {"suspend": True, "schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}},
        "DaemonSet": {"selector": {"matchLabels": LABELS}, "template": template},
        "ReplicationController": {"replicas": 0, "selector": LABELS, "template": template},
    }
    replicated = {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": template}
    named = {"serviceName": LABELS["app.kubernetes.io/name"]} if kind == "StatefulSet" else {}
    body = bodies.get(kind, {**replicated, **named})
    return {
        "apiVersion": WORKLOADS[shape].group_version,
        "kind": kind,
        "metadata": {"generateName": "image-trust-probe-", "labels": LABELS},
        "spec": body,
    }


def new_image(image: str) -> dict[str, Any]:
    """A merge patch that gives the pods of a Deployment another image."""
    return {"spec": {"template": {"spec": {"containers": [container("probe", image)]}}}}


def probe_image(stored: Mapping[str, Any]) -> str | None:
    """The image in question of an object as the API server would store it."""
    containers = list(_containers(stored.get("spec") or {}))
    return next((str(found["image"]) for found in containers if found["name"] == "probe"), None)


def _containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Of a pod's spec, or of the pod's spec within a workload's."""
    for inner in (spec.get("jobTemplate"), spec.get("template")):
        if inner:
            yield from _containers(inner.get("spec") or {})
    for group in ("ephemeralContainers", "initContainers", "containers"):
        yield from spec.get(group) or ()
