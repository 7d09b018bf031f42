# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Container registries, read only. Private to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._azure import ids
from .._azure.answers import as_sent
from .._azure.errors import ModuleError, find
from .._azure.session import Azure

PULL_ROLES = {"LegacyRegistryPermissions": "AcrPull", "AbacRepositoryPermissions": "Container Registry Repository Reader"}
PUSH_ROLES = {"LegacyRegistryPermissions": "AcrPush", "AbacRepositoryPermissions": "Container Registry Repository Writer"}
"""The role that lets a principal pull, and the one that lets it pull and push, by the registry's mode. Each is without effect in the other mode.

https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions
"""


@dataclass(frozen=True)
class Registry:
    """A registry. `role_assignment_mode` decides which role lets a principal pull or push."""

    id: str
    name: str
    login_server: str
    role_assignment_mode: str
    public_network_access: str = "Enabled"

    @property
    def pull_role(self) -> str:
        return PULL_ROLES[self.role_assignment_mode]

    @property
    def push_role(self) -> str:
        return PUSH_ROLES[self.role_assignment_mode]

    @property
    def pull_roles(self) -> list[str]:
        """The role that lets a principal pull, and after it those that would in another mode."""
        return [self.pull_role, *(role for role in PULL_ROLES.values() if role != self.pull_role)]

    @property
    def push_roles(self) -> list[str]:
        """As `pull_roles`, of pulling and pushing."""
        return [self.push_role, *(role for role in PUSH_ROLES.values() if role != self.push_role)]

    def shown(self) -> dict[str, Any]:
        shown = {key: value for key, value in vars(self).items() if key != "public_network_access"}
        return {**shown, **{name: getattr(self, name) for name in ("pull_role", "pull_roles", "push_role", "push_roles")}}


def read_at(azure: Azure, place: Mapping[str, str]) -> Registry:
    """As `read`, of a registry that is where `ids.resource` says, in whatever subscription."""
    return read(azure.within(place.get("subscription_id")), place["resource_group"], place["name"])


def read(azure: Azure, resource_group: str, name: str) -> Registry:
    """The registry, in one request; raises `ModuleError` where there is none."""
    ids.RESOURCE_GROUP.check("resource_group", resource_group)
    ids.REGISTRY.check("name", name)
    found: Any = find(
        f"read the registry {name} in resource group {resource_group}", lambda: azure.registries.registries.get(resource_group, name, cls=as_sent)
    )
    if not found:
        raise ModuleError(
            f"There is no registry {name} in resource group {resource_group}; create it, or check name, resource_group and subscription_id.",
            code="ResourceNotFound",
            status=404,
        )
    properties = found["properties"]
    # Registries from before the mode existed have none, and are legacy.
    mode = properties.get("roleAssignmentMode") or "LegacyRegistryPermissions"
    if mode not in PULL_ROLES:
        raise ModuleError(
            f"The registry {name} in resource group {resource_group} is in the mode {mode}, which is not known here, and so is the role that lets one pull;"
            f" known are {', '.join(PULL_ROLES)}.",
            code="UnknownMode",
        )
    return Registry(found["id"], found["name"], properties["loginServer"], mode, properties.get("publicNetworkAccess") or "Enabled")
