# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What is in a cluster, found by asking it which kinds it knows. Only metadata is read, so no secret ever is, but for what `get` is asked for by its path."""

from __future__ import annotations

import json
import traceback
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

try:
    from kubernetes import config
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.dynamic import DynamicClient
    from urllib3.exceptions import HTTPError
except ImportError:
    KUBERNETES_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    KUBERNETES_IMPORT_ERROR = None

TIMEOUT = (5, 20)
"""Seconds to connect and to wait for an answer."""
_ACCEPT = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_RECORDS = ("Event", "Endpoints", "EndpointSlice")
"""Kinds that only tell of others, and go with them."""


class ClusterError(Exception):
    """The cluster could not be asked, or refused with the HTTP status `status`."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class ClusterObject:
    """One object. `release` is the Helm release (namespace/name) that it is part of, `hook` that a chart made it beside its release."""

    api_version: str
    kind: str
    namespace: str | None
    name: str
    labels: Mapping[str, str]
    release: str | None
    hook: bool
    owned: bool
    """Whether another object is its owner, with which it goes."""
    managers: tuple[str, ...]
    """Who has written it, as the API server remembers."""

    def shown(self) -> dict[str, Any]:
        place = {"namespace": self.namespace} if self.namespace else {}
        return {
            **asdict(self),
            "managers": list(self.managers),
            "title": f"{self.kind} {'/'.join([*place.values(), self.name])}",
            "reference": {"apiVersion": self.api_version, "kind": self.kind, "metadata": {"name": self.name, **place}},
        }


@dataclass(frozen=True)
class _Kind:
    group_version: str
    name: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None) -> str:
        root = "/apis" if "/" in self.group_version else "/api"
        inside = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}/{self.group_version}{inside}/{self.plural}"


class ClusterObjects:
    """The objects of one cluster. Everything here raises ClusterError when it does not answer, after a minute at most."""

    def __init__(self, kubeconfig: str, context: str | None = None) -> None:
        try:
            # It would keep a list of the kinds in a file, and believe it when they are gone.
            self._api = DynamicClient(config.new_client_from_config(config_file=kubeconfig, context=context), discoverer=lambda *_: None)
        except (ConfigException, OSError, ValueError) as e:
            raise ClusterError(f"the kubeconfig {kubeconfig} cannot be used: {e}") from e

    def kinds(self, groups: Collection[str]) -> list[str]:
        """Names of the kinds that `groups` have now."""
        return sorted({kind.name for kind in self._kinds(groups)}) if groups else []

    def get(self, path: str) -> dict[str, Any]:
        """What is there by that path, whole; empty when nothing is."""
        return self._get(path, missing={}, accept="application/json")

    def find(self, groups: Collection[str], namespaces: Collection[str]) -> list[ClusterObject]:
        """The objects of every kind of the API groups `groups`; the namespaces `namespaces` and every object in them but `_RECORDS`; each once."""
        found: dict[tuple[str, str | None, str], ClusterObject] = {}
        for name in namespaces:
            for item in self._get("/api/v1/namespaces", query_params=[("fieldSelector", f"metadata.name={name}")])["items"] or []:
                found["Namespace", None, name] = _read(_Kind("v1", "Namespace", "namespaces", False), item["metadata"])
        for kind in self._kinds(None if namespaces else groups):
            group = kind.group_version.rpartition("/")[0]
            places = [None] if group in groups else [each for each in namespaces if kind.namespaced and kind.name not in _RECORDS]
            for place in places:
                for item in self._get(kind.path(place), missing={}).get("items") or []:
                    each = _read(kind, item["metadata"])
                    found[each.kind, each.namespace, each.name] = each
        return list(found.values())

    def _kinds(self, groups: Collection[str] | None) -> Iterator[_Kind]:
        """The kinds that can be listed, of `groups` or of all of them."""
        versions = [group["preferredVersion"]["groupVersion"] for group in self._get("/apis")["groups"] if groups is None or group["name"] in groups]
        for version in (["v1"] if groups is None else []) + versions:
            answer = self._get(f"/apis/{version}" if "/" in version else f"/api/{version}", missing={})
            for each in answer.get("resources") or []:
                if "/" not in each["name"] and "list" in each["verbs"]:
                    yield _Kind(version, each["kind"], each["name"], each["namespaced"])

    def _get(self, path: str, missing: Mapping[str, Any] | None = None, accept: str = f"{_ACCEPT},application/json", **parameters: Any) -> dict[str, Any]:
        """The answer; `missing` in place of a 404, when it is given: kinds come and go while we look."""
        try:
            answer = self._api.request("get", path, serialize=False, header_params={"Accept": accept}, _request_timeout=TIMEOUT, **parameters)
        except ApiException as e:
            if e.status == 404 and missing is not None:
                return dict(missing)
            raise ClusterError(f"it refuses GET {path}: HTTP {e.status} {e.reason}", e.status or 0) from e
        except HTTPError as e:
            raise ClusterError(f"it does not answer: {e}") from e
        return dict(json.loads(answer.data))


def _read(kind: _Kind, metadata: Mapping[str, Any]) -> ClusterObject:
    annotations = metadata.get("annotations") or {}
    release = annotations.get("meta.helm.sh/release-name")
    return ClusterObject(
        kind.group_version,
        kind.name,
        metadata.get("namespace"),
        metadata["name"],
        metadata.get("labels") or {},
        f"{annotations.get('meta.helm.sh/release-namespace')}/{release}" if release else None,
        "helm.sh/hook" in annotations,
        bool(metadata.get("ownerReferences")),
        tuple(sorted({entry["manager"] for entry in metadata.get("managedFields") or []})),
    )
