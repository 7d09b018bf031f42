#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: user_assigned_identity_info
short_description: Read user-assigned managed identities
version_added: 1.0.0
description:
  - Returns one identity, or all of a resource group or of the subscription, as C(az identity show) and C(az identity list) do.
  - The list is empty if none exists, also if the resource group does not exist. A missing permission is an error.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-msi >= 7.0.0
options:
  resource_group:
    description: The resource group of the identities. All of the subscription when not given.
    type: str
  name:
    description: Name of the one identity to return; needs O(resource_group).
    type: str
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.user_assigned_identity
  - module: image_trust.azure.federated_credential_info
"""

EXAMPLES = r"""
- name: Read the identity that Ratify runs as
  image_trust.azure.user_assigned_identity_info:
    resource_group: image-trust
    name: ratify
  register: found

- name: Show its client id, where there is one
  ansible.builtin.debug:
    msg: "{{ found.identities | map(attribute='client_id') }}"
"""

RETURN = r"""
identities:
  description: The identities, each as RV(image_trust.azure.user_assigned_identity#module:identity); empty where there is none.
  returned: success
  type: list
  elements: dict
  sample:
    - id: /subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/image-trust/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ratify
      name: ratify
      resource_group: image-trust
      location: eastus
      principal_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
      client_id: 0f7c2c3d-2a43-4b0f-9a57-5d1f3c8b9e22
      tenant_id: 11111111-1111-1111-1111-111111111111
      tags: {}
error:
  description: What Azure said, as RV(image_trust.azure.user_assigned_identity#module:error); only when the module fails.
  returned: failure
  type: dict
  sample:
    code: AuthorizationFailed
    message: >-
      The client '5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11' does not have authorization to perform action
      'Microsoft.ManagedIdentity/userAssignedIdentities/read' over scope '/subscriptions/22222222-2222-2222-2222-222222222222'.
    status: 403
    request_id: 7a6f9a5c-3c1a-4a41-8f0f-2f3c5b0f7f2e
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._arm.identities import Wanted, read, read_all
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session


def main() -> NoReturn:
    module = azure_module(resource_group=dict(type="str"), name=dict(type="str"), required_by={"name": "resource_group"})
    resource_group, name = module.params["resource_group"], module.params["name"]
    with azure_session(module) as azure:
        found = read_all(azure, resource_group) if name is None else [read(azure, Wanted(name, resource_group))]
    module.exit_json(changed=False, identities=[identity.shown() for identity in found if identity])


if __name__ == "__main__":
    main()
