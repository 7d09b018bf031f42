# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Which programs verify images, by their pods as they run. No I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Pod = Mapping[str, Any]
PROGRAMS: dict[str, Callable[[Mapping[str, str]], bool]] = {
    "gatekeeper": lambda labels: "gatekeeper.sh/operation" in labels,
    "ratify": lambda labels: labels.get("app.kubernetes.io/name") == "ratify",
}
"""By the labels that their charts give to their pods."""


def programs(pods: Iterable[Pod]) -> dict[str, dict[str, Any]]:
    """Of Gatekeeper and of Ratify: how many pods there are and how many are ready, and the versions and images that they run."""
    pods = list(pods)
    return {name: _program(_pods_of(name, pods)) for name in PROGRAMS}


def arguments(pods: Iterable[Pod]) -> list[dict[str, Any]]:
    """The arguments of the programs' containers, each set once."""
    pods = list(pods)
    found = {(name, tuple(c.get("args") or ())) for name in PROGRAMS for pod in _pods_of(name, pods) for c in pod["spec"]["containers"]}
    return [{"program": name, "arguments": list(given)} for name, given in sorted(found)]


def containers(pods: Iterable[Pod], name: str) -> list[Mapping[str, Any]]:
    """The containers of the program's pods, as they are asked for, with init and debug containers."""
    return [c for pod in _pods_of(name, pods) for listed in ("initContainers", "containers", "ephemeralContainers") for c in pod["spec"].get(listed) or ()]


def _pods_of(name: str, pods: Iterable[Pod]) -> list[Pod]:
    """Without those that are finished or being deleted."""
    there = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp") and (pod.get("status") or {}).get("phase") not in ("Failed", "Succeeded")]
    return [pod for pod in there if PROGRAMS[name](pod["metadata"].get("labels") or {})]


def _program(pods: list[Pod]) -> dict[str, Any]:
    statuses = [status for pod in pods for status in (pod.get("status") or {}).get("containerStatuses") or ()]
    images = sorted({(status["image"], status.get("imageID") or "") for status in statuses if status.get("image")})
    return {
        "pods": len(pods),
        "ready": sum(_is_ready(pod) for pod in pods),
        "versions": sorted({version for image, _image_id in images if (version := _version(image))}),
        "images": [{"image": image, "image_id": image_id or None} for image, image_id in images],
    }


def _is_ready(pod: Pod) -> bool:
    return any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in (pod.get("status") or {}).get("conditions") or ())


def _version(image: str) -> str | None:
    """The version in the tag of an image; None where it has none."""
    tag = re.search(r":v?([^:/@]+)(@|$)", image)
    return tag[1] if tag else None
