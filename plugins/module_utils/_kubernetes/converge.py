# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Objects of a cluster that are exactly as given: what was changed, added, taken out or deleted is found and restored.

What an object would be, with everything that the API server fills in, the server says itself: it is asked, in a dry run, to replace the one that is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from .._change import Change
from .api import ClusterApi, ClusterError, Kind
from .autoscaling import autoscaled, has_more_pods

Json = dict[str, Any]
EACH = "*"
"""Means every entry of a list, in a field's path."""
_GIVEN = ("managedFields", "resourceVersion", "generation")
"""What the API server counts, another value after each write."""
_REMADE = {
    "": ("ConfigMap", "ResourceQuota", "Secret", "Service", "ServiceAccount"),
    "apps": ("DaemonSet", "Deployment"),
    "rbac.authorization.k8s.io": ("ClusterRoleBinding", "RoleBinding"),
}
"""Kinds, by their API group, that have fields which cannot be changed, and lose nothing when they are recreated."""
_READ_AT_START = ("ConfigMap", "ServiceAccount")
"""Kinds that pods read when they start. A recreated service account has other tokens, and the old ones are not accepted."""
RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""The annotation by which `kubectl rollout restart` restarts a deployment's pods."""
_CONFLICTS = 5
"""How often another client may write an object between our reading and writing it."""
_HIDDEN = "(not shown)"
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which `kubectl apply` repeats an object, a secret's data too."""
PAUSE = 0.25
"""Seconds between two looks at what is waited for; most of it takes less than one."""


@dataclass(frozen=True)
class Preserved:
    """A field of objects of a kind that others fill in, and that stays as it is."""

    kind: str
    field: tuple[str, ...]


@dataclass(frozen=True)
class ExactObject:
    """An object as the API server has it, or would have it."""

    content: Mapping[str, Any]

    @property
    def title(self) -> str:
        return title(self.content)

    def shown(self) -> Json:
        metadata = self.content["metadata"]
        return {"kind": self.content["kind"], "namespace": metadata.get("namespace"), "name": metadata["name"], "title": self.title}

    def compared(self) -> Json:
        return {self.title: _masked(comparable(self.content))}


def title(item: Mapping[str, Any]) -> str:
    """Kind and name, with the namespace where there is one, for people."""
    metadata = item["metadata"]
    return f"{item['kind']} {'/'.join(part for part in (metadata.get('namespace'), metadata['name']) if part)}"


def replacement(given: Mapping[str, Any], live: Mapping[str, Any], preserved: Collection[Preserved]) -> Json:
    """What to put in place of `live`, so that it is as given. No I/O.

    Every decided field is as given, labels too, because they select; but for annotations of others, labels of others on a Namespace, and the
    fields `preserved`, which stay.
    """
    others = (live["metadata"].get("labels") or {}) if given["kind"] == "Namespace" else {}
    marks = {
        "labels": {**others, **(given["metadata"].get("labels") or {})},
        "annotations": {**(live["metadata"].get("annotations") or {}), **(given["metadata"].get("annotations") or {})},
    }
    metadata = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    status = {"status": live["status"]} if "status" in live else {}
    body: Any = {**given, "metadata": {**metadata, **marks}, **status}
    for each in preserved:
        if each.kind == given["kind"]:
            body = _with_preserved(body, live, each.field)
    return dict(body)


def _recreated(body: Mapping[str, Any]) -> Json:
    """What to make where nothing is, of what was to be put in place of an object."""
    metadata = {key: value for key, value in body["metadata"].items() if key in ("name", "namespace", "labels", "annotations")}
    return {**{key: value for key, value in body.items() if key != "status"}, "metadata": metadata}


def _with_preserved(given: Any, live: Any, field: Sequence[str]) -> Any:
    """`given` with the field of `live`. Entries of lists are the same when they have the same name."""
    if not field:
        return live
    first, *rest = field
    if first == EACH and isinstance(given, list) and isinstance(live, list):
        there = {each.get("name"): each for each in live}
        return [_with_preserved(each, there.get(each.get("name")), rest) for each in given]
    if not isinstance(given, Mapping) or not isinstance(live, Mapping) or first not in live:
        return given
    inner = _with_preserved(given.get(first) or {}, live[first], rest)
    return {**given, first: inner} if inner else given


def comparable(item: Mapping[str, Any]) -> Json:
    """An object without its status, and without what is another value after each write."""
    metadata = {key: value for key, value in item["metadata"].items() if key not in _GIVEN and value != {}}
    return {**{key: value for key, value in item.items() if key != "status"}, "metadata": metadata}


def _masked(value: Any, kind: str = "") -> Any:
    """The object as it may be printed: without the data of secrets and the values of variables, also where kubectl repeats them."""
    if isinstance(value, list):
        return [_masked(each, kind) for each in value]
    if not isinstance(value, Mapping):
        return value
    kind = str(value.get("kind", kind))
    secret = ("data", "stringData") if kind == "Secret" else ()
    masked = {key: dict.fromkeys(each, _HIDDEN) if key in secret and isinstance(each, Mapping) else _masked(each, kind) for key, each in value.items()}
    if _APPLIED in value:
        masked[_APPLIED] = _HIDDEN
    if isinstance(value.get("env"), list):
        masked["env"] = [{**each, "value": _HIDDEN} if "value" in each else each for each in value["env"]]
    return masked


class ExactObjects:
    """Makes objects as they are given. In `check_mode` the API server is only asked what it would do. Everything raises ClusterError.

    `unpredicted` are titles of objects of which a check cannot know what would become of them: a webhook that the API server has to ask does not answer.
    """

    def __init__(self, api: ClusterApi, preserved: Collection[Preserved], *, check_mode: bool, timeout: float) -> None:
        self._api, self._check_mode, self._timeout = api, check_mode, timeout
        self._preserved = [*preserved, Preserved("Deployment", ("spec", "template", "metadata", "annotations", RESTARTED))]
        self._known: dict[tuple[str, str], Kind] = {}
        self.unpredicted: list[str] = []

    def converge(self, given: Mapping[str, Any]) -> Change[ExactObject]:
        """The object before and after. Without `before` it was not there."""
        kind = self._kind(given)
        if kind is None:
            return Change(None, ExactObject(given))
        place = given["metadata"].get("namespace") if kind.namespaced else None
        given = {**given, "metadata": {key: value for key, value in given["metadata"].items() if key != "namespace" or place}}
        objects, one = kind.path(place), f"{kind.path(place)}/{given['metadata']['name']}"
        live = self._api.get(one, missing={})
        if not live:
            return Change(None, ExactObject(given if self._check_mode else self._create(objects, given)))
        return self._replace(objects, one, given, live)

    def remove(self, references: Sequence[Mapping[str, Any]]) -> list[Change[ExactObject]]:
        """Delete the objects in this order and wait until all are gone, with what they own. What is not there is no change."""
        found: list[tuple[str, Json]] = []
        for each in references:
            kind = self._served(each["apiVersion"], each["kind"])
            path = f"{kind.path(each['metadata'].get('namespace') if kind.namespaced else None)}/{each['metadata']['name']}" if kind else ""
            live = self._api.get(path, missing={}) if kind else {}
            if live:
                found.append((path, live))
                if not self._check_mode:
                    self._api.delete(path, "Foreground")
        for path, live in found if not self._check_mode else []:
            self._until(partial(self._is_gone, path, live), f"{title(live)} is still there")
        return [Change(ExactObject(live), None) for _path, live in found]

    def rolled_out(self, changes: Collection[Change[ExactObject]]) -> None:
        """Wait until the deployments among the objects run as they should; restart them where what their pods have read at their start has changed."""
        if self._check_mode:
            return
        restart = any(change.changed and change.after and change.after.content["kind"] in _READ_AT_START for change in changes)
        for change in changes:
            if change.after and change.after.content["kind"] == "Deployment" and (restart or change.changed):
                metadata = change.after.content["metadata"]
                path = f"/apis/apps/v1/namespaces/{metadata['namespace']}/deployments/{metadata['name']}"
                if restart and change.before:
                    self._api.write("patch", path, restarted())
                self._until(partial(self._runs, path), f"{change.after.title} is not rolled out")

    def _kind(self, given: Mapping[str, Any]) -> Kind | None:
        """None where the cluster does not know it and, in check mode, need not yet."""
        version, name = given["apiVersion"], given["kind"]
        if not self._served(version, name) and not self._check_mode:
            self._until(lambda: self._served(version, name) is not None, f"the cluster knows no {name} of {version}")
        return self._served(version, name)

    def _served(self, version: str, name: str) -> Kind | None:
        """The kind, where the cluster knows it now."""
        if (version, name) not in self._known:
            self._known |= {(version, kind.name): kind for kind in self._api.kinds(version)}
        return self._known.get((version, name))

    def _create(self, objects: str, given: Mapping[str, Any]) -> Json:
        created = self._post(objects, given)
        if given["kind"] == "CustomResourceDefinition":
            self._until(lambda: _is_established(self._api.get(f"{objects}/{given['metadata']['name']}")), f"{title(given)} is not established")
        return created

    def _post(self, objects: str, given: Mapping[str, Any]) -> Json:
        """Make it. The API server lists a kind that is new before it serves it, and does not find it until then."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return self._api.write("post", objects, given)
            except ClusterError as refused:
                # Of an object in a namespace, the namespace may be what is not found.
                if refused.status != 404 or "/namespaces/" in objects or time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)

    def _replace(self, objects: str, one: str, given: Mapping[str, Any], live: Json) -> Change[ExactObject]:
        for left in reversed(range(_CONFLICTS)):
            body = replacement(self._scaled(given, live), live, self._preserved)
            try:
                after = self._api.write("put", one, body, dry_run=True)
                if comparable(after) != comparable(live) and not self._check_mode:
                    after = self._api.write("put", one, body)
                break
            except ClusterError as refused:
                if refused.status == 409 and left:
                    live = self._api.get(one)
                    continue
                if self._check_mode and _has_no_webhook(refused):
                    self.unpredicted.append(title(given))
                    return Change(ExactObject(live), ExactObject(live))
                after = _recreated(body)
                if refused.status != 422 or not self._can_be_recreated(objects, after):
                    raise
                if not self._check_mode:
                    self._api.delete(one)
                    self._until(partial(self._is_gone, one, live), f"{title(given)} is still there")
                    after = self._create(objects, after)
                break
        same = comparable(after) == comparable(live)
        return Change(ExactObject(live), ExactObject(live if same else after))

    def _scaled(self, given: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
        """With as many pods as an autoscaler chose."""
        if not has_more_pods(given, live):
            return given
        found = self._api.get(f"/apis/autoscaling/v2/namespaces/{live['metadata']['namespace']}/horizontalpodautoscalers", missing={})
        return autoscaled(given, live, found.get("items") or [])

    def _can_be_recreated(self, objects: str, given: Mapping[str, Any]) -> bool:
        """Whether the API server would make it if it were not there: it looks at the content first, and only then says that there is one."""
        if given["kind"] not in _REMADE.get(given["apiVersion"].rpartition("/")[0], ()):
            return False
        try:
            self._api.write("post", objects, given, dry_run=True)
        except ClusterError as refused:
            return refused.status == 409
        return True

    def _is_gone(self, one: str, live: Mapping[str, Any]) -> bool:
        there = self._api.get(one, missing={})
        return not there or there["metadata"].get("uid") != live["metadata"].get("uid")

    def _runs(self, path: str) -> bool:
        return is_rolled_out(self._api.get(path))

    def _until(self, true: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + self._timeout
        while not true():
            if time.monotonic() > deadline:
                raise ClusterError(f"{otherwise} after {self._timeout:.0f} s")
            time.sleep(PAUSE)


def is_rolled_out(deployment: Mapping[str, Any]) -> bool:
    """Whether it has as many pods as it asks for, all of its present template and available."""
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and all(
        status.get(counted, 0) == wanted for counted in ("replicas", "updatedReplicas", "availableReplicas")
    )


def restarted() -> Json:
    """The patch that restarts a Deployment's pods, as `kubectl rollout restart` sends it."""
    return {"spec": {"template": {"metadata": {"annotations": {RESTARTED: _now()}}}}}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _has_no_webhook(refused: ClusterError) -> bool:
    """Whether a webhook that fails closed did not answer: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/"""
    return refused.status == 500 and "failed calling webhook" in str(refused)


def _is_established(definition: Mapping[str, Any]) -> bool:
    conditions = definition.get("status", {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
