# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: vault_providers
short_description: By which key management providers Ratify reads certificates in vaults
version_added: 1.0.0
description:
  - Returns the provider of each vault that has certificates. The first is the one that Ratify's chart makes.
positional: _input, certificates
options:
  _input:
    description: URIs of the vaults, their names, or entries of C(identity_vaults).
    type: list
    elements: raw
    required: true
  certificates:
    description: Certificates, as the role P(image_trust.azure.ratify#role) takes them.
    type: list
    elements: dict
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Show what Ratify reads from where
  ansible.builtin.debug:
    msg: "{{ ['contoso-signing', 'contoso-partner'] | image_trust.azure.vault_providers(certificates) }}"
  vars:
    certificates:
      - {name: contoso-release, vault: contoso-signing}
      - {name: partner-ca, vault: contoso-partner}
"""

RETURN = r"""
_value:
  description: Name, vault and certificates of each provider.
  type: list
  elements: dict
  sample:
    - {name: kmprovider-akv, vault: contoso-signing, certificates: [{name: contoso-release}]}
    - {name: ratify-notation-inline-cert-1001, vault: contoso-partner, certificates: [{name: partner-ca}]}
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.image_trust.azure.plugins.module_utils._ratify.vaults import providers


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"vault_providers": providers}
