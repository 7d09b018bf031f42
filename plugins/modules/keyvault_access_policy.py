#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: keyvault_access_policy
short_description: Manage the Key Vault access policy of one principal or of several
version_added: 1.0.0
description:
  - Gives permissions in a vault to principals, or removes them, as C(az keyvault set-policy) does.
  - Give one principal with O(object_id) and O(permissions), or several with O(policies). They are compared with one request, and
    only the differences are written, 16 entries a request. If permissions are only added, Azure merges them with the others. If
    some are removed, the principal's entry is replaced, and permissions that another client gives to it at the same moment are
    lost.
  - Only the entries of these principals are written. The vault and the policies of other principals are never changed, even with
    several writers at once, but O(policies) with O(exact=true) removes those policies.
  - A vault under Azure RBAC ignores access policies, and is an error that names the role to assign instead.
  - More than the 1024 policies that Azure allows are refused before anything is written. If a write of several fails, the result
    lists which were written and which were not; another run goes on from there.
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
      - Object id of the principal; of a managed identity its principal id, never its client id. Either this or O(policies) is needed.
      - Only in check mode it may be empty, because the principal does not exist yet.
    type: str
  application_id:
    description: Application through which a user has these permissions. Not for managed identities.
    type: str
  permissions:
    description:
      - The permissions, at least one.
      - With O(state=absent) these are removed, and the principal's other permissions stay; without this option all are removed.
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
  policies:
    description: The permissions of several principals. No principal may be named twice.
    type: list
    elements: dict
    suboptions:
      object_id:
        description: As O(object_id).
        type: str
        required: true
      application_id:
        description: As O(application_id).
        type: str
      permissions:
        description: As O(permissions).
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
    description:
      - Whether the principal has these permissions and no others. By default they are added to those that it has.
      - With O(policies), whether the vault has these policies and no others. V(true) B(removes the policies of every principal that
        is not listed); people, pipelines and Azure services that used them lose access to the vault at once, as does the login that
        runs this. With an empty list it removes all. Look at the diff of check mode first.
      - They are removed before new ones are added.
      - Without effect with O(state=absent), which removes only what is listed.
    type: bool
    default: false
  state:
    description: Whether the principal, or each of O(policies), has the permissions.
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

- name: Let two principals in, one of them also to write, beside those that have access already
  image_trust.azure.keyvault_access_policy:
    resource_group: image-trust
    vault_name: image-trust-lab
    policies:
      - object_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
        permissions:
          secrets: [get]
      - object_id: a1d58cf1-4c3c-4d0d-9d0b-7a1f5e1c2b44
        permissions:
          secrets: [get, list, set]
          certificates: [get, list]

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
  returned: when O(object_id) is given
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
  contains:
    object_id:
      description: Object id of the principal; null in check mode where an earlier task has yet to make it.
      type: str
      returned: always
    application_id:
      description: Application through which alone the principal has the permissions; null where it needs none.
      type: str
      returned: always
      sample: 0f7c2c3d-2a43-4b0f-9a57-5d1f3c8b9e22
    tenant_id:
      description: Tenant of the principal; null in check mode where the vault does not exist yet.
      type: str
      returned: always
    permissions:
      description: The permissions, by kind (keys, secrets, certificates, storage), in lower case and in order. Each kind is there.
      type: dict
      returned: always
      sample: {keys: [], secrets: [get], certificates: [get], storage: []}
access_policies:
  description: What those of O(policies) may do afterwards, in their order, each as RV(access_policy). Who has no entry afterwards is not in it.
  returned: when O(policies) is given
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
done:
  description: What was written before the write that failed, in words.
  returned: failure of a write, when there were several to make
  type: list
  elements: str
  sample: ["remove permissions of principal 99999999-9999-9999-9999-999999999999"]
not_done:
  description: The write that failed and those that had not begun, in words.
  returned: failure of a write, when there were several to make
  type: list
  elements: str
  sample: ["add permissions of principal 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11"]
vault:
  description: The vault, as RV(image_trust.azure.keyvault_info#module:vault). In check mode, what is not known of one that does not exist yet is null.
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
    code: ResourceGroupNotFound
    message: Resource group 'image-trust' could not be found.
    status: 404
    request_id: 7a6f9a5c-3c1a-4a41-8f0f-2f3c5b0f7f2e
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.image_trust.azure.plugins.module_utils._arm.access_policies import apply, check_set, plan, plan_absent, policy
from ansible_collections.image_trust.azure.plugins.module_utils._arm.vaults import PERMISSIONS, AccessPolicy, Place, Vault, missing, read
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module, each, perhaps_unknown, state_option
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._change import exit_changed, exit_converged


def wanted(module: AnsibleModule, entry: Mapping[str, Any]) -> AccessPolicy:
    """The policy that the options in `entry` ask for."""
    present = module.params["state"] == "present"
    return policy(perhaps_unknown(module, "object_id", entry), entry["application_id"], entry["permissions"], some=present)


def main() -> NoReturn:
    permissions = dict(type="dict", options={kind: dict(type="list", elements="str", choices=list(names)) for kind, names in PERMISSIONS.items()})
    module = azure_module(
        resource_group=dict(type="str", required=True),
        vault_name=dict(type="str", required=True),
        object_id=dict(type="str"),
        application_id=dict(type="str"),
        permissions=permissions,
        policies=dict(
            type="list",
            elements="dict",
            options=dict(object_id=dict(type="str", required=True), application_id=dict(type="str"), permissions=permissions),
        ),
        exact=dict(type="bool", default=False),
        state=state_option(),
        required_one_of=[("object_id", "policies")],
        mutually_exclusive=[("policies", "object_id"), ("policies", "application_id"), ("policies", "permissions")],
        required_if=[("state", "present", ("permissions", "policies"), True)],
    )
    single, exact = module.params["policies"] is None, module.params["exact"]
    with azure_session(module) as azure:
        present = module.params["state"] == "present"
        place = Place(module.params["resource_group"], module.params["vault_name"])
        asked = each(module.params, "policies", partial(wanted, module))
        check_set(asked)
        found = read(azure, place)
        if not found and present and not module.check_mode:
            raise missing(azure, place)
        vault, current = found or (Vault(place.vault_name), ())
        alone = exact and not single
        changes = plan(vault, current, asked, exact=exact, alone=alone) if present else plan_absent(current, asked)
        if not module.check_mode:
            changes = apply(azure, place, changes)
    called = f"access policies of {place}"
    if single:
        exit_changed(module, changes[0], "access_policy", called, vault=vault.shown())
    exit_converged(module, changes, "access_policies", called, vault=vault.shown())


if __name__ == "__main__":
    main()
