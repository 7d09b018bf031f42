"""How old a status is, and when it says nothing about the object any more, by tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._verification.statuses import ago, outdated, status_of

AT = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
NAME = "KeyManagementProvider kmprovider-akv"
RUN = "What Ratify holds is not known. Restart its Deployment."


def written(time: str, part: str = "f:spec", **more: Any) -> dict[str, Any]:
    return {"manager": "helm", "time": time, "fieldsV1": {part: {}}, **more}


def provider(reported: str | None, *, created: str = "2026-11-24T08:00:00Z", generation: int = 1, interval: str = "", **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "kmprovider-akv", "creationTimestamp": created, "generation": generation, **metadata},
        "spec": {"type": "azurekeyvault", **({"refreshInterval": interval} if interval else {})},
        "status": {"issuccess": True, **({"lastfetchedtime": reported} if reported else {})},
    }


def constraint(generation: int, *observed: int, **metadata: Any) -> dict[str, Any]:
    by_pod = [{"id": f"gatekeeper-{number}", "enforced": True, "observedGeneration": each} for number, each in enumerate(observed)]
    return {
        "metadata": {"name": "images-verified", "creationTimestamp": "2026-11-24T08:00:00Z", "generation": generation, **metadata},
        "status": {"byPod": by_pod},
    }


CHANGED: dict[str, Any] = {
    "generation": 2,
    "managedFields": [written("2026-11-24T09:00:00Z"), written("2026-11-24T09:30:00Z", "f:status", subresource="status")],
}
STATUSES: dict[str, tuple[dict[str, Any], str | None]] = {
    "read after it was made": (provider("2026-11-24T08:00:01Z"), None),
    "read a month ago, and never again asked for": (provider("2026-10-24T08:00:01Z", created="2026-10-24T08:00:00Z"), None),
    "read before it was changed": (
        provider("2026-11-24T08:00:01Z", **CHANGED),
        f"Ratify's {NAME} was changed on 2026-11-24T09:00:00Z, and what Ratify reports of it is older, of 2026-11-24T08:00:01Z (3 h 59 min ago). {RUN}",
    ),
    "read after it was changed": (provider("2026-11-24T09:00:02Z", **CHANGED), None),
    "read as it was changed, by another clock": (provider("2026-11-24T08:59:30Z", **CHANGED), None),
    "written again and not changed": (provider("2026-11-24T08:00:01Z", managedFields=[written("2026-11-24T09:00:00Z")]), None),
    "its labels were changed": (provider("2026-11-24T08:00:01Z", generation=2, managedFields=[written("2026-11-24T09:00:00Z", "f:metadata")]), None),
    "within the interval": (provider("2026-11-24T11:00:30Z", interval="1h"), None),
    "a moment after the interval": (provider("2026-11-24T10:58:00Z", interval="1h"), None),
    "older than the interval": (
        provider("2026-11-24T10:00:00Z", interval="1h"),
        f"Ratify's {NAME} is to be read every 1h, and what Ratify reports of it is of 2026-11-24T10:00:00Z (2 h 0 min ago). {RUN}",
    ),
    "an interval that is none": (provider("2026-11-24T08:00:01Z", interval="often"), None),
    "never read": (provider(None), None),
    "a time that is none": (provider("yesterday"), None),
    "nothing but a name": ({"metadata": {"name": "kmprovider-akv"}}, None),
}


@pytest.mark.parametrize("name", STATUSES)
def test_a_status_of_ratify_that_is_older_than_its_object_or_the_interval_is_reported_with_its_age(name: str) -> None:
    item, says = STATUSES[name]
    assert outdated([status_of("KeyManagementProvider", item, {"ratify-1"})], AT) == ([says] if says else [])


CONSTRAINTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "every pod enforces it": (constraint(2, 2, 2), []),
    "no pod reports": (constraint(2), []),
    "one pod enforces an older one": (
        constraint(3, 3, 2, managedFields=[written("2026-11-24T11:58:00Z")]),
        [
            "Gatekeeper's pod gatekeeper-1 enforces generation 2 of ImagesVerified images-verified, which was changed to generation 3 on 2026-11-24T11:58:00Z "
            "(2 min ago)."
        ],
    ),
    "it was changed just now": (constraint(3, 2, managedFields=[written("2026-11-24T11:59:30Z")]), []),
    "a pod that is gone": (constraint(3, 3, 3, 1, managedFields=[written("2026-11-24T09:00:00Z")]), []),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_pod_of_gatekeeper_that_enforces_an_older_constraint_is_reported_with_since_when(name: str) -> None:
    item, says = CONSTRAINTS[name]
    assert outdated([status_of("ImagesVerified", item, {"gatekeeper-0", "gatekeeper-1"})], AT) == says


@pytest.mark.parametrize(
    ("time", "says"),
    [
        ("2026-11-24T12:00:05Z", "0 s"),
        ("2026-11-24T11:59:18Z", "42 s"),
        ("2026-11-24T11:15:00Z", "45 min"),
        ("2026-11-24T09:59:00Z", "2 h 1 min"),
        ("2026-11-22T12:00:00Z", "48 h 0 min"),
        ("2026-11-21T11:00:00Z", "3 days"),
    ],
)
def test_an_age_is_written_as_people_say_it(time: str, says: str) -> None:
    assert ago(time, AT) == says
