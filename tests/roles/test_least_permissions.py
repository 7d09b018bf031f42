"""The custom roles of docs/permissions.md are what the roles aks and identity need, and nothing that they do not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from lab.permissions import CONDITION
from tests.support.emulated import Emulated
from tests.support.role_definitions import be_the_least

from .conftest import GROUP, OF_ALL_ROLES, Play
from .models import ABAC, LEGACY, switch

WRITE = "Microsoft.Authorization/roleAssignments/write"


def test_with_the_documented_roles_alone_everything_works_and_each_of_their_actions_is_used(azure: Emulated, play: Play) -> None:
    allowed = be_the_least(azure, GROUP)
    asked: set[str] = set()
    assigned: set[str] = set()

    def run(*roles: str, **variables: Any) -> None:
        assert play(*roles, **variables).errors == []
        asked.update(entry.action for entry in azure.requests if entry.action)
        assert [entry.path for entry in azure.requests if entry.status in (401, 403)] == []
        assigned.update(assignment.role_definition_id.rpartition("/")[2] for assignment in azure.state.role_assignments.values())

    switch(azure, mode=ABAC, rbac=True)
    run("preflight", "aks", "identity", **OF_ALL_ROLES)
    switch(azure, mode=LEGACY, rbac=False)
    run("aks", "identity")
    run("identity", "aks", identity_state="absent", aks_state="absent", aks_delete_cluster="lab1")
    assert not azure.state.clusters
    assert asked == allowed
    assert assigned - azure.state.custom_roles.keys() == set(re.findall(r"[0-9a-f-]{36}", CONDITION.read_text()))


def test_without_one_of_their_actions_the_run_ends_and_names_it(azure: Emulated, play: Play) -> None:
    be_the_least(azure, GROUP)
    for custom in azure.state.custom_roles.values():
        custom.role = replace(custom.role, actions=tuple(action for action in custom.role.actions if action != WRITE))
    (error,) = play("aks", "identity").errors
    assert f"does not have authorization to perform action '{WRITE}'" in error
    assert "give the login a role that includes this action" in error
