#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: federated_credential_info
short_description: Read whose tokens a managed identity trusts
version_added: 1.0.0
description:
  - Returns the federated credentials of a user-assigned managed identity, as C(az identity federated-credential list) does.
  - Where there is none the list is empty, also when there is no such identity or resource group. A missing right is an error.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-msi >= 7.0.0
options:
  resource_group:
    description: The resource group of the identity.
    type: str
    required: true
  identity_name:
    description: Name of the identity.
    type: str
    required: true
  name:
    description: Name of the one credential to return.
    type: str
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.federated_credential
  - module: image_trust.azure.user_assigned_identity_info
"""

EXAMPLES = r"""
- name: Read whom the identity trusts
  image_trust.azure.federated_credential_info:
    resource_group: image-trust
    identity_name: ratify
  register: found

- name: Show the clusters' issuers
  ansible.builtin.debug:
    msg: "{{ found.federated_credentials | map(attribute='issuer') }}"
"""

RETURN = r"""
federated_credentials:
  description: The credentials; empty where there is none.
  returned: success
  type: list
  elements: dict
  sample:
    - id: "/subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/image-trust/providers/Microsoft.ManagedIdentity/\
        userAssignedIdentities/ratify/federatedIdentityCredentials/ratify-on-lab1"
      name: ratify-on-lab1
      issuer: https://eastus.oic.prod-aks.azure.com/11111111-1111-1111-1111-111111111111/d2d4aa6f-0d0b-4a55-9e1f-2d8d0f0b9b10/
      subject: system:serviceaccount:gatekeeper-system:ratify-admin
      audiences: ["api://AzureADTokenExchange"]
  contains:
    id:
      description: Id of the resource; null until the credential exists.
      type: str
      returned: always
    name:
      description: Name.
      type: str
      returned: always
    issuer:
      description: Issuer of the tokens that are trusted; null in check mode where an earlier task has yet to make it.
      type: str
      returned: always
    subject:
      description: Subject of the tokens that are trusted.
      type: str
      returned: always
    audiences:
      description: The one audience of the tokens that are trusted.
      type: list
      elements: str
      returned: always
error:
  description: What Azure said; only when the module fails.
  returned: failure
  type: dict
  sample:
    code: AuthorizationFailed
    message: >-
      The client '5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11' does not have authorization to perform action
      'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read' over scope '/subscriptions/22222222-2222-2222-2222-222222222222'.
    status: 403
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

from ansible_collections.image_trust.azure.plugins.module_utils._azure import ids
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._federation import Parent, read


def main() -> NoReturn:
    module = azure_module(resource_group=dict(type="str", required=True), identity_name=dict(type="str", required=True), name=dict(type="str"))
    name = module.params["name"]
    with azure_session(module) as azure:
        parent = Parent(module.params["resource_group"], module.params["identity_name"])
        if name is not None:
            ids.FEDERATED_CREDENTIAL.check("name", name)
        found = [credential for credential in read(azure, parent) or () if name is None or ids.same(credential.name, name)]
    module.exit_json(changed=False, federated_credentials=[credential.shown() for credential in found])


if __name__ == "__main__":
    main()
