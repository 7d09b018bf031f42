# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Ask a cluster whether it would admit an image, and read who refused it and why."""

from __future__ import annotations

import json
import re
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

try:
    from kubernetes import client, config
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config.config_exception import ConfigException
    from urllib3.exceptions import HTTPError
except ImportError:
    KUBERNETES_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    KUBERNETES_IMPORT_ERROR = None

Shape = Literal["container", "init_container", "ephemeral_container"]
Verdict = Literal["admitted", "denied", "error"]

VALIDATION = "validation.gatekeeper.sh"
UNAVAILABLE = "image verification is not available"
"""How the policy's template begins a message when Ratify gave no answer: nothing is known of the image then."""

LABELS = {"app.kubernetes.io/name": "image-trust-probe", "app.kubernetes.io/managed-by": "image_trust.azure"}
PULL_FAILURES = ("ErrImagePull", "ImagePullBackOff")
LEFTOVER_AGE = timedelta(minutes=15)
REQUEST_TIMEOUT = 20
PAUSE = 2.0


class AdmissionError(Exception):
    """The question could not even be asked."""


@dataclass(frozen=True)
class Expectation:
    """What the cluster should say to an image. `reason` is a regular expression that a denial's message has to match."""

    image: str
    expect: Literal["admitted", "denied"]
    reason: str | None = None


@dataclass(frozen=True)
class Answer:
    """What the API server said to one request. `image` is the image of the pod as it would be stored, after mutation."""

    verdict: Verdict
    message: str = ""
    refused_by: str | None = None
    image: str | None = None


@dataclass(frozen=True)
class Ran:
    """Whether the kubelet pulled an admitted image and started it. `image_id` is what it pulled."""

    started: bool
    message: str
    image_id: str | None = None


@dataclass(frozen=True)
class Result:
    """One image in one pod shape: asked, answered, compared."""

    image: str
    shape: Shape
    expected: str
    verdict: Verdict
    right: bool
    message: str
    refused_by: str | None
    admitted_image: str | None
    ran: Ran | None = None


def read_refusal(status: int, body: str, constraint: str | None = None) -> Answer:
    """Read a refusal of the API server.

    `status` and `body` are those of the HTTP answer (the body is a Kubernetes Status, or whatever stands there instead).
    It is a denial only when Gatekeeper's validation refused because of `constraint` (of any constraint when None) and the policy knew something of
    the image. All else (a webhook that did not answer, a tag that could not be resolved, other admission plugins, missing rights) is an error: it
    says nothing of the image.
    """
    try:
        message = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        message = body
    webhook = re.search(r'admission webhook "([^"]+)" denied the request: ?(.*)', message, re.DOTALL)
    if webhook is None:
        calling = re.search(r'failed calling webhook "([^"]+)"', message)
        return Answer("error", f"HTTP {status}: {message}", calling[1] if calling else None)
    refused_by, text = webhook[1], webhook[2].strip()
    reasons = [reason for name, reason in violations(text) if constraint in (None, name)]
    known = bool(reasons) and not any(reason.startswith(UNAVAILABLE) for reason in reasons)
    return Answer("denied" if refused_by == VALIDATION and known else "error", text, refused_by)


def violations(text: str) -> list[tuple[str, str]]:
    """The (constraint, message) pairs in a denial of Gatekeeper, which writes each as `[constraint] message`."""
    parts = re.split(r"^\[([^\]\n]+)\] ", text, flags=re.MULTILINE)
    return [(name, message.strip()) for name, message in zip(parts[1::2], parts[2::2], strict=True)]


def repository(image: str) -> str:
    """The image without its tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


def is_right(expectation: Expectation, answer: Answer) -> bool:
    """Whether the answer is the expected one for the expected reason: a denial has to name the image and match `reason`."""
    if answer.verdict != expectation.expect:
        return False
    if answer.verdict == "admitted":
        return True
    return repository(expectation.image) in answer.message and (expectation.reason is None or re.search(expectation.reason, answer.message) is not None)


def is_final(expectation: Expectation, answer: Answer) -> bool:
    """Whether asking again is pointless. Caches and slow starts only ever refuse, so a wrong refusal may mend; a wrong admission is a hole, once is enough."""
    return is_right(expectation, answer) or answer.verdict == "admitted"


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


def container_state(status: Mapping[str, Any]) -> Ran | None:
    """Read a pod's status: has its container started, has it failed to, or (None) is it not known yet."""
    for found in status.get("containerStatuses") or []:
        state = found.get("state") or {}
        ended = state.get("terminated")
        if "running" in state or (ended and ended.get("startedAt") and ended.get("reason") not in ("StartError", "ContainerCannotRun")):
            what = f"ended with exit code {ended.get('exitCode')}" if ended else "running"
            return Ran(True, what, found.get("imageID") or None)
        why = ended or state.get("waiting") or {}
        if ended or why.get("reason") in PULL_FAILURES or str(why.get("reason", "")).endswith("Error"):
            return Ran(False, f"{why.get('reason')}: {why.get('message', '')}".strip(": "))
    return Ran(False, f"{status.get('reason')}: {status.get('message', '')}".strip(": ")) if status.get("phase") == "Failed" else None


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
            return read_refusal(e.status or 0, str(e.body if e.body is not None else e.reason), constraint), {}
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


def probe(
    pods: Pods,
    expectations: Sequence[Expectation],
    shapes: Sequence[Shape],
    *,
    companion: str | None,
    constraint: str | None,
    timeout: float,
    run: bool,
    read_only: bool,
) -> list[Result]:
    """Ask for every image in every shape until each answer is right or final, or `timeout` seconds have passed; each image that is run has as long again.

    `companion` is an image that is admitted: the main container beside an init container under test, and of the pod to which ephemeral containers are added.
    With `run`, images that are expected and found to be admitted are really run once. `read_only` creates no pod at all: ephemeral containers,
    which need a pod that exists, are left out then.
    Raises AdmissionError when nothing can be asked, or when a pod of the probe could not be removed.
    """
    end = time.monotonic() + timeout
    open_questions = [(e, s) for s in shapes for e in expectations if not (read_only and s == "ephemeral_container")]
    answers: dict[tuple[Expectation, Shape], Answer] = {}
    while open_questions:
        for question, answer in zip(open_questions, _ask_all(pods, open_questions, companion, constraint), strict=True):
            answers[question] = answer
        open_questions = [question for question in open_questions if not is_final(question[0], answers[question])]
        if time.monotonic() + PAUSE >= end:
            break
        if open_questions:
            time.sleep(PAUSE)
    return [_result(pods, *question, answer, constraint, timeout, run and not read_only) for question, answer in answers.items()]


def _ask_all(pods: Pods, questions: Sequence[tuple[Expectation, Shape]], companion: str | None, constraint: str | None) -> list[Answer]:
    if not any(shape == "ephemeral_container" for _expectation, shape in questions):
        return [_ask_one(pods, *question, companion, constraint, "") for question in questions]
    with pods.existing(host_pod(companion or ""), constraint) as (host_answer, host):
        return [
            Answer("error", f"the pod to which ephemeral containers are added was refused: {host_answer.message}", host_answer.refused_by)
            if shape == "ephemeral_container" and not host
            else _ask_one(pods, expectation, shape, companion, constraint, host)
            for expectation, shape in questions
        ]


def _ask_one(pods: Pods, expectation: Expectation, shape: Shape, companion: str | None, constraint: str | None, host: str) -> Answer:
    if shape == "ephemeral_container":
        return pods.try_ephemeral(host, expectation.image, constraint)
    if shape == "init_container":
        return pods.try_pod(pod(companion or "", init_image=expectation.image), constraint)
    return pods.try_pod(pod(expectation.image), constraint)


def _result(pods: Pods, expectation: Expectation, shape: Shape, answer: Answer, constraint: str | None, timeout: float, run: bool) -> Result:
    right = is_right(expectation, answer)
    ran = (
        _run(pods, expectation.image, constraint, time.monotonic() + timeout)
        if run and right and answer.verdict == "admitted" and shape == "container"
        else None
    )
    return Result(
        expectation.image,
        shape,
        expectation.expect,
        answer.verdict,
        right and (ran is None or ran.started),
        answer.message or (f"admitted, but it does not run: {ran.message}" if ran and not ran.started else ""),
        answer.refused_by,
        answer.image,
        ran,
    )


def _run(pods: Pods, image: str, constraint: str | None, end: float) -> Ran:
    """Really run the image. The kubelet's pauses between two pulls grow to minutes, so a pod whose pull failed is made anew until `end`."""
    while True:
        with pods.existing(pod(image), constraint) as (answer, name):
            ran = _wait_for_start(pods, name, end) if name else Ran(False, f"refused: {answer.message}")
        if ran.started or time.monotonic() + PAUSE >= end:
            return ran
        time.sleep(PAUSE)


def _wait_for_start(pods: Pods, name: str, end: float) -> Ran:
    while True:
        status = pods.status(name)
        ran = container_state(status)
        if ran is not None:
            return ran
        if time.monotonic() >= end:
            conditions = "; ".join(str(c["message"]) for c in status.get("conditions") or [] if c.get("message"))
            return Ran(False, f"not started in time (phase {status.get('phase')}): {conditions}".rstrip(": "))
        time.sleep(0.5)


def as_dict(result: Result) -> dict[str, Any]:
    """The result as the module returns it."""
    return asdict(result)
