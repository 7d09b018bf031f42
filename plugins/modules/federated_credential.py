#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: federated_credential
short_description: Manage whose tokens a managed identity trusts
version_added: 1.0.0
description:
  - Creates, changes or removes a federated credential of a user-assigned managed identity, as C(az identity federated-credential create) does.
  - Azure takes one writer at a time for an identity. The module waits for its turn, so that many hosts may run at once.
  - A new credential is honoured by Entra some seconds to minutes later.
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
    description: Name of the identity. In check mode it need not exist yet.
    type: str
    required: true
  name:
    description: Name of the credential, 3 to 120 letters, digits, C(-) or C(_).
    type: str
    required: true
  issuer:
    description:
      - Issuer of the tokens, an https URL, exactly as the issuer writes it; that of an AKS cluster ends with a slash.
      - Needed with O(state=present); only in check mode it may be empty, because the cluster does not exist yet.
    type: str
  subject:
    description:
      - Subject of the tokens, compared byte for byte, such as V(system:serviceaccount:gatekeeper-system:ratify-admin).
    type: str
  audiences:
    description: Audience of the tokens; Azure takes exactly one.
    type: list
    elements: str
    default: ["api://AzureADTokenExchange"]
  state:
    description: Whether the credential exists.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.aks_cluster
  - module: image_trust.azure.user_assigned_identity
"""

EXAMPLES = r"""
- name: Let Ratify's service account log in as the identity
  image_trust.azure.federated_credential:
    resource_group: image-trust
    identity_name: ratify
    name: ratify-on-lab1
    issuer: https://eastus.oic.prod-aks.azure.com/11111111-1111-1111-1111-111111111111/d2d4aa6f-0d0b-4a55-9e1f-2d8d0f0b9b10/
    subject: system:serviceaccount:gatekeeper-system:ratify-admin

- name: Trust it no longer
  image_trust.azure.federated_credential:
    resource_group: image-trust
    identity_name: ratify
    name: ratify-on-lab1
    state: absent
"""

RETURN = r"""
federated_credential:
  description: The credential; null when it does not exist afterwards. In check mode, what is only known afterwards is null.
  returned: success
  type: dict
  sample:
    id: "/subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/image-trust/providers/Microsoft.ManagedIdentity/\
      userAssignedIdentities/ratify/federatedIdentityCredentials/ratify-on-lab1"
    name: ratify-on-lab1
    issuer: https://eastus.oic.prod-aks.azure.com/11111111-1111-1111-1111-111111111111/d2d4aa6f-0d0b-4a55-9e1f-2d8d0f0b9b10/
    subject: system:serviceaccount:gatekeeper-system:ratify-admin
    audiences: ["api://AzureADTokenExchange"]
error:
  description: What Azure said; only when the module fails.
  returned: failure
  type: dict
  sample:
    code: ResourceGroupNotFound
    message: Resource group 'image-trust' could not be found.
    status: 404
    request_id: 7a6f9a5c-3c1a-4a41-8f0f-2f3c5b0f7f2e
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module, perhaps_unknown, state_option
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._change import exit_changed
from ansible_collections.image_trust.azure.plugins.module_utils._federation import (
    AUDIENCE,
    FederatedCredential,
    Parent,
    apply,
    check,
    missing,
    plan,
    plan_absent,
    read,
)


def main() -> NoReturn:
    module = azure_module(
        resource_group=dict(type="str", required=True),
        identity_name=dict(type="str", required=True),
        name=dict(type="str", required=True),
        issuer=dict(type="str"),
        subject=dict(type="str"),
        audiences=dict(type="list", elements="str", default=[AUDIENCE]),
        state=state_option(),
        required_if=[("state", "present", ("issuer", "subject"))],
    )
    with azure_session(module) as azure:
        present = module.params["state"] == "present"
        parent = Parent(module.params["resource_group"], module.params["identity_name"])
        wanted = FederatedCredential(
            name=module.params["name"],
            issuer=perhaps_unknown(module, "issuer") if present else None,
            subject=module.params["subject"] if present else None,
            audiences=tuple(module.params["audiences"]),
        )
        check(wanted)
        current = read(azure, parent)
        if current is None and present and not module.check_mode:
            raise missing(parent)
        change = plan(current or (), wanted) if present else plan_absent(current or (), wanted.name)
        if not module.check_mode:
            change = apply(azure, parent, change)
    exit_changed(module, change, "federated_credential")


if __name__ == "__main__":
    main()
