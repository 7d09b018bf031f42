#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: keyvault_info
short_description: Read a Key Vault's URI, permission model and network, and whether Ratify can use its certificates
version_added: 1.0.0
description:
  - Returns the URI of a vault, as C(az keyvault show --query properties.vaultUri) does, its tenant, and whether it is under Azure RBAC.
  - A vault that does not exist is an error.
  - A vault that only some networks can reach is a warning, because the module does not know the networks of a cluster. One that no
    cluster can reach is one of RV(problems).
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-keyvault >= 10.3.1
  - cryptography >= 42.0.0, with O(certificates)
options:
  resource_group:
    description: The resource group of the vault.
    type: str
    required: true
  name:
    description: Name of the vault.
    type: str
    required: true
  certificates:
    description:
      - Certificates with which Ratify has to verify. One with which it could not is one of RV(problems), such as a leaf that is in
        the vault without its chain.
      - The login needs the permission C(get) on certificates, and for one that an authority issued C(get) on secrets, or the role
        Key Vault Certificate User. Certificates that it may not read, or cannot reach, are not judged. A secret in which the
        private key may be, because it is exportable, is never read.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the certificate.
        type: str
        required: true
      version:
        description: Version of it; the latest one when not given.
        type: str
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

- name: Check that Ratify can use it and a certificate in it
  image_trust.azure.keyvault_info:
    resource_group: image-trust
    name: image-trust-lab
    certificates: [{name: contoso-release}]
  register: checked
  failed_when: checked.problems | default([]) | length > 0

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
      description: Whether permissions come from role assignments, and access policies are ignored; null until the vault exists.
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
network:
  description: From where the vault takes requests.
  returned: success
  type: dict
  sample:
    public_network_access: Enabled
    default_action: Deny
    ip_rules: [203.0.113.7/32]
    virtual_network_rules: []
    private_endpoints: []
  contains:
    public_network_access:
      description: V(Enabled), V(Disabled), or V(SecuredByPerimeter) in a network security perimeter.
      type: str
      returned: always
    default_action:
      description: V(Allow), or V(Deny) for what no rule of its firewall allows.
      type: str
      returned: always
    ip_rules:
      description: Addresses that its firewall allows.
      type: list
      elements: str
      returned: always
    virtual_network_rules:
      description: Ids of the subnets that its firewall allows.
      type: list
      elements: str
      returned: always
    private_endpoints:
      description: Ids of its private endpoints whose connection is approved.
      type: list
      elements: str
      returned: always
problems:
  description: Why Ratify could not use the vault, or one of O(certificates), in a sentence each.
  returned: success
  type: list
  elements: str
  sample: []
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

from typing import NoReturn

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.image_trust.azure.plugins.module_utils._arm.vault_anchors import problems
from ansible_collections.image_trust.azure.plugins.module_utils._arm.vaults import Place, missing, read
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._ratify.anchors import CRYPTOGRAPHY_IMPORT_ERROR


def main() -> NoReturn:
    module = azure_module(
        resource_group=dict(type="str", required=True),
        name=dict(type="str", required=True),
        certificates=dict(type="list", elements="dict", default=[], options=dict(name=dict(type="str", required=True), version=dict(type="str"))),
    )
    certificates = module.params["certificates"]
    if certificates and CRYPTOGRAPHY_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("cryptography"), exception=CRYPTOGRAPHY_IMPORT_ERROR)
    with azure_session(module) as azure:
        place = Place(module.params["resource_group"], module.params["name"], option="name")
        found = read(azure, place)
        if not found:
            raise missing(azure, place)
        vault, _policies = found
        found_problems = problems(azure, vault, certificates)
    if warning := vault.network.warning(vault.name):
        module.warn(warning)
    module.exit_json(changed=False, vault=vault.shown(), network=vault.network.shown(), problems=found_problems)


if __name__ == "__main__":
    main()
