#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ratify_info
short_description: Get what is installed of Ratify, and what speaks against changing it
version_added: 1.0.0
description:
  - Reads Ratify's Helm release and its configuration, in one task.
  - RV(problems) has a sentence, with the way out, for each reason for which Ratify must not be installed (O(state=present)) or removed (O(state=absent)).
  - Fails within a minute when the cluster does not answer, and when a record of Helm cannot be read or another program than Helm wrote it.
author:
  - The image_trust.azure authors (@image-trust)
options:
  namespace:
    description: Namespace of Ratify.
    type: str
    default: gatekeeper-system
  state:
    description: What Ratify will become.
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
      - Where O(kubeconfig) does not exist, the cluster does not either, and nothing is installed.
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
  description: The chart and the values, as RV(image_trust.azure.gatekeeper_info#module:current). Null where RV(installed) is.
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
foreign:
  description: Titles of configuration that the chart did not make and that was not reviewed.
  type: list
  elements: str
  returned: success
  sample: [Verifier contoso]
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

from typing import Any, NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._installed import ratify, release
from ansible_collections.image_trust.azure.plugins.module_utils._installed.results import exit_installed
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import ClusterApi
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.helm import read_records
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.inventory import ClusterObjects


def present(api: ClusterApi, options: dict[str, Any]) -> dict[str, Any]:
    namespace = options["namespace"]
    objects, records = ClusterObjects(api).find(ratify.GROUPS, []), read_records(api, "ratify", namespace)
    wanted = [ratify.POLICY, *(f"{each['kind']} {each['name']}" for each in options["configuration"])]
    gone, made = ratify.stale(objects, namespace, wanted), ratify.made(objects, records, wanted)
    newer = release.newer("ratify", options["chart_version"], records.chart_versions, downgrade=options["downgrade"])
    return dict(
        **release.shown(records),
        is_known=ratify.is_known(objects),
        former=ratify.former(objects, namespace),
        stale=[each.reference for each in gone],
        foreign=ratify.foreign(objects, made, gone, options["foreign_objects"]),
        problems=[*ratify.conflicts(objects, namespace), *newer],
    )


def absent(api: ClusterApi, options: dict[str, Any]) -> dict[str, Any]:
    namespace = options["namespace"]
    objects = ClusterObjects(api).find(ratify.REMOVED_GROUPS, [namespace])
    return dict(problems=ratify.unexpected(objects, namespace), removal=ratify.removal(objects, namespace).shown())


def main() -> NoReturn:
    module = cluster_module(
        namespace=dict(default="gatekeeper-system"),
        state=dict(choices=["present", "absent"], default="present"),
        chart_version=dict(),
        downgrade=dict(type="bool", default=False),
        configuration=dict(type="list", elements="dict", default=[], options=dict(kind=dict(required=True), name=dict(required=True))),
        foreign_objects=dict(type="list", elements="str", default=[]),
        required_if=[("state", "present", ("chart_version",))],
    )
    exit_installed(module, "Ratify", present=present, absent=absent, is_known=False, former=[], stale=[], foreign=[])


if __name__ == "__main__":
    main()
