#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: role_assignment
short_description: Manage an Azure role assignment of a principal on a scope
version_added: 1.0.0
description:
  - Assigns an Azure role to a principal on a scope, as C(az role assignment create) does, or removes it.
  - An existing assignment is enough, also one that another program made under another name. One that is inherited from above does
    not count.
  - A new assignment takes effect some seconds to minutes later.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-authorization >= 4.0.0
  - azure-mgmt-msi >= 7.0.0, for new assignments without O(principal_type)
options:
  scope:
    description:
      - Id of the resource, resource group, subscription or management group.
      - Only in check mode it may be empty, because the resource does not exist yet.
    type: str
    required: true
  role:
    description: Name of the role, such as V(AcrPull), its GUID, or the id of the role definition.
    type: str
    required: true
  principal_id:
    description:
      - Object id of the principal; of a managed identity its principal id, never its client id.
      - Only in check mode it may be empty, because the principal does not exist yet.
    type: str
    required: true
  principal_type:
    description:
      - Kind of the principal; a managed identity is a V(ServicePrincipal). Used when the assignment is created.
      - If not given, the module finds it out. It finds managed identities of the subscription with one request; if the id is the
        client id of one, the error has the principal id to give. For other ids, and if the login may not list identities, Azure
        looks for the principal in the directory. There an unknown id is an error only after three minutes, because a new principal
        may not be known yet.
      - If given, B(the principal is not looked up, and Azure accepts any GUID), also a client id, with which the role has no
        effect. Give it if an earlier task has created the principal and returned its id.
    type: str
    choices: [ServicePrincipal, User, Group, ForeignGroup, Device]
  description:
    description: Why the principal has the role. Not changed if not given; an empty one removes it.
    type: str
  condition:
    description:
      - Condition under which the role applies, in Azure's language for conditions, version 2.0. Not changed if not given; an empty
        one removes it.
      - Without this option an existing assignment with a condition counts too, although it may grant nothing; give an empty
        condition to be sure.
    type: str
  only_own:
    description:
      - With O(state=absent), keep an assignment that another program made, such as C(az aks update --attach-acr).
      - The module recognizes its own by their names, which it derives from scope, role and principal.
    type: bool
    default: false
  state:
    description: Whether the principal has the role.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.registry_info
  - module: image_trust.azure.keyvault_info
"""

EXAMPLES = r"""
- name: Let Ratify pull signatures from the registry
  image_trust.azure.role_assignment:
    scope: /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust/providers/Microsoft.ContainerRegistry/registries/imagetrustlab
    role: AcrPull
    principal_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
    description: Ratify reads signatures of images

- name: Let the nodes of the cluster pull that aks_cluster has made just now, and the directory may not know yet
  image_trust.azure.role_assignment:
    scope: /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust/providers/Microsoft.ContainerRegistry/registries/imagetrustlab
    role: AcrPull
    principal_id: "{{ aks.cluster.kubelet_identity.object_id }}"
    principal_type: ServicePrincipal
"""

RETURN = r"""
role_assignment:
  description: The assignment; null when it does not exist afterwards. In check mode, ids that are only known afterwards are null.
  returned: success
  type: dict
  sample:
    id: /subscriptions/22222222-2222-2222-2222-222222222222/providers/Microsoft.Authorization/roleAssignments/7e0f3f3e-5d4b-5b39-9d9d-0b7f4a0c1d2e
    name: 7e0f3f3e-5d4b-5b39-9d9d-0b7f4a0c1d2e
    scope: /subscriptions/22222222-2222-2222-2222-222222222222
    role_definition_id: "/subscriptions/22222222-2222-2222-2222-222222222222/providers/Microsoft.Authorization/roleDefinitions/\
      7f951dda-4ed3-4680-a7ca-43fe172d538d"
    principal_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
    principal_type: ServicePrincipal
    description: Ratify reads signatures of images
    condition:
  contains:
    id:
      description: Id of the resource; null until the assignment exists.
      type: str
      returned: always
    name:
      description: Name, a GUID; null until the assignment exists.
      type: str
      returned: always
    scope:
      description: Id of that on which the role is assigned; null in check mode where an earlier task has yet to make it.
      type: str
      returned: always
    role_definition_id:
      description: Id of the role's definition, which ends with the role's GUID.
      type: str
      returned: always
    principal_id:
      description: Object id of the principal; null in check mode where an earlier task has yet to make it.
      type: str
      returned: always
    principal_type:
      description: >-
        V(ServicePrincipal) (managed identities, too), V(User), V(Group), V(ForeignGroup) or V(Device); null in check mode where Azure has yet to find it out.
      type: str
      returned: always
    description:
      description: Description; null where there is none.
      type: str
      returned: always
    condition:
      description: Condition under which alone the role counts, so that it may grant nothing for what you have in mind; null where there is none.
      type: str
      returned: always
      sample: "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'web'"
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

from ansible_collections.image_trust.azure.plugins.module_utils._arm.role_assignments import (
    PRINCIPAL_TYPES,
    Wanted,
    apply,
    find_role,
    plan,
    plan_absent,
    read,
    with_type,
)
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module, perhaps_unknown, state_option
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._change import exit_changed


def main() -> NoReturn:
    module = azure_module(
        scope=dict(type="str", required=True),
        role=dict(type="str", required=True),
        principal_id=dict(type="str", required=True),
        principal_type=dict(type="str", choices=list(PRINCIPAL_TYPES)),
        description=dict(type="str"),
        condition=dict(type="str"),
        only_own=dict(type="bool", default=False),
        state=state_option(),
    )
    with azure_session(module) as azure:
        asked = Wanted(
            scope=perhaps_unknown(module, "scope"),
            role=module.params["role"],
            principal_id=perhaps_unknown(module, "principal_id"),
            principal_type=module.params["principal_type"],
            description=module.params["description"],
            condition=module.params["condition"],
        )
        wanted = find_role(azure, asked)
        current = read(azure, wanted)
        present = module.params["state"] == "present"
        change = plan(current, wanted) if present else plan_absent(current, wanted, only_own=module.params["only_own"])
        change = with_type(azure, change)
        if not module.check_mode:
            change = apply(azure, change)
    exit_changed(module, change, "role_assignment", str(asked))


if __name__ == "__main__":
    main()
