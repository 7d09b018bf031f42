# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Misspelt, missing and unfit variables of the roles. Private to the collection. No I/O."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

RESULTS = ("result", "check", "audit", "rotation")
"""What the roles return as facts: `aks_result`, `aks_check`, `policy_audit`, `signer_rotation`."""


def unknown_variables(given: Iterable[str], known: Mapping[str, Iterable[str]], own: Iterable[str]) -> list[str]:
    """A sentence for each variable with the prefix of a role that the role does not have. `known`: the variables by role; `own`: names to leave alone."""
    found = []
    for name in sorted({str(each) for each in given} - set(own)):
        role, prefixed, _rest = name.partition("_")
        taken = {*known.get(role, ()), *(f"{role}_{result}" for result in RESULTS)}
        if prefixed and role in known and name not in taken:
            nearest = max(sorted(taken), key=lambda one: difflib.SequenceMatcher(None, one, name).ratio())
            whose = "Playbook" if role == "site" else "Role"
            sentence = (
                f"{whose} {role} has no variable {name}; the nearest name is {nearest}. Correct it, or name it in preflight_own_variables if it is yours."
            )
            found.append(sentence)
    return found


def argument_problems(role: str, specification: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """A sentence for each option of a role's argument specification that is missing, and for each fault of the variables that are given."""
    found, missing = [], {name: option for name, option in specification.items() if option.get("required") and name not in given}
    for name, option in missing.items():
        described = option["description"]
        sentence = f"Variable {name} is missing: {described if isinstance(described, str) else described[0]}"
        found.append(sentence)
    known = {name: option for name, option in specification.items() if name not in missing}
    for message in ArgumentSpecValidator(known).validate(given, validate_role_argument_spec=True).error_messages:
        sentence = f"A variable of role {role} has another type or value than it takes: {message.strip().rstrip('.')}."
        found.append(sentence)
    return found
