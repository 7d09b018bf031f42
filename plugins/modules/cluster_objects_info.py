#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_objects_info
short_description: List what is in a cluster, of whatever kind
version_added: 1.0.0
description:
  - Lists the objects of API groups, or of a namespace, in one task and without naming their kinds. What is asked for and not there is no error.
  - Only reads metadata. The data of secrets never leaves the cluster.
  - Fails within a minute when the cluster does not answer.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - kubernetes >= 31.0.0
options:
  kubeconfig:
    description: File with the cluster's credentials.
    type: path
    required: true
  context:
    description: Context in O(kubeconfig). The file's current context when not given.
    type: str
  groups:
    description: API groups of which all objects are listed.
    type: list
    elements: str
    default: []
  namespaces:
    description: Namespaces to list, with all objects in them of whatever kind, but events and endpoints.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes.
    details: Nothing is changed.
  diff_mode:
    support: none
    description: Returns details on what has changed, in diff mode.
    details: Nothing is changed.
"""

EXAMPLES = r"""
- name: What is made of Gatekeeper's templates
  image_trust.azure.cluster_objects_info:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    groups: [templates.gatekeeper.sh, constraints.gatekeeper.sh]
  register: found

- name: Show it
  ansible.builtin.debug:
    msg: "{{ found.objects | map(attribute='title') }}"
"""

RETURN = r"""
kinds:
  description: The kinds that the cluster knows of O(groups), whether there are objects of them or not.
  type: list
  elements: str
  returned: success
  sample: [ConstraintTemplate, ImagesVerified]
objects:
  description: The objects, each once.
  type: list
  elements: dict
  returned: success
  sample: []
  contains:
    api_version:
      description: API group and version.
      type: str
      sample: templates.gatekeeper.sh/v1
    kind:
      description: Kind.
      type: str
      sample: ConstraintTemplate
    namespace:
      description: Namespace. Null for an object of the cluster.
      type: str
      sample: default
    name:
      description: Name.
      type: str
      sample: imagesverified
    title:
      description: Kind and name, with the namespace where there is one, for people.
      type: str
      sample: ConstraintTemplate imagesverified
    reference:
      description: As O(kubernetes.core.k8s#module:definition) takes it, to delete the object.
      type: dict
      sample: {apiVersion: templates.gatekeeper.sh/v1, kind: ConstraintTemplate, metadata: {name: imagesverified}}
    labels:
      description: Labels.
      type: dict
      sample: {app: web}
    release:
      description: Namespace and name of the Helm release that it is part of, or null.
      type: str
      sample: gatekeeper-system/ratify
    hook:
      description: Whether a Helm chart made it by a hook, which no release remembers.
      type: bool
    owned:
      description: Whether another object owns it, with which it goes.
      type: bool
    managers:
      description: Names of the programs that have written it.
      type: list
      elements: str
      sample: [helm, kubectl-label]
"""

from typing import NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.image_trust.azure.plugins.module_utils._cluster_api import KUBERNETES_IMPORT_ERROR, ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._cluster_objects import ClusterObjects


def main() -> NoReturn:
    module = AnsibleModule(
        argument_spec=dict(
            kubeconfig=dict(type="path", required=True),
            context=dict(),
            groups=dict(type="list", elements="str", default=[]),
            namespaces=dict(type="list", elements="str", default=[]),
        ),
        supports_check_mode=True,
    )
    if KUBERNETES_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=KUBERNETES_IMPORT_ERROR)
    options = module.params
    try:
        cluster = ClusterObjects(options["kubeconfig"], options["context"])
        kinds = cluster.kinds(options["groups"])
        found = cluster.find(options["groups"], options["namespaces"])
    except ClusterError as e:
        module.fail_json(msg=f"The cluster cannot be looked at: {e}.")
    module.exit_json(changed=False, kinds=kinds, objects=[each.shown() for each in found])


if __name__ == "__main__":
    main()
