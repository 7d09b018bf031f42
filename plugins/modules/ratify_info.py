#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ratify_info
short_description: Read what is installed of Ratify, and why it must not be installed or removed
version_added: 1.0.0
description:
  - Reads Ratify's Helm release and its configuration, in one task.
  - RV(problems) has a sentence, with the remedy, for each reason for which Ratify must not be installed (O(state=present)) or removed (O(state=absent)).
  - Fails within a minute if the cluster does not answer, and if a record of Helm cannot be read or was not written by Helm.
author:
  - The image_trust.azure authors (@image-trust)
options:
  namespace:
    description: Namespace of Ratify.
    type: str
    default: gatekeeper-system
  state:
    description: Whether Ratify will be installed or removed.
    type: str
    choices: [present, absent]
    default: present
  chart_version:
    description: Version of the chart that will be installed. Required with O(state=present).
    type: str
  downgrade:
    description: Whether the chart may replace a newer one.
    type: bool
    default: false
  configuration:
    description: The stores, verifiers and key management providers that the chart will make.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: Kind of the object.
        type: str
        required: true
      name:
        description: Name of the object.
        type: str
        required: true
  foreign_objects:
    description: Titles of configuration of others that was reviewed, such as V(Verifier contoso).
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.cluster
attributes:
  check_mode:
    details:
      - If O(kubeconfig) does not exist, the cluster counts as missing too, and nothing is installed.
seealso:
  - module: image_trust.azure.gatekeeper_info
  - module: image_trust.azure.exact_objects
"""

EXAMPLES = r"""
- name: Get what is installed of Ratify
  image_trust.azure.ratify_info:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    chart_version: 1.15.7
    configuration:
      - kind: Store
        name: store-oras
      - kind: Verifier
        name: verifier-notation
  register: found

- name: Reject a Ratify that cannot be changed
  ansible.builtin.assert:
    that: found.problems | length == 0
    fail_msg: "{{ found.problems | join(' ') }}"
"""

RETURN = r"""
installed:
  description:
    - What Helm tried last, and goes on from, as RV(image_trust.azure.gatekeeper_info#module:installed).
    - Null where it is not installed, and where Helm is at work or was interrupted.
  type: dict
  returned: success
  sample:
    chart: ratify
    chart_version: 1.15.7
    revision: 2
    status: deployed
current:
  description:
    - Chart and values of RV(installed), by name; see RV(image_trust.azure.gatekeeper_info#module:current). Null where RV(installed) is.
  type: dict
  returned: success
  sample: {chart: ratify-1.15.7, values: {replicaCount: 2}}
interrupted:
  description: Whether Helm is at work or was interrupted; see M(image_trust.azure.helm_release_recovery).
  type: bool
  returned: success
  sample: false
is_known:
  description: Whether the cluster has Ratify's custom resource definitions, so that a Ratify may run.
  type: bool
  returned: success
  sample: true
former:
  description: The stores, verifiers and key management providers that the chart has made.
  type: list
  elements: dict
  returned: success
  sample: [{kind: Store, name: store-oras}]
  contains:
    kind:
      description: Kind of the object.
      type: str
      returned: always
    name:
      description: Name of the object.
      type: str
      returned: always
stale:
  description: References of what the chart made by hooks and no longer makes, as O(image_trust.azure.exact_objects#module:absent) takes them.
  type: list
  elements: dict
  returned: success
  sample: [{apiVersion: config.ratify.deislabs.io/v1beta1, kind: Verifier, metadata: {name: verifier-cosign}}]
problems:
  description: Why it must not be changed, a sentence each.
  type: list
  elements: str
  returned: success
  sample: []
removal:
  description: What to delete besides what Helm deletes, with O(state=absent), as RV(image_trust.azure.gatekeeper_info#module:removal).
  type: dict
  returned: success
  sample: {before: [], release: [], records: [], leftovers: []}
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._installed import reading
from ansible_collections.image_trust.azure.plugins.module_utils._installed.results import exit_installed
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module


def main() -> NoReturn:
    module = cluster_module(**reading.ratify_options(), required_if=[("state", "present", ("chart_version",))])
    exit_installed(module, "Ratify", present=reading.ratify_to_install, absent=reading.ratify_to_remove, is_known=False, former=[], stale=[])


if __name__ == "__main__":
    main()
