# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""User-assigned managed identities. Private to the collection."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._azure import ids
from .._azure.errors import ModuleError, ask, find, refuse
from .._azure.session import Azure
from .._change import KNOWN_AFTERWARDS, Change


@dataclass(frozen=True)
class Identity:
    """A managed identity. What Azure gives it is None until it exists."""

    name: str
    resource_group: str
    location: str | None
    tags: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None
    principal_id: str | None = None
    client_id: str | None = None
    tenant_id: str | None = None

    def shown(self) -> dict[str, Any]:
        return {**vars(self), "tags": dict(self.tags)}

    def compared(self) -> dict[str, Any]:
        return {"location": self.location or KNOWN_AFTERWARDS, "tags": dict(sorted(self.tags.items()))}


@dataclass(frozen=True)
class Wanted:
    """What is asked: `location` and `tags` None leave them as they are; `tags` are all that the identity has, or with `append_tags` join those
    that it has."""

    name: str
    resource_group: str
    location: str | None = None
    tags: Mapping[str, str] | None = None
    append_tags: bool = False

    def __post_init__(self) -> None:
        ids.RESOURCE_GROUP.check("resource_group", self.resource_group)
        ids.IDENTITY.check("name", self.name)
        if self.location is not None:
            ids.LOCATION.check("location", self.location)
        spelt: dict[str, str] = {}
        for name in self.tags or ():
            other = spelt.setdefault(name.lower(), name)
            if other != name:
                raise refuse(f"tags names {other} and {name}, which Azure takes for one; name it once.")

    def __str__(self) -> str:
        return f"identity {self.name} in resource group {self.resource_group}"


def read(azure: Azure, wanted: Wanted) -> Identity | None:
    """The identity as it is; one request."""
    found = find(f"read the {wanted}", lambda: azure.identities.user_assigned_identities.get(wanted.resource_group, wanted.name))
    return _identity(found) if found else None


def read_all(azure: Azure, resource_group: str | None) -> tuple[Identity, ...]:
    """All identities of a resource group, of the subscription where it is None, in one request a page; none where there is no such group."""
    if resource_group is not None:
        ids.RESOURCE_GROUP.check("resource_group", resource_group)
    operations = azure.identities.user_assigned_identities
    if resource_group is None:
        return tuple(map(_identity, ask("list the identities of the subscription", lambda: list(operations.list_by_subscription()))))
    found = find(f"list the identities of resource group {resource_group}", lambda: list(operations.list_by_resource_group(resource_group)))
    return tuple(map(_identity, found or ()))


def read_others(azure: Azure, resource_group: str, names: Collection[str]) -> list[Identity]:
    """Of the identities of a resource group, those that are not among `names`; as `read_all`."""
    return [identity for identity in read_all(azure, resource_group) if not any(ids.same(identity.name, name) for name in names)]


def is_principal(azure: Azure, option: str, object_id: str) -> bool:
    """Whether `object_id`, given as `option`, is the principal id of an identity of the subscription; False also where the login may not list them.

    Raises `ModuleError` where it is a client id: Azure takes that for a principal, and what is given to it has no effect.
    """
    try:
        identities = read_all(azure, None)
    except ModuleError as failure:
        if failure.status != 403:
            raise
        return False
    for identity in identities:
        if ids.same(identity.client_id, object_id):
            raise refuse(
                f"{option} is {object_id}, the client id of the identity {identity.name} in resource group {identity.resource_group};"
                f" give its principal id, {identity.principal_id}."
            )
    return any(ids.same(identity.principal_id, object_id) for identity in identities)


def plan(current: Identity | None, wanted: Wanted) -> Change[Identity]:
    """Create it, or change its tags. Raises `ModuleError` where it is in another location: Azure cannot move it."""
    if not current:
        return Change(None, Identity(wanted.name, wanted.resource_group, wanted.location and ids.location(wanted.location), wanted.tags or {}))
    if wanted.location and ids.location(wanted.location) != ids.location(current.location or ""):
        raise refuse(
            f"The identity {current.name} in resource group {current.resource_group} is in {current.location} and cannot be moved to {wanted.location};"
            " give another name or location, or delete it first."
        )
    kept = current.tags if wanted.tags is None or wanted.append_tags else {}
    # Their names are case-insensitive: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources
    spelt = {name.lower(): name for name in current.tags}
    asked = {spelt.get(name.lower(), name): value for name, value in (wanted.tags or {}).items()}
    return Change(current, replace(current, tags={**kept, **asked}))


def plan_absent(current: Identity | None) -> Change[Identity]:
    return Change(current, None)


def does(wanted: Wanted, change: Change[Identity]) -> str:
    """What `apply` does with the change, in words."""
    return f"{'delete' if not change.after else 'set the tags of' if change.before else 'create'} the {wanted}"


def apply(azure: Azure, wanted: Wanted, change: Change[Identity]) -> Change[Identity]:
    """Make the change and return it as Azure confirmed it."""
    operations = azure.identities.user_assigned_identities
    if not change.changed:
        return change
    if not change.after:
        ask(f"delete the {wanted}", lambda: operations.delete(wanted.resource_group, wanted.name))
        return change
    tags = dict(change.after.tags)
    if change.before:
        # PATCH and not PUT: it leaves alone what we do not know.
        updated = ask(f"set the tags of the {wanted}", lambda: operations.update(wanted.resource_group, wanted.name, {"tags": tags}))
        return Change(change.before, _identity(updated))
    body = {"location": wanted.location or location_of_group(azure, wanted.resource_group), "tags": tags}
    return Change(None, _identity(ask(f"create the {wanted}", lambda: operations.create_or_update(wanted.resource_group, wanted.name, body))))


def location_of_group(azure: Azure, resource_group: str) -> str:
    """Where a resource group is; raises `ModuleError` where it does not exist."""
    return str(ask(f"find the location of resource group {resource_group}", lambda: azure.resources.resource_groups.get(resource_group)).location)


def _identity(answer: Any) -> Identity:
    return Identity(
        name=answer.name,
        resource_group=ids.resource_group_of(answer.id),
        location=answer.location,
        tags=dict(answer.tags or {}),
        id=answer.id,
        principal_id=answer.principal_id,
        client_id=answer.client_id,
        tenant_id=answer.tenant_id,
    )
