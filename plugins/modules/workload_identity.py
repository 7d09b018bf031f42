#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: workload_identity
short_description: Manage a user-assigned managed identity, its federated identity credentials and its permissions on registries and key vaults
version_added: 1.0.0
description:
  - Manages a user-assigned managed identity for a workload in AKS, such as Ratify, with the issuers and subjects that it trusts
    (federated identity credentials), and with its permissions to pull from registries and to read secrets of key vaults.
  - The permission depends on the registry or vault. For a registry it is the role V(AcrPull), or V(Container Registry Repository
    Reader) in ABAC mode; for a vault an access policy with C(get) on secrets, or the role V(Key Vault Secrets User) under Azure
    RBAC. What the identity has by the other model has no effect and is removed. Its other roles, and the permissions of other
    principals, are not changed.
  - The module reads and plans everything before the first write, and writes nothing if anything is refused. If a write still fails,
    the result lists what was done and what was not; another run goes on from there.
  - A new credential and a new role take effect some seconds to minutes later.
  - The modules of the single objects do the same one by one, and can remove what this module has created.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-msi >= 7.0.0
  - azure-mgmt-authorization >= 4.0.0, with O(registries), O(vaults) or O(former_vaults)
  - azure-mgmt-containerregistry >= 10.3.0, with O(registries)
  - azure-mgmt-keyvault >= 10.3.1, with O(vaults) or O(former_vaults)
  - azure-mgmt-containerservice >= 32.1.0, with O(federated_credentials[].cluster) or O(change_issuer=false)
  - azure-mgmt-resource >= 23.2.0, for a new identity without O(location)
  - cryptography >= 42.0.0, with O(certificates)
options:
  resource_group:
    description: The resource group of the identity.
    type: str
    required: true
  name:
    description: Name of the identity, 3 to 128 letters, digits, C(-) or C(_).
    type: str
    required: true
  location:
    description:
      - Region in which it is created; by default that of the resource group.
      - An existing identity in another region is an error, because Azure cannot move it.
    type: str
  tags:
    description: All tags of the identity. Without this option they are not changed.
    type: dict
  append_tags:
    description:
      - Whether to add O(tags) to those that the identity has, such as those of Azure Policy, and to remove none.
      - Azure writes all tags of an identity at once, so a tag that another client sets at the same moment may be lost.
    type: bool
    default: false
  federated_credentials:
    description:
      - The issuers and subjects whose tokens the identity trusts; 20 at most. Other credentials of the identity are not changed.
      - No two may have the same name, or the same issuer and subject.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the credential, 3 to 120 letters, digits, C(-) or C(_).
        type: str
        required: true
      issuer:
        description:
          - Issuer of the tokens, an https URL, exactly as the issuer writes it; that of an AKS cluster ends with a slash.
          - Either this or O(federated_credentials[].cluster) is needed; only in check mode both may be empty, because the cluster does not exist yet.
        type: str
      cluster:
        description: The AKS cluster whose issuer it is, where O(federated_credentials[].issuer) is empty. In check mode it need not exist yet.
        type: dict
        suboptions:
          resource_group:
            description: Resource group of the cluster.
            type: str
            required: true
          name:
            description: Name of the cluster.
            type: str
            required: true
      subject:
        description: Subject of the tokens, compared byte for byte, such as V(system:serviceaccount:gatekeeper-system:ratify-admin).
        type: str
        required: true
      audiences:
        description: Audience of the tokens; Azure takes exactly one.
        type: list
        elements: str
        default: ["api://AzureADTokenExchange"]
  change_issuer:
    description:
      - Whether to take over a credential that another cluster uses. V(false) refuses that before anything is written, because
        workloads of that cluster could no longer log in. The module looks for the credential's issuer among the clusters of the
        subscription. If no cluster has it, the credential gets the new issuer.
      - If a credential would get another issuer, V(false) needs a login that may list the clusters of the subscription.
    type: bool
    default: true
  registries:
    description: Container registries from which the identity may pull.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name. Needed without C(id).
        type: str
      resource_group:
        description: Resource group. Needed without C(id).
        type: str
      subscription_id:
        description: Subscription; by default that of the login.
        type: str
      id:
        description: Id of the resource, in place of the others.
        type: str
  vaults:
    description:
      - Key vaults whose secrets, and so certificates, the identity may read.
      - A vault that no cluster can reach is an error. One that only some networks can reach is a warning.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name. Needed without C(id).
        type: str
      resource_group:
        description: Resource group. Needed without C(id).
        type: str
      subscription_id:
        description: Subscription; by default that of the login.
        type: str
      id:
        description: Id of the resource, in place of the others.
        type: str
  former_vaults:
    description:
      - Key vaults that are no longer in O(vaults). The identity's access policy there, and its role V(Key Vault Secrets User), are
        removed.
      - Permissions of other principals stay. A vault that no longer exists is no error.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name. Needed without C(id).
        type: str
      resource_group:
        description: Resource group. Needed without C(id).
        type: str
      subscription_id:
        description: Subscription; by default that of the login.
        type: str
      id:
        description: Id of the resource, in place of the others.
        type: str
  certificates:
    description:
      - Certificates in O(vaults) with which Ratify has to verify. One with which it could not is an error, such as a leaf that is
        in the vault without its chain.
      - Certificates that the login may not read, or cannot reach, are not judged. See M(image_trust.azure.keyvault_info) for the
        permissions.
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
      vault:
        description: Name of its vault, of several in O(vaults).
        type: str
  except_identities:
    description:
      - Names of identities that are in use. The module looks at all others in the resource group, with a request for each. Those
        that trust the issuer and subject of one of O(federated_credentials) are RV(former_identities). Without this option it looks
        for none.
    type: list
    elements: str
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.user_assigned_identity
  - module: image_trust.azure.federated_credential
  - module: image_trust.azure.role_assignment
  - module: image_trust.azure.keyvault_access_policy
"""

EXAMPLES = r"""
- name: Let Ratify's service account pull signatures and read certificates as an identity
  image_trust.azure.workload_identity:
    resource_group: image-trust
    name: ratify-lab1
    federated_credentials:
      - name: ratify-lab1
        cluster: {resource_group: image-trust, name: lab1}
        subject: system:serviceaccount:gatekeeper-system:ratify-admin
    registries:
      - {resource_group: image-trust, name: imagetrustlab}
    vaults:
      - {resource_group: image-trust, name: image-trust-lab}
  register: workload

- name: Show what was changed
  ansible.builtin.debug:
    var: workload.changes

- name: Delete the identity
  image_trust.azure.user_assigned_identity:
    resource_group: image-trust
    name: ratify-lab1
    state: absent
"""

RETURN = r"""
identity:
  description: The identity, as RV(image_trust.azure.user_assigned_identity#module:identity). In check mode, ids that are only known afterwards are null.
  returned: success
  type: dict
  sample:
    id: /subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/image-trust/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ratify-lab1
    name: ratify-lab1
    location: eastus
    resource_group: image-trust
    principal_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
    client_id: 0f7c2c3d-2a43-4b0f-9a57-5d1f3c8b9e22
    tenant_id: 11111111-1111-1111-1111-111111111111
    tags: {}
federated_credentials:
  description:
    - Those of O(federated_credentials), in their order, each as RV(image_trust.azure.federated_credential#module:federated_credential).
    - Others of the identity are not in it. In check mode, what is only known afterwards is null.
  returned: success
  type: list
  elements: dict
  sample:
    - id: "/subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/image-trust/providers/Microsoft.ManagedIdentity/\
        userAssignedIdentities/ratify/federatedIdentityCredentials/ratify-lab1"
      name: ratify-lab1
      issuer: https://eastus.oic.prod-aks.azure.com/11111111-1111-1111-1111-111111111111/d2d4aa6f-0d0b-4a55-9e1f-2d8d0f0b9b10/
      subject: system:serviceaccount:gatekeeper-system:ratify-admin
      audiences: ["api://AzureADTokenExchange"]
registries:
  description: Those of O(registries), in their order, each as RV(image_trust.azure.registry_info#module:registry).
  returned: success
  type: list
  elements: dict
  sample:
    - id: /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust/providers/Microsoft.ContainerRegistry/registries/imagetrustlab
      name: imagetrustlab
      login_server: imagetrustlab.azurecr.io
      role_assignment_mode: LegacyRegistryPermissions
      pull_role: AcrPull
      pull_roles: [AcrPull, Container Registry Repository Reader]
      push_role: AcrPush
      push_roles: [AcrPush, Container Registry Repository Writer]
vaults:
  description: Those of O(vaults), in their order, each as RV(image_trust.azure.keyvault_info#module:vault).
  returned: success
  type: list
  elements: dict
  sample:
    - id: /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust/providers/Microsoft.KeyVault/vaults/image-trust-lab
      name: image-trust-lab
      uri: https://image-trust-lab.vault.azure.net/
      tenant_id: 11111111-1111-1111-1111-111111111111
      rbac_enabled: false
      permission_model: Vault access policy
      secrets_role: Key Vault Secrets User
former_identities:
  description: Other identities of the resource group that trust one of O(federated_credentials), once for each credential of theirs that does. Empty without
    O(except_identities).
  returned: success
  type: list
  elements: dict
  sample:
    - name: ratify-lab0
      federated_credential:
        id: "/subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/image-trust/providers/Microsoft.ManagedIdentity/\
          userAssignedIdentities/ratify-lab0/federatedIdentityCredentials/ratify-lab1"
        name: ratify-lab1
        issuer: https://eastus.oic.prod-aks.azure.com/11111111-1111-1111-1111-111111111111/d2d4aa6f-0d0b-4a55-9e1f-2d8d0f0b9b10/
        subject: system:serviceaccount:gatekeeper-system:ratify-admin
        audiences: ["api://AzureADTokenExchange"]
      permissions: [AcrPull on imagetrustlab]
  contains:
    name:
      description: Name of the identity.
      type: str
      returned: always
    federated_credential:
      description: The credential by which it trusts the same tokens, as RV(image_trust.azure.federated_credential#module:federated_credential).
      type: dict
      returned: always
    permissions:
      description: What it may do on O(registries) and in O(vaults), in words.
      type: list
      elements: str
      returned: always
changes:
  description: What was changed, or in check mode would be, in words and in order.
  returned: success
  type: list
  elements: str
  sample:
    - create the identity ratify-lab1 in resource group image-trust
    - create the federated credential ratify-lab1
    - assign the role AcrPull on the registry imagetrustlab in mode LegacyRegistryPermissions
    - add permissions to the access policy in the vault image-trust-lab, whose permission model is Vault access policy
done:
  description: What was written before the write that failed, in words.
  returned: failure of a write, when there were several to make
  type: list
  elements: str
  sample: ["remove the federated credential ratify-on-old", "create the federated credential ratify-lab1"]
not_done:
  description: The write that failed and those that had not begun, in words.
  returned: failure of a write, when there were several to make
  type: list
  elements: str
  sample: ["create the federated credential ratify-on-lab2"]
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
from ansible_collections.image_trust.azure.plugins.module_utils._arm import workload_identity as workload
from ansible_collections.image_trust.azure.plugins.module_utils._arm.workload_identity import former, plan, read
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._azure.writes import exit_stepped, make
from ansible_collections.image_trust.azure.plugins.module_utils._ratify.anchors import CRYPTOGRAPHY_IMPORT_ERROR


def main() -> NoReturn:
    module = azure_module(**workload.options())
    with azure_session(module) as azure:
        asked = workload.wanted(module.params, check=module.check_mode)
        if any(vault.certificates for vault in asked.vaults) and CRYPTOGRAPHY_IMPORT_ERROR is not None:
            module.fail_json(msg=missing_required_lib("cryptography"), exception=CRYPTOGRAPHY_IMPORT_ERROR)
        found = read(azure, asked, check=module.check_mode)
        steps = plan(azure, asked, found)
        others = former(azure, asked, found)
        if not module.check_mode:
            steps = make(steps)
    for each in found.vaults:
        if warning := each.vault.network.warning(each.vault.name):
            module.warn(warning)
    exit_stepped(module, steps, **workload.shown(found, steps, others))


if __name__ == "__main__":
    main()
