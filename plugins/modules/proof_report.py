#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: proof_report
short_description: Report on many clusters from their proofs
version_added: 1.0.0
description:
  - Reads only the proofs, break-glass records and audits that the roles of this collection have written. It sends no request to a
    cluster, and requests to Azure only if one of these is a blob.
  - Each path may be the URL of a blob in a container of Blob Storage, as O(image_trust.azure.proof#module:path). The login needs the role Storage Blob Data
    Reader on the container.
  - Every cluster of O(proofs) is in the report. One whose proof is missing, cannot be read, is too old or is not signed as it
    should be is V(unknown), never good.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - cryptography, with O(public_key)
  - azure-identity >= 1.19.0 and azure-storage-blob >= 12.22.0, with the URL of a blob
options:
  proofs:
    description: The clusters, and where the proof of each should be.
    type: list
    elements: dict
    required: true
    suboptions:
      cluster:
        description: Name of the cluster, which its proof has to have.
        type: str
        required: true
      path:
        description: Its proof. Without this the cluster has none.
        type: path
      break_glass_record:
        description: The record of when the cluster was opened in an emergency and closed again. It need not exist.
        type: path
      audit:
        description: Its audit, which the role P(image_trust.azure.policy#role) wrote to C(policy_audit_path). It need not exist.
        type: path
      policy_group:
        description: Clusters with the same value should have the same policy; one with another policy is reported. Not compared if
          not given.
        type: str
  public_key:
    description:
      - File with the RSA or EC public key in PEM that the proofs have to be signed with. The signature is in the file C(.sig)
        beside the proof.
      - No signature is checked without it.
    type: path
  time:
    description: The time that the report is about, such as V(2026-11-24T12:00:00Z).
    type: str
    required: true
  max_age_hours:
    description: Hours after which a proof no longer counts.
    type: int
    default: 48
  warn_days:
    description: How many days before it expires a certificate or an exemption is reported.
    type: int
    default: 30
  versions:
    description:
      - Versions of C(gatekeeper) and C(ratify). A cluster with an older one is reported.
      - As C(kubernetes), the newest minor version that is known, such as V(1.36). If a cluster runs a newer one, that one counts. A
        cluster that is three or more minor versions behind is reported, because AKS supports it only with long-term support.
    type: dict
    default: {}
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.proof
"""

EXAMPLES = r"""
- name: What the proofs of two clusters say
  image_trust.azure.proof_report:
    proofs:
      - cluster: web-staging
        path: /var/lib/image-trust/proof-web-staging.json
      - cluster: web-production
        path: /var/lib/image-trust/proof-web-production.json
    time: "{{ now(utc=true).isoformat(timespec='seconds') }}Z"
  register: found

- name: All of them are proven
  ansible.builtin.assert:
    that: found.report.passed

- name: What the proof of a cluster says, which its job has left in Blob Storage
  image_trust.azure.proof_report:
    proofs:
      - cluster: web-production
        path: https://contoso.blob.core.windows.net/image-trust/web-production.json
        break_glass_record: https://contoso.blob.core.windows.net/image-trust/web-production-break-glass.jsonl
    time: "{{ now(utc=true).isoformat(timespec='seconds') }}Z"
"""

RETURN = r"""
report:
  description: What the proofs say. Days are those of the calendar in UTC.
  type: dict
  returned: success
  sample:
    schema: 1
    day: "2026-11-24"
    passed: false
    headline: The cluster is unknown.
    unproven: [web-staging]
    terms:
      max_age_hours: 48
      warn_days: 30
      versions: {gatekeeper: 3.23.1, ratify: 1.4.6, kubernetes: "1.36"}
    summary: {failed: 0, unknown: 1, attention: 0, proven: 0}
    findings:
      - state: unknown
        text: There is no proof of it.
        next: Run verify.yml.
        link: https://github.com/image-trust/azure/blob/main/docs/proof.md
        clusters: [web-staging]
    clusters:
      - name: web-staging
        state: unknown
        enforcement: null
        findings:
          - state: unknown
            text: There is no proof of it.
            next: Run verify.yml.
            link: https://github.com/image-trust/azure/blob/main/docs/proof.md
        proof: {path: /var/lib/image-trust/proof-web-staging.json, sha256: null, signature: not checked, signed_by: null, time: null, days: null}
        facts: null
        audit: null
    policies: []
    trust: []
    certificates: []
    plot:
      days: 180
      near: 166
      marks:
        - {month: 2027-01, at: 211}
        - {month: 2027-03, at: 538}
        - {month: 2027-05, at: 877}
    exemptions: []
  contains:
    schema:
      description: Version of the form.
      type: int
      returned: always
    day:
      description: The day (UTC) for which it is.
      type: str
      returned: always
    passed:
      description: Whether there are clusters, and none of them is in RV(report.unproven).
      type: bool
      returned: always
    headline:
      description: How many clusters are in which state, in a sentence.
      type: str
      returned: always
    unproven:
      description: Names of the clusters that are V(failed) or V(unknown), or a pilot, which denies in some namespaces only.
      type: list
      elements: str
      returned: always
    terms:
      description: By what is judged.
      type: dict
      returned: always
      contains:
        max_age_hours:
          description: O(max_age_hours).
          type: int
          returned: always
        warn_days:
          description: O(warn_days).
          type: int
          returned: always
        versions:
          description: Versions by name of the program, O(versions). C(kubernetes) is the newest minor version of that one and of those that run.
          type: dict
          returned: always
    summary:
      description: How many clusters are what.
      type: dict
      returned: always
      contains:
        failed:
          description: How many are V(failed).
          type: int
          returned: always
        unknown:
          description: How many are V(unknown).
          type: int
          returned: always
        attention:
          description: How many are V(attention).
          type: int
          returned: always
        proven:
          description: How many are V(proven).
          type: int
          returned: always
    findings:
      description: Those of all clusters, each once, the worst first, each as RV(report.clusters[].findings).
      type: list
      elements: dict
      returned: always
      contains:
        clusters:
          description: Names of the clusters of which it is said.
          type: list
          elements: str
          returned: always
    clusters:
      description: The clusters, the worst first.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: Name in the inventory.
          type: str
          returned: always
        state:
          description: V(failed), V(unknown), V(attention) or V(proven), that of the worst of RV(report.clusters[].findings).
          type: str
          returned: always
        enforcement:
          description:
            - V(open) where it admits every image, because it was opened and not closed or because Gatekeeper is not asked; V(pilot) for a pilot; else the
              enforcement of its constraints, such as V(deny). Null where it is not known.
          type: str
          returned: always
          sample: deny
        findings:
          description: What there is to say of it, the worst first.
          type: list
          elements: dict
          returned: always
          contains:
            state:
              description: V(failed), V(unknown) or V(attention).
              type: str
              returned: always
            text:
              description: What it is, in a sentence.
              type: str
              returned: always
            next:
              description: What to do next.
              type: str
              returned: always
            link:
              description: The page that says how.
              type: str
              returned: always
        proof:
          description: Its proof.
          type: dict
          returned: always
          contains:
            path:
              description: The file; null where none is written.
              type: str
              returned: always
            sha256:
              description: SHA-256 of the file; null where it cannot be read.
              type: str
              returned: always
              sample: 22f1c0a8e0b1d1b3a4f3f1e2d9c8b7a6958473625140f0e1d2c3b4a5968778f0
            signature:
              description: V(verified), V(invalid), V(missing) or V(not checked).
              type: str
              returned: always
            signed_by:
              description: The key that signed it, as the proof itself says, as RV(image_trust.azure.proof#module:proof.signed_by); null where it names none.
              type: dict
              returned: always
              sample:
                key: https://contoso-signing.vault.azure.net/keys/proof/0a1b2c3d4e5f60718293a4b5c6d7e8f9
                sha256: 4c6ff1d1a9aa1a8f1e9ea9a7c2c7b1b3e0a5d4f3c2b1a0f9e8d7c6b5a4938271
            time:
              description: When it was made (UTC); null where nothing of it counts.
              type: str
              returned: always
              sample: "2026-11-24T06:10:00Z"
            days:
              description: Its age in days; null where nothing of it counts.
              type: int
              returned: always
              sample: 0
        facts:
          description: What the proof says; null where nothing of it counts.
          type: dict
          returned: always
          contains:
            id:
              description: Its id in Azure; null where the proof does not have it.
              type: str
              returned: always
            uid:
              description: That of its namespace kube-system, which no other cluster has; null where it is not known.
              type: str
              returned: always
            kubernetes_version:
              description: Version of Kubernetes; V(?) where it is not known.
              type: str
              returned: always
              sample: v1.36.4
            collection_version:
              description: Version of the collection that made the proof.
              type: str
              returned: always
              sample: 1.0.0
            programs:
              description: Gatekeeper and Ratify.
              type: dict
              returned: always
              contains:
                gatekeeper:
                  description: Gatekeeper, C(pods), C(ready) and C(versions) of RV(image_trust.azure.verification_info#module:programs.gatekeeper).
                  type: dict
                  returned: always
                  sample: {pods: 4, ready: 4, versions: [3.23.1]}
                ratify:
                  description: Ratify, C(pods), C(ready) and C(versions) of RV(image_trust.azure.verification_info#module:programs.gatekeeper).
                  type: dict
                  returned: always
                  sample: {pods: 2, ready: 2, versions: [1.4.6]}
            pilot:
              description: Namespaces in which alone a pilot denies; it is no pilot when empty.
              type: list
              elements: str
              returned: always
              sample: []
            policy_sha256:
              description: SHA-256 of all that decides which images are admitted.
              type: str
              returned: always
              sample: 6b1b36cbb04b41490bfc0ab2bfa26f86f4c1b5a0d3c8e7f6a5b4c3d2e1f00112
            constraints:
              description:
                - The policy's constraints.
                - Each with C(name), C(enforcement), C(namespaces) and C(selectors) of RV(image_trust.azure.verification_info#module:constraints).
              type: list
              elements: dict
              returned: always
              sample: [{name: images-verified, enforcement: deny, namespaces: [], selectors: []}]
            exempt_namespaces:
              description: Namespaces that the policy does not cover, each as RV(image_trust.azure.verification_info#module:exempt_namespaces).
              type: list
              elements: dict
              returned: always
              sample: [{name: kube-system, by: [constraint images-verified], reason: what the cluster needs to start}]
            asked:
              description: Number of verdicts.
              type: int
              returned: always
              sample: 34
            passed:
              description: How many of them passed.
              type: int
              returned: always
              sample: 34
            images:
              description: The images that were asked for, each once.
              type: list
              elements: dict
              returned: always
              contains:
                image:
                  description: Image.
                  type: str
                  returned: always
                  sample: nginx:latest
                covered:
                  description: Number of verdicts in the namespace that the policy covers, by verdict.
                  type: dict
                  returned: always
                  sample: {denied: 9}
                exempt:
                  description: Number of verdicts in exempt namespaces, by verdict.
                  type: dict
                  returned: always
                  sample: {admitted: 1}
                failed:
                  description: How many of all these failed.
                  type: int
                  returned: always
                  sample: 0
            failures:
              description:
                - The failed verdicts, in one entry those that differ in nothing but how and where the image was asked for.
                - Each with C(image), C(expected) and C(verdict) of RV(image_trust.azure.admission_probe#module:verdicts).
              type: list
              elements: dict
              returned: always
              sample: [{image: "nginx:latest", expected: denied, verdict: admitted, message: null, shapes: [container, deployment], namespaces: [default]}]
              contains:
                message:
                  description: The refusal, or why an admitted image was not pulled or started; null where there is none.
                  type: str
                  returned: always
                shapes:
                  description: How the image would have got into the cluster.
                  type: list
                  elements: str
                  returned: always
                  sample: [container, deployment]
                namespaces:
                  description: Namespaces in which it was asked for.
                  type: list
                  elements: str
                  returned: always
                  sample: [default]
            kubernetes_behind:
              description: How many minor versions Kubernetes is behind the newest one that is known; null where that cannot be said.
              type: int
              returned: always
              sample: 0
        audit:
          description: What its audit says would become of its workloads if their pods were created again; null where there is none, or none that counts.
          type: dict
          returned: always
          contains:
            time:
              description: When it was made (UTC).
              type: str
              returned: always
              sample: "2026-11-24T06:10:00Z"
            days:
              description: Its age in days.
              type: int
              returned: always
              sample: 0
            counts:
              description: How many workloads have which verdict.
              type: dict
              returned: always
              sample: {denied: 1, not_judged: 0, unknown: 0, exempt: 0, admitted: 214}
              contains:
                denied:
                  description: How many would be denied.
                  type: int
                  returned: always
                not_judged:
                  description: How many would get no verdict.
                  type: int
                  returned: always
                unknown:
                  description: How many are not known.
                  type: int
                  returned: always
                exempt:
                  description: How many would be admitted by an exemption.
                  type: int
                  returned: always
                admitted:
                  description: How many would be admitted otherwise.
                  type: int
                  returned: always
            namespaces:
              description: For each namespace, with its name, as RV(report.clusters[].audit.counts).
              type: list
              elements: dict
              returned: always
              sample: [{name: shop, denied: 1, not_judged: 0, unknown: 0, exempt: 0, admitted: 214}]
              contains:
                name:
                  description: Its name.
                  type: str
                  returned: always
            outcomes:
              description:
                - Workloads that are not admitted, or by an exemption only, what would be denied first.
                - Each with C(namespace), C(verdict), C(workloads), C(images) and C(message) of RV(image_trust.azure.admission_forecast#module:denied).
              type: list
              elements: dict
              returned: always
              sample:
                - namespace: shop
                  verdict: denied
                  workloads: [Deployment web]
                  images: ["example.azurecr.io/web:test"]
                  message: "image example.azurecr.io/web@sha256:22f1… is not verified: it has no signature (…)"
            images:
              description:
                - The images that run, or that new pods would have, those first whose signatures count no longer at some day; empty where the audit has none.
                - Each with C(image) and C(problem) of RV(image_trust.azure.signature_forecast#module:images).
              type: list
              elements: dict
              returned: always
              sample:
                - image: example.azurecr.io/web@sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6
                  problem: null
                  workloads: [{namespace: shop, kind: Deployment, name: web}]
                  trusted: true
                  day: "2027-06-01"
                  days: 189
                  ending: the certificate CN=release,O=Contoso,ST=WA,C=US expires
                  signatures:
                    - kind: notation
                      signer: CN=release,O=Contoso,ST=WA,C=US
                      thumbprint_sha256: 4c6ff1d1a9aa1a8f1e9ea9a7c2c7b1b3e0a5d4f3c2b1a0f9e8d7c6b5a4938271
                      certificate_expires: "2027-06-01T08:00:00Z"
                      expires: null
                      time_stamp: null
                      trusted: true
                      trust_policy: release
              contains:
                workloads:
                  description:
                    - The workloads that run it.
                    - Each with C(namespace), C(kind) and C(name) of RV(image_trust.azure.cluster_objects_info#module:objects).
                  type: list
                  elements: dict
                  returned: always
                trusted:
                  description: Whether it is signed by trusted signers alone; null where that is not known.
                  type: bool
                  returned: always
                day:
                  description: The last day on which a pod with it can be created, as far as dates go; null where none is known.
                  type: str
                  returned: always
                days:
                  description: Days until then, negative when it has passed; null where none is known.
                  type: int
                  returned: always
                ending:
                  description: What expires on that day; null without one.
                  type: str
                  returned: always
                signatures:
                  description:
                    - Its signatures, as far as they could be read.
                    - Each with C(kind), C(signer), C(thumbprint_sha256), C(certificate_expires), C(expires) and C(time_stamp) of
                      RV(image_trust.azure.image_signature_info#module:images[].signatures).
                  type: list
                  elements: dict
                  returned: always
                  contains:
                    trusted:
                      description: Whether its signer is trusted; null where that is not known.
                      type: bool
                      returned: always
                    trust_policy:
                      description: The trust policy by which; null where none decides.
                      type: str
                      returned: always
            until:
              description:
                - After which day which workloads cannot be created again, the first day first; empty where the audit has none.
                - Each with C(reason), C(images) and C(workloads) of RV(image_trust.azure.signature_forecast#module:until).
              type: list
              elements: dict
              returned: always
              sample:
                - day: "2027-06-01"
                  days: 189
                  reason: the certificate CN=release,O=Contoso,ST=WA,C=US expires
                  images: [example.azurecr.io/web@sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6]
                  workloads: [{namespace: shop, kind: Deployment, name: web}]
              contains:
                day:
                  description: The last day on which their pods can be created.
                  type: str
                  returned: always
                days:
                  description: Days until then, negative when it has passed.
                  type: int
                  returned: always
    policies:
      description: The policies of the clusters by their groups, the most frequent of each group first. What names a cluster's own identity does not count.
      type: list
      elements: dict
      returned: always
      sample:
        - group: production
          sha256: 9c1f1f4f5ad2b8a5f2a0c1d3e4b5968778695a4b3c2d1e0f00112233445566aa
          clusters: [web-production]
          differs: []
      contains:
        group:
          description: Group of clusters that should have the same policy; null of those of which that is not said.
          type: str
          returned: always
        sha256:
          description: SHA-256 of all that is compared.
          type: str
          returned: always
        clusters:
          description: Clusters that have it.
          type: list
          elements: str
          returned: always
        differs:
          description: Parts in which it differs from the most frequent of its group.
          type: list
          elements: str
          returned: always
    trust:
      description:
        - Who is trusted for which repositories, each trust policy once.
        - Each with C(kind), C(policy), C(repositories) and C(signers) of RV(image_trust.azure.verification_info#module:trust).
      type: list
      elements: dict
      returned: always
      sample:
        - kind: notation
          policy: release
          repositories: [example.azurecr.io/web]
          signers: ["x509.subject:CN=release,O=Contoso,ST=WA,C=US"]
          certificates: [contoso-release]
          clusters: [web-production]
      contains:
        certificates:
          description: C(called) of the certificates and keys that vouch for the signers and that Ratify holds.
          type: list
          elements: str
          returned: always
        clusters:
          description: Clusters that have it.
          type: list
          elements: str
          returned: always
    certificates:
      description:
        - Certificates and keys that the clusters trust, each once; those first whose end is not known, then by their end.
        - Each with C(kind), C(subject), C(sha256), C(not_after) and C(problem) of RV(image_trust.azure.verification_info#module:anchors).
      type: list
      elements: dict
      returned: always
      sample:
        - called: contoso-release
          kind: certificate
          subject: CN=contoso-release,O=Contoso
          sha256: 1f3870be274f6c49b3e31a0c6728957f6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f10
          not_after: "2027-01-01T00:00:00Z"
          problem: null
          days: 38
          clusters: [web-production, web-staging]
          state: proven
      contains:
        called:
          description: Name in the vault, or in the subject, or the beginning of its SHA-256.
          type: str
          returned: always
        days:
          description: Days until it expires, negative when it has expired; null where it does not expire or that is not known.
          type: int
          returned: always
          sample: 38
        clusters:
          description: Clusters that trust it.
          type: list
          elements: str
          returned: always
          sample: [web-production, web-staging]
        state:
          description: V(failed) when it has expired, V(attention) when it soon expires, V(unknown) when that is not known, V(proven) otherwise.
          type: str
          returned: always
          sample: proven
    plot:
      description: The axis of the ends of certificates.
      type: dict
      returned: always
      contains:
        days:
          description: How many days it is long, from RV(report.day) on.
          type: int
          returned: always
        near:
          description: What is near, in thousandths of it.
          type: int
          returned: always
        marks:
          description: The first days of months on it.
          type: list
          elements: dict
          returned: always
          contains:
            month:
              description: Year and month.
              type: str
              returned: always
            at:
              description: Where it is, in thousandths of the axis.
              type: int
              returned: always
    exemptions:
      description:
        - What is exempt in which cluster, each as RV(image_trust.azure.verification_info#module:exemptions).
        - Those without an end first, then by their end.
      type: list
      elements: dict
      returned: always
      sample:
        - cluster: web-staging
          owner: team-legacy@contoso.example
          reason: moves to signed images with release 7
          ends: "2027-03-31"
          images: [docker.io/bitnami/*]
          namespaces: [legacy]
          service_accounts: []
          days: 127
          state: proven
      contains:
        cluster:
          description: The cluster.
          type: str
          returned: always
        owner:
          description: Who answers for it; V(no owner) where none is named.
          type: str
          returned: always
        days:
          description: Days until its last one, negative when it has expired; null where it does not expire.
          type: int
          returned: always
        state:
          description: V(failed) when it has expired, V(attention) when it soon expires, V(unknown) when it does not expire, V(proven) otherwise.
          type: str
          returned: always
metrics:
  description: The same for Prometheus, as OpenMetrics text, which the textfile collector of node-exporter reads too.
  type: str
  returned: success
  sample: |
    # HELP image_trust_cluster_passed Whether the last proof of a cluster counts and shows that it denies what it should.
    # TYPE image_trust_cluster_passed gauge
    image_trust_cluster_passed{inventory_host="web-staging"} 0
    …
error:
  description: Why no blob was asked for, as RV(image_trust.azure.user_assigned_identity#module:error); only when the module fails for that.
  returned: failure because of the URL of a blob or the login's options
  type: dict
  sample:
    code: InvalidInput
    message: >-
      A path in proofs is 'http://contoso.blob.core.windows.net/image-trust/web.json', but must be such as
      https://contoso.blob.core.windows.net/image-trust/web.json: https, an account of the cloud that cloud_environment names, a container, and a name
      without blanks and '%'.
    status: null
    request_id: null
"""

from typing import NoReturn

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import failing, login
from ansible_collections.image_trust.azure.plugins.module_utils._proof.verifying import CRYPTOGRAPHY_IMPORT_ERROR, PublicKey, PublicKeyError
from ansible_collections.image_trust.azure.plugins.module_utils._report.metrics import metrics
from ansible_collections.image_trust.azure.plugins.module_utils._report.proofs import Paths, Reader, find
from ansible_collections.image_trust.azure.plugins.module_utils._report.report import Terms, report
from ansible_collections.image_trust.azure.plugins.module_utils._verification.dates import moment


def main() -> NoReturn:
    files = {name: dict(type="path") for name in ("path", "break_glass_record", "audit")}
    proof = dict(cluster=dict(required=True), policy_group=dict(), **files)
    module = azure_module(
        proofs=dict(type="list", elements="dict", required=True, options=proof),
        public_key=dict(type="path", no_log=False),
        time=dict(required=True),
        max_age_hours=dict(type="int", default=48),
        warn_days=dict(type="int", default=30),
        versions=dict(type="dict", default={}),
    )
    given = module.params
    if given["public_key"] and CRYPTOGRAPHY_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("cryptography"), exception=CRYPTOGRAPHY_IMPORT_ERROR)
    try:
        key = PublicKey(given["public_key"]) if given["public_key"] else None
        versions = {str(name): str(version) for name, version in given["versions"].items()}
        terms = Terms(moment(given["time"]), given["max_age_hours"], given["warn_days"], versions)
    except PublicKeyError as error:
        module.fail_json(msg=f"The signatures cannot be checked: {error}.")
    except ValueError:
        module.fail_json(msg=f"time is {given['time']}, and not a time such as 2026-11-24T12:00:00Z.")
    with failing(module):
        read = Reader(lambda: login(module)).read
        found = [find(key, read, Paths(**each)) for each in given["proofs"]]
    made = report(found, terms)
    module.exit_json(changed=False, report=made, metrics=metrics(made))


if __name__ == "__main__":
    main()
