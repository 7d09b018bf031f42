# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: argument_problems
author: The image_trust.azure authors (@image-trust)
version_added: 1.0.0
short_description: Which variables of roles are missing, or of another type than their roles take
description:
  - Validates the variables of the host by the argument specifications of roles of this collection, as Ansible does before each of these roles.
  - Ansible stops at the first role, and prints its whole argument specification. This returns a sentence for each fault of all roles.
options:
  _terms:
    description: Names of roles of this collection, without its own name.
    required: true
"""

EXAMPLES = r"""
- name: Require the arguments of two roles
  ansible.builtin.assert:
    that: query('image_trust.azure.argument_problems', 'aks', 'identity') | length == 0
    fail_msg: "{{ query('image_trust.azure.argument_problems', 'aks', 'identity') | join(' ') }}"
"""

RETURN = r"""
_raw:
  description: A sentence for each fault; none where all roles take their variables.
  type: list
  elements: str
  sample: ["Variable aks_resource_group is missing: Resource group of the cluster."]
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.lookup import LookupBase
from ansible_collections.image_trust.azure.plugins.module_utils._preflight.variables import argument_problems

ROLES = Path(__file__).parents[2] / "roles"


class LookupModule(LookupBase):
    """As Ansible looks for it."""

    def run(self, terms: Sequence[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        found: list[str] = []
        templar: Any = self._templar
        for role in terms:
            read = yaml_load((ROLES / role / "meta/argument_specs.yml").read_text(encoding="utf-8"))
            specification = read["argument_specs"]["main"]["options"]
            given = {name: (variables or {})[name] for name in specification if name in (variables or {})}
            found += argument_problems(role, specification, templar.template(given))
        return found
