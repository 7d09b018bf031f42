"""The custom roles that docs/permissions.md gives to the login that runs the playbooks, and how they are assigned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import Role
from lab.azure.state import CustomRole, State

_DOCS = Path(__file__).parents[1] / "docs"
_PLACEHOLDER = "00000000-0000-0000-0000-000000000000"
"""The subscription in the files, which a user puts in."""
CONDITION = _DOCS / "role-condition.txt"
"""Of the assignment in the group: which roles it may assign and take away."""
OF_GROUP, OF_SUBSCRIPTION = _DOCS / "role-definition.json", _DOCS / "role-definition-operations.json"


def definition(file: Path, subscription: str) -> dict[str, Any]:
    """What the file holds, as `az role definition create` takes it, for this subscription."""
    read: dict[str, Any] = json.loads(file.read_text().replace(_PLACEHOLDER, subscription))
    return read


def allowed() -> set[str]:
    """The actions that the two roles allow."""
    of_group, of_subscription = (set(definition(file, _PLACEHOLDER)["Actions"]) for file in (OF_GROUP, OF_SUBSCRIPTION))
    assert not of_group & of_subscription
    return of_group | of_subscription


def give(state: State, principal_id: str, group: str) -> None:
    """Make the two roles as the files say, and assign them to a service principal where they are not: one in the resource group, with the condition,
    one in the subscription. They are in effect at once."""
    subscription = f"/subscriptions/{state.subscription}"
    condition = {"condition": CONDITION.read_text(), "conditionVersion": "2.0"}
    _give(state, principal_id, OF_GROUP, "11111111-aaaa-4aaa-8aaa-111111111111", f"{subscription}/resourceGroups/{group}", condition)
    _give(state, principal_id, OF_SUBSCRIPTION, "22222222-aaaa-4aaa-8aaa-222222222222", subscription, {})


def _give(state: State, principal_id: str, file: Path, guid: str, scope: str, condition: dict[str, str]) -> None:
    read = definition(file, state.subscription)
    actions, scopes = tuple(read["Actions"]), tuple(read["AssignableScopes"])
    state.custom_roles[guid] = CustomRole(Role(read["Name"], guid, read["Description"], actions, assignable_scopes=scopes), {})
    if not any(a.principal_id == principal_id and a.role_definition_id.endswith(guid) for a in state.role_assignments.values()):
        assignment = new_assignment(state, scope, guid, principal_id)
        assignment.effective_at = 0
        assignment.properties |= condition
