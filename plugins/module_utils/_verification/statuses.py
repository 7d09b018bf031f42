# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""How old what Ratify and Gatekeeper report of their objects is, and whether it is of the object as it is now. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from .._policy.release_findings import seconds
from .dates import moment
from .state import Verification

Json = Mapping[str, Any]
KINDS = {"KeyManagementProvider": "key_management_providers", "ConstraintTemplate": "templates", "ImagesVerified": "constraints"}
"""Kinds whose status says by when or for which generation it is, and where `Verification` has them."""
SETTLED = timedelta(minutes=1)
"""By how much the clocks of a cluster may differ, and how long a change may take to reach its pods."""
LATE = timedelta(minutes=5)
"""By how much a reading may be late, and this machine's clock differ from the cluster's."""


def statuses(found: Verification) -> list[dict[str, Any]]:
    """Of each key management provider of Ratify, of the policy's constraint template and of each constraint."""
    pods = {pod["metadata"]["name"] for pod in found.pods}
    return [status_of(kind, item, pods) for kind, listed in KINDS.items() for item in found.objects[listed]]


def status_of(kind: str, item: Json, pods: Collection[str]) -> dict[str, Any]:
    """What the object says of its status. `pods` are the names of Gatekeeper's and Ratify's, for reports of pods that are gone stay for a while.

    Ratify reports when it read a provider last, well or not (`lastfetchedtime`); Gatekeeper reports the generation that each of its pods enforces.
    """
    metadata, status = item["metadata"], item.get("status") or {}
    generation = metadata.get("generation")
    observed = {str(each.get("id")): each.get("observedGeneration") for each in status.get("byPod") or ()}
    return {
        "kind": kind,
        "name": metadata["name"],
        "generation": generation,
        "changed": _changed(metadata),
        "reported": _time(status.get("lastfetchedtime")),
        "refresh_interval": (item.get("spec") or {}).get("refreshInterval") or None,
        "older": [{"pod": pod, "generation": each} for pod, each in sorted(observed.items()) if pod in pods and each and generation and each < generation],
    }


def _changed(metadata: Json) -> str | None:
    """When the spec was written last. The first generation is as old as the object, also when it was written again without a change."""
    created = _time(metadata.get("creationTimestamp"))
    if metadata.get("generation", 1) == 1:
        return created
    written = [_time(each.get("time")) for each in metadata.get("managedFields") or () if "f:spec" in (each.get("fieldsV1") or {})]
    return max((time for time in written if time), default=created)


def _time(value: Any) -> str | None:
    """None where it is no time."""
    try:
        moment(str(value))
    except (IndexError, ValueError):
        return None
    return str(value)


def outdated(statuses: Sequence[Json], at: datetime) -> list[str]:
    """A sentence for each status that says nothing of the object as it is at that time."""
    return [sentence for status in statuses for sentence in (*_of_ratify(status, at), *_of_gatekeeper(status, at))]


def _of_ratify(status: Json, at: datetime) -> Iterator[str]:
    reported, changed, interval = status["reported"], status["changed"], seconds(status["refresh_interval"])
    if not reported:
        return
    what, age = f"Ratify's {status['kind']} {status['name']}", f"of {reported} ({ago(reported, at)} ago)"
    restart = "What Ratify holds is not known. Restart its Deployment."
    if changed and moment(reported) + SETTLED < moment(changed):
        sentence = f"{what} was changed on {changed}, and what Ratify reports of it is older, {age}. {restart}"
        yield sentence
    elif interval and at - moment(reported) > timedelta(seconds=interval) + LATE:
        sentence = f"{what} is to be read every {status['refresh_interval']}, and what Ratify reports of it is {age}. {restart}"
        yield sentence


def _of_gatekeeper(status: Json, at: datetime) -> Iterator[str]:
    changed = status["changed"]
    if changed and at - moment(changed) <= SETTLED:
        return
    since = f" on {changed} ({ago(changed, at)} ago)" if changed else ""
    for each in status["older"]:
        sentence = (
            f"Gatekeeper's pod {each['pod']} enforces generation {each['generation']} of {status['kind']} {status['name']}, which was changed to generation "
            f"{status['generation']}{since}."
        )
        yield sentence


def ago(time: str, at: datetime) -> str:
    """The age of what happened then, for people."""
    age = max(int((at - moment(time)).total_seconds()), 0)
    if age < 60:
        return f"{age} s"
    if age < 3600:
        return f"{age // 60} min"
    return f"{age // 3600} h {age % 3600 // 60} min" if age <= 48 * 3600 else f"{age // 86400} days"
