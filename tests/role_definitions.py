"""The custom roles that the documentation gives to whoever runs the playbooks, and a principal that has nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from azure.mgmt.authorization.models import Permission, RoleDefinition

from lab.azure.arm.role_assignments import new_assignment
from tests.emulated import OBJECT_ID, Emulated
from tests.module_runs import session

DOCS = Path(__file__).parents[1] / "docs"
PLACEHOLDER = "00000000-0000-0000-0000-000000000000"
"""The subscription in the files, which a user puts in."""
CONDITION = DOCS / "role-condition.txt"
"""Of the assignment in the group: which roles it may assign and take away."""
OF_GROUP, OF_SUBSCRIPTION = DOCS / "role-definition.json", DOCS / "role-definition-operations.json"


def definition(file: Path, subscription: str) -> dict[str, Any]:
    """What the file holds, as `az role definition create` takes it, for this subscription."""
    read: dict[str, Any] = json.loads(file.read_text().replace(PLACEHOLDER, subscription))
    return read


def make(azure: Emulated, file: Path, guid: str, scope: str, condition: str = "") -> set[str]:
    """Make the custom role in the emulated Azure, as its owner, and assign it on the scope, with the condition if there is one. Returns its actions."""
    read = definition(file, azure.state.subscription)
    wanted = RoleDefinition(
        role_name=read["Name"],
        description=read["Description"],
        role_type="CustomRole",
        permissions=[Permission(actions=read["Actions"], not_actions=read["NotActions"])],
        assignable_scopes=read["AssignableScopes"],
    )
    session(azure).authorization.role_definitions.create_or_update(f"/subscriptions/{azure.state.subscription}", guid, wanted)
    new_assignment(azure.state, scope, guid, OBJECT_ID).properties["condition"] = condition
    return set(read["Actions"])


def be_the_least(azure: Emulated, group: str) -> set[str]:
    """The tests' principal, owner until now, has the two roles and no other: one in the resource group, one in the subscription.
    Returns what they allow."""
    owner = list(azure.state.role_assignments)
    subscription = f"/subscriptions/{azure.state.subscription}"
    of_group = make(azure, OF_GROUP, "11111111-aaaa-4aaa-8aaa-111111111111", f"{subscription}/resourceGroups/{group}", CONDITION.read_text())
    of_subscription = make(azure, OF_SUBSCRIPTION, "22222222-aaaa-4aaa-8aaa-222222222222", subscription)
    for assignment in owner:
        del azure.state.role_assignments[assignment]
    assert not of_group & of_subscription
    return of_group | of_subscription
