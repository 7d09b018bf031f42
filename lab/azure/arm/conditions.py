"""Conditions of role assignments, in the one form that is understood here: which roles the assignee may assign and take away.

https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples
"""

from __future__ import annotations

import re

_CLAUSE = re.compile(
    r"\(\(!\(ActionMatches\{'(?P<action>[^']+)'\}\)\)OR"
    r"\(@(?:Request|Resource)\[Microsoft\.Authorization/roleAssignments:RoleDefinitionId\]ForAnyOfAnyValues:GuidEquals\{(?P<roles>[0-9a-fA-F,-]+)\}\)\)"
)


def holds(condition: str, action: str, role: str) -> bool:
    """Whether the condition lets `action` pass, where `role` is the GUID of the role that is assigned or taken away, empty where none is. One of another
    form lets nothing pass."""
    text = re.sub(r"\s+", "", condition)
    clauses = list(_CLAUSE.finditer(text))
    if not clauses or "AND".join(clause[0] for clause in clauses) != text:
        return False
    return all(clause["action"].lower() != action.lower() or role.lower() in clause["roles"].lower().split(",") for clause in clauses)
