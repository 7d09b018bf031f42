# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The pods of a probe, as the API server and its admission see them."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ._admission import Answer, read_refusal

try:
    from kubernetes import client, config
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config.config_exception import ConfigException
    from urllib3.exceptions import HTTPError
except ImportError:
    KUBERNETES_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    KUBERNETES_IMPORT_ERROR = None

LABELS = {"app.kubernetes.io/name": "image-trust-probe", "app.kubernetes.io/managed-by": "image_trust.azure"}
LEFTOVER_AGE = timedelta(minutes=15)
REQUEST_TIMEOUT = 20


class AdmissionError(Exception):
    """The question could not even be asked."""


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
    """A patch of a pod's `ephemeralcontainers` that adds the image as `kubectl debug` does."""
    added = {key: value for key, value in container("probe", image).items() if key != "resources"}
    return {"spec": {"ephemeralContainers": [added]}}


class Pods:
    """The pods of one namespace, as the API server and its admission see them. Raises AdmissionError when the kubeconfig is of no use."""

    def __init__(self, kubeconfig: str, namespace: str, context: str | None = None) -> None:
        try:
            self._api = client.CoreV1Api(config.new_client_from_config(config_file=kubeconfig, context=context))
        except (ConfigException, OSError, ValueError) as e:
            raise AdmissionError(f"the kubeconfig {kubeconfig} cannot be used: {e}") from e
        self.namespace = namespace

    def _call(self, method: Callable[..., Any], *args: Any, **options: Any) -> dict[str, Any]:
        answer = method(*args, **options, _preload_content=False, _request_timeout=REQUEST_TIMEOUT)
        return dict(json.loads(answer.data))

    def _ask(self, constraint: str | None, method: Callable[..., Any], *args: Any, **options: Any) -> tuple[Answer, dict[str, Any]]:
        try:
            return Answer("admitted"), self._call(method, *args, **options)
        except ApiException as e:
            body = e.reason if e.body is None else e.body
            # Older clients leave the body in bytes.
            return read_refusal(e.status or 0, body.decode(errors="replace") if isinstance(body, bytes) else str(body), constraint), {}
        except HTTPError as e:
            return Answer("error", f"the API server did not answer: {e}"), {}

    def try_pod(self, body: Mapping[str, Any], constraint: str | None) -> Answer:
        """Would the pod be admitted? Server-side dry run: admission runs in full, nothing is stored."""
        answer, stored = self._ask(constraint, self._api.create_namespaced_pod, self.namespace, body, dry_run="All")
        return replace(answer, image=_probe_image(stored)) if stored else answer

    def try_ephemeral(self, host: str, image: str, constraint: str | None) -> Answer:
        """Would the image be admitted as an ephemeral container of the pod `host`? Dry run."""
        patch = self._api.patch_namespaced_pod_ephemeralcontainers
        answer, stored = self._ask(constraint, patch, host, self.namespace, ephemeral(image), dry_run="All")
        return replace(answer, image=_probe_image(stored)) if stored else answer

    @contextmanager
    def existing(self, body: Mapping[str, Any], constraint: str | None) -> Iterator[tuple[Answer, str]]:
        """A pod that exists inside the `with` block and is gone after it; yields the answer and the pod's name ("" when it was refused)."""
        answer, stored = self._ask(constraint, self._api.create_namespaced_pod, self.namespace, body)
        name = str(stored["metadata"]["name"]) if stored else ""
        try:
            yield answer, name
        finally:
            if name:
                self.delete(name)

    def status(self, name: str) -> dict[str, Any]:
        """The pod's status. Raises AdmissionError when it cannot be read."""
        try:
            return dict(self._call(self._api.read_namespaced_pod, name, self.namespace).get("status", {}))
        except (ApiException, HTTPError) as e:
            raise AdmissionError(f"the probe's pod {self.namespace}/{name} cannot be read: {_short(e)}") from e

    def delete(self, name: str) -> None:
        """The pod is gone when this returns. Raises AdmissionError when it is still there after 30 s, with its name."""
        problem = "it is still there after 30 s"
        for _attempt in range(60):
            try:
                self._call(self._api.delete_namespaced_pod, name, self.namespace, grace_period_seconds=1)
            except ApiException as e:
                if e.status == 404:
                    return
                problem = _short(e)
            except HTTPError as e:
                problem = _short(e)
            time.sleep(0.5)
        raise AdmissionError(f"the probe's pod {self.namespace}/{name} could not be deleted, delete it by hand: {problem}")

    def delete_leftovers(self) -> None:
        """Delete pods that a killed probe left behind: ours by label, and too old to belong to one that is still at work."""
        selector = ",".join(f"{key}={value}" for key, value in LABELS.items())
        try:
            found = self._call(self._api.list_namespaced_pod, self.namespace, label_selector=selector)["items"]
        except (ApiException, HTTPError) as e:
            raise AdmissionError(f"the pods of the namespace {self.namespace} cannot be listed: {_short(e)}") from e
        for item in found:
            if datetime.now(UTC) - datetime.fromisoformat(item["metadata"]["creationTimestamp"]) > LEFTOVER_AGE:
                self.delete(item["metadata"]["name"])


def _short(error: Exception) -> str:
    body = getattr(error, "body", None)
    return read_refusal(getattr(error, "status", 0) or 0, str(body)).message if body else str(error)


def _probe_image(stored: Mapping[str, Any]) -> str | None:
    lists = (stored.get("spec", {}).get(key) or [] for key in ("ephemeralContainers", "initContainers", "containers"))
    return next((str(found["image"]) for group in lists for found in group if found["name"] == "probe"), None)
