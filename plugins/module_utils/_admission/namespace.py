# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""A namespace in which a probe asks: what its admission says to pods and to what makes pods."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

from .._kubernetes.api import ClusterApi, ClusterError, Kind
from .verdict import Answer, is_terminated, read_refusal
from .workloads import IMAGE_VOLUME, LABELS, POD, WORKLOADS, ephemeral, host_pod, new_image, new_image_of_pod, pod, probe_image, workload

LEFTOVER_AGE = timedelta(minutes=15)
GONE_WITHIN = 30.0
"""Seconds for which something that the probe made is deleted before a person has to."""


def pause(began: float) -> None:
    """Sleep for a fifth of the time since `began`, on the monotonic clock, so that what is quick is soon seen and what is slow is seldom asked for."""
    time.sleep(min(0.5, max(0.05, (time.monotonic() - began) / 5)))


def answer_of(api: ClusterApi, constraint: str | None, method: str, path: str, body: Mapping[str, Any], *, dry_run: bool) -> tuple[Answer, dict[str, Any]]:
    """What the API server says to a write, and what it stores, or would store; empty where it refuses. `constraint` has to be the one that denies, any
    if None."""
    try:
        stored = api.write(method, path, body, dry_run=dry_run)
    except ClusterError as e:
        if e.status is None:
            return Answer("error", f"the API server did not answer: {e.reason}"), {}
        return read_refusal(e.status, e.reason, constraint), {}
    return Answer("admitted", image=probe_image(stored)), stored


class Namespace:
    """A namespace, as the API server and its admission see it. Raises ClusterError when the kubeconfig is of no use."""

    def __init__(self, kubeconfig: str, namespace: str, context: str | None = None) -> None:
        self._api = ClusterApi(kubeconfig, context)
        self.name = namespace

    def _ask(self, constraint: str | None, method: str, path: str, body: Mapping[str, Any], *, dry_run: bool = True) -> tuple[Answer, dict[str, Any]]:
        return answer_of(self._api, constraint, method, path, body, dry_run=dry_run)

    def ask(self, shape: str, image: str, *, companion: str, host: Mapping[str, Any], constraint: str | None) -> Answer:
        """Would the image be admitted in this shape? Server-side dry run: admission runs in full, nothing is stored. `host` is for the shapes in HOSTED."""
        method, path, body = self._request(shape, image, companion, host)
        return self._ask(constraint, method, path, body)[0]

    def _request(self, shape: str, image: str, companion: str, host: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
        """Method, path and body."""
        pods, deployments = POD.path(self.name), WORKLOADS["deployment"].path(self.name)
        name = host["metadata"]["name"] if host else ""
        if shape == "ephemeral_container":
            return "patch", f"{pods}/{name}/ephemeralcontainers", ephemeral(image)
        if shape == "patched_pod":
            return "patch", f"{pods}/{name}", new_image_of_pod(host, image)
        if shape == "patched_deployment":
            return "patch", f"{deployments}/{name}", new_image(image)
        if shape in WORKLOADS:
            return "post", WORKLOADS[shape].path(self.name), workload(shape, image)
        if shape == "init_container":
            return "post", pods, pod(companion, name="companion", init_image=image)
        if shape == IMAGE_VOLUME:
            return "post", pods, pod(companion, name="companion", volume_image=image)
        return "post", pods, pod(image)

    @contextmanager
    def existing(self, kind: Kind, body: Mapping[str, Any], constraint: str | None) -> Iterator[tuple[Answer, dict[str, Any]]]:
        """An object that exists inside the `with` block and is gone after it; yields the answer and the object, empty when it was refused."""
        answer, stored = self._ask(constraint, "post", kind.path(self.name), body, dry_run=False)
        try:
            yield answer, stored
        finally:
            if stored:
                self._delete(kind, stored["metadata"]["name"])

    def host(self, shape: str, companion: str, constraint: str | None) -> AbstractContextManager[tuple[Answer, dict[str, Any]]]:
        """What is changed to have an image in this shape of HOSTED, a Deployment without pods for example; of others, nothing."""
        if shape == "ephemeral_container":
            return self.existing(POD, host_pod(companion, "companion"), constraint)
        if shape == "patched_pod":
            return self.existing(POD, host_pod(companion, "probe"), constraint)
        if shape == "patched_deployment":
            return self.existing(WORKLOADS["deployment"], workload("deployment", companion), constraint)
        return nullcontext((Answer("admitted"), {}))

    def status(self, name: str) -> dict[str, Any]:
        """A pod's status. Raises ClusterError when it cannot be read."""
        return dict(self._api.get(f"{POD.path(self.name)}/{name}").get("status", {}))

    def _is_terminated(self, name: str) -> bool:
        """Whether nothing of a pod runs any more; False also where that cannot be read."""
        try:
            return is_terminated(self.status(name))
        except ClusterError:
            return False

    def has_pulled(self, name: str) -> bool:
        """Whether an event of the kubelet says that it pulled a pod's image; False also where events cannot be read."""
        selector = f"involvedObject.kind=Pod,involvedObject.name={name},involvedObject.fieldPath=spec.containers{{probe}},reason=Pulled"
        try:
            return bool(self._api.get(f"/api/v1/namespaces/{self.name}/events", fieldSelector=selector)["items"])
        except ClusterError:
            return False

    def delete_leftovers(self) -> None:
        """Delete what a killed probe left behind: ours by label, and too old to belong to one that is still at work. Raises ClusterError."""
        selector = ",".join(f"{key}={value}" for key, value in LABELS.items())
        for kind in (POD, WORKLOADS["deployment"]):
            found = [item["metadata"] for item in self._api.get(kind.path(self.name), labelSelector=selector)["items"]]
            for each in found:
                if datetime.now(UTC) - datetime.fromisoformat(each["creationTimestamp"]) > LEFTOVER_AGE:
                    self._delete(kind, each["name"])

    def _delete(self, kind: Kind, name: str) -> None:
        """It is gone when this returns. Raises ClusterError when it is still there after GONE_WITHIN, with its name."""
        problem = f"it is still there after {GONE_WITHIN:.0f} s"
        # The kubelet takes two seconds to confirm what the pod's status says already.
        grace = 0 if kind is POD and self._is_terminated(name) else None
        began = time.monotonic()
        while time.monotonic() - began < GONE_WITHIN:
            try:
                if not self._api.delete(f"{kind.path(self.name)}/{name}", grace=grace):
                    return
            except ClusterError as e:
                problem = str(e)
            pause(began)
        raise ClusterError(f"the probe's {kind.name} {self.name}/{name} could not be deleted, delete it manually: {problem}")
