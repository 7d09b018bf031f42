# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: vault_objects
short_description: Key management providers of vaults as objects of Kubernetes
version_added: 1.0.0
description:
  - Makes objects of what P(image_trust.azure.vault_providers#filter) returns, as Ratify's chart makes the one of its vault.
positional: _input, client_id, tenant_id, refresh_interval
options:
  _input:
    description: The providers.
    type: list
    elements: dict
    required: true
  client_id:
    description: Client id of Ratify's identity.
    type: str
    required: true
  tenant_id:
    description: Tenant of the identity and of the vaults.
    type: str
    required: true
  refresh_interval:
    description: How often Ratify reads the vaults again, such as V(1h). When empty, it does when it starts.
    type: str
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Show the providers beside the chart's
  ansible.builtin.debug:
    msg: "{{ providers[1:] | image_trust.azure.vault_objects(identity_result.client_id, identity_result.tenant_id, '') }}"
"""

RETURN = r"""
_value:
  description: Definitions of the objects.
  type: list
  elements: dict
  sample:
    - apiVersion: config.ratify.deislabs.io/v1beta1
      kind: KeyManagementProvider
      metadata: {name: ratify-notation-inline-cert-1001}
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.image_trust.azure.plugins.module_utils._ratify.vaults import objects


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"vault_objects": objects}
