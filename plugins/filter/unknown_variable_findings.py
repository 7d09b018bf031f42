# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_variable_findings
short_description: Which variables have the prefix of a role and are none of its variables
version_added: 1.0.0
description:
  - Compares names of variables with the argument specifications of the collection's roles. Ansible ignores a misspelt variable; this finds it.
  - Results of roles, such as C(aks_result), are known too.
positional: _input, own
options:
  _input:
    description: The variables of a host, such as C(hostvars[inventory_hostname]), or their names.
    type: raw
    required: true
  own:
    description: Names that belong to the inventory itself.
    type: list
    elements: str
    default: []
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Reject misspelt variables
  ansible.builtin.assert:
    that: findings | length == 0
    fail_msg: "{{ findings | join(' ') }}"
  vars:
    findings: "{{ hostvars[inventory_hostname] | image_trust.azure.unknown_variable_findings(['policy_owner']) }}"
"""

RETURN = r"""
_value:
  description: A sentence for each unknown variable, with the nearest name; empty when there is none.
  type: list
  elements: str
  sample:
    - >-
      Role ratify has no variable ratify_trust_policy; the nearest name is ratify_trust_policies. Correct it, or name it in preflight_own_variables if it
      is yours.
"""

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.image_trust.azure.plugins.module_utils._preflight.variables import unknown_variables

ROLES = Path(__file__).parents[2] / "roles"
OF_THE_PLAYBOOK = {"site_waves", "site_max_failures", "site_checked"}


@cache
def known() -> dict[str, set[str]]:
    """The variables of each role, of all its entry points, and of site.yml."""
    read = {path.parents[1].name: yaml_load(path.read_text(encoding="utf-8")) for path in ROLES.glob("*/meta/argument_specs.yml")}
    of_roles = {role: {name for entry in specs["argument_specs"].values() for name in entry.get("options", {})} for role, specs in read.items()}
    return {**of_roles, "site": OF_THE_PLAYBOOK}


def unknown_variable_findings(variables: Iterable[str], own: Iterable[str] = ()) -> list[str]:
    """See DOCUMENTATION."""
    return unknown_variables(variables, known(), own)


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"unknown_variable_findings": unknown_variable_findings}
