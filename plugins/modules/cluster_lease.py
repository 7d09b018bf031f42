#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_lease
short_description: Let one run at a time configure a cluster
version_added: 1.0.0
description:
  - Takes the Lease C(image-trust) in the namespace C(kube-system) of a Kubernetes cluster for a run of Ansible, or fails and names the run that has it. Of two
    runs that take it at the same time, one gets it.
  - A run that is killed releases nothing. Its Lease expires after O(duration); a later run on the same machine finds that the process is gone, and takes it
    at once. Otherwise C(kubectl --namespace kube-system delete lease image-trust) removes it.
  - The playbooks C(site.yml) and C(teardown.yml) do so by themselves. The roles alone do not.
  - The Lease belongs to the run and not to the cluster's configuration, so RV(ignore:changed) is always V(false).
author:
  - The image_trust.azure authors (@image-trust)
options:
  holder:
    description:
      - The run that takes the Lease, as P(image_trust.azure.run_holder#lookup) names it. A Lease that it already has is extended.
    type: str
    required: true
  duration:
    description: Seconds after which the Lease expires. It has to be longer than the run.
    type: int
    default: 3600
  state:
    description:
      - With V(present), the Lease is taken.
      - With V(absent), it is deleted if it is that of O(holder). Then a cluster that does not answer is only a warning, and so is a
        Lease of another run.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.cluster
attributes:
  check_mode:
    details:
      - No Lease is taken or deleted. A Lease of another run is a warning.
      - If O(kubeconfig) does not exist, the cluster counts as missing too, and has no Lease.
  diff_mode:
    support: N/A
    details:
      - Shows nothing, as nothing counts as a change.
seealso:
  - plugin: image_trust.azure.run_holder
    plugin_type: lookup
  - module: image_trust.azure.preflight
"""

EXAMPLES = r"""
- name: Let no other run configure the cluster
  image_trust.azure.cluster_lease:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    holder: "{{ lookup('image_trust.azure.run_holder') }}"

- name: Let other runs configure the cluster
  image_trust.azure.cluster_lease:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    holder: "{{ lookup('image_trust.azure.run_holder') }}"
    state: absent
"""

RETURN = r"""
held:
  description: Whether O(holder) has the Lease now.
  type: bool
  returned: success
  sample: true
kubeconfig:
  description: O(kubeconfig), for the task that releases the Lease.
  type: str
  returned: success
  sample: /home/ops/.kube/image-trust/production/web.yaml
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.lease import LeaseError, converge


def main() -> NoReturn:
    module = cluster_module(
        holder=dict(required=True),
        duration=dict(type="int", default=3600),
        state=dict(choices=["present", "absent"], default="present"),
    )
    try:
        module.exit_json(**converge(module.params, check_mode=module.check_mode, warn=module.warn))
    except LeaseError as e:
        module.fail_json(msg=str(e))


if __name__ == "__main__":
    main()
