#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_cluster
short_description: Manage an AKS cluster, its OIDC issuer and workload identity, its attached registries and kubeconfig
version_added: 1.0.0
description:
  - Creates a managed Kubernetes cluster, as C(az aks create) does with a system-assigned identity, or turns on the OIDC issuer and
    workload identity of an existing one, as C(az aks update) does.
  - Nothing else is changed. With azure-mgmt-containerservice 33.0.0 or newer the module also preserves a change that another client
    makes at the same moment; older versions do not return a cluster's eTag. A cluster whose last change failed is written again
    unchanged.
  - Attaches registries and writes a kubeconfig if you ask for them. The module reads and plans as much as it can before the first
    write, and writes nothing if anything is refused. If a write still fails, the result lists what was done and what was not;
    another run goes on from there.
  - Waits until Azure has finished, including an operation of another client.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-containerservice >= 32.1.0
  - azure-mgmt-resource >= 23.2.0 (for a new cluster without O(location))
  - azure-mgmt-authorization >= 4.0.0 and azure-mgmt-containerregistry >= 10.3.0, with O(registries)
  - PyYAML, with O(kubeconfig), for clusters with Entra ID
options:
  resource_group:
    description: The resource group of the cluster.
    type: str
    required: true
  name:
    description: Name of the cluster, 1 to 63 letters, digits, C(-) or C(_).
    type: str
    required: true
  create:
    description:
      - Whether to create a cluster that does not exist.
      - With V(false) a missing cluster is an error, which names the clusters of the resource group. So a misspelt name creates
        nothing.
    type: bool
    default: true
  location:
    description:
      - Region in which it is created; by default that of the resource group.
      - An existing cluster in another region is an error, because Azure cannot move it.
    type: str
  kubernetes_version:
    description: Version of a new cluster; by default the one that Azure prefers. An existing cluster is not upgraded.
    type: str
  node_count:
    description: Number of nodes of a new cluster.
    type: int
    default: 3
  node_vm_size:
    description: Size of the nodes of a new cluster; by default the one that Azure chooses.
    type: str
  oidc_issuer:
    description:
      - Whether the cluster has an OIDC issuer. Not changed if not given.
      - Azure cannot turn it off again; V(false) for a cluster that has it is an error.
    type: bool
  workload_identity:
    description: Whether workload identity is on, which needs the OIDC issuer. Not changed if not given.
    type: bool
  registries:
    description:
      - Container registries from which the cluster's nodes may pull, as C(az aks update --attach-acr) lets them.
      - Their identity gets the role V(AcrPull), or V(Container Registry Repository Reader) if the registry is in ABAC mode. The
        other of the two has no effect there and is removed. Permissions on other registries are not changed, and with
        O(state=absent) none are.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name. Needed without C(id).
        type: str
      resource_group:
        description: Resource group. Needed without C(id).
        type: str
      subscription_id:
        description: Subscription; by default that of the login.
        type: str
      id:
        description: Id of the resource, in place of the others.
        type: str
  kubeconfig:
    description:
      - Writes the cluster's kubeconfig, as M(image_trust.azure.aks_kubeconfig) does. With O(state=absent) the file is not changed.
    type: dict
    suboptions:
      path:
        description: File to write, in one step and with mode 0600, if its content or mode differ. Missing folders are created with
          mode 0700.
        type: path
        required: true
      administrator:
        description:
          - Whether the login has to be an administrator of the cluster. Otherwise the module fails and names the missing
            permission; on an existing cluster it does so before anything is written.
          - The module checks this on clusters with Entra ID only; the local account is always an administrator.
        type: bool
        default: false
  wait_timeout:
    description: Seconds to wait until Azure has finished.
    type: int
    default: 1800
  state:
    description: Whether the cluster exists; V(absent) deletes it with all that runs in it.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.aks_kubeconfig
  - module: image_trust.azure.federated_credential
"""

EXAMPLES = r"""
- name: Have a cluster whose service accounts can log in to Azure
  image_trust.azure.aks_cluster:
    resource_group: image-trust
    name: lab1
    oidc_issuer: true
    workload_identity: true
  register: aks

- name: Let its nodes pull from a registry, and write its kubeconfig
  image_trust.azure.aks_cluster:
    resource_group: image-trust
    name: lab1
    registries: [{resource_group: image-trust, name: imagetrustlab}]
    kubeconfig: {path: "{{ playbook_dir }}/.kube/lab1"}

- name: Show its issuer
  ansible.builtin.debug:
    var: aks.cluster.issuer_url
"""

RETURN = r"""
cluster:
  description: The cluster; null when it does not exist afterwards. In check mode, what is only known afterwards is null.
  returned: success
  type: dict
  sample:
    id: /subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/image-trust/providers/Microsoft.ContainerService/managedClusters/lab1
    name: lab1
    location: eastus
    oidc_issuer: true
    workload_identity: true
    issuer_url: https://eastus.oic.prod-aks.azure.com/11111111-1111-1111-1111-111111111111/d2d4aa6f-0d0b-4a55-9e1f-2d8d0f0b9b10/
    kubelet_identity:
      client_id: 9be6d1f0-7f62-4b5e-8f8c-0d3f8f5a7c33
      object_id: a1d58cf1-4c3c-4d0d-9d0b-7a1f5e1c2b44
      resource_id: "/subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/MC_image-trust_lab1_eastus/providers/\
        Microsoft.ManagedIdentity/userAssignedIdentities/lab1-agentpool"
    tenant_id: 11111111-1111-1111-1111-111111111111
    kubernetes_version: 1.36.4
    node_resource_group: MC_image-trust_lab1_eastus
    addons:
      azurepolicy: false
    provisioning_state: Succeeded
  contains:
    id:
      description: Id of the resource; null until the cluster exists.
      type: str
      returned: always
    name:
      description: Name.
      type: str
      returned: always
    location:
      description: Region; null until the cluster exists, where none is asked for.
      type: str
      returned: always
    oidc_issuer:
      description: Whether it has an OIDC issuer; null until the cluster exists, where none is asked for and Azure decides.
      type: bool
      returned: always
    workload_identity:
      description: Whether workload identity is on.
      type: bool
      returned: always
    issuer_url:
      description: URL of the OIDC issuer, to be given to federated credentials byte for byte; null where there is none, or not yet.
      type: str
      returned: always
    kubelet_identity:
      description: The identity with which the nodes pull images; null until Azure has made the cluster.
      type: dict
      returned: always
      contains:
        client_id:
          description: Client id, by which a program in the cluster names it.
          type: str
          returned: always
        object_id:
          description: Object id, to which roles are assigned.
          type: str
          returned: always
        resource_id:
          description: Id of the resource.
          type: str
          returned: always
    tenant_id:
      description: >-
        Tenant of the system-assigned identity of the cluster's control plane; null until the cluster exists, and where it has a user-assigned identity or a
        service principal instead, for which AKS returns no tenant.
      type: str
      returned: always
    kubernetes_version:
      description: Version of Kubernetes; null until the cluster exists, where none is asked for.
      type: str
      returned: always
    node_resource_group:
      description: Resource group of the nodes; null until the cluster exists.
      type: str
      returned: always
    addons:
      description: Whether each add-on is on, by name in lower case. Those that Azure says nothing of are not in it.
      type: dict
      returned: always
    provisioning_state:
      description: V(Succeeded), V(Failed), V(Canceled), or what Azure is doing, such as V(Updating).
      type: str
      returned: always
registries:
  description: Those of O(registries), in their order, each as RV(image_trust.azure.registry_info#module:registry). Empty with O(state=absent).
  returned: success
  type: list
  elements: dict
  sample:
    - id: /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust/providers/Microsoft.ContainerRegistry/registries/imagetrustlab
      name: imagetrustlab
      login_server: imagetrustlab.azurecr.io
      role_assignment_mode: LegacyRegistryPermissions
      pull_role: AcrPull
      pull_roles: [AcrPull, Container Registry Repository Reader]
      push_role: AcrPush
      push_roles: [AcrPush, Container Registry Repository Writer]
kubeconfig:
  description: The kubeconfig that was written.
  returned: when O(kubeconfig) is given, with O(state=present)
  type: dict
  sample:
    path: /home/ops/.kube/lab1
    written: false
    file:
      path: /home/ops/.kube/lab1
      sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      mode: "0600"
    token: null
  contains:
    path:
      description: The file.
      type: str
      returned: always
    written:
      description: Whether it was written because its content or mode differed, or in check mode would be. A new token alone does not count.
      type: bool
      returned: always
    file:
      description: The file's mode and the SHA-256 of its content, as RV(image_trust.azure.aks_kubeconfig#module:file); null when it does not exist afterwards.
      returned: always
      type: dict
    token:
      description:
        - Whose access token is in the kubeconfig, and when it expires, as RV(image_trust.azure.aks_kubeconfig#module:token).
        - Null where the cluster has a local account for its users, and in check mode where there is no cluster yet.
      returned: always
      type: dict
      sample:
        object_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
        tenant_id: 11111111-1111-1111-1111-111111111111
        server_id: 6dae42f8-4368-4678-94ff-3960e28e3630
        expires_on: "2026-11-24T10:00:00+00:00"
changes:
  description: What was changed, or in check mode would be, in words and in order.
  returned: when O(registries) or O(kubeconfig) is given, with O(state=present)
  type: list
  elements: str
  sample:
    - create the cluster lab1 in resource group image-trust
    - assign the role AcrPull on the registry imagetrustlab in mode LegacyRegistryPermissions
    - write the kubeconfig /home/ops/.kube/lab1
done:
  description: What was written before the write that failed, in words.
  returned: failure of a write, when there were several to make
  type: list
  elements: str
  sample: ["create the cluster lab1 in resource group image-trust"]
not_done:
  description: The write that failed and those that had not begun, in words.
  returned: failure of a write, when there were several to make
  type: list
  elements: str
  sample: ["assign the role AcrPull on the registry imagetrustlab in mode LegacyRegistryPermissions"]
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

from ansible_collections.image_trust.azure.plugins.module_utils._arm import attached_cluster as attached
from ansible_collections.image_trust.azure.plugins.module_utils._arm.attached_cluster import plan, read
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._azure.writes import exit_stepped, make
from ansible_collections.image_trust.azure.plugins.module_utils._change import exit_changed


def main() -> NoReturn:
    module = azure_module(**attached.options())
    with azure_session(module) as azure:
        asked = attached.wanted(module.params)
        found = read(azure, asked)
        planned = plan(azure, asked, found)
        steps = planned if module.check_mode else make(planned)
        kubeconfig = attached.kubeconfig(azure, asked, found, steps, check=module.check_mode)
    cluster = steps[0].change
    registries = [registry.shown() for registry in found.registries]
    if len(steps) == 1:
        exit_changed(module, cluster, "cluster", str(asked.cluster), registries=registries)
    more = {"kubeconfig": kubeconfig} if kubeconfig else {}
    exit_stepped(module, steps, cluster=(cluster.after.shown() if cluster.after else None), registries=registries, **more)


if __name__ == "__main__":
    main()
