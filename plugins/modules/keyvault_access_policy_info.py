#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: keyvault_access_policy_info
short_description: Read each Key Vault access policy of a vault
version_added: 1.0.0
description:
  - Returns the access policies of a vault, and the vault, as C(az keyvault show) does.
  - The list is empty if none exists, also if the vault or the resource group does not exist. RV(vault) is then null. A missing
    permission is an error.
  - A vault under Azure RBAC may have policies, but ignores them; see RV(vault).
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-keyvault >= 10.3.1
options:
  resource_group:
    description: The resource group of the vault.
    type: str
    required: true
  vault_name:
    description: Name of the vault.
    type: str
    required: true
  object_id:
    description:
      - Object id of the one principal whose policies to return, also those through an application.
      - In check mode it may be empty, because the principal does not exist yet; the list is empty then.
    type: str
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.keyvault_access_policy
  - module: image_trust.azure.keyvault_info
"""

EXAMPLES = r"""
- name: Read who may do what in the vault
  image_trust.azure.keyvault_access_policy_info:
    resource_group: image-trust
    vault_name: image-trust-lab
  register: found

- name: Show who may read secrets
  ansible.builtin.debug:
    msg: "{{ found.access_policies | selectattr('permissions.secrets', 'contains', 'get') | map(attribute='object_id') }}"
  when: found.vault and not found.vault.rbac_enabled
"""

RETURN = r"""
access_policies:
  description: The policies, each as RV(image_trust.azure.keyvault_access_policy#module:access_policy); empty where there is none.
  returned: success
  type: list
  elements: dict
  sample:
    - object_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
      application_id:
      tenant_id: 11111111-1111-1111-1111-111111111111
      permissions:
        keys: []
        secrets: [get]
        certificates: []
        storage: []
vault:
  description: The vault, as RV(image_trust.azure.keyvault_info#module:vault); null where there is none.
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
error:
  description: What Azure said, as RV(image_trust.azure.user_assigned_identity#module:error); only when the module fails.
  returned: failure
  type: dict
  sample:
    code: AuthorizationFailed
    message: >-
      The client '5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11' does not have authorization to perform action
      'Microsoft.KeyVault/vaults/read' over scope '/subscriptions/22222222-2222-2222-2222-222222222222'.
    status: 403
    request_id: 7a6f9a5c-3c1a-4a41-8f0f-2f3c5b0f7f2e
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._arm.vaults import Place, read
from ansible_collections.image_trust.azure.plugins.module_utils._azure import ids
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module, perhaps_unknown
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session


def main() -> NoReturn:
    module = azure_module(resource_group=dict(type="str", required=True), vault_name=dict(type="str", required=True), object_id=dict(type="str"))
    every = module.params["object_id"] is None
    with azure_session(module) as azure:
        place = Place(module.params["resource_group"], module.params["vault_name"])
        object_id = None if every else perhaps_unknown(module, "object_id")
        if object_id is not None:
            ids.GUID.check("object_id", object_id)
        vault, policies = read(azure, place) or (None, ())
    fitting = [policy.shown() for policy in policies if every or (object_id and ids.same(policy.object_id, object_id))]
    module.exit_json(changed=False, access_policies=fitting, vault=vault.shown() if vault else None)


if __name__ == "__main__":
    main()
