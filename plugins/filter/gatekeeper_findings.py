# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: gatekeeper_findings
short_description: What the role gatekeeper refuses of its variables
version_added: 1.0.0
description:
  - Checks the variables of the role P(image_trust.azure.gatekeeper#role) together, before a cluster is asked.
  - Finds what Kubernetes or Helm would only refuse after the first write, and what would admit unverified images.
positional: _input, reserved
options:
  _input:
    description: All variables of the role but the state, the kubeconfig and the chart's repository, by name. Numbers may be text.
    type: dict
    required: true
  reserved:
    description: Names in C(gatekeeper_values) that are refused, with their parents and dots, and what to do instead.
    type: dict
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Get what is wrong with the variables of Gatekeeper, as gatekeeper_check
  ansible.builtin.include_role:
    name: image_trust.azure.gatekeeper
    tasks_from: check

- name: Require them where the role's own variables are at hand
  ansible.builtin.assert:
    that: "variables | image_trust.azure.gatekeeper_findings({'replicas': 'set gatekeeper_replicas'}) | length == 0"
"""

RETURN = r"""
_value:
  description: A sentence for each finding, with the remedy; empty when there is none.
  type: list
  elements: str
  sample: ["gatekeeper_validation_timeout is 45, but must be 1 to 30."]
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.image_trust.azure.plugins.filter.chart_values_given import chart_values_given
from ansible_collections.image_trust.azure.plugins.module_utils._policy.release_findings import gatekeeper


def gatekeeper_findings(variables: Mapping[str, Any], reserved: Mapping[str, str]) -> list[str]:
    """See DOCUMENTATION."""
    return gatekeeper(variables, chart_values_given(variables["gatekeeper_values"], reserved.keys()), reserved)


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"gatekeeper_findings": gatekeeper_findings}
