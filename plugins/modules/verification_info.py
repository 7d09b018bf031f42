#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: verification_info
short_description: Read what verifies images in a cluster
version_added: 1.0.0
description:
  - Reads from the running cluster which programs verify images, by which policy, which signers they trust, and what is exempt.
  - What is missing or does not work is one of RV(problems) and no error. The module fails only if the cluster does not answer.
  - Reads no secret. Certificates in a key vault are only named; M(image_trust.azure.proof) can read them.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - cryptography >= 42.0.0
options:
  namespace:
    description: Namespace of Gatekeeper and Ratify.
    type: str
    default: gatekeeper-system
  expected:
    description:
      - What the collection installs for the inventory, by the name of the role, as C(gatekeeper_result.expected), C(ratify_result.expected) and
        C(policy_result.expected) have it. A role that is left out is not compared.
      - If the cluster differs in what decides which images are admitted, that is one of RV(problems). Numbers of pods, their
        resources and nodes, time-outs and the suffix of messages may differ.
    type: dict
    default: {}
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.cluster
seealso:
  - module: image_trust.azure.admission_probe
  - module: image_trust.azure.proof
"""

EXAMPLES = r"""
- name: What verifies images in the cluster
  image_trust.azure.verification_info:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
  register: verification

- name: Compare it with what the inventory asks for, without running the roles
  image_trust.azure.verification_info:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    expected:
      gatekeeper: "{{ (gatekeeper_result | default({})).expected | default({}) }}"
      ratify: "{{ (ratify_result | default({})).expected | default({}) }}"
      policy: "{{ (policy_result | default({})).expected | default({}) }}"
  register: verification

- name: Nothing of it is missing
  ansible.builtin.assert:
    that: verification.problems | length == 0
"""

RETURN = r"""
cluster:
  description: The cluster.
  type: dict
  returned: success
  sample:
    kubernetes_version: v1.36.4
    uid: 1d4f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
    issuer: https://westeurope.oic.prod-aks.azure.com/00000000-0000-0000-0000-000000000000/11111111-1111-1111-1111-111111111111/
  contains:
    kubernetes_version:
      description: Version of Kubernetes; null where the login may not see it.
      type: str
      returned: always
    uid:
      description: That of its namespace kube-system, which no other cluster has; null where the login may not see it.
      type: str
      returned: always
    issuer:
      description: Its OIDC issuer; null where it is not reported.
      type: str
      returned: always
programs:
  description: Gatekeeper and Ratify, by their pods as they run.
  type: dict
  returned: success
  sample:
    gatekeeper:
      pods: 4
      ready: 4
      versions: [3.23.1]
      images:
        - image: docker.io/openpolicyagent/gatekeeper:v3.23.1
          image_id: docker.io/openpolicyagent/gatekeeper@sha256:0b0f0c40dcf0a0ec0f7f6d0e8b6a1d7a2c5b1a8f4b8d7e6c5a4938271605f4e3
    ratify:
      pods: 2
      ready: 2
      versions: [1.4.6]
      images:
        - image: ghcr.io/notaryproject/ratify:v1.4.6
          image_id: ghcr.io/notaryproject/ratify@sha256:f88205688a6b9dc753c8c80e5efa69cc97352139c68f44f2d2ba8fc31d89550c
  contains:
    gatekeeper:
      description: Gatekeeper.
      type: dict
      returned: always
      contains:
        pods:
          description: Number of pods, without those that are finished or being deleted.
          type: int
          returned: always
        ready:
          description: How many of them are ready.
          type: int
          returned: always
        versions:
          description: Versions that run, as the tags of the images say.
          type: list
          elements: str
          returned: always
        images:
          description: Images that run, each once.
          type: list
          elements: dict
          returned: always
          contains:
            image:
              description: Image, as the node names it.
              type: str
              returned: always
            image_id:
              description: What the node says that it is, on AKS with its digest; null where the node does not say it.
              type: str
              returned: always
    ratify:
      description: Ratify, as RV(programs.gatekeeper).
      type: dict
      returned: always
policy:
  description: What decides which images are admitted, all of it and each part as a SHA-256, which is of the canonical JSON.
  type: dict
  returned: success
  sample:
    sha256: 6b1b36cbb04b41490bfc0ab2bfa26f86f4c1b5a0d3c8e7f6a5b4c3d2e1f00112
    parts:
      constraints:
        objects: 1
        sha256: 2c624232cc5a6d0b8b1d0c1f3a8a5b9e7d6c5b4a39281706f5e4d3c2b1a09f8e
    failure_policy: Fail
    failure_policy_reason: null
  contains:
    sha256:
      description: SHA-256 of all that decides which images are admitted.
      type: str
      returned: always
    parts:
      description:
        - By part, C(objects), the number of objects that it consists of, and C(sha256), of what they say.
        - In it are C(arguments), those of the programs, and the kinds of objects, of which name and spec count, and of the webhook configurations when
          they ask and what happens when there is no answer. Certificates by which the programs know each other do not count.
      type: dict
      returned: always
    failure_policy:
      description: What becomes of a pod when Gatekeeper does not answer, V(Fail) or V(Ignore); null where Gatekeeper is not asked.
      type: str
      returned: always
    failure_policy_reason:
      description: Why it is V(Ignore); null where it is not, or where no reason is noted on the webhook's configuration.
      type: str
      returned: always
constraints:
  description: The policy's constraints.
  type: list
  elements: dict
  returned: success
  sample:
    - name: images-verified
      enforcement: deny
      namespaces: []
      excluded_namespaces: [gatekeeper-system, kube-system]
      selectors: []
  contains:
    name:
      description: Name.
      type: str
      returned: always
    enforcement:
      description: What becomes of an image that is not verified, such as V(deny), V(warn) or V(dryrun).
      type: str
      returned: always
    namespaces:
      description: Namespaces in which it holds; all but C(excluded_namespaces) when empty.
      type: list
      elements: str
      returned: always
    excluded_namespaces:
      description: Namespaces, or patterns of them, in which it does not hold.
      type: list
      elements: str
      returned: always
    selectors:
      description: Fields of its match by which it holds in fewer places than that.
      type: list
      elements: str
      returned: always
exempt_namespaces:
  description: Namespaces that the policy does not cover.
  type: list
  elements: dict
  returned: success
  sample:
    - name: kube-system
      by: [constraint images-verified, webhook validation.gatekeeper.sh]
      reason: what the cluster needs to start
  contains:
    name:
      description: Namespace, or a pattern of names.
      type: str
      returned: always
    by:
      description: What keeps the policy from covering it.
      type: list
      elements: str
      returned: always
    reason:
      description: Why; null where the constraints do not tell it.
      type: str
      returned: always
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
  contains:
    owner:
      description: Who answers for it; null where none is named.
      type: str
      returned: always
    reason:
      description: Why; null where none is given.
      type: str
      returned: always
    ends:
      description: Its last day; null where it has no end.
      type: str
      returned: always
    images:
      description: Images, or patterns of them, that are admitted.
      type: list
      elements: str
      returned: always
    namespaces:
      description: Namespaces in which it holds; in all when empty.
      type: list
      elements: str
      returned: always
    service_accounts:
      description: Service accounts for whose pods it holds; for all when empty.
      type: list
      elements: str
      returned: always
anchors:
  description: Certificates and keys that Ratify's key management providers hold, or are configured to hold and do not.
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
      held: true
      subject: null
      sha256: null
      not_before: null
      not_after: null
      problem: not read from the vault
  contains:
    provider:
      description: The key management provider that holds it, or should.
      type: str
      returned: always
    kind:
      description: V(certificate) or V(key).
      type: str
      returned: always
    from:
      description: Where it is, in a V(vault), or V(inline) in the provider itself.
      type: str
      returned: always
    vault:
      description: URI of the vault; null where it is inline.
      type: str
      returned: always
    name:
      description: Name in the vault; null where it is inline.
      type: str
      returned: always
    version:
      description: Version in the vault; null where it is inline or not reported.
      type: str
      returned: always
    held:
      description: Whether Ratify holds it and trusts it. It does not trust a certificate that an authority issued, but the authority's.
      type: bool
      returned: always
    subject:
      description: Subject of the certificate (RFC 4514); null of a key, and where it is not described.
      type: str
      returned: always
      sample: CN=contoso-release,O=Contoso
    sha256:
      description: SHA-256 of the certificate, or of the key (DER); null where it is not described.
      type: str
      returned: always
      sample: 1f3870be274f6c49b3e31a0c6728957f6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f10
    not_before:
      description: From when the certificate is valid; null of a key, and where it is not described.
      type: str
      returned: always
      sample: "2026-01-01T00:00:00Z"
    not_after:
      description: Until when the certificate is valid; null of a key, and where it is not described.
      type: str
      returned: always
      sample: "2027-01-01T00:00:00Z"
    problem:
      description: Why it is not described, or why Ratify does not hold or trust it; null where all is known.
      type: str
      returned: always
replica_sets_without_end:
  description:
    - Deployments that make ReplicaSets without end, because something changes each of them when it is created. A warning names them.
    - A mutating webhook that is asked for ReplicaSets does so, as Gatekeeper's was with the charts' own rules.
  type: list
  elements: dict
  returned: success
  sample: [{namespace: shop, name: web, replica_sets: 137}]
  contains:
    namespace:
      description: Its namespace.
      type: str
      returned: always
      sample: shop
    name:
      description: Its name.
      type: str
      returned: always
      sample: web
    replica_sets:
      description: How many there are now.
      type: int
      returned: always
      sample: 137
trust:
  description: Who is trusted for which repositories, an entry for each trust policy of Ratify's verifiers.
  type: list
  elements: dict
  returned: success
  sample:
    - kind: notation
      policy: release
      repositories: [example.azurecr.io/web]
      signers: ["x509.subject:CN=release,O=Contoso,ST=WA,C=US"]
      providers: [kmprovider-akv]
  contains:
    kind:
      description: Whose signatures, V(notation) or V(cosign), or the name of another verifier.
      type: str
      returned: always
    policy:
      description: Name of the trust policy; null where it has none.
      type: str
      returned: always
    repositories:
      description: Repositories with their registries, or patterns of them; none where it is not known for which it decides.
      type: list
      elements: str
      returned: always
    signers:
      description: Identities that are trusted among those whom the providers' certificates vouch for; V(*) for all of them. None where keys decide alone.
      type: list
      elements: str
      returned: always
    providers:
      description: Key management providers whose certificates or keys count, by their names.
      type: list
      elements: str
      returned: always
statuses:
  description: How old what Ratify and Gatekeeper report of their objects is.
  type: list
  elements: dict
  returned: success
  sample:
    - kind: KeyManagementProvider
      name: kmprovider-akv
      generation: 1
      changed: "2026-11-24T08:00:00Z"
      reported: "2026-11-24T11:51:18Z"
      refresh_interval: 1h
      older: []
  contains:
    kind:
      description: V(KeyManagementProvider), V(ConstraintTemplate), or V(ImagesVerified) of a constraint.
      type: str
      returned: always
    name:
      description: Its name.
      type: str
      returned: always
    generation:
      description: How often its spec was written; null where the cluster does not tell.
      type: int
      returned: always
    changed:
      description: When its spec was changed last; null where the cluster does not tell.
      type: str
      returned: always
    reported:
      description: When Ratify read the provider last, well or not; null where it has not, and of Gatekeeper, which does not tell.
      type: str
      returned: always
    refresh_interval:
      description: How often Ratify has to read the provider again; null where it has not to.
      type: str
      returned: always
    older:
      description: Pods of Gatekeeper that enforce an older generation.
      type: list
      elements: dict
      returned: always
      contains:
        pod:
          description: Name of the pod.
          type: str
          returned: always
        generation:
          description: The generation that it enforces.
          type: int
          returned: always
differing:
  description: Titles of the objects of O(expected) that do not exist, or decide otherwise than O(expected) has them.
  type: list
  elements: str
  returned: success
  sample: [ConstraintTemplate imagesverified]
problems:
  description: What is missing or does not work, in a sentence each.
  type: list
  elements: str
  returned: success
  sample: ["Ratify has no pod that is ready."]
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import ClusterApi, ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.inventory import ClusterObjects
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.replica_sets import without_end
from ansible_collections.image_trust.azure.plugins.module_utils._proof.document import problems
from ansible_collections.image_trust.azure.plugins.module_utils._ratify.anchors import CRYPTOGRAPHY_IMPORT_ERROR, anchors
from ansible_collections.image_trust.azure.plugins.module_utils._verification.deviations import differing, gatekeeper_deviations, policy_deviations
from ansible_collections.image_trust.azure.plugins.module_utils._verification.digest import policy_digest
from ansible_collections.image_trust.azure.plugins.module_utils._verification.exemptions import (
    constraints,
    exempt_namespaces,
    exemptions,
    failure_policy,
    failure_policy_reason,
    narrowed,
)
from ansible_collections.image_trust.azure.plugins.module_utils._verification.programs import programs
from ansible_collections.image_trust.azure.plugins.module_utils._verification.state import Verification, read
from ansible_collections.image_trust.azure.plugins.module_utils._verification.statuses import statuses
from ansible_collections.image_trust.azure.plugins.module_utils._verification.trust_deviations import trust_deviations
from ansible_collections.image_trust.azure.plugins.module_utils._verification.trusted import trusted

ENDLESS = (
    "Deployment {namespace}/{name} has {replica_sets} ReplicaSets and makes more, for each is changed when it is created. Gatekeeper no longer does so with "
    "gatekeeper_mutated_resources as it is by default; else look for another mutating webhook. The Deployment removes them itself once it is complete."
)


def objects(expected: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those that the roles of `expected` would make."""
    return [each for name in ("policy", "gatekeeper") for each in (expected.get(name) or {}).get("objects", [])]


def deviations(found: Verification, expected: Mapping[str, Any], today: str) -> list[str]:
    """Where the cluster is not as the roles of `expected` would make it."""
    roles = {name: content for name, content in expected.items() if content}
    return [
        *policy_deviations(found, objects(expected), today),
        *(gatekeeper_deviations(found, roles["gatekeeper"]) if "gatekeeper" in roles else []),
        *(trust_deviations(found, roles["ratify"]) if "ratify" in roles else []),
    ]


def main() -> NoReturn:
    module = cluster_module(
        libraries={"cryptography": CRYPTOGRAPHY_IMPORT_ERROR},
        namespace=dict(default="gatekeeper-system"),
        expected=dict(type="dict", default={}),
    )
    try:
        cluster = ClusterObjects(ClusterApi(module.params["kubeconfig"], module.params["context"]))
        found = read(cluster, module.params["namespace"])
        endless = [] if found.refused else without_end(cluster)
    except ClusterError as e:
        module.fail_json(msg=f"The cluster cannot be looked at: {e}.")
    for each in endless:
        module.warn(ENDLESS.format(**each))
    running, expected, today = programs(found.pods), module.params["expected"], f"{datetime.now(UTC):%Y-%m-%d}"
    module.exit_json(
        changed=False,
        cluster={"kubernetes_version": found.kubernetes_version, "uid": found.uid, "issuer": found.issuer},
        programs=running,
        policy={**policy_digest(found), "failure_policy": failure_policy(found), "failure_policy_reason": failure_policy_reason(found)},
        constraints=constraints(found),
        exempt_namespaces=exempt_namespaces(found),
        exemptions=exemptions(found),
        anchors=anchors(found.objects["key_management_providers"]),
        trust=trusted(found.objects["verifiers"]),
        replica_sets_without_end=endless,
        statuses=statuses(found),
        differing=differing(found, objects(expected), today),
        problems=[*problems(found.objects, running, found.refused), *narrowed(found), *deviations(found, expected, today)],
    )


if __name__ == "__main__":
    main()
