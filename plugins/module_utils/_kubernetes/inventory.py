# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What is in a cluster, found by asking it which kinds it knows. Only metadata is read, so no secret ever is, but for what `get` is asked for by its path."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .api import ClusterApi, Kind

_ACCEPT = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_RECORDS = ("Event", "Endpoints", "EndpointSlice")
"""Kinds that only tell of others, and go with them."""


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

    @property
    def group(self) -> str:
        """The API group; empty for the core one."""
        return self.api_version.rpartition("/")[0]

    @property
    def title(self) -> str:
        """Kind and name, with the namespace where there is one, for people."""
        return f"{self.kind} {'/'.join(part for part in (self.namespace, self.name) if part)}"

    @property
    def reference(self) -> dict[str, Any]:
        """What names the object in a request."""
        place = {"namespace": self.namespace} if self.namespace else {}
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": {"name": self.name, **place}}

    def shown(self) -> dict[str, Any]:
        return {**asdict(self), "managers": list(self.managers), "title": self.title, "reference": self.reference}


class ClusterObjects:
    """The objects of one cluster. Everything here raises ClusterError when it does not answer, after a minute at most."""

    def __init__(self, api: ClusterApi) -> None:
        self._api = api

    def kinds(self, groups: Collection[str]) -> list[str]:
        """Names of the kinds that `groups` have now."""
        return sorted({kind.name for kind in self._kinds(groups)}) if groups else []

    def get(self, path: str) -> dict[str, Any]:
        """The object or list at that path, whole; empty when it does not exist."""
        return self._api.get(path, missing={})

    def metadata(self, path: str) -> list[dict[str, Any]]:
        """The metadata of each object of a list; empty where the cluster does not know the kind."""
        return [item["metadata"] for item in self._get(path, missing={}).get("items") or []]

    def find(self, groups: Collection[str], namespaces: Collection[str]) -> list[ClusterObject]:
        """The objects of every kind of the API groups `groups`; the namespaces `namespaces` and every object in them but `_RECORDS`; each once."""
        found: dict[tuple[str, str | None, str], ClusterObject] = {}
        for name in namespaces:
            for item in self._get("/api/v1/namespaces", fieldSelector=f"metadata.name={name}")["items"] or []:
                found["Namespace", None, name] = _read(Kind("v1", "Namespace", "namespaces", False), item["metadata"])
        for kind in self._kinds(None if namespaces else groups):
            group = kind.group_version.rpartition("/")[0]
            places = [None] if group in groups else [each for each in namespaces if kind.namespaced and kind.name not in _RECORDS]
            for place in places:
                for item in self._get(kind.path(place), missing={}).get("items") or []:
                    each = _read(kind, item["metadata"])
                    found[each.kind, each.namespace, each.name] = each
        return list(found.values())

    def _kinds(self, groups: Collection[str] | None) -> Iterator[Kind]:
        """The kinds that can be listed, of `groups` or of all of them."""
        versions = [group["preferredVersion"]["groupVersion"] for group in self._get("/apis")["groups"] if groups is None or group["name"] in groups]
        for version in (["v1"] if groups is None else []) + versions:
            yield from (kind for kind in self._api.kinds(version) if "list" in kind.verbs)

    def _get(self, path: str, missing: Mapping[str, Any] | None = None, **query: str) -> dict[str, Any]:
        return self._api.get(path, missing, f"{_ACCEPT},application/json", **query)


def _read(kind: Kind, metadata: Mapping[str, Any]) -> ClusterObject:
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
