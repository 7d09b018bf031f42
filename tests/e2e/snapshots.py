"""All objects in Azure and in the cluster, as values that can be compared: what a run wrote, and what it left."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import kubernetes

from lab.clusters import cluster

from .conftest import Lab

Snapshot = dict[str, Any]
"""Each object by what and where it is."""

REPORTED = ("Event", "Lease", "Endpoints", "EndpointSlice", "ComponentStatus")
"""Kinds that the cluster's own parts write all the time."""
TIMES = ("effective_at", "visible_at", "registered_at", "operation", "createdOn", "updatedOn", "former", "former_credentials")
"""When something came or takes effect, what is in effect until then, and by which operation."""
GIVEN = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")
"""What the API server writes into an object's metadata, another value each time it is made."""


def objects(name: str = "lab1") -> Iterator[dict[str, Any]]:
    """Every object of the lab's cluster but `REPORTED`, of whatever kinds it has now."""
    with kubernetes.config.new_client_from_config(str(cluster(name).kubeconfig)) as api:
        asked = kubernetes.dynamic.DynamicClient(api, discoverer=lambda *_: None)  # which would remember kinds that are gone

        def get(path: str) -> dict[str, Any]:
            return dict(json.loads(asked.request("get", path, serialize=False, _request_timeout=30).data))

        for version in ["v1", *(group["preferredVersion"]["groupVersion"] for group in get("/apis")["groups"])]:
            root = f"/apis/{version}" if "/" in version else f"/api/{version}"
            try:
                kinds = get(root)["resources"]
            except kubernetes.dynamic.exceptions.NotFoundError:  # the group has gone since it was listed
                continue
            for kind in kinds:
                if "/" in kind["name"] or "list" not in kind["verbs"] or kind["kind"] in REPORTED:
                    continue
                for item in get(f"{root}/{kind['name']}")["items"]:
                    yield {**item, "apiVersion": version, "kind": kind["kind"]}


def _title(item: Mapping[str, Any]) -> str:
    metadata = item["metadata"]
    return f"{item['apiVersion']} {item['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def of_cluster(name: str = "lab1") -> Snapshot:
    """What each object of the cluster says. Equal in two clusters, or at two times, where a user has asked for the same."""
    return {_title(item): _content(item, GIVEN) for item in objects(name)}


def versions(name: str = "lab1") -> Snapshot:
    """A value for each object of the cluster that another one takes its place of when it is written, if only to the same content.

    That is its resource version. What has a status is written by its controller, at any time: there it is the identity, and all but the status.
    The reports of Gatekeeper's pods, which are objects of their own and go when the pods have gone, are left out.
    """
    return {
        _title(item): (
            item["metadata"]["uid"],
            _content(item, ("resourceVersion", "managedFields")) if "status" in item else item["metadata"]["resourceVersion"],
        )
        for item in objects(name)
        if not item["apiVersion"].startswith("status.gatekeeper.sh/")
    }


def settled(name: str = "lab1") -> Snapshot:
    """`versions`, once nothing has been written for three seconds and nothing is about to go, or after two minutes: pods end after a run is over."""
    deadline = time.monotonic() + 120
    found = versions(name)
    while time.monotonic() < deadline:
        time.sleep(3)
        before, found = found, versions(name)
        if before == found and "deletionTimestamp" not in str(found):
            break
    return found


def _content(item: Mapping[str, Any], left_out: tuple[str, ...]) -> dict[str, Any]:
    metadata = {key: value for key, value in item["metadata"].items() if key not in left_out}
    return {**{key: value for key, value in item.items() if key != "status"}, "metadata": metadata}


def of_azure(lab: Lab) -> Snapshot:
    """What each resource and role assignment of the emulated Azure is, without secrets, and without when it came: so entries of vaults are in order."""
    state = lab.http.get(f"{lab.url}/lab/state").raise_for_status().json()
    for vault in state["vaults"].values():
        vault["properties"]["accessPolicies"].sort(key=json.dumps)
    families = ("resource_groups", "identities", "vaults", "role_assignments", "registries", "clusters", "service_principals")
    return {f"{family} {name}": _without_times(each) for family in families for name, each in state[family].items()}


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(each) for key, each in value.items() if key not in TIMES}
    return [_without_times(each) for each in value] if isinstance(value, list) else value


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """What was added, is gone or has changed, a line each; empty where both are equal."""
    return (
        [f"new: {title}" for title in sorted(after.keys() - before.keys())]
        + [f"gone: {title}" for title in sorted(before.keys() - after.keys())]
        + [f"changed: {title}\n  {before[title]}\n  {after[title]}" for title in sorted(before.keys() & after.keys()) if before[title] != after[title]]
    )
