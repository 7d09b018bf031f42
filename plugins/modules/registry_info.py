#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_info
short_description: Read an Azure Container Registry's id, login server and permission model
version_added: 1.0.0
description:
  - Returns what is needed to let a principal pull from a registry or push to it.
  - A registry that does not exist is an error.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-containerregistry >= 10.3.0
options:
  resource_group:
    description: The resource group of the registry.
    type: str
    required: true
  name:
    description: Name of the registry, without its domain.
    type: str
    required: true
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.role_assignment
"""

EXAMPLES = r"""
- name: Read the registry
  image_trust.azure.registry_info:
    resource_group: image-trust
    name: imagetrustlab
  register: found

- name: Let the identity pull
  image_trust.azure.role_assignment:
    scope: "{{ found.registry.id }}"
    role: "{{ found.registry.pull_role }}"
    principal_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
"""

RETURN = r"""
registry:
  description: The registry.
  returned: success
  type: dict
  sample:
    id: /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust/providers/Microsoft.ContainerRegistry/registries/imagetrustlab
    name: imagetrustlab
    login_server: imagetrustlab.azurecr.io
    role_assignment_mode: LegacyRegistryPermissions
    pull_role: AcrPull
    pull_roles: [AcrPull, Container Registry Repository Reader]
    push_role: AcrPush
    push_roles: [AcrPush, Container Registry Repository Writer]
  contains:
    id:
      description: Id of the resource.
      type: str
      returned: always
    name:
      description: Name.
      type: str
      returned: always
    login_server:
      description: Host, with which names of its images begin.
      type: str
      returned: always
    role_assignment_mode:
      description: V(LegacyRegistryPermissions) or V(AbacRepositoryPermissions).
      type: str
      returned: always
    pull_role:
      description: The role that lets a principal pull in this mode, V(AcrPull) or V(Container Registry Repository Reader).
      type: str
      returned: always
    pull_roles:
      description: That role, and after it those that would in another mode and have no effect in this one.
      type: list
      elements: str
      returned: always
    push_role:
      description: The role that lets a principal pull and push in this mode, V(AcrPush) or V(Container Registry Repository Writer).
      type: str
      returned: always
    push_roles:
      description: That role, and after it those that would in another mode and have no effect in this one.
      type: list
      elements: str
      returned: always
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

from ansible_collections.image_trust.azure.plugins.module_utils._arm.registries import read
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session


def main() -> NoReturn:
    module = azure_module(resource_group=dict(type="str", required=True), name=dict(type="str", required=True))
    with azure_session(module) as azure:
        registry = read(azure, module.params["resource_group"], module.params["name"])
    module.exit_json(changed=False, registry=registry.shown())


if __name__ == "__main__":
    main()
