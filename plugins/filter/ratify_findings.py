# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: ratify_findings
short_description: What the role ratify refuses of its variables
version_added: 1.0.0
description:
  - Checks the variables of the role P(image_trust.azure.ratify#role) together, before a cluster is asked.
  - Finds what Kubernetes, Helm or Ratify would only refuse after the first write, and what would weaken the verdict.
positional: _input, reserved, refused_charts, app_version
options:
  _input:
    description: All variables of the role but the state, the kubeconfig, the chart's repository and what other roles return, by name. Numbers may be text, and
      C(ratify_vault_uris) names of vaults, or entries of C(identity_vaults).
    type: dict
    required: true
  reserved:
    description: Names in C(ratify_values) that are refused, with their parents and dots, and what to do instead.
    type: dict
    required: true
  refused_charts:
    description: Versions of the chart that are refused, and why.
    type: dict
    required: true
  app_version:
    description: Version of the Ratify that the chart names itself.
    type: str
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Get what is wrong with the variables of Ratify, as ratify_check
  ansible.builtin.include_role:
    name: image_trust.azure.ratify
    tasks_from: check

- name: Require them where the role's own variables are at hand
  ansible.builtin.assert:
    that: "variables | image_trust.azure.ratify_findings({'sbom': 'leave it out'}, {}, '1.4.6') | length == 0"
"""

RETURN = r"""
_value:
  description: A sentence for each finding, with the remedy; empty when there is none.
  type: list
  elements: str
  sample: ["ratify_replicas is 0, but must be 1 or more."]
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.image_trust.azure.plugins.filter.chart_cosign_values import chart_cosign_values
from ansible_collections.image_trust.azure.plugins.filter.chart_trust_policies import chart_trust_policies
from ansible_collections.image_trust.azure.plugins.filter.chart_values_given import chart_values_given
from ansible_collections.image_trust.azure.plugins.module_utils._policy.release_findings import ratify, ratify_values
from ansible_collections.image_trust.azure.plugins.module_utils._ratify.vaults import problems, providers


def ratify_findings(variables: Mapping[str, Any], reserved: Mapping[str, str], refused_charts: Mapping[str, str], app_version: str) -> list[str]:
    """See DOCUMENTATION."""
    vaults, certificates = variables["ratify_vault_uris"], variables["ratify_certificates"]
    inline = [certificate["name"] for certificate in variables["ratify_inline_certificates"]]
    return [
        *ratify(variables, refused_charts, app_version),
        *_refusal(chart_trust_policies, variables["ratify_trust_policies"], inline, len(providers(vaults, certificates)) or bool(certificates)),
        *problems(vaults, certificates),
        *_refusal(chart_cosign_values, variables["ratify_cosign_keys"], variables["ratify_cosign_scopes"]),
        *ratify_values(chart_values_given(variables["ratify_values"], reserved.keys()), reserved),
    ]


def _refusal(values: Callable[..., Any], *arguments: Any) -> list[str]:
    """What a filter that makes values of the chart refuses."""
    try:
        values(*arguments)
    except AnsibleFilterError as error:
        return [f"{error}."]
    return []


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ratify_findings": ratify_findings}
