# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: in_resource_group
short_description: A registry or vault with the resource group that its entry leaves out
version_added: 1.0.0
description:
  - Adds the resource group to an entry of C(aks_registries) or C(identity_registries), or C(identity_vaults), that has neither C(resource_group) nor C(id).
  - Everything else is returned as it is.
positional: _input, group
options:
  _input:
    description: What the filter P(image_trust.azure.azure_resource#filter) takes, with or without C(resource_group).
    type: dict
    required: true
  group:
    description: Name of the resource group.
    type: str
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Read a registry of the cluster's resource group
  image_trust.azure.registry_info: "{{ {'name': 'imagetrustlab'} | image_trust.azure.in_resource_group('image-trust-lab') }}"
"""

RETURN = r"""
_value:
  description: The entry with its resource group.
  type: dict
  sample: {"name": "imagetrustlab", "resource_group": "image-trust-lab"}
"""

from collections.abc import Callable, Mapping
from typing import Any


def in_resource_group(entry: Any, group: str) -> Any:
    """See DOCUMENTATION."""
    if not isinstance(entry, Mapping) or entry.get("resource_group") or entry.get("id"):
        return entry
    return {**entry, "resource_group": group}


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"in_resource_group": in_resource_group}
