#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: verification_info
short_description: Read what verifies images in a cluster
version_added: 1.0.0
description:
  - Reads, of the running cluster, which programs verify images, by which policy, whom they trust, and what is exempt.
  - What is missing or does not work is no error, but one of RV(problems). Fails only when the cluster does not answer.
  - Reads no secret. Certificates in a key vault are only named; M(image_trust.azure.proof) can read them.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - kubernetes >= 31.0.0
  - cryptography >= 42.0.0
options:
  kubeconfig:
    description: File with the cluster's credentials.
    type: path
    required: true
  context:
    description: Context in O(kubeconfig). The file's current context when not given.
    type: str
  namespace:
    description: Namespace of Gatekeeper and Ratify.
    type: str
    default: gatekeeper-system
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes.
    details: Nothing is changed.
  diff_mode:
    support: none
    description: Returns details on what has changed, in diff mode.
    details: Nothing is changed.
seealso:
  - module: image_trust.azure.proof
"""

EXAMPLES = r"""
- name: What verifies images in the cluster
  image_trust.azure.verification_info:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
  register: verification

- name: Nothing of it is missing
  ansible.builtin.assert:
    that: verification.problems | length == 0
"""

RETURN = r"""
cluster:
  description: The cluster. C(uid) is that of its namespace kube-system, which no other cluster has. C(issuer) is null where it is not told.
  type: dict
  returned: success
  sample:
    kubernetes_version: v1.36.4
    uid: 1d4f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
    issuer: https://westeurope.oic.prod-aks.azure.com/00000000-0000-0000-0000-000000000000/11111111-1111-1111-1111-111111111111/
programs:
  description: Gatekeeper and Ratify, by their pods as they run.
  type: dict
  returned: success
  sample:
    gatekeeper:
      pods: 4
      ready: 4
      versions: [3.23.0]
      images:
        - image: docker.io/openpolicyagent/gatekeeper:v3.23.0
          image_id: docker.io/openpolicyagent/gatekeeper@sha256:0b0f0c40dcf0a0ec0f7f6d0e8b6a1d7a2c5b1a8f4b8d7e6c5a4938271605f4e3
    ratify:
      pods: 2
      ready: 2
      versions: [1.4.4]
      images:
        - image: ghcr.io/notaryproject/ratify:v1.4.4
          image_id: ghcr.io/notaryproject/ratify@sha256:f88205688a6b9dc753c8c80e5efa69cc97352139c68f44f2d2ba8fc31d89550c
policy:
  description:
    - SHA-256 of all that decides which images are admitted, and of each part of it. In C(parts), C(arguments) are those of the programs; all others are
      kinds of objects, of which name and spec count, and of the webhook configurations when they ask and what happens when there is no answer.
    - Each is of the canonical JSON, without the certificates by which the programs know each other.
  type: dict
  returned: success
  sample:
    sha256: 6b1b36cbb04b41490bfc0ab2bfa26f86f4c1b5a0d3c8e7f6a5b4c3d2e1f00112
    parts:
      constraints:
        objects: 1
        sha256: 2c624232cc5a6d0b8b1d0c1f3a8a5b9e7d6c5b4a39281706f5e4d3c2b1a09f8e
constraints:
  description: The policy's constraints. An empty list of C(namespaces) is all but C(excluded_namespaces).
  type: list
  elements: dict
  returned: success
  sample:
    - name: images-verified
      enforcement: deny
      namespaces: []
      excluded_namespaces: [gatekeeper-system, kube-system]
exempt_namespaces:
  description: Namespaces, or patterns of them, that the policy does not cover, by what, and why, which is null where role policy has not noted it.
  type: list
  elements: dict
  returned: success
  sample:
    - name: kube-system
      by: [constraint images-verified, webhook validation.gatekeeper.sh]
      reason: what the cluster needs to start
exemptions:
  description: What the constraints admit without verifying it.
  type: list
  elements: dict
  returned: success
  sample:
    - owner: team-legacy@contoso.example
      reason: moves to signed images with release 7
      ends: "2027-03-31"
      images: [docker.io/bitnami/*]
      namespaces: [legacy]
      service_accounts: []
anchors:
  description:
    - Certificates and keys that Ratify's key management providers hold. C(sha256) is of the certificate, or of the key (DER).
    - C(problem) says why it is not described, or why Ratify does not hold it.
  type: list
  elements: dict
  returned: success
  sample:
    - provider: kmprovider-akv
      kind: certificate
      from: vault
      vault: https://contoso-signing.vault.azure.net/
      name: contoso-release
      version: d14071e06f0d4d16a841c0a61e9ab072
      subject: null
      sha256: null
      not_before: null
      not_after: null
      problem: not read from the vault
problems:
  description: What is missing or does not work, in a sentence each.
  type: list
  elements: str
  returned: success
  sample: ["Ratify has no pod that is ready."]
"""

from typing import NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.image_trust.azure.plugins.module_utils._anchors import CRYPTOGRAPHY_IMPORT_ERROR, anchors
from ansible_collections.image_trust.azure.plugins.module_utils._cluster_api import KUBERNETES_IMPORT_ERROR, ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._cluster_objects import ClusterObjects
from ansible_collections.image_trust.azure.plugins.module_utils._exempt import constraints, exempt_namespaces, exemptions
from ansible_collections.image_trust.azure.plugins.module_utils._policy_digest import policy_digest
from ansible_collections.image_trust.azure.plugins.module_utils._programs import programs
from ansible_collections.image_trust.azure.plugins.module_utils._proof import problems
from ansible_collections.image_trust.azure.plugins.module_utils._verification import read


def main() -> NoReturn:
    module = AnsibleModule(
        argument_spec=dict(kubeconfig=dict(type="path", required=True), context=dict(), namespace=dict(default="gatekeeper-system")),
        supports_check_mode=True,
    )
    for library, error in (("kubernetes", KUBERNETES_IMPORT_ERROR), ("cryptography", CRYPTOGRAPHY_IMPORT_ERROR)):
        if error is not None:
            module.fail_json(msg=missing_required_lib(library), exception=error)
    try:
        found = read(ClusterObjects(module.params["kubeconfig"], module.params["context"]), module.params["namespace"])
    except ClusterError as e:
        module.fail_json(msg=f"The cluster cannot be looked at: {e}.")
    running = programs(found.pods)
    module.exit_json(
        changed=False,
        cluster={"kubernetes_version": found.kubernetes_version, "uid": found.uid, "issuer": found.issuer},
        programs=running,
        policy=policy_digest(found),
        constraints=constraints(found),
        exempt_namespaces=exempt_namespaces(found),
        exemptions=exemptions(found),
        anchors=anchors(found.objects["key_management_providers"]),
        problems=problems(found.objects, running, found.refused),
    )


if __name__ == "__main__":
    main()
