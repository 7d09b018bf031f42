#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: keyvault_info
short_description: Read a key vault's URI and rights model
version_added: 1.0.0
description:
  - Returns the URI of a vault, as C(az keyvault show --query properties.vaultUri) does, its tenant, and whether it is under Azure RBAC.
  - It is an error when there is no such vault.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-keyvault >= 10.3.1
options:
  resource_group:
    description: The resource group of the vault.
    type: str
    required: true
  name:
    description: Name of the vault.
    type: str
    required: true
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.keyvault_access_policy
  - module: image_trust.azure.role_assignment
"""

EXAMPLES = r"""
- name: Read the vault
  image_trust.azure.keyvault_info:
    resource_group: image-trust
    name: image-trust-lab
  register: found

- name: Let the identity read secrets, where the vault is under Azure RBAC
  image_trust.azure.role_assignment:
    scope: "{{ found.vault.id }}"
    role: "{{ found.vault.secrets_role }}"
    principal_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
  when: found.vault.rbac_enabled
"""

RETURN = r"""
vault:
  description: The vault.
  returned: success
  type: dict
  sample:
    id: /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust/providers/Microsoft.KeyVault/vaults/image-trust-lab
    name: image-trust-lab
    uri: https://image-trust-lab.vault.azure.net/
    tenant_id: 11111111-1111-1111-1111-111111111111
    rbac_enabled: false
    permission_model: Vault access policy
    secrets_role: Key Vault Secrets User
  contains:
    id:
      description: Id of the resource; null until the vault exists.
      type: str
      returned: always
    name:
      description: Name.
      type: str
      returned: always
    uri:
      description: URI of its data plane; null until the vault exists.
      type: str
      returned: always
    tenant_id:
      description: Tenant; null until the vault exists.
      type: str
      returned: always
    rbac_enabled:
      description: Whether rights come from role assignments, and access policies are ignored; null until the vault exists.
      type: bool
      returned: always
    permission_model:
      description: V(Azure role-based access control) or V(Vault access policy), as Azure's portal says it; null until the vault exists.
      type: str
      returned: always
    secrets_role:
      description: The role that lets a principal read secrets where the vault is under Azure RBAC.
      type: str
      returned: always
error:
  description: What Azure said; only when the module fails.
  returned: failure
  type: dict
  sample:
    code: ResourceGroupNotFound
    message: Resource group 'image-trust' could not be found.
    status: 404
    request_id: 7a6f9a5c-3c1a-4a41-8f0f-2f3c5b0f7f2e
  contains:
    code:
      description: Azure's error code. One of the collection's own, such as V(InvalidInput) or V(Timeout), where Azure was not asked or did not answer.
      type: str
      returned: always
    message:
      description: What was answered, or why there was no answer; the same as RV(ignore:msg) where nobody was asked.
      type: str
      returned: always
    status:
      description: HTTP status of the answer; null where there was none.
      type: int
      returned: always
    request_id:
      description: Id of the request, which Microsoft's support asks for; null where Azure told none.
      type: str
      returned: always
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._vaults import Place, missing, read


def main() -> NoReturn:
    module = azure_module(resource_group=dict(type="str", required=True), name=dict(type="str", required=True))
    with azure_session(module) as azure:
        place = Place(module.params["resource_group"], module.params["name"], option="name")
        found = read(azure, place)
        if not found:
            raise missing(place)
    module.exit_json(changed=False, vault=found[0].shown())


if __name__ == "__main__":
    main()
