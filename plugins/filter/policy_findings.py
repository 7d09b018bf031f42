# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: policy_findings
short_description: What is wrong with the variables of role policy
version_added: 1.0.0
description:
  - Checks the variables of P(image_trust.azure.policy#role) without a cluster, for everything that Kubernetes and Gatekeeper would refuse later, and for what
    would not hold as it reads, such as two stages that can match one namespace.
positional: _input, unasked
options:
  _input:
    description: The role's variables, by name. Those that are not given have the role's defaults.
    type: dict
    required: true
  unasked:
    description:
      - Namespaces about which Gatekeeper is never asked, each with its C(name), as C(gatekeeper_exempt_namespaces) has them. The policy has to exclude them
        too.
    type: list
    elements: dict
    default: []
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Require variables that can be applied
  ansible.builtin.assert:
    that: findings | length == 0
    fail_msg: "{{ findings | join(' ') }}"
  vars:
    findings: "{{ {'policy_stages': stages} | image_trust.azure.policy_findings([{'name': 'kube-system'}]) }}"
    stages:
      - namespaces: [team-*]
        enforcement: warn
"""

RETURN = r"""
_value:
  description: A sentence for each fault. Empty where there is none.
  type: list
  elements: str
  sample: ["policy_stages names a namespace twice: legacy."]
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.image_trust.azure.plugins.module_utils._policy.findings import findings


def policy_findings(variables: Mapping[str, Any], unasked: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """See DOCUMENTATION."""
    return findings(variables, [str(each["name"]) for each in unasked if "name" in each])


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"policy_findings": policy_findings}
