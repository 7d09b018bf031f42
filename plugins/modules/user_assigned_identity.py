#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: user_assigned_identity
short_description: Manage a user-assigned managed identity
version_added: 1.0.0
description:
  - Creates, tags or deletes a user-assigned managed identity, as C(az identity create) does, and returns its ids.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-msi >= 7.0.0
  - azure-mgmt-resource >= 23.2.0 (where O(location) is not given)
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
  state:
    description: Whether the identity exists.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.federated_credential
  - module: image_trust.azure.role_assignment
"""

EXAMPLES = r"""
- name: Create the identity that Ratify runs as
  image_trust.azure.user_assigned_identity:
    resource_group: image-trust
    name: ratify
  register: ratify

- name: Delete it
  image_trust.azure.user_assigned_identity:
    resource_group: image-trust
    name: ratify
    state: absent
"""

RETURN = r"""
identity:
  description: The identity; null when it does not exist afterwards. In check mode, ids that are only known afterwards are null.
  returned: success
  type: dict
  sample:
    id: /subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/image-trust/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ratify
    name: ratify
    location: eastus
    resource_group: image-trust
    principal_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
    client_id: 0f7c2c3d-2a43-4b0f-9a57-5d1f3c8b9e22
    tenant_id: 11111111-1111-1111-1111-111111111111
    tags: {}
  contains:
    id:
      description: Id of the resource; null until the identity exists.
      type: str
      returned: always
    name:
      description: Name.
      type: str
      returned: always
    location:
      description: Region; null until the identity exists, where none is asked for.
      type: str
      returned: always
    resource_group:
      description: Resource group.
      type: str
      returned: always
    principal_id:
      description: Object id of the principal, to which roles are assigned; null until the identity exists.
      type: str
      returned: always
    client_id:
      description: Client id, by which a program names the identity when it logs in; null until the identity exists.
      type: str
      returned: always
    tenant_id:
      description: Tenant; null until the identity exists.
      type: str
      returned: always
    tags:
      description: Tags, by name. Empty where it has none.
      type: dict
      returned: always
error:
  description: What Azure said; only when the module fails.
  returned: failure
  type: dict
  sample:
    code: ResourceGroupNotFound
    message: Resource group 'image-trust' could not be found.
    status: 404
    request_id: 7a6f9a5c-3c1a-4a41-8f0f-2f3c5b0f7f2e
  contains:
    code:
      description: Azure's error code. One of the collection's own, such as V(InvalidInput) or V(Timeout), where Azure was not asked or did not answer.
      type: str
      returned: always
    message:
      description: What was answered, or why there was no answer; the same as RV(ignore:msg) where no program was asked.
      type: str
      returned: always
    status:
      description: HTTP status of the answer; null where there was none.
      type: int
      returned: always
    request_id:
      description: Id of the request, which Microsoft's support asks for; null where Azure returned none.
      type: str
      returned: always
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._arm.identities import Wanted, apply, plan, plan_absent, read
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module, state_option
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._change import exit_changed


def main() -> NoReturn:
    module = azure_module(
        resource_group=dict(type="str", required=True),
        name=dict(type="str", required=True),
        location=dict(type="str"),
        tags=dict(type="dict"),
        append_tags=dict(type="bool", default=False),
        state=state_option(),
    )
    with azure_session(module) as azure:
        tags = module.params["tags"]
        wanted = Wanted(
            name=module.params["name"],
            resource_group=module.params["resource_group"],
            location=module.params["location"],
            tags=None if tags is None else {str(key): str(value) for key, value in tags.items()},
            append_tags=module.params["append_tags"],
        )
        current = read(azure, wanted)
        change = plan(current, wanted) if module.params["state"] == "present" else plan_absent(current)
        if not module.check_mode:
            change = apply(azure, wanted, change)
    exit_changed(module, change, "identity", str(wanted))


if __name__ == "__main__":
    main()
