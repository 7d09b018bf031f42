"""What a resource group is, for everything that makes one."""

from __future__ import annotations

from typing import Any


def new_group(subscription: str, name: str, location: str, tags: dict[str, str] | None = None, managed_by: str | None = None) -> dict[str, Any]:
    """A resource group, as `State.resource_groups` keeps it."""
    group: dict[str, Any] = {
        "id": f"/subscriptions/{subscription}/resourceGroups/{name}",
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": location,
        "tags": tags or {},
        "properties": {"provisioningState": "Succeeded"},
    }
    return group | ({"managedBy": managed_by} if managed_by else {})
