# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: ratify_configuration
short_description: The objects by which Ratify's chart configures Ratify
version_added: 1.0.0
description:
  - Lists the store, the verifiers and the key management providers that Ratify's chart makes for variables of the role P(image_trust.azure.ratify#role).
positional: _input
options:
  _input:
    description: C(ratify_vault_uris) (or C(identity_vaults)), C(ratify_certificates), C(ratify_inline_certificates) and C(ratify_cosign_keys), by name.
      Other variables of the role do not matter.
    type: dict
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Show by what Ratify verifies
  ansible.builtin.debug:
    msg: "{{ variables | image_trust.azure.ratify_configuration }}"
  vars:
    variables:
      ratify_vault_uris: [https://contoso-signing.vault.azure.net/]
      ratify_certificates: [{name: contoso-release}]
      ratify_inline_certificates: []
      ratify_cosign_keys: []
"""

RETURN = r"""
_value:
  description: Kind and name of each object.
  type: list
  elements: dict
  sample:
    - {kind: Store, name: store-oras}
    - {kind: Verifier, name: verifier-notation}
    - {kind: KeyManagementProvider, name: kmprovider-akv}
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.image_trust.azure.plugins.module_utils._ratify.vaults import providers


def ratify_configuration(variables: Mapping[str, Sequence[Any]]) -> list[dict[str, str]]:
    """See DOCUMENTATION."""
    keys = variables["ratify_cosign_keys"]
    verifiers = ["verifier-notation", *(["verifier-cosign"] if keys else [])]
    named = [
        *(each["name"] for each in providers(variables["ratify_vault_uris"], variables["ratify_certificates"])),
        *(f"ratify-notation-inline-cert-{number}" for number in range(len(variables["ratify_inline_certificates"]))),
        *(f"ratify-cosign-inline-key-{number}" for number in range(len(keys))),
    ]
    kinds = [("Store", ["store-oras"]), ("Verifier", verifiers), ("KeyManagementProvider", named)]
    return [{"kind": kind, "name": name} for kind, names in kinds for name in names]


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"ratify_configuration": ratify_configuration}
