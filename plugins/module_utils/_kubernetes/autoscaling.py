# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Deployments of which an autoscaler decides how many pods there are. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Json = Mapping[str, Any]


def has_more_pods(given: Json, live: Json) -> bool:
    """Whether it is a Deployment that asks for more pods than given."""
    return bool(given["kind"] == "Deployment" and _pods(live) > _pods(given))


def autoscaled(given: Json, live: Json, autoscalers: Iterable[Json]) -> Json:
    """`given` with the number of pods of `live`, where one of the namespace's `autoscalers` (HorizontalPodAutoscalers; KEDA makes them, too) may have
    chosen it.

    An autoscaler may add pods up to its maximum. Fewer than given are never its business: a user who may write one could take all of them away.
    """
    name = given["metadata"]["name"]
    most = max((each["spec"]["maxReplicas"] for each in autoscalers if _scales(each["spec"]["scaleTargetRef"], name)), default=0)
    if not has_more_pods(given, live) or _pods(live) > most:
        return given
    return {**given, "spec": {**given["spec"], "replicas": _pods(live)}}


def _pods(deployment: Json) -> int:
    """The API server makes one of none given: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#replicas"""
    return int(deployment["spec"].get("replicas", 1))


def _scales(target: Json, name: str) -> bool:
    return bool(target["kind"] == "Deployment" and str(target.get("apiVersion", "apps/v1")).startswith("apps/") and target["name"] == name)
