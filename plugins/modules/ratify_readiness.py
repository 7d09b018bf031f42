#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ratify_readiness
short_description: Wait until Ratify has read its configuration and verifies images
version_added: 1.0.0
description:
  - Waits until Gatekeeper trusts Ratify's certificate, Ratify reports success for its configuration, and a dry run gets a verdict
    on an image from both.
  - With O(restart) it may restart Ratify's pods; otherwise it changes nothing. In check mode it does not wait.
author:
  - The image_trust.azure authors (@image-trust)
options:
  namespace:
    description: Namespace of Ratify.
    type: str
    default: gatekeeper-system
  configuration:
    description: The objects that Ratify has to have read.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: Kind, of C(config.ratify.deislabs.io/v1beta1).
        type: str
        required: true
        choices: [KeyManagementProvider, Store, Verifier]
      name:
        description: Name.
        type: str
        required: true
  image:
    description: Image about which Gatekeeper and Ratify are asked; it need not exist.
    type: str
    required: true
  restart:
    description:
      - Restart Ratify's pods if they have not read the configuration within 20 seconds, and wait again. Permissions and federated
        credentials take effect late, and Ratify's pauses between two attempts grow to a quarter of an hour.
      - Set it to V(false) if a working configuration can be restored, because every image is denied during the restart.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait at most, for each of the four.
    type: int
    default: 300
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.cluster
seealso:
  - module: image_trust.azure.gatekeeper_readiness
  - module: image_trust.azure.ratify_trial
"""

EXAMPLES = r"""
- name: Wait for Ratify
  image_trust.azure.ratify_readiness:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    configuration:
      - {kind: Store, name: store-oras}
      - {kind: Verifier, name: verifier-notation}
      - {kind: KeyManagementProvider, name: kmprovider-akv}
    image: contosoimages.azurecr.io/image-trust-probe@sha256:0000000000000000000000000000000000000000000000000000000000000000
"""

RETURN = r"""
restarted:
  description: Whether Ratify's pods were restarted.
  type: bool
  returned: success
  sample: false
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import ClusterApi, ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module
from ansible_collections.image_trust.azure.plugins.module_utils._verification.readiness import restart, uncertified, unread, unrolled, unverdicted, wait

FIRST = 20
"""Seconds in which Ratify reads its configuration where nothing is wrong."""


def main() -> NoReturn:
    module = cluster_module(
        namespace=dict(default="gatekeeper-system"),
        configuration=dict(
            type="list",
            elements="dict",
            default=[],
            options=dict(kind=dict(required=True, choices=["KeyManagementProvider", "Store", "Verifier"]), name=dict(required=True)),
        ),
        image=dict(required=True),
        restart=dict(type="bool", default=True),
        wait_timeout=dict(type="int", default=300),
    )
    options = module.params
    if module.check_mode:
        module.exit_json(changed=False, restarted=False)
    namespace, seconds, configuration, image = options["namespace"], options["wait_timeout"], options["configuration"], options["image"]
    restarted = False
    try:
        api = ClusterApi(options["kubeconfig"], options["context"])
        if missing := wait(lambda: uncertified(api, namespace), seconds):
            module.fail_json(msg=f"Ratify is not ready within {seconds} s: {missing}.")
        missing = wait(lambda: unread(api, configuration), FIRST)
        if missing and options["restart"]:
            restart(api, namespace)
            restarted = True
            missing = wait(lambda: unrolled(api, namespace), seconds) or wait(lambda: unread(api, configuration), seconds)
        if missing:
            module.fail_json(msg=f"Ratify is not ready. {missing}")
    except ClusterError as e:
        module.fail_json(msg=f"Whether Ratify is ready is not known: {e}.")
    if missing := wait(lambda: unverdicted(api, image), seconds):
        module.fail_json(msg=f"Gatekeeper and Ratify give no verdict on {image} within {seconds} s: {missing}")
    module.exit_json(changed=False, restarted=restarted)


if __name__ == "__main__":
    main()
