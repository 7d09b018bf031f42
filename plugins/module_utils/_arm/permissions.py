# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the login may do in Resource Manager, asked before anything is written. Private to the collection.

https://learn.microsoft.com/rest/api/authorization/permissions
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._azure import answers, ids
from .._azure.errors import ask
from .._azure.session import Azure
from .._azure.writes import Step

Json = Mapping[str, Any]


def needed(steps: Iterable[Step]) -> dict[str, list[str]]:
    """The actions that the changes of these steps ask for, each once, by the id on which they are asked for."""
    found: dict[str, list[str]] = {}
    for permission in (step.needs for step in steps if step.change.changed):
        if permission and permission.action not in found.setdefault(permission.scope, []):
            found[permission.scope].append(permission.action)
    return found


def lacking(azure: Azure, scope: str, actions: Sequence[str], *, data: bool = False) -> list[str]:
    """Those of the actions that the login may not do on the resource or resource group with that id; one request. Raises `ModuleError`.

    `data`: they are data actions. A role that was assigned with a condition counts: whether that holds is known afterwards only.
    """
    roles = _read(azure, scope)
    return [action for action in actions if not any(allows(role, action, data=data) for role in roles)]


def allows(role: Json, action: str, *, data: bool = False) -> bool:
    """Whether one of the login's roles, as Resource Manager describes its permissions, has the action."""
    given, excepted = ("dataActions", "notDataActions") if data else ("actions", "notActions")
    return _among(action, role.get(given) or ()) and not _among(action, role.get(excepted) or ())


def _among(action: str, patterns: Iterable[str]) -> bool:
    return any(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) for pattern in patterns)


def _read(azure: Azure, scope: str) -> list[Json]:
    operations = azure.within(ids.last(ids.subscription_of(scope))).authorization.permissions
    group, resource = ids.resource_group_of(scope), scope.split("/")[6:]

    def listed() -> list[Any]:
        if not resource:
            return list(operations.list_for_resource_group(group))
        provider, *parent, kind, name = resource
        return list(operations.list_for_resource(group, provider, "/".join(parent), kind, name))

    return [answers.in_json(each) for each in ask(f"read what the login may do on {scope}", listed)]
