# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""A namespace in which a probe asks: what its admission says to pods and to what makes pods."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

from ._admission import Answer, read_refusal
from ._probe_objects import LABELS, WORKLOADS, ephemeral, host_pod, new_image, pod, probe_image, workload

try:
    from kubernetes import client, config
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config.config_exception import ConfigException
    from urllib3.exceptions import HTTPError
except ImportError:
    KUBERNETES_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    KUBERNETES_IMPORT_ERROR = None

LEFTOVER_AGE = timedelta(minutes=15)
REQUEST_TIMEOUT = 20


class AdmissionError(Exception):
    """The question could not even be asked."""


class Namespace:
    """A namespace, as the API server and its admission see it. Raises AdmissionError when the kubeconfig is of no use."""

    def __init__(self, kubeconfig: str, namespace: str, context: str | None = None) -> None:
        try:
            api = config.new_client_from_config(config_file=kubeconfig, context=context)
        except (ConfigException, OSError, ValueError) as e:
            raise AdmissionError(f"the kubeconfig {kubeconfig} cannot be used: {e}") from e
        self._core, self._others = client.CoreV1Api(api), client.CustomObjectsApi(api)
        self.name = namespace

    def _call(self, method: Callable[..., Any], *args: Any, **options: Any) -> dict[str, Any]:
        answer = method(*args, **options, _preload_content=False, _request_timeout=REQUEST_TIMEOUT)
        return dict(json.loads(answer.data))

    def _ask(self, constraint: str | None, method: Callable[..., Any], *args: Any, **options: Any) -> tuple[Answer, dict[str, Any]]:
        try:
            stored = self._call(method, *args, **options)
            return Answer("admitted", image=probe_image(stored)), stored
        except ApiException as e:
            body = e.reason if e.body is None else e.body
            # Older clients leave the body in bytes.
            return read_refusal(e.status or 0, body.decode(errors="replace") if isinstance(body, bytes) else str(body), constraint), {}
        except HTTPError as e:
            return Answer("error", f"the API server did not answer: {e}"), {}

    def _place(self, shape: str) -> tuple[str, str, str, str]:
        kind = WORKLOADS[shape]
        return kind.group, "v1", self.name, kind.plural

    def ask(self, shape: str, image: str, *, companion: str, host: str, constraint: str | None) -> Answer:
        """Would the image be admitted in this shape? Server-side dry run: admission runs in full, nothing is stored. `host` is for the shapes in HOSTED."""
        if shape == "ephemeral_container":
            patch = self._core.patch_namespaced_pod_ephemeralcontainers
            return self._ask(constraint, patch, host, self.name, ephemeral(image), dry_run="All")[0]
        if shape == "patched_deployment":
            change = self._others.patch_namespaced_custom_object
            return self._ask(constraint, change, *self._place("deployment"), host, new_image(image), dry_run="All")[0]
        if shape == "replication_controller":
            make = self._core.create_namespaced_replication_controller
            return self._ask(constraint, make, self.name, workload(shape, image), dry_run="All")[0]
        if shape in WORKLOADS:
            create = self._others.create_namespaced_custom_object
            return self._ask(constraint, create, *self._place(shape), workload(shape, image), dry_run="All")[0]
        body = pod(companion, init_image=image) if shape == "init_container" else pod(image)
        return self._ask(constraint, self._core.create_namespaced_pod, self.name, body, dry_run="All")[0]

    @contextmanager
    def existing_pod(self, body: Mapping[str, Any], constraint: str | None) -> Iterator[tuple[Answer, str]]:
        """A pod that exists inside the `with` block and is gone after it; yields the answer and the pod's name ("" when it was refused)."""
        answer, stored = self._ask(constraint, self._core.create_namespaced_pod, self.name, body)
        name = str(stored["metadata"]["name"]) if stored else ""
        try:
            yield answer, name
        finally:
            if name:
                self.delete_pod(name)

    @contextmanager
    def existing_deployment(self, image: str, constraint: str | None) -> Iterator[tuple[Answer, str]]:
        """As `existing_pod`, a Deployment without pods."""
        place = self._place("deployment")
        answer, stored = self._ask(constraint, self._others.create_namespaced_custom_object, *place, workload("deployment", image))
        name = str(stored["metadata"]["name"]) if stored else ""
        try:
            yield answer, name
        finally:
            if name:
                self._delete(f"Deployment {self.name}/{name}", self._others.delete_namespaced_custom_object, *place, name)

    def host(self, shape: str, companion: str, constraint: str | None) -> AbstractContextManager[tuple[Answer, str]]:
        """What an image of this shape of HOSTED is added to; of others, nothing."""
        if shape == "ephemeral_container":
            return self.existing_pod(host_pod(companion), constraint)
        if shape == "patched_deployment":
            return self.existing_deployment(companion, constraint)
        return nullcontext((Answer("admitted"), ""))

    def status(self, name: str) -> dict[str, Any]:
        """A pod's status. Raises AdmissionError when it cannot be read."""
        try:
            return dict(self._call(self._core.read_namespaced_pod, name, self.name).get("status", {}))
        except (ApiException, HTTPError) as e:
            raise AdmissionError(f"the probe's pod {self.name}/{name} cannot be read: {_short(e)}") from e

    def delete_pod(self, name: str) -> None:
        """The pod is gone when this returns. Raises AdmissionError when it is still there after 30 s, with its name."""
        self._delete(f"pod {self.name}/{name}", self._core.delete_namespaced_pod, name, self.name, grace_period_seconds=1)

    def _delete(self, what: str, method: Callable[..., Any], *args: Any, **options: Any) -> None:
        problem = "it is still there after 30 s"
        for _attempt in range(60):
            try:
                self._call(method, *args, **options)
            except ApiException as e:
                if e.status == 404:
                    return
                problem = _short(e)
            except HTTPError as e:
                problem = _short(e)
            time.sleep(0.5)
        raise AdmissionError(f"the probe's {what} could not be deleted, delete it by hand: {problem}")

    def delete_leftovers(self) -> None:
        """Delete what a killed probe left behind: ours by label, and too old to belong to one that is still at work."""
        place = self._place("deployment")
        for name in self._old("pods", self._core.list_namespaced_pod, self.name):
            self.delete_pod(name)
        for name in self._old("Deployments", self._others.list_namespaced_custom_object, *place):
            self._delete(f"Deployment {self.name}/{name}", self._others.delete_namespaced_custom_object, *place, name)

    def _old(self, what: str, method: Callable[..., Any], *args: Any) -> list[str]:
        selector = ",".join(f"{key}={value}" for key, value in LABELS.items())
        try:
            found = [item["metadata"] for item in self._call(method, *args, label_selector=selector)["items"]]
        except (ApiException, HTTPError) as e:
            raise AdmissionError(f"the {what} of the namespace {self.name} cannot be listed: {_short(e)}") from e
        return [m["name"] for m in found if datetime.now(UTC) - datetime.fromisoformat(m["creationTimestamp"]) > LEFTOVER_AGE]


def _short(error: Exception) -> str:
    body = getattr(error, "body", None)
    return read_refusal(getattr(error, "status", 0) or 0, str(body)).message if body else str(error)
