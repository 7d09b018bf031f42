#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_cluster_info
short_description: Read AKS clusters
version_added: 1.0.0
description:
  - Returns one managed Kubernetes cluster, or all of a resource group or of the subscription, as C(az aks show) and C(az aks list) do.
  - The list is empty if none exists, also if the resource group does not exist. A missing permission is an error.
  - Credentials are neither requested nor returned; see M(image_trust.azure.aks_kubeconfig).
  - Does not wait, unlike M(image_trust.azure.aks_cluster); see C(provisioning_state).
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-containerservice >= 32.1.0
options:
  resource_group:
    description: The resource group of the clusters. All of the subscription when not given.
    type: str
  name:
    description: Name of the one cluster to return; needs O(resource_group).
    type: str
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.aks_cluster
"""

EXAMPLES = r"""
- name: Read all clusters of the subscription
  image_trust.azure.aks_cluster_info:
  register: found

- name: Show those that lack workload identity
  ansible.builtin.debug:
    msg: "{{ found.clusters | rejectattr('workload_identity') | map(attribute='name') }}"
"""

RETURN = r"""
clusters:
  description: The clusters, each as RV(image_trust.azure.aks_cluster#module:cluster); empty where there is none.
  returned: success
  type: list
  elements: dict
  sample:
    - id: /subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/image-trust/providers/Microsoft.ContainerService/managedClusters/lab1
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
error:
  description: What Azure said, as RV(image_trust.azure.user_assigned_identity#module:error); only when the module fails.
  returned: failure
  type: dict
  sample:
    code: AuthorizationFailed
    message: >-
      The client '5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11' does not have authorization to perform action
      'Microsoft.ContainerService/managedClusters/read' over scope '/subscriptions/22222222-2222-2222-2222-222222222222'.
    status: 403
    request_id: 7a6f9a5c-3c1a-4a41-8f0f-2f3c5b0f7f2e
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._arm.managed_clusters import Wanted, read, read_all
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session


def main() -> NoReturn:
    module = azure_module(resource_group=dict(type="str"), name=dict(type="str"), required_by={"name": "resource_group"})
    resource_group, name = module.params["resource_group"], module.params["name"]
    with azure_session(module) as azure:
        found = read_all(azure, resource_group) if name is None else [read(azure, Wanted(name, resource_group))]
    module.exit_json(changed=False, clusters=[cluster.shown() for cluster in found if cluster])


if __name__ == "__main__":
    main()
