#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: federated_credential
short_description: Manage federated identity credentials of a user-assigned managed identity
version_added: 1.0.0
description:
  - Creates, changes or removes federated credentials of a user-assigned managed identity, as C(az identity federated-credential create) does.
  - Give one with O(name), O(issuer) and O(subject), or a set with O(credentials). A set is compared with one request, and only the
    differences are written.
  - Azure accepts one writer at a time for an identity. The module waits for its turn, so many hosts can run at once.
  - The module finds what Azure would refuse before it writes anything, such as a 21st credential, or an issuer and subject that
    already have another name. If a write of a set still fails, the result lists which were written and which were not; another run
    goes on from there.
  - Entra accepts a new credential some seconds to minutes later.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-msi >= 7.0.0
  - azure-mgmt-containerservice >= 32.1.0, for O(change_issuer=false)
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
    description: Name of the credential, 3 to 120 letters, digits, C(-) or C(_). Either this or O(credentials) is needed.
    type: str
  issuer:
    description:
      - Issuer of the tokens, an https URL, exactly as the issuer writes it; that of an AKS cluster ends with a slash.
      - Needed with O(state=present); only in check mode it may be empty, because the cluster does not exist yet.
    type: str
  subject:
    description:
      - Subject of the tokens, compared byte for byte, such as V(system:serviceaccount:gatekeeper-system:ratify-admin).
      - Needed with O(state=present).
    type: str
  audiences:
    description: Audience of the tokens; Azure takes exactly one. With O(credentials), the default of the entries.
    type: list
    elements: str
    default: ["api://AzureADTokenExchange"]
  credentials:
    description:
      - Several credentials of the identity, 20 at most.
      - No two may have the same name, or the same issuer and subject.
    type: list
    elements: dict
    suboptions:
      name:
        description: As O(name).
        type: str
        required: true
      issuer:
        description: As O(issuer).
        type: str
      subject:
        description: As O(subject).
        type: str
      audiences:
        description: As O(audiences), which is the default.
        type: list
        elements: str
  exact:
    description:
      - Whether O(credentials) are the only ones of the identity. V(true) B(removes every other credential of the identity, also
        those that others made), and workloads that used it can no longer log in. With an empty list it removes all. Look at the
        diff of check mode first.
      - They are removed before new ones are created, so a full identity can be changed, and a credential can get another name.
      - Without effect with O(state=absent), which removes only what is listed.
    type: bool
    default: false
  change_issuer:
    description:
      - Whether to take over a credential that another cluster uses. V(false) refuses that before anything is written, because
        workloads of that cluster could no longer log in. The module looks for the credential's issuer among the clusters of the
        subscription. If no cluster has it, the credential gets the new issuer.
      - If a credential would get another issuer, V(false) needs a login that may list the clusters of the subscription.
    type: bool
    default: true
  state:
    description: Whether the credential exists, or each of O(credentials).
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

- name: Let only the service accounts of two clusters log in as the identity
  image_trust.azure.federated_credential:
    resource_group: image-trust
    identity_name: ratify
    credentials:
      - name: ratify-on-lab1
        issuer: https://eastus.oic.prod-aks.azure.com/11111111-1111-1111-1111-111111111111/d2d4aa6f-0d0b-4a55-9e1f-2d8d0f0b9b10/
        subject: system:serviceaccount:gatekeeper-system:ratify-admin
      - name: ratify-on-lab2
        issuer: https://eastus.oic.prod-aks.azure.com/11111111-1111-1111-1111-111111111111/6a0e5d2c-3f55-4f0e-8d59-0c7f5f3a1e77/
        subject: system:serviceaccount:gatekeeper-system:ratify-admin
    exact: true

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
  returned: when O(name) is given
  type: dict
  sample:
    id: "/subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/image-trust/providers/Microsoft.ManagedIdentity/\
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
federated_credentials:
  description: Those of O(credentials) that exist afterwards, in their order, each as RV(federated_credential). Others of the identity are not in it.
  returned: when O(credentials) is given
  type: list
  elements: dict
  sample:
    - id: "/subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/image-trust/providers/Microsoft.ManagedIdentity/\
        userAssignedIdentities/ratify/federatedIdentityCredentials/ratify-on-lab1"
      name: ratify-on-lab1
      issuer: https://eastus.oic.prod-aks.azure.com/11111111-1111-1111-1111-111111111111/d2d4aa6f-0d0b-4a55-9e1f-2d8d0f0b9b10/
      subject: system:serviceaccount:gatekeeper-system:ratify-admin
      audiences: ["api://AzureADTokenExchange"]
done:
  description: What was written before the write that failed, in words.
  returned: failure of a write, when there were several to make
  type: list
  elements: str
  sample: ["remove the federated credential ratify-on-old", "create the federated credential ratify-on-lab1"]
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

from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.image_trust.azure.plugins.module_utils._arm.federated_credentials import (
    AUDIENCE,
    FederatedCredential,
    Parent,
    apply,
    changes_issuer,
    check,
    check_set,
    missing,
    plan,
    plan_absent,
    read,
)
from ansible_collections.image_trust.azure.plugins.module_utils._arm.managed_clusters import by_issuer
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module, each, perhaps_unknown, state_option
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._change import exit_changed, exit_converged


def wanted(module: AnsibleModule, entry: Mapping[str, Any]) -> FederatedCredential:
    """The credential that the options in `entry` ask for."""
    present = module.params["state"] == "present"
    return check(
        FederatedCredential(
            name=entry["name"],
            issuer=perhaps_unknown(module, "issuer", entry) if present else None,
            subject=(entry["subject"] or "") if present else None,
            audiences=tuple(module.params["audiences"] if entry["audiences"] is None else entry["audiences"]),
        )
    )


def main() -> NoReturn:
    credential = dict(issuer=dict(type="str"), subject=dict(type="str"))
    module = azure_module(
        resource_group=dict(type="str", required=True),
        identity_name=dict(type="str", required=True),
        name=dict(type="str"),
        **credential,
        audiences=dict(type="list", elements="str", default=[AUDIENCE]),
        credentials=dict(
            type="list",
            elements="dict",
            options=dict(name=dict(type="str", required=True), **credential, audiences=dict(type="list", elements="str")),
        ),
        exact=dict(type="bool", default=False),
        change_issuer=dict(type="bool", default=True),
        state=state_option(),
        required_one_of=[("name", "credentials")],
        mutually_exclusive=[("credentials", "name"), ("credentials", "issuer"), ("credentials", "subject")],
        required_if=[
            ("state", "present", ("issuer", "credentials"), True),
            ("state", "present", ("subject", "credentials"), True),
            ("exact", True, ("credentials",)),
        ],
    )
    with azure_session(module) as azure:
        present = module.params["state"] == "present"
        parent = Parent(module.params["resource_group"], module.params["identity_name"])
        asked = each(module.params, "credentials", partial(wanted, module))
        check_set(asked)
        current = read(azure, parent)
        if current is None and present and not module.check_mode:
            raise missing(parent)
        if present:
            clusters = by_issuer(azure) if not module.params["change_issuer"] and changes_issuer(current or (), asked) else None
            changes = plan(current or (), asked, exact=module.params["exact"], clusters=clusters)
        else:
            changes = plan_absent(current or (), [one.name for one in asked])
        if not module.check_mode:
            changes = apply(azure, parent, changes)
    called = f"federated credentials of {parent}"
    if module.params["credentials"] is None:
        exit_changed(module, changes[0], "federated_credential", called)
    exit_converged(module, changes, "federated_credentials", called)


if __name__ == "__main__":
    main()
