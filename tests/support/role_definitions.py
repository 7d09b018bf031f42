"""A principal that has the custom roles of the documentation and nothing else."""

from __future__ import annotations

from lab import permissions
from tests.support.emulated import OBJECT_ID, Emulated


def be_the_least(azure: Emulated, group: str) -> set[str]:
    """The tests' principal, owner until now, has the two roles and no other: one in the resource group, one in the subscription.
    Returns what they allow."""
    azure.state.role_assignments.clear()
    permissions.give(azure.state, OBJECT_ID, group)
    return permissions.allowed()
