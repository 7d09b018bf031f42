# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: azure_resource
short_description: Where a registry or vault is that is given by its name or its id
version_added: 1.0.0
description:
  - Makes name, resource group and subscription of an entry of C(aks_registries), C(identity_registries) or C(identity_vaults).
positional: _input, kind
options:
  _input:
    description: Has C(name) and C(resource_group), with or without C(subscription_id), or the resource's C(id) alone.
    type: dict
    required: true
  kind:
    description: Kind of the resource.
    type: str
    choices: [registry, vault]
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Read a registry by its id
  image_trust.azure.registry_info: "{{ {'id': registry_id} | image_trust.azure.azure_resource('registry') }}"
  vars:
    registry_id: /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust/providers/Microsoft.ContainerRegistry/registries/imagetrustlab
"""

RETURN = r"""
_value:
  description: C(name), C(resource_group) and, where it is known, C(subscription_id).
  type: dict
  sample: {"name": "imagetrustlab", "resource_group": "image-trust", "subscription_id": "22222222-2222-2222-2222-222222222222"}
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.image_trust.azure.plugins.module_utils._azure import ids
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError


def azure_resource(entry: Mapping[str, str | None], kind: str) -> dict[str, str]:
    """See DOCUMENTATION. Raises AnsibleFilterError where the entry names no such resource."""
    try:
        return ids.resource(f"the {kind}", kind, entry)
    except ModuleError as failure:
        raise AnsibleFilterError(failure.sentence) from None


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"azure_resource": azure_resource}
