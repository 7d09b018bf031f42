# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: policy_objects
short_description: The objects of role policy
version_added: 1.0.0
description:
  - Makes the constraint template and the constraints of P(image_trust.azure.policy#role) of its variables.
positional: _input, rego, today, found
options:
  _input:
    description: The role's variables, by name. Those that are not given have the role's defaults.
    type: dict
    required: true
  rego:
    description: The template's Rego. The module with the rule C(violation) is the first, then come the libraries that it imports.
    type: list
    elements: str
    required: true
  today:
    description: The day in UTC, such as V(2026-12-31). Exemptions whose last day is before it are not applied.
    type: str
    required: true
  found:
    description: What M(image_trust.azure.verification_info) returned of the cluster. Empty where there is no cluster yet.
    type: dict
    default: {}
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Show the constraints of a pilot
  ansible.builtin.debug:
    msg: "{{ (variables | image_trust.azure.policy_objects(rego, now(utc=true).strftime('%Y-%m-%d'))).constraints }}"
  vars:
    rego: "{{ query('ansible.builtin.file', 'images_verified.rego', 'lib/exemptions.rego', 'lib/messages.rego', 'lib/pods.rego', 'lib/references.rego') }}"
    variables:
      policy_stages:
        - namespaces: [legacy]
          enforcement: warn
"""

RETURN = r"""
_value:
  description: The objects.
  type: dict
  contains:
    template:
      description: The constraint template.
      type: dict
    constraints:
      description: The constraints, in the order in which they have to be applied.
      type: list
      elements: dict
    absent:
      description: Constraints of O(found) to remove, by kind and name, of stages without a namespace and of a trial that was left behind.
      type: list
      elements: dict
      sample:
        - apiVersion: constraints.gatekeeper.sh/v1beta1
          kind: ImagesVerified
          metadata: {name: images-verified-warn}
    trial:
      description:
        - A constraint for M(image_trust.azure.admission_forecast), which denies only the pods of that, in the namespaces that V(deny) would cover and does
          not cover in O(found). Null where there are none. The value of its label is another one each time.
      type: dict
    audit:
      description: As RV(_value.trial), for all namespaces but the excluded ones.
      type: dict
    expired:
      description: The exemptions that are not applied any more.
      type: list
      elements: dict
    unreviewed:
      description:
        - A sentence about namespaces of O(found) that Gatekeeper's Config or a label exempts and C(policy_excluded_namespaces) does not name, with what exempts
          each. Empty where there are none.
      type: list
      elements: str
      sample:
        - "Images are not verified in namespaces that policy_excluded_namespaces does not name: team-a (Gatekeeper's Config). Take that out of …"
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from ansible.errors import AnsibleFilterError
from ansible_collections.image_trust.azure.plugins.module_utils._policy.exempt_namespaces import unreviewed
from ansible_collections.image_trust.azure.plugins.module_utils._policy.objects import objects
from ansible_collections.image_trust.azure.plugins.module_utils._policy.variables import read


def policy_objects(variables: Mapping[str, Any], rego: Sequence[str], today: str, found: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """See DOCUMENTATION. Raises AnsibleFilterError for variables of another form than documented."""
    policy = read(variables)
    if policy.problems:
        raise AnsibleFilterError(" ".join(policy.problems))
    there = found or {}
    exempt = {each["name"]: each["by"] for each in there.get("exempt_namespaces", ())}
    return {
        **objects(policy, rego, today, there.get("constraints", ()), uuid4().hex).shown(),
        "unreviewed": unreviewed(exempt, [each.name for each in policy.excluded], policy.gatekeeper_namespace),
    }


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"policy_objects": policy_objects}
