#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: federated_credential_info
short_description: Read federated identity credentials of user-assigned managed identities
version_added: 1.0.0
description:
  - Returns the federated credentials of a user-assigned managed identity, as C(az identity federated-credential list) does, or of all in a resource group.
  - The list is empty if none exists, also if the identity or the resource group does not exist. A missing permission is an error.
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
    description: Name of the identity. Either this or O(except_identities) is needed.
    type: str
  except_identities:
    description: Names of identities. The module returns the credentials of all other identities of the resource group, with a
      request for each of them.
    type: list
    elements: str
  name:
    description: Name of the one credential to return.
    type: str
  issuer:
    description:
      - Only credentials with this issuer, byte for byte.
      - In check mode it may be empty, because the cluster does not exist yet; the list is empty then.
    type: str
  subject:
    description: Only credentials with this subject, byte for byte.
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

- name: Read which identities trust Ratify in this cluster, beside the one that it uses
  image_trust.azure.federated_credential_info:
    resource_group: image-trust
    except_identities: [ratify]
    issuer: https://eastus.oic.prod-aks.azure.com/11111111-1111-1111-1111-111111111111/d2d4aa6f-0d0b-4a55-9e1f-2d8d0f0b9b10/
    subject: system:serviceaccount:gatekeeper-system:ratify-admin
"""

RETURN = r"""
federated_credentials:
  description: The credentials, each as RV(image_trust.azure.federated_credential#module:federated_credential); empty where there is none.
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
error:
  description: What Azure said, as RV(image_trust.azure.user_assigned_identity#module:error); only when the module fails.
  returned: failure
  type: dict
  sample:
    code: AuthorizationFailed
    message: >-
      The client '5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11' does not have authorization to perform action
      'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read' over scope '/subscriptions/22222222-2222-2222-2222-222222222222'.
    status: 403
    request_id: 7a6f9a5c-3c1a-4a41-8f0f-2f3c5b0f7f2e
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._arm.federated_credentials import Parent, Question, read_all
from ansible_collections.image_trust.azure.plugins.module_utils._arm.identities import read_others
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module, perhaps_unknown
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session


def main() -> NoReturn:
    module = azure_module(
        resource_group=dict(type="str", required=True),
        identity_name=dict(type="str"),
        except_identities=dict(type="list", elements="str"),
        name=dict(type="str"),
        issuer=dict(type="str"),
        subject=dict(type="str"),
        mutually_exclusive=[("identity_name", "except_identities")],
    )
    group, left_out, of_any = (module.params[option] for option in ("resource_group", "except_identities", "issuer"))
    with azure_session(module) as azure:
        issuer = None if of_any is None else perhaps_unknown(module, "issuer")
        asked = Question(module.params["name"], issuer, module.params["subject"])
        names = [module.params["identity_name"]] if left_out is None else [other.name for other in read_others(azure, group, left_out)]
        parents = [Parent(group, name) for name in names]
        found = read_all(azure, parents, asked) if of_any is None or issuer else []
    module.exit_json(changed=False, federated_credentials=[credential.shown() for credential in found])


if __name__ == "__main__":
    main()
