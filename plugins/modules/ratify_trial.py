#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ratify_trial
short_description: Ask a running Ratify whether it accepts the next configuration of its chart
version_added: 1.0.0
description:
  - Renders Ratify's chart with values, as C(helm template) does, and asks the Ratify in the cluster whether it accepts the
    verifiers and key management providers. In an upgrade Helm deletes the old ones before it creates the new ones, and Ratify
    denies every image while it refuses one of them.
  - Creates each under another name and as the kind that counts for one namespace, reads its status, and deletes it. No image is
    verified in O(namespace), so no verdict changes meanwhile.
  - A key management provider that reads from Azure is tried until O(timeout) is over, because permissions and federated credentials
    take effect late.
  - Fails with a reason for each object that is refused. What Ratify does not judge is whether a certificate signs the images that you have.
  - Nothing stays in the cluster. RV(ignore:changed) is always V(false).
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - helm >= 3
options:
  chart_repo_url:
    description: URL of the Helm repository.
    type: str
    required: true
  chart_version:
    description: Version of the chart V(ratify).
    type: str
    required: true
  values:
    description: Values for the chart.
    type: dict
    required: true
  objects:
    description: Verifiers and key management providers beside those of the chart.
    type: list
    elements: dict
    default: []
  namespace:
    description: Namespace of Ratify and Gatekeeper, which the policy does not cover.
    type: str
    required: true
  timeout:
    description: Seconds to go on trying to read a vault, at most.
    type: int
    default: 300
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.cluster
attributes:
  check_mode:
    support: partial
    details:
      - Ratify is not asked, because that creates objects for some seconds.
seealso:
  - module: image_trust.azure.chart_values_check
  - module: kubernetes.core.helm_template
"""

EXAMPLES = r"""
- name: Ask Ratify about its next trust policies
  image_trust.azure.ratify_trial:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    chart_repo_url: https://notaryproject.github.io/ratify
    chart_version: 1.15.7
    namespace: gatekeeper-system
    values:
      featureFlags: {RATIFY_CERT_ROTATION: true}
      notationCerts: ["{{ lookup('ansible.builtin.file', 'root.pem') }}"]
      notation:
        trustPolicies:
          - registryScopes: ["*"]
            trustStores: ["ca:notationCerts[0]"]
            trustedIdentities: ["x509.subject: C=US, ST=WA, O=Example"]
"""

RETURN = r"""
judged:
  description: Whether Ratify has judged them. V(false) where none runs, and in check mode.
  type: bool
  returned: success
  sample: true
serves:
  description: Whether Ratify has taken all by which it verifies now.
  type: bool
  returned: success
  sample: true
refusals:
  description: Each object that Ratify does not take, with its reason.
  type: list
  elements: str
  returned: failure
  sample: ["Verifier verifier-notation: trust policy statement \"web\" has overlapping x509 trustedIdentities"]
"""

import json
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import ClusterApi, ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.helm import parsed
from ansible_collections.image_trust.azure.plugins.module_utils._ratify.trial import Judgement, judge, serves, trials


def rendered(module: AnsibleModule) -> list[dict[str, Any]]:
    """What the chart makes of the values; ends the module where helm cannot tell."""
    options = module.params
    chart = ["ratify", "ratify", "--repo", options["chart_repo_url"], "--version", options["chart_version"], "--namespace", options["namespace"]]
    argv = [module.get_bin_path("helm", required=True), "template", *chart, "--values", "-"]
    status, printed, error = module.run_command(argv, data=json.dumps(options["values"]))
    if status:
        module.fail_json(msg=f"Chart ratify {options['chart_version']} of {options['chart_repo_url']} cannot be rendered: {' '.join(error.split())}")
    return [*parsed(printed, options["namespace"])]


def main() -> NoReturn:
    module = cluster_module(
        chart_repo_url=dict(required=True),
        chart_version=dict(required=True),
        values=dict(type="dict", required=True),
        objects=dict(type="list", elements="dict", default=[]),
        namespace=dict(required=True),
        timeout=dict(type="int", default=300),
    )
    options = module.params
    asked = trials([*rendered(module), *options["objects"]], options["namespace"])
    try:
        api = ClusterApi(options["kubeconfig"], options["context"])
        now = serves(api)
        judgement = Judgement(judged=False) if module.check_mode else judge(api, asked, options["timeout"])
    except ClusterError as e:
        module.fail_json(msg=f"Ratify cannot be asked about its next configuration: {e}.")
    if judgement.refusals:
        reasons = "; ".join(judgement.refusals)
        module.fail_json(msg=f"Ratify does not take its next configuration, and keeps the one that it has: {reasons}", refusals=judgement.refusals)
    module.exit_json(changed=False, judged=judgement.judged, serves=now)


if __name__ == "__main__":
    main()
