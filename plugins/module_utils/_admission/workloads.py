# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The objects that a probe asks a cluster to make: pods, and what makes pods. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from .._kubernetes.api import Kind

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
HOSTED = ("ephemeral_container", "patched_deployment", "patched_pod")
"""Shapes that change an object which exists: one is made for them."""
IMAGE_VOLUME = "image_volume"
"""A volume of a pod that is made of an image. Kubernetes from 1.35 has them, from 1.31 where they are turned on."""
KEEPS_TAGS = ("patched_pod", IMAGE_VOLUME)
"""Shapes in which nothing replaces a tag, so that a signed image is denied too when it is named by its tag."""
ACCOMPANIED = ("init_container", *HOSTED, IMAGE_VOLUME)
"""Shapes that need an image that is admitted beside the one in question."""
SHAPES = ("container", "init_container", "ephemeral_container", *WORKLOADS, "patched_deployment", "patched_pod", IMAGE_VOLUME)


def no_such_command() -> list[str]:
    """A command that no image has: its path is drawn at random after the image was built."""
    return [f"/image-trust.azure/{uuid4()}"]


def container(name: str, image: str) -> dict[str, Any]:
    """A container that the restricted Pod Security Standard admits."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "Always",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "100m", "memory": "128Mi"}},
    }


def pod(
    image: str,
    *,
    name: str = "probe",
    init_image: str | None = None,
    volume_image: str | None = None,
    command: list[str] | None = None,
    deadline: int = 300,
) -> dict[str, Any]:
    """A pod for a Linux node, without privileges, token or restarts, that ends after `deadline` seconds.

    The image in question is the one of the container or volume `probe`. `command` takes the place of the image's own.
    """
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "activeDeadlineSeconds": deadline,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{**container(name, image), **({"command": command} if command else {})}],
    }
    if init_image is not None:
        spec["initContainers"] = [container("probe", init_image)]
    if volume_image is not None:
        spec["volumes"] = [{"name": "probe", "image": {"reference": volume_image, "pullPolicy": "Always"}}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "image-trust-probe-", "labels": LABELS}, "spec": spec}


def host_pod(image: str, name: str) -> dict[str, Any]:
    """A pod to be changed, with a container of that name. It is never scheduled."""
    body = pod(image, name=name)
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


def new_image_of_pod(stored: Mapping[str, Any], image: str) -> dict[str, Any]:
    """A merge patch that gives the container `probe` of a pod another image. Admission may have added other containers, which no patch can remove."""
    return {"spec": {"containers": [{**each, "image": image} if each["name"] == "probe" else each for each in stored["spec"]["containers"]]}}


def probe_image(stored: Mapping[str, Any]) -> str | None:
    """The image in question of an object as the API server would store it."""
    return next((image for name, image in _images(stored.get("spec") or {}) if name == "probe"), None)


def _images(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Those of a pod's spec, or of the pod's spec within a workload's, with the names of their containers or volumes."""
    for inner in (spec.get("jobTemplate"), spec.get("template")):
        if inner:
            yield from _images(inner.get("spec") or {})
    for group in ("ephemeralContainers", "initContainers", "containers"):
        yield from ((each["name"], each.get("image", "")) for each in spec.get(group) or ())
    yield from ((each["name"], each["image"].get("reference", "")) for each in spec.get("volumes") or () if each.get("image"))
