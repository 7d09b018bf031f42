#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_objects_info
short_description: List Kubernetes objects of any kind
version_added: 1.0.0
description:
  - Lists the objects of API groups, or of a namespace, in one task and without naming their kinds. A missing group or namespace is
    no error.
  - Only reads metadata. The data of secrets never leaves the cluster.
  - Fails within a minute if the cluster does not answer.
author:
  - The image_trust.azure authors (@image-trust)
options:
  groups:
    description: API groups of which all objects are listed.
    type: list
    elements: str
    default: []
  namespaces:
    description: Namespaces to list, with all objects in them but events and endpoints.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.cluster
seealso:
  - module: image_trust.azure.exact_objects
  - module: kubernetes.core.k8s_info
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
      returned: always
      sample: templates.gatekeeper.sh/v1
    kind:
      description: Kind.
      type: str
      returned: always
      sample: ConstraintTemplate
    namespace:
      description: Namespace. Null for an object of the cluster.
      type: str
      returned: always
      sample: default
    name:
      description: Name.
      type: str
      returned: always
      sample: imagesverified
    title:
      description: Kind and name, with the namespace where there is one, for people.
      type: str
      returned: always
      sample: ConstraintTemplate imagesverified
    reference:
      description: As O(kubernetes.core.k8s#module:definition) takes it, to delete the object.
      type: dict
      returned: always
      sample: {apiVersion: templates.gatekeeper.sh/v1, kind: ConstraintTemplate, metadata: {name: imagesverified}}
      contains:
        apiVersion:
          description: API group and version.
          type: str
          returned: always
        kind:
          description: Kind.
          type: str
          returned: always
        metadata:
          description: Where it is.
          type: dict
          returned: always
          contains:
            name:
              description: Name.
              type: str
              returned: always
            namespace:
              description: Namespace.
              type: str
              returned: when it is not an object of the cluster
    labels:
      description: Labels, by name.
      type: dict
      returned: always
      sample: {app: web}
    release:
      description: Namespace and name of the Helm release that it is part of, or null.
      type: str
      returned: always
      sample: gatekeeper-system/ratify
    hook:
      description: Whether a Helm chart made it by a hook, which no release remembers.
      type: bool
      returned: always
    owned:
      description: Whether another object owns it, with which it goes.
      type: bool
      returned: always
    managers:
      description: Names of the programs that have written it.
      type: list
      elements: str
      returned: always
      sample: [helm, kubectl-label]
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import ClusterApi, ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.inventory import ClusterObjects


def main() -> NoReturn:
    module = cluster_module(
        groups=dict(type="list", elements="str", default=[]),
        namespaces=dict(type="list", elements="str", default=[]),
    )
    options = module.params
    try:
        cluster = ClusterObjects(ClusterApi(options["kubeconfig"], options["context"]))
        kinds = cluster.kinds(options["groups"])
        found = cluster.find(options["groups"], options["namespaces"])
    except ClusterError as e:
        module.fail_json(msg=f"The cluster cannot be looked at: {e}.")
    module.exit_json(changed=False, kinds=kinds, objects=[each.shown() for each in found])


if __name__ == "__main__":
    main()
