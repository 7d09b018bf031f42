#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: role_assignment_info
short_description: Read Azure role assignments of principals on a scope
version_added: 1.0.0
description:
  - Returns the role assignments on a scope, as C(az role assignment list) does.
  - The list is empty if none exists, also if the scope does not exist. A missing permission or an unknown role is an error.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-authorization >= 4.0.0
options:
  scope:
    description:
      - Id of the resource, resource group, subscription or management group.
      - Only in check mode it may be empty, because the resource does not exist yet; the list is empty then.
    type: str
    required: true
  principal_id:
    description:
      - Object id of the one principal whose roles to return.
      - In check mode it may be empty, because the principal does not exist yet; the list is empty then.
    type: str
  role:
    description: Name of the one role to return, such as V(AcrPull), its GUID, or the id of the role definition.
    type: str
  inherited:
    description: Whether assignments above, which the scope inherits, are returned too. Assignments below the scope never are.
    type: bool
    default: false
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.role_assignment
"""

EXAMPLES = r"""
- name: Read who may pull from the registry
  image_trust.azure.role_assignment_info:
    scope: /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust/providers/Microsoft.ContainerRegistry/registries/imagetrustlab
    role: AcrPull
    inherited: true
  register: found

- name: Show them
  ansible.builtin.debug:
    msg: "{{ found.role_assignments | map(attribute='principal_id') }}"
"""

RETURN = r"""
role_assignments:
  description: The assignments, each as RV(image_trust.azure.role_assignment#module:role_assignment); empty where there is none.
  returned: success
  type: list
  elements: dict
  sample:
    - id: "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust/providers/Microsoft.ContainerRegistry/registries/\
        imagetrustlab/providers/Microsoft.Authorization/roleAssignments/7e0f3f3e-5d4b-5b39-9d9d-0b7f4a0c1d2e"
      name: 7e0f3f3e-5d4b-5b39-9d9d-0b7f4a0c1d2e
      scope: /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust/providers/Microsoft.ContainerRegistry/registries/imagetrustlab
      role_definition_id: "/subscriptions/22222222-2222-2222-2222-222222222222/providers/Microsoft.Authorization/roleDefinitions/\
        7f951dda-4ed3-4680-a7ca-43fe172d538d"
      principal_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
      principal_type: ServicePrincipal
      description: Ratify reads signatures of images
      condition:
error:
  description: What Azure said, as RV(image_trust.azure.user_assigned_identity#module:error); only when the module fails.
  returned: failure
  type: dict
  sample:
    code: AuthorizationFailed
    message: >-
      The client '5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11' does not have authorization to perform action
      'Microsoft.Authorization/roleAssignments/read' over scope '/subscriptions/22222222-2222-2222-2222-222222222222'.
    status: 403
    request_id: 7a6f9a5c-3c1a-4a41-8f0f-2f3c5b0f7f2e
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._arm.role_assignments import Question, read_all
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module, perhaps_unknown
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session


def main() -> NoReturn:
    module = azure_module(
        scope=dict(type="str", required=True),
        principal_id=dict(type="str"),
        role=dict(type="str"),
        inherited=dict(type="bool", default=False),
    )
    everybody = module.params["principal_id"] is None
    with azure_session(module) as azure:
        asked = Question(
            scope=perhaps_unknown(module, "scope"),
            role=module.params["role"],
            principal_id=None if everybody else perhaps_unknown(module, "principal_id"),
            inherited=module.params["inherited"],
        )
        found = read_all(azure, asked) if everybody or asked.principal_id else ()
    module.exit_json(changed=False, role_assignments=[assignment.shown() for assignment in found])


if __name__ == "__main__":
    main()
