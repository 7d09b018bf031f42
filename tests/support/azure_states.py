"""States of the emulated Azure made comparable: two that came about in different ways are equal where they hold the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

TIMES = {
    "effective_at", "visible_at", "registered_at", "created", "createdOn", "updatedOn", "creationDate", "lastUpdatedTime",
    "operation", "operations", "settings", "signing_key",
    "former", "former_roles", "former_assignments", "former_credentials",
}  # fmt: skip
"""When something came or went, by which operation, and what is not Azure's content."""


def labels(state: Mapping[str, Any]) -> dict[str, str]:
    """What Azure gave by chance, and a name for it: the ids of principals and clients, the names of role assignments. `state` is as /lab/state shows it."""
    found: dict[str, str] = {}
    for identity in state["identities"].values():
        found[identity["principal_id"]] = f"<principal of {identity['name']}>"
        found[identity["client_id"]] = f"<client of {identity['name']}>"
    for cluster in state["clusters"].values():
        properties = cluster["properties"]
        given = {
            "principal": cluster["identity"].get("principalId"),
            "issuer": properties.get("oidcIssuerProfile", {}).get("issuerURL"),
            "host": properties.get("fqdn", "").partition(".")[0],
        }
        found |= {value: f"<{what} of cluster {cluster['name']}>" for what, value in given.items() if value}
    for assignment in state["role_assignments"].values():
        principal = found.get(assignment["principal_id"], assignment["principal_id"])
        found[assignment["name"]] = f"<{assignment['role_definition_id'].rpartition('/')[2]} of {principal} on {assignment['scope'].lower()}>"
    return found


def labelled(value: Any, names: Mapping[str, str]) -> Any:
    """`value` with the names of `labels` in place of what Azure gave by chance."""
    text = json.dumps(value, sort_keys=True)
    for given, name in names.items():
        text = text.replace(given, name)
    return json.loads(text)


def comparable(state: Mapping[str, Any]) -> Any:
    """All that Azure holds but times, with names for what it gave by chance."""
    return labelled(_without_times(state), labels(state))


def _without_times(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_times(each) for key, each in value.items() if key not in TIMES}
    return [_without_times(each) for each in value] if isinstance(value, (list, tuple)) else value
