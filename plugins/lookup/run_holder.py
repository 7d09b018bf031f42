# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: run_holder
author: The image_trust.azure authors (@image-trust)
version_added: 1.0.0
short_description: The name of this run of Ansible, as a Lease has it
description:
  - Names the run for M(image_trust.azure.cluster_lease), the same in each task of the run and in no other one. It has the user, the controller, AWX' job or the
    process, a hash of the machine, and the name of P(image_trust.azure.run_folder#lookup).
  - In AWX, the user and the job are those of its variables C(awx_user_name) and C(awx_job_id).
options:
  _terms:
    description: None.
    required: false
seealso:
  - module: image_trust.azure.cluster_lease
"""

EXAMPLES = r"""
- name: Let no other run configure the cluster
  image_trust.azure.cluster_lease:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    holder: "{{ lookup('image_trust.azure.run_holder') }}"
"""

RETURN = r"""
_raw:
  description: The name.
  type: list
  elements: str
  sample: ["ops@controller, process 4711, run 9f2c41d07e3b:ansible-local-4711abcdefgh"]
"""

import os
import socket
from typing import Any

from ansible_collections.image_trust.azure.plugins.lookup import run_folder
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.holder import holder


class LookupModule(run_folder.LookupModule):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **options: Any) -> list[str]:
        (folder,) = super().run(terms, variables)
        of_awx = variables or {}
        user = of_awx.get("awx_user_name") or os.environ.get("USER") or os.getuid()
        return [holder(str(user), socket.gethostname(), str(of_awx.get("awx_job_id", "")), folder)]
