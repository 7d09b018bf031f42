# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: registry_endpoints
short_description: Hosts to which Ratify presents its identity
version_added: 1.0.0
description:
  - A registry in Azure has regional endpoints beside its login server, such as V(contoso.eastus.geo.azurecr.io). Ratify takes each for a host of its own, and
    looks an image up without credentials where it is not configured.
  - Adds those that scopes name to the registries that they belong to.
positional: _input, scopes
options:
  _input:
    description: Hosts of registries.
    type: list
    elements: str
    required: true
  scopes:
    description: Repositories with their registries, as of C(registryScopes).
    type: list
    elements: str
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Show where Ratify logs in
  ansible.builtin.debug:
    msg: "{{ ['contoso.azurecr.io'] | image_trust.azure.registry_endpoints(['contoso.azurecr.io/web', 'contoso.eastus.geo.azurecr.io/web']) }}"
"""

RETURN = r"""
_value:
  description: The registries, then their regional endpoints, each once.
  type: list
  elements: str
  sample: [contoso.azurecr.io, contoso.eastus.geo.azurecr.io]
"""

from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.image_trust.azure.plugins.module_utils._policy.references import registry_of_region


def registry_endpoints(registries: Sequence[str], scopes: Sequence[str]) -> list[str]:
    """See DOCUMENTATION."""
    hosts = [scope.partition("/")[0] for scope in scopes]
    return list(dict.fromkeys([*registries, *(host for host in hosts if registry_of_region(host) in registries)]))


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"registry_endpoints": registry_endpoints}
