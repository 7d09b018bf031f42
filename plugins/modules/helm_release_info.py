#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: helm_release_info
short_description: What Helm has written down about a release
version_added: 1.0.0
description:
  - Reads Helm's records of a release in the cluster, also those of an installation, an upgrade or a removal that Helm is at or that was interrupted.
  - Does not need C(helm). Fails within a minute when the cluster does not answer, and when a record cannot be read or another program than Helm wrote it.
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
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.cluster
seealso:
  - module: image_trust.azure.cluster_objects
  - module: kubernetes.core.helm_info
"""

EXAMPLES = r"""
- name: What there may be of Gatekeeper
  image_trust.azure.helm_release_info:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    name: gatekeeper
    namespace: gatekeeper-system
  register: found

- name: No version is newer than the one that will be installed
  ansible.builtin.assert:
    that: found.chart_versions | select('version', '3.23.1', '>') | length == 0
"""

RETURN = r"""
release:
  description: What Helm tried last, and goes on from. Null where it is not installed, and where Helm is at work or was interrupted.
  type: dict
  returned: success
  sample:
    chart: gatekeeper
    chart_version: 3.23.1
    revision: 2
    status: deployed
    given_values: {replicas: 3}
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
    given_values:
      description: The values that somebody gave, by name, without the chart's own.
      type: dict
      returned: always
chart_versions:
  description:
    - Versions of the chart of which there may be something in the cluster, each once, in the order in which they were installed.
    - They are that of the last revision that Helm finished, and those of all that it began later, whatever became of them.
  type: list
  elements: str
  returned: success
  sample: [3.23.1]
"""

from dataclasses import asdict
from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import ClusterApi, ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.helm import RecordError, release_revisions


def main() -> NoReturn:
    module = cluster_module(
        name=dict(required=True),
        namespace=dict(required=True),
    )
    options = module.params
    try:
        release, standing = release_revisions(ClusterApi(options["kubeconfig"], options["context"]), options["name"], options["namespace"])
    except RecordError as e:
        module.fail_json(msg=str(e))
    except ClusterError as e:
        module.fail_json(msg=f"Helm's records cannot be looked at: {e}.")
    versions = list(dict.fromkeys(each.chart_version for each in standing))
    module.exit_json(changed=False, release=asdict(release) if release else None, chart_versions=versions)


if __name__ == "__main__":
    main()
