# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Deployments that make ReplicaSets without end, because something changes each of them when it is created."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .inventory import ClusterObjects

_MANY = 20
"""More than these are looked at: a Deployment keeps 10 old ones if it does not say otherwise."""
_COLLISIONS = 5
"""A Deployment counts each ReplicaSet of its own name that is not what it asked for. Where nothing changes them that is 0, or once in a lifetime 1.
https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/controller/deployment/sync.go, getNewReplicaSet"""


def without_end(cluster: ClusterObjects) -> list[dict[str, Any]]:
    """`namespace`, `name` and `replica_sets` (their number) of each such Deployment. Raises ClusterError.

    One request for the metadata of all ReplicaSets, and one for each Deployment that has more than _MANY.
    """
    number = Counter(owner for item in cluster.metadata("/apis/apps/v1/replicasets") for owner in _owners(item))
    many = {owner: count for owner, count in sorted(number.items()) if count > _MANY}
    return [
        {"namespace": namespace, "name": name, "replica_sets": count}
        for (namespace, name), count in many.items()
        if _lost(cluster.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"), count)
    ]


def _owners(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for owner in item.get("ownerReferences") or []:
        if owner["kind"] == "Deployment":
            yield item["namespace"], owner["name"]


def _lost(deployment: Mapping[str, Any], count: int) -> bool:
    """Whether it does not find its own, and has more than it keeps."""
    kept = (deployment.get("spec") or {}).get("revisionHistoryLimit", 10)
    return bool(count > kept + _COLLISIONS and ((deployment.get("status") or {}).get("collisionCount") or 0) >= _COLLISIONS)
