#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: helm_release_recovery
short_description: Remove the record of a Helm release whose run was interrupted
version_added: 1.0.0
description:
  - A run of Helm that was killed leaves its record of the release pending, or uninstalling, and Helm refuses all later runs with C(another operation is in
    progress). This module deletes that record only. The objects stay, and Helm takes them over.
  - Helm may still be active on another machine. The module waits until that run has finished, or until its record is older than
    O(wait_timeout).
  - After an interrupted removal it deletes all records of the release, because Helm does not go on from a superseded revision.
author:
  - The image_trust.azure authors (@image-trust)
options:
  name:
    description: Name of the release.
    type: str
    required: true
  namespace:
    description: Namespace of the release.
    type: str
    required: true
  wait_timeout:
    description: Seconds that any run of Helm on this release takes at most.
    type: int
    default: 300
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.cluster
attributes:
  check_mode:
    details:
      - The module does not wait.
seealso:
  - module: kubernetes.core.helm
"""

EXAMPLES = r"""
- name: Remove the record of an interrupted installation
  image_trust.azure.helm_release_recovery:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    name: ratify
    namespace: gatekeeper-system
"""

RETURN = r"""
objects:
  description: The records that were deleted, as Secrets.
  type: list
  elements: str
  returned: success
  sample: [sh.helm.release.v1.ratify.v2]
"""

import time
from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import ClusterApi, ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.helm import read_records

PAUSE = 2.0
"""Seconds between two looks at the records."""


def main() -> NoReturn:
    module = cluster_module(name=dict(required=True), namespace=dict(required=True), wait_timeout=dict(type="int", default=300))
    options = module.params
    name, namespace, timeout = options["name"], options["namespace"], options["wait_timeout"]
    try:
        api = ClusterApi(options["kubeconfig"], options["context"])
        records = read_records(api, name, namespace)
        # Ends within the timeout, unless others go on starting Helm.
        until = time.monotonic() + 2 * timeout
        while records.is_busy(time.time(), timeout) and not module.check_mode:
            if time.monotonic() > until:
                module.fail_json(msg=f"Other clients run Helm on the release {name} in {namespace} again and again; {2 * timeout} s were not enough.")
            time.sleep(PAUSE)
            records = read_records(api, name, namespace)
        deleted = records.blocking()
        for secret in deleted if not module.check_mode else []:
            api.delete(f"/api/v1/namespaces/{namespace}/secrets/{secret}")
    except ClusterError as e:
        module.fail_json(msg=f"Helm's records of the release {name} in {namespace} cannot be removed: {e}.")
    shown = {"diff": {"before": "".join(f"Secret {namespace}/{each}\n" for each in deleted), "after": ""}} if module._diff else {}
    module.exit_json(changed=bool(deleted), objects=deleted, **shown)


if __name__ == "__main__":
    main()
