#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: gatekeeper_info
short_description: Read what is installed of Gatekeeper, and why it must not be installed or removed
version_added: 1.0.0
description:
  - Reads Gatekeeper's Helm release, its validating webhook, its configuration and the namespaces that nodes need, in one task.
  - RV(problems) has a sentence, with the remedy, for each reason for which Gatekeeper must not be installed (O(state=present)) or removed (O(state=absent)).
  - Fails within a minute if the cluster does not answer, and if a record of Helm cannot be read or was not written by Helm.
author:
  - The image_trust.azure authors (@image-trust)
options:
  namespace:
    description: Namespace of Gatekeeper.
    type: str
    default: gatekeeper-system
  state:
    description: Whether Gatekeeper will be installed or removed.
    type: str
    choices: [present, absent]
    default: present
  chart_version:
    description: Version of the chart that will be installed. Without it, Helm's records, which are Secrets, are not read.
    type: str
  downgrade:
    description: Whether the chart may replace a newer one.
    type: bool
    default: false
  azure_policy_addon:
    description: Whether the cluster has the Azure Policy add-on, beside which Gatekeeper must not be installed.
    type: bool
    default: false
  failure_policy:
    description: The failure policy that the validating webhook will have.
    type: str
    choices: [Fail, Ignore]
    default: Fail
  exempt_namespaces:
    description: Namespaces about which Gatekeeper will not be asked.
    type: list
    elements: dict
    default: []
    suboptions: &reviewed
      name:
        description: Name of the namespace.
        type: str
        required: true
      reason:
        description: Why.
        type: str
        required: true
  covered_namespaces:
    description: Namespaces that nodes may need and about which Gatekeeper will be asked.
    type: list
    elements: dict
    default: []
    suboptions: *reviewed
  constraint:
    description: Name of the constraint of role policy, which does not count as one of another user.
    type: str
    default: images-verified
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.cluster
attributes:
  check_mode:
    details:
      - If O(kubeconfig) does not exist, the cluster counts as missing too, and nothing is installed.
seealso:
  - module: image_trust.azure.ratify_info
  - module: image_trust.azure.exact_objects
"""

EXAMPLES = r"""
- name: Get what is installed of Gatekeeper
  image_trust.azure.gatekeeper_info:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    chart_version: 3.23.1
    exempt_namespaces:
      - name: kube-system
        reason: what the cluster needs to start
  register: found

- name: Reject a Gatekeeper that cannot be changed
  ansible.builtin.assert:
    that: found.problems | length == 0
    fail_msg: "{{ found.problems | join(' ') }}"
"""

RETURN = r"""
installed:
  description: What Helm tried last, and goes on from. Null where it is not installed, and where Helm is at work or was interrupted.
  type: dict
  returned: success
  sample:
    chart: gatekeeper
    chart_version: 3.23.1
    revision: 2
    status: deployed
  contains:
    chart:
      description: Name of the chart.
      type: str
      returned: always
    chart_version:
      description: Version of the chart.
      type: str
      returned: always
    revision:
      description: Number of the revision.
      type: int
      returned: always
    status:
      description: V(deployed) or V(failed).
      type: str
      returned: always
current:
  description:
    - The chart, with its version after a hyphen (C(chart)), and the values that were given, by name and without the chart's own (C(values)). They are those of
      RV(installed), to compare with what is wanted. Null where RV(installed) is.
  type: dict
  returned: success
  sample: {chart: gatekeeper-3.23.1, values: {replicas: 3}}
interrupted:
  description: Whether Helm is at work or was interrupted; see M(image_trust.azure.helm_release_recovery).
  type: bool
  returned: success
  sample: false
exempt_namespaces:
  description: Those of O(exempt_namespaces), and those of a network that AKS installs outside C(kube-system).
  type: list
  elements: dict
  returned: success
  sample: [{name: calico-system, reason: "Calico, the nodes' network"}]
  contains:
    name:
      description: Name of the namespace.
      type: str
      returned: always
    reason:
      description: Why.
      type: str
      returned: always
has_other_constraints:
  description: Whether there are constraints of other templates than the collection's.
  type: bool
  returned: success
  sample: false
failure_policy:
  description: The failure policy of the validating webhook. Null where there is none.
  type: str
  returned: success
  sample: Fail
is_own:
  description: Whether no other release than the one in O(namespace) has the webhooks.
  type: bool
  returned: success
  sample: true
problems:
  description: Why it must not be changed, a sentence each.
  type: list
  elements: str
  returned: success
  sample: []
removal:
  description: What to delete besides what Helm deletes, with O(state=absent); each as O(image_trust.azure.exact_objects#module:absent) takes it.
  type: dict
  returned: success
  sample: {before: [], release: [], records: [], leftovers: []}
  contains:
    before:
      description: References of what to delete before Helm removes the release.
      type: list
      elements: dict
      returned: always
    release:
      description: References of the release's objects, which an interrupted removal left.
      type: list
      elements: dict
      returned: always
    records:
      description: References of Helm's records of it.
      type: list
      elements: dict
      returned: always
    leftovers:
      description: References of what Helm does not delete.
      type: list
      elements: dict
      returned: always
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._installed import gatekeeper, reading
from ansible_collections.image_trust.azure.plugins.module_utils._installed.results import exit_installed
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module


def main() -> NoReturn:
    module = cluster_module(**reading.gatekeeper_options())
    exit_installed(
        module,
        "Gatekeeper",
        present=reading.gatekeeper_to_install,
        absent=reading.gatekeeper_to_remove,
        exempt_namespaces=module.params["exempt_namespaces"],
        has_other_constraints=False,
        failure_policy=None,
        problems=gatekeeper.azure_policy(addon=module.params["azure_policy_addon"] and module.params["state"] == "present"),
        is_own=True,
    )


if __name__ == "__main__":
    main()
