# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Ask a running Ratify whether it takes verifiers and key management providers, beside those by which it verifies.

Ratify judges NamespacedVerifier and NamespacedKeyManagementProvider as it judges a Verifier and a KeyManagementProvider, and uses them for images of their
namespace alone: https://github.com/notaryproject/ratify/tree/v1.4.6/pkg/controllers/namespaceresource. In Gatekeeper's own namespace no image is verified.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._kubernetes.api import ClusterApi, ClusterError
from .errors import explained

Json = Mapping[str, Any]

GROUP = "config.ratify.deislabs.io/v1beta1"
NAME = "image-trust-trial-"
UNUSED = "application/vnd.image-trust.trial"
"""An artifact type that no artifact has: a verifier of the trial verifies nothing."""
SILENCE = 20.0
"""Seconds after which a Ratify that says nothing of any object is one that does not run."""
RETRY = 10.0
"""Seconds after which a vault that was not read is asked again: Ratify's own pauses grow to a quarter of an hour."""
PAUSE = 0.5
_PLURALS = {"Verifier": "verifiers", "KeyManagementProvider": "keymanagementproviders", "Store": "stores"}


@dataclass
class Trial:
    """One object that Ratify is asked about. `title` is what it stands for, `body` what is created in `folder`."""

    title: str
    folder: str
    body: Json
    asks_azure: bool
    """Whether a refusal may pass: permissions and federated credentials take effect late."""
    created: float = 0.0
    refusal: str = ""
    heard: bool = False
    taken: bool = False

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.body['metadata']['name']}"


@dataclass(frozen=True)
class Judgement:
    """`judged` is whether Ratify said anything; `refusals` has a line for each object that it does not take."""

    judged: bool
    refusals: Sequence[str] = field(default_factory=list)


def trials(objects: Iterable[Json], namespace: str) -> list[Trial]:
    """Of what a chart makes, the verifiers and key management providers. No I/O. They have the chart's annotations, by which role ratify finds leftovers."""
    return [_trial(each, namespace) for each in objects if each["kind"] in ("Verifier", "KeyManagementProvider") and each["apiVersion"] == GROUP]


def _trial(wanted: Json, namespace: str) -> Trial:
    kind, name, spec = wanted["kind"], wanted["metadata"]["name"], {**wanted["spec"]}
    spec.pop("refreshInterval", None)
    if kind == "Verifier":
        spec["artifactTypes"] = UNUSED
    metadata = {"name": f"{NAME}{name}", "namespace": namespace, "annotations": wanted["metadata"].get("annotations") or {}}
    body = {"apiVersion": GROUP, "kind": f"Namespaced{kind}", "metadata": metadata, "spec": spec}
    folder = f"/apis/{GROUP}/namespaces/{namespace}/namespaced{_PLURALS[kind]}"
    return Trial(f"{kind} {name}", folder, body, asks_azure=kind != "Verifier" and spec.get("type") != "inline")


def serves(api: ClusterApi) -> bool:
    """Whether Ratify has taken all by which it verifies now. Raises ClusterError."""
    found = {kind: api.get(f"/apis/{GROUP}/{plural}", missing={}).get("items") or [] for kind, plural in _PLURALS.items()}
    statuses = [each.get("status") or {} for items in found.values() for each in items]
    return bool(found["Verifier"] and found["Store"]) and all(status.get("issuccess") for status in statuses)


def judge(api: ClusterApi, asked: Sequence[Trial], timeout: float) -> Judgement:
    """Ask, for `timeout` seconds at most, and take all away again. Raises ClusterError."""
    try:
        for each in asked:
            _create(api, each)
        return _answered(api, asked, time.monotonic() + timeout)
    except ClusterError as e:
        if e.status == 404:
            return Judgement(judged=False)
        raise
    finally:
        for each in asked:
            api.delete(each.path)


def _answered(api: ClusterApi, asked: Sequence[Trial], deadline: float) -> Judgement:
    silent = time.monotonic() + SILENCE
    while True:
        waiting = [each for each in asked if not each.taken]
        for each in waiting:
            _read(each, api.get(each.path, missing={}).get("status") or {})
        waiting = [each for each in waiting if not each.taken]
        now = time.monotonic()
        if not any(each.heard for each in asked) and now >= min(silent, deadline):
            return Judgement(judged=False)
        final = any(each.refusal and not each.asks_azure for each in waiting) and all(each.heard for each in waiting)
        if not waiting or final or now >= deadline:
            return Judgement(judged=True, refusals=[f"{each.title}: {each.refusal or 'no answer of Ratify'}" for each in waiting])
        for each in waiting:
            if each.refusal and each.asks_azure and now >= each.created + RETRY:
                _create(api, each)
        time.sleep(PAUSE)


def _read(trial: Trial, status: Json) -> None:
    trial.taken = bool(status.get("issuccess"))
    trial.heard = trial.heard or "issuccess" in status
    if "issuccess" in status:
        trial.refusal = explained(" ".join(str(status.get("error") or status.get("brieferror") or "no reason given").split()))


def _create(api: ClusterApi, trial: Trial) -> None:
    api.delete(trial.path)
    api.write("post", trial.folder, trial.body)
    trial.created = time.monotonic()
