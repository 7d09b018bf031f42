#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_kubeconfig
short_description: Get the kubeconfig of an AKS cluster
version_added: 1.0.0
description:
  - Writes the kubeconfig of a managed Kubernetes cluster to a file of its own, readable by its owner only, or returns it.
  - Unlike C(az aks get-credentials) it merges nothing into C(~/.kube/config).
  - If users of the cluster sign in with Entra ID, AKS returns a kubeconfig without credentials. The module then gets an access
    token for the cluster's Kubernetes API with its own login, and writes it into the kubeconfig. C(kubelogin) is not needed, and
    local accounts may be disabled.
  - Such a token is valid for 60 to 90 minutes. Each run writes a new one; a newer token alone is not reported as a change. In check
    mode too the module renews the token in a file that is otherwise up to date, because later tasks have to read the cluster.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-containerservice >= 32.1.0
  - PyYAML (for clusters with Entra ID)
options:
  resource_group:
    description: The resource group of the cluster.
    type: str
    required: true
  cluster_name:
    description: Name of the cluster. In check mode it need not exist yet.
    type: str
    required: true
  path:
    description:
      - File to write, in one step and with mode 0600, if its content or mode differ. Missing folders are created with mode 0700.
      - Without it the kubeconfig is returned. Then set C(no_log) on the task, because it is a secret.
    type: path
  administrator:
    description:
      - Whether the login has to be an administrator of the cluster. Otherwise the module fails, names the missing permission, and
        writes nothing.
      - The module checks this on clusters with Entra ID only; the local account is always an administrator.
    type: bool
    default: false
  state:
    description: Whether the file exists; V(absent) removes it without asking Azure, and needs O(path).
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.aks_cluster
"""

EXAMPLES = r"""
- name: Get the cluster's credentials
  image_trust.azure.aks_kubeconfig:
    resource_group: image-trust
    cluster_name: lab1
    path: "{{ playbook_dir }}/.kube/lab1"
"""

RETURN = r"""
path:
  description: The file.
  returned: when O(path) is given
  type: str
  sample: /home/ops/.kube/lab1
file:
  description: The file's mode and the SHA-256 of its content; null when it does not exist afterwards.
  returned: when O(path) is given
  type: dict
  sample:
    path: /home/ops/.kube/lab1
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    mode: "0600"
  contains:
    path:
      description: The file.
      type: str
      returned: always
    sha256:
      description: SHA-256 of its content; of a token in it, only whose it is counts. Null in check mode where there is no cluster yet.
      type: str
      returned: always
    mode:
      description: Mode, four octal digits.
      type: str
      returned: always
kubeconfig:
  description: The kubeconfig, a secret. Null in check mode where there is no cluster yet.
  returned: when O(path) is not given
  type: str
  sample: "apiVersion: v1\nkind: Config\n..."
token:
  description:
    - Whose access token is in the kubeconfig, and when it expires.
    - Null where the cluster has a local account for its users, and in check mode where there is no cluster yet.
  returned: when O(state=present)
  type: dict
  sample:
    object_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
    tenant_id: 11111111-1111-1111-1111-111111111111
    server_id: 6dae42f8-4368-4678-94ff-3960e28e3630
    expires_on: "2026-11-24T10:00:00+00:00"
  contains:
    object_id:
      description: Object id of the principal whose token it is.
      type: str
      returned: always
    tenant_id:
      description: Tenant of the principal.
      type: str
      returned: always
    server_id:
      description: Id of the application that the token is for, the Kubernetes API of AKS clusters.
      type: str
      returned: always
    expires_on:
      description: When it expires (UTC, ISO 8601).
      type: str
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

from typing import Any, NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._arm.kubeconfig_file import Credentials, apply, credentials, plan
from ansible_collections.image_trust.azure.plugins.module_utils._arm.managed_clusters import Wanted, missing
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module, state_option
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import refuse
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session, failing
from ansible_collections.image_trust.azure.plugins.module_utils._change import exit_changed


def main() -> NoReturn:
    module = azure_module(
        resource_group=dict(type="str", required=True),
        cluster_name=dict(type="str", required=True),
        path=dict(type="path"),
        administrator=dict(type="bool", default=False),
        state=state_option(),
        required_if=[("state", "absent", ("path",))],
    )
    path = module.params["path"]
    present = module.params["state"] == "present"
    results: dict[str, Any] = {}
    found = Credentials()
    with failing(module):
        if path == "":
            raise refuse("path is empty; give the file, or leave it out to have the kubeconfig returned.")
    if present:
        with azure_session(module) as azure:
            wanted = Wanted(name=module.params["cluster_name"], resource_group=module.params["resource_group"], option="cluster_name")
            found = credentials(azure, wanted, administrator=module.params["administrator"])
            if found.text is None and not module.check_mode:
                raise missing(wanted)
        results["token"] = found.token and found.token.shown()
        if not path:
            module.exit_json(changed=False, kubeconfig=found.text, **results)
    with failing(module):
        change = plan(path, found, present=present)
        if not (module.check_mode and change.changed):
            apply(change, found)
    exit_changed(module, change, "file", f"file {path}", path=path, **results)


if __name__ == "__main__":
    main()
