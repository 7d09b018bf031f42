# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: azure_name_findings
short_description: Which names Azure does not take
version_added: 1.0.0
description:
  - Checks names of resources by Azure's rules, before anything is asked or written.
  - The modules check the names that they are given by the same rules; the filter finds all that are wrong at once.
positional: _input
options:
  _input:
    description:
      - The names, by kind of resource and then by variable. A variable may have a list of them.
      - Kinds are V(cluster), V(federated_credential), V(identity), V(registry), V(resource_group) and V(vault). What the filter
        P(image_trust.azure.azure_resource#filter) takes can stand for the name of a registry or vault.
    type: dict
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Require names that Azure takes
  ansible.builtin.assert:
    that: findings | length == 0
    fail_msg: "{{ findings | join(' ') }}"
  vars:
    findings: "{{ {'identity': {'identity_name': 'ratify-web.prod'}} | image_trust.azure.azure_name_findings }}"
"""

RETURN = r"""
_value:
  description: A sentence for each name that Azure does not take; empty when there is none.
  type: list
  elements: str
  sample: ["identity_name is 'ratify-web.prod', but must be 3 to 128 letters, digits, '-' or '_', starting with a letter or digit."]
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.image_trust.azure.plugins.module_utils._azure import ids
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError


def azure_name_findings(names: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """See DOCUMENTATION."""
    return [sentence for kind, variables in names.items() for variable, value in variables.items() for sentence in _findings(kind, variable, value)]


def _findings(kind: str, variable: str, value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _findings(kind, f"{variable}[{number}]", entry)
        return
    try:
        if isinstance(value, Mapping):
            ids.resource(variable, kind, value)
        else:
            ids.RULES[kind].check(variable, str(value))
    except ModuleError as failure:
        yield failure.sentence


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"azure_name_findings": azure_name_findings}
