#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: gatekeeper_readiness
short_description: Wait until Gatekeeper answers and enforces constraints
version_added: 1.0.0
description:
  - Waits until Gatekeeper's webhooks answer dry runs, and until every pod of its webhook has loaded the current template and
    constraints.
  - Changes nothing. In check mode it does not wait, because earlier tasks have changed nothing.
author:
  - The image_trust.azure authors (@image-trust)
options:
  namespace:
    description: Namespace of Gatekeeper.
    type: str
    default: gatekeeper-system
  judged_namespace:
    description: Namespace in which Gatekeeper has to judge pods.
    type: str
    default: default
  exempt_namespace:
    description: Namespace in which pods have to be admitted without Gatekeeper.
    type: str
    default: kube-system
  template:
    description: Name of a ConstraintTemplate that every pod of the webhook has to have loaded.
    type: str
  constraints:
    description: Names of ImagesVerified that every pod of the webhook has to enforce.
    type: list
    elements: str
    default: []
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 90
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.cluster
seealso:
  - module: image_trust.azure.ratify_readiness
  - module: image_trust.azure.admission_probe
"""

EXAMPLES = r"""
- name: Wait for the policy
  image_trust.azure.gatekeeper_readiness:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    template: imagesverified
    constraints: [images-verified]
"""

RETURN = r"""
pods:
  description: Names of the pods of Gatekeeper's webhook that run. Empty in check mode.
  type: list
  elements: str
  returned: success
  sample: [gatekeeper-controller-manager-5f7c9d8b6-2xk4q]
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import ClusterApi, ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module
from ansible_collections.image_trust.azure.plugins.module_utils._verification.readiness import unanswered, unenforced, wait, webhook_pods


def main() -> NoReturn:
    module = cluster_module(
        namespace=dict(default="gatekeeper-system"),
        judged_namespace=dict(default="default"),
        exempt_namespace=dict(default="kube-system"),
        template=dict(),
        constraints=dict(type="list", elements="str", default=[]),
        wait_timeout=dict(type="int", default=90),
    )
    options = module.params
    if module.check_mode:
        module.exit_json(changed=False, pods=[])
    pods: list[str] = []
    try:
        api = ClusterApi(options["kubeconfig"], options["context"])
    except ClusterError as e:
        module.fail_json(msg=f"Whether Gatekeeper is ready is not known: {e}.")

    def missing() -> str:
        pods[:] = webhook_pods(api, options["namespace"])
        if not pods:
            return f"no pod of its webhook runs in {options['namespace']}"
        answers = unanswered(api, options["judged_namespace"], options["exempt_namespace"])
        return answers or unenforced(api, pods, options["template"], options["constraints"])

    if sentence := wait(missing, options["wait_timeout"]):
        module.fail_json(msg=f"Gatekeeper is not ready within {options['wait_timeout']} s: {sentence}.")
    module.exit_json(changed=False, pods=pods)


if __name__ == "__main__":
    main()
