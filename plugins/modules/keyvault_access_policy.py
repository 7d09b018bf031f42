#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: keyvault_access_policy
short_description: Manage what a principal may do in a key vault
version_added: 1.0.0
description:
  - Gives permissions in a vault to a principal, or takes them away, as C(az keyvault set-policy) does.
  - Only the entry of this one principal is written. The policies of others, and the vault, are never touched, also not by several writers at once.
  - A vault under Azure RBAC ignores access policies, and is an error that names the role to assign instead.
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
      - Object id of the principal; of a managed identity its principal id, never its client id.
      - Only in check mode it may be empty, because the principal does not exist yet.
    type: str
    required: true
  application_id:
    description: Application through which a user has these permissions. Not for managed identities.
    type: str
  permissions:
    description:
      - The permissions, at least one with O(state=present).
      - With O(state=absent) these are taken away, and what else the principal has stays; without them all are taken away.
    type: dict
    suboptions:
      keys:
        description: Permissions on keys.
        type: list
        elements: str
        choices:
          [all, backup, create, decrypt, delete, encrypt, get, getrotationpolicy, import, list, purge, recover, release, restore, rotate,
           setrotationpolicy, sign, unwrapkey, update, verify, wrapkey]
      secrets:
        description: Permissions on secrets.
        type: list
        elements: str
        choices:
          [all, backup, delete, get, list, purge, recover, restore, set]
      certificates:
        description: Permissions on certificates.
        type: list
        elements: str
        choices:
          [all, backup, create, delete, deleteissuers, get, getissuers, import, list, listissuers, managecontacts, manageissuers, purge,
           recover, restore, setissuers, update]
      storage:
        description: Permissions on storage accounts.
        type: list
        elements: str
        choices:
          [all, backup, delete, deletesas, get, getsas, list, listsas, purge, recover, regeneratekey, restore, set, setsas, update]
  exact:
    description: Whether the principal has these permissions and no others. By default they are added to those that it has.
    type: bool
    default: false
  state:
    description: Whether the principal has the permissions.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.keyvault_info
  - module: image_trust.azure.role_assignment
"""

EXAMPLES = r"""
- name: Let Ratify read the signers' certificates
  image_trust.azure.keyvault_access_policy:
    resource_group: image-trust
    vault_name: image-trust-lab
    object_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
    permissions:
      secrets: [get]

- name: Take all its permissions away
  image_trust.azure.keyvault_access_policy:
    resource_group: image-trust
    vault_name: image-trust-lab
    object_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
    state: absent
"""

RETURN = r"""
access_policy:
  description: What the principal may do; null when it has no entry afterwards.
  returned: success
  type: dict
  sample:
    object_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
    application_id:
    tenant_id: 11111111-1111-1111-1111-111111111111
    permissions:
      keys: []
      secrets: [get]
      certificates: []
      storage: []
vault:
  description: The vault, as M(image_trust.azure.keyvault_info) returns it. In check mode, what is not known of one that does not exist yet is null.
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
  description: What Azure said; only when the module fails.
  returned: failure
  type: dict
  sample:
    code: ResourceGroupNotFound
    message: Resource group 'image-trust' could not be found.
    status: 404
    request_id: 7a6f9a5c-3c1a-4a41-8f0f-2f3c5b0f7f2e
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module, perhaps_unknown, state_option
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._change import exit_changed
from ansible_collections.image_trust.azure.plugins.module_utils._vault_access import (
    PERMISSIONS,
    Place,
    Vault,
    apply,
    missing,
    plan,
    plan_absent,
    policy,
    read,
)


def main() -> NoReturn:
    permissions = {kind: dict(type="list", elements="str", choices=list(names)) for kind, names in PERMISSIONS.items()}
    module = azure_module(
        resource_group=dict(type="str", required=True),
        vault_name=dict(type="str", required=True),
        object_id=dict(type="str", required=True),
        application_id=dict(type="str"),
        permissions=dict(type="dict", options=permissions),
        exact=dict(type="bool", default=False),
        state=state_option(),
        required_if=[("state", "present", ("permissions",))],
    )
    with azure_session(module) as azure:
        present = module.params["state"] == "present"
        place = Place(module.params["resource_group"], module.params["vault_name"])
        wanted = policy(perhaps_unknown(module, "object_id"), module.params["application_id"], module.params["permissions"], some=present)
        found = read(azure, place)
        if not found and present and not module.check_mode:
            raise missing(place)
        vault, current = found or (Vault(place.vault_name), ())
        change = plan(vault, current, wanted, exact=module.params["exact"]) if present else plan_absent(current, wanted)
        if not module.check_mode:
            change = apply(azure, place, change)
    exit_changed(module, change, "access_policy", vault=vault.shown())


if __name__ == "__main__":
    main()
