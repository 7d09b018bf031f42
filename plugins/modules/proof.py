#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: proof
short_description: Record the verdicts of a cluster on images, with all that they depend on, and sign the record
version_added: 1.0.0
description:
  - Creates a proof of verdicts and of the programs, policy and certificates behind them, compares it with the previous proof, and
    writes it to O(path) as JSON, with mode C(0640).
  - O(path) with C(.txt) added is a page to read, and with C(.sig) the detached signature.
  - The signature is one that C(openssl dgst -sha256 -verify public.pem -signature proof.json.sig proof.json) verifies.
  - Without a key the record is not signed, and a signature of an earlier record is removed.
  - It is a record of a run and not a state. RV(ignore:changed) is always V(false); look at RV(differences).
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - cryptography >= 42.0.0, with a key or O(read_vaults)
  - azure-identity >= 1.19.0, with O(signing_vault_key), O(read_vaults) or the URL of a blob
  - azure-storage-blob >= 12.22.0, with the URL of a blob
options:
  path:
    description:
      - File to write, an absolute path. Its folder has to exist. Nothing is written if it is not given.
      - Or the URL of a blob, such as V(https://contoso.blob.core.windows.net/image-trust/web.json), in a private container that has to exist. The login
        needs the role Storage Blob Data Contributor on the container. A URL with a token (SAS) is refused.
    type: path
  cluster:
    description: Name of the cluster in the inventory.
    type: str
    required: true
  cluster_id:
    description: The cluster's id in Azure.
    type: str
  verification:
    description:
      - What M(image_trust.azure.verification_info) returned.
      - If not given, nothing is recorded. The module then only checks that a record could be signed and written, before a cluster
        is asked for verdicts.
    type: dict
  verdicts:
    description: What M(image_trust.azure.admission_probe) returned as RV(image_trust.azure.admission_probe#module:verdicts).
    type: list
    elements: dict
    default: []
  constraint:
    description: Name of the constraint that had to deny. The proof fails if it does not exist.
    type: str
  namespace:
    description: The covered namespace that was asked.
    type: str
  pilot:
    description:
      - Namespaces to which a pilot limits the policy. There the constraint of stage C(deny) has to deny, which has the name of O(constraint) and C(-deny).
      - The proof of a pilot does not pass, and names where the policy denies; RV(as_asked) is V(true) if nothing else is wrong.
    type: list
    elements: str
    default: []
  warn_days:
    description: What expires within so many days is in RV(notes).
    type: int
    default: 30
  signing_key:
    description:
      - File, an absolute path, with an RSA or EC private key in PEM, without a passphrase. A file that other users than its owner may use is refused.
      - A user who can read this key can forge proofs.
    type: path
  signing_vault_key:
    description:
      - URL of an RSA key, or of one on the curve P-256, in a key vault, such as V(https://example.vault.azure.net/keys/proof), with its version or without.
      - The login needs the permissions C(get) and C(sign) on keys, or the role Key Vault Crypto User.
      - Only a SHA-256 is sent to the vault.
    type: str
  read_vaults:
    description:
      - Read the certificates of O(verification) that are in key vaults, so that the proof has their subjects and expiry dates.
      - The login needs the permission C(get) on certificates, or the role Key Vault Reader. If it may not or cannot read one, the
        proof says so, and does not fail for that.
      - For a certificate with a chain the proof has the authorities, which Ratify trusts, and not the leaf. Key Vault has them only
        in the secret behind the certificate, so the login needs C(get) on secrets too, or Key Vault Certificate User. A secret in
        which the private key may be, because it is exportable, is never read.
    type: bool
    default: false
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.azure
attributes:
  check_mode:
    details:
      - The key is used as in a run, but nothing is written.
  diff_mode:
    details:
      - Shows the differences between the two proofs in what verdicts depend on. Changed verdicts are in RV(proof).
  idempotent:
    support: N/A
    details:
      - It is a record of a run and not a state.
seealso:
  - module: image_trust.azure.verification_info
  - module: image_trust.azure.admission_probe
"""

EXAMPLES = r"""
- name: A proof could be written and signed
  image_trust.azure.proof:
    path: ~/proofs/web.json
    cluster: web
    signing_key: ~/keys/proof.pem

- name: A proof could be written to Blob Storage, where it outlives the job
  image_trust.azure.proof:
    path: https://contoso.blob.core.windows.net/image-trust/web.json
    cluster: web

- name: The verdicts are recorded and signed
  image_trust.azure.proof:
    path: ~/proofs/web.json
    cluster: web
    verification: "{{ verification }}"
    verdicts: "{{ probe.verdicts }}"
    constraint: images-verified
    namespace: default
    signing_key: ~/keys/proof.pem

- name: They are recorded with the trusted certificates of the vault, and signed by a key that never leaves a vault
  image_trust.azure.proof:
    path: ~/proofs/web.json
    cluster: web
    verification: "{{ verification }}"
    verdicts: "{{ probe.verdicts }}"
    read_vaults: true
    signing_vault_key: https://image-trust-lab.vault.azure.net/keys/proof
"""

RETURN = r"""
proof:
  description: The proof, as docs/proof.schema.json has it. Null when O(verification) is not given.
  type: dict
  returned: success
  sample:
    schema: 1
    collection: {name: image_trust.azure, version: 1.0.0}
    time: "2026-11-24T12:00:00Z"
    passed: true
    problems: []
    cluster:
      name: web
      id: null
      kubernetes_version: v1.36.4
      uid: 1d4f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
      issuer: https://westeurope.oic.prod-aks.azure.com/00000000-0000-0000-0000-000000000000/11111111-1111-1111-1111-111111111111/
    programs:
      gatekeeper: {pods: 4, ready: 4, versions: [3.23.1], images: []}
      ratify: {pods: 2, ready: 2, versions: [1.4.6], images: []}
    constraint: images-verified
    namespace: default
    pilot: []
    policy:
      sha256: 6b1b36cbb04b41490bfc0ab2bfa26f86f4c1b5a0d3c8e7f6a5b4c3d2e1f00112
      parts: {}
      failure_policy: Fail
      failure_policy_reason: null
      constraints:
        - name: images-verified
          enforcement: deny
          namespaces: []
          excluded_namespaces: [gatekeeper-system, kube-system]
          selectors: []
      exempt_namespaces:
        - name: kube-system
          by: [constraint images-verified, webhook validation.gatekeeper.sh]
          reason: what the cluster needs to start
      exemptions:
        - owner: team-legacy@contoso.example
          reason: moves to signed images with release 7
          ends: "2027-03-31"
          ended: false
          images: [docker.io/bitnami/*]
          namespaces: [legacy]
          service_accounts: []
    anchors:
      - provider: kmprovider-akv
        kind: certificate
        from: vault
        vault: https://contoso-signing.vault.azure.net/
        name: contoso-release
        version: d14071e06f0d4d16a841c0a61e9ab072
        held: true
        subject: CN=contoso-release,O=Contoso
        sha256: 1f3870be274f6c49b3e31a0c6728957f6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f10
        not_before: "2026-01-01T00:00:00Z"
        not_after: "2027-01-01T00:00:00Z"
        problem: null
    trust:
      - kind: notation
        policy: release
        repositories: [contosoimages.azurecr.io/web]
        signers: ["x509.subject: C=NL, ST=Noord-Holland, O=Contoso, CN=contoso-release"]
        providers: [kmprovider-akv]
    statuses:
      - kind: KeyManagementProvider
        name: kmprovider-akv
        generation: 1
        changed: "2026-11-24T08:00:00Z"
        reported: "2026-11-24T11:51:18Z"
        refresh_interval: 1h
        older: []
    verdicts:
      - image: nginx:latest
        shape: container
        namespace: default
        expected: denied
        verdict: denied
        passed: true
        message: "[images-verified] image docker.io/library/nginx@sha256:86e5… is not verified: it has no signature (No verification results …)"
        refused_by: validation.gatekeeper.sh
        admitted_image: null
        ran: null
    signed_by:
      key: https://contoso-signing.vault.azure.net/keys/proof/3f6f1c0f7b5a4c0e9d2b8a7c6e5d4f3a
      sha256: 5d41402abc4b2a76b9719d911017c592ae1f1b4d7f6e2c3a9b8c7d6e5f4a3b2c
  contains:
    schema:
      description: Version of the form.
      type: int
      returned: always
    collection:
      description: Which collection made it.
      type: dict
      returned: always
      contains:
        name:
          description: Name.
          type: str
          returned: always
        version:
          description: Version.
          type: str
          returned: always
    time:
      description: When it was made, after the last question (UTC).
      type: str
      returned: always
    passed:
      description: Whether every verdict passed, there are some, and there are no RV(proof.problems).
      type: bool
      returned: always
    problems:
      description: What is missing or does not work, in a sentence each.
      type: list
      elements: str
      returned: always
    cluster:
      description: The cluster, as RV(image_trust.azure.verification_info#module:cluster), with its name and its id in Azure.
      type: dict
      returned: always
      contains:
        name:
          description: Name in the inventory, O(cluster).
          type: str
          returned: always
        id:
          description: Id in Azure, O(cluster_id); null where it is not given.
          type: str
          returned: always
    programs:
      description: Gatekeeper and Ratify, as RV(image_trust.azure.verification_info#module:programs).
      type: dict
      returned: always
    constraint:
      description: O(constraint); null where it is not given.
      type: str
      returned: always
    namespace:
      description: O(namespace); null where it is not given.
      type: str
      returned: always
    pilot:
      description: Namespaces to which the policy is limited, O(pilot); it is not limited when empty.
      type: list
      elements: str
      returned: always
    policy:
      description: What decides which images are admitted, as RV(image_trust.azure.verification_info#module:policy), with the constraints.
      type: dict
      returned: always
      contains:
        constraints:
          description: The policy's constraints, each as RV(image_trust.azure.verification_info#module:constraints).
          type: list
          elements: dict
          returned: always
        exempt_namespaces:
          description: Namespaces that the policy does not cover, each as RV(image_trust.azure.verification_info#module:exempt_namespaces).
          type: list
          elements: dict
          returned: always
        exemptions:
          description: What the constraints admit without verifying it, each as RV(image_trust.azure.verification_info#module:exemptions).
          type: list
          elements: dict
          returned: always
          contains:
            ended:
              description: Whether its last day has passed.
              type: bool
              returned: always
    anchors:
      description:
        - Certificates and keys that Ratify's key management providers hold or are configured to hold.
        - Each as RV(image_trust.azure.verification_info#module:anchors), with O(read_vaults) as the vaults describe them.
      type: list
      elements: dict
      returned: always
    trust:
      description: Who is trusted for which repositories, each as RV(image_trust.azure.verification_info#module:trust).
      type: list
      elements: dict
      returned: always
    statuses:
      description: How old what Ratify and Gatekeeper report of their objects is, each as RV(image_trust.azure.verification_info#module:statuses).
      type: list
      elements: dict
      returned: always
    verdicts:
      description: One entry for each image, shape and namespace, O(verdicts), each as RV(image_trust.azure.admission_probe#module:verdicts).
      type: list
      elements: dict
      returned: always
    signed_by:
      description: The key that signs; null where there is none.
      type: dict
      returned: always
      contains:
        key:
          description: URL of the key in its vault with its version, or V(local).
          type: str
          returned: always
        sha256:
          description: SHA-256 of the public key (DER).
          type: str
          returned: always
as_asked:
  description: Whether the proof passed, or lacks nothing but what O(pilot) lacks; null when nothing is recorded.
  type: bool
  returned: success
  sample: true
summary:
  description: The page to read. Null when O(verification) is not given.
  type: str
  returned: success
  sample: "Cluster web, 2026-11-24T12:00:00Z: passed"
failures:
  description: Which verdicts are other ones than expected, and RV(proof.problems). Empty where the proof passed; null when O(verification) is not given.
  type: str
  returned: success
  sample: "1 of 24 verdicts of web failed. nginx:latest as container should be denied, it is admitted."
notes:
  description: What expires soon, has expired, or is not known, in a sentence each.
  type: list
  elements: str
  returned: success
  sample: ["The certificate contoso-release of kmprovider-akv expires on 2026-12-01."]
previous:
  description: Time of the proof that was there before. Null where there was none that can be read.
  type: str
  returned: success
  sample: "2026-11-23T12:00:00Z"
differences:
  description: What is not as in the proof before, of that on which the verdicts depend. Its signature is not verified.
  type: list
  elements: str
  returned: success
  sample: ["policy, constraints: 2c624232cc5a -> 6b1b36cbb04b"]
sha256:
  description: SHA-256 of the record. Null when O(verification) is not given.
  type: str
  returned: success
  sample: 22f1c0a8e0b1d1b3a4f3f1e2d9c8b7a6958473625140f0e1d2c3b4a5968778f0
signature_path:
  description: The file or blob with the signature, V(null) when the record is not signed, or O(path) is not given. In check mode it is not written.
  type: str
  returned: success
  sample: /home/ops/proofs/web.json.sig
error:
  description: What Azure said, as RV(image_trust.azure.user_assigned_identity#module:error); only when the module fails because of Azure.
  returned: failure of what Azure, the key vault or Blob Storage is asked for
  type: dict
  sample:
    code: Forbidden
    message: The user, group or application does not have keys sign permission on key vault contoso-signing.
    status: 403
    request_id: 7a6f9a5c-3c1a-4a41-8f0f-2f3c5b0f7f2e
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.image_trust.azure.plugins.module_utils._admission.verdict import Verdict
from ansible_collections.image_trust.azure.plugins.module_utils._arm.vault_anchors import described_anchors
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.blobs import Blobs, is_url
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import refuse
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import Azure, failing, login
from ansible_collections.image_trust.azure.plugins.module_utils._proof.blobs import ProofBlobs
from ansible_collections.image_trust.azure.plugins.module_utils._proof.document import Asked, document, is_as_asked
from ansible_collections.image_trust.azure.plugins.module_utils._proof.files import ProofFile, encoded
from ansible_collections.image_trust.azure.plugins.module_utils._proof.signing import CRYPTOGRAPHY_IMPORT_ERROR, LocalKey, Signer, SigningError
from ansible_collections.image_trust.azure.plugins.module_utils._proof.text import depends_on, differences, failures, lines, notes, summary
from ansible_collections.image_trust.azure.plugins.module_utils._proof.vault_key import VaultKey

TRIAL = b"image_trust.azure asks whether this key can sign.\n"


def asked(options: dict[str, Any], signer: Signer | None) -> Asked:
    return Asked(
        name=options["cluster"],
        id=options["cluster_id"] or None,
        constraint=options["constraint"],
        namespace=options["namespace"],
        signed_by=signer.described if signer else None,
        at=datetime.now(UTC),
        pilot=tuple(options["pilot"]),
    )


def signer_of(options: dict[str, Any], azure: Callable[[], Azure]) -> Signer | None:
    """The key that the options name. Raises `SigningError` and `ModuleError`."""
    path, url = options["signing_key"], options["signing_vault_key"]
    if url:
        return VaultKey(azure(), url)
    if path and not Path(path).is_absolute():
        raise refuse(f"The path of the signing key, {path}, is not absolute, so it would be read beside the playbook, in the collection; name its folder too.")
    return LocalKey(path) if path else None


def file_at(path: str | None, azure: Callable[[], Azure]) -> ProofFile | ProofBlobs | None:
    """Where the proof is written. Raises `ModuleError`."""
    if path and is_url(path):
        return ProofBlobs(Blobs(azure(), "path"), path)
    if path and not Path(path).is_absolute():
        raise refuse(f"The path of the proof, {path}, is not absolute, so it would be written beside the playbook, in the collection; name its folder too.")
    return ProofFile(path) if path else None


def record(module: AnsibleModule, azure: Callable[[], Azure]) -> dict[str, Any]:
    """Make the proof and write it, or try whether that is possible; the module's results. Raises `SigningError`, `ModuleError` and `OSError`."""
    options = module.params
    file, signer = file_at(options["path"], azure), signer_of(options, azure)
    if options["verification"] is None:
        if signer:
            signer.sign(TRIAL)
        if file:
            file.check()
        return dict(proof=None, as_asked=None, summary=None, failures=None, notes=[], previous=None, differences=[], sha256=None, signature_path=None)
    found, before = options["verification"], file.previous() if file else None
    if options["read_vaults"]:
        found = {**found, "anchors": described_anchors(found["anchors"], azure)}
    proof = document(asked(options, signer), found, [Verdict.from_dict(each) for each in options["verdicts"]])
    content, days = encoded(proof), options["warn_days"]
    sha256, signature = hashlib.sha256(content).hexdigest(), signer.sign(content) if signer else None
    page = summary(proof, sha256, days)
    if file and not module.check_mode:
        file.write(content, signature, page)
    was, is_now = depends_on(before), depends_on(proof)
    return dict(
        proof=proof,
        summary=page,
        as_asked=is_as_asked(proof),
        failures=failures(proof),
        notes=notes(proof, days),
        previous=str(before["time"]) if isinstance(before, dict) and was else None,
        differences=differences(was, is_now),
        sha256=sha256,
        signature_path=str(file.signature) if file and signature else None,
        **({"diff": {"before": lines(was), "after": lines(is_now)}} if module._diff else {}),
    )


def main() -> NoReturn:
    module = azure_module(
        path=dict(type="path"),
        cluster=dict(required=True),
        cluster_id=dict(),
        verification=dict(type="dict"),
        verdicts=dict(type="list", elements="dict", default=[]),
        constraint=dict(),
        namespace=dict(),
        pilot=dict(type="list", elements="str", default=[]),
        warn_days=dict(type="int", default=30),
        signing_key=dict(type="path", no_log=False),
        signing_vault_key=dict(no_log=False),
        read_vaults=dict(type="bool", default=False),
        mutually_exclusive=[["signing_key", "signing_vault_key"]],
    )
    if CRYPTOGRAPHY_IMPORT_ERROR is not None and any(module.params[option] for option in ("signing_key", "signing_vault_key", "read_vaults")):
        module.fail_json(msg=missing_required_lib("cryptography"), exception=CRYPTOGRAPHY_IMPORT_ERROR)
    try:
        with failing(module):
            results = record(module, cache(lambda: login(module)))
    except SigningError as error:
        module.fail_json(msg=f"The proof cannot be signed: {error}.")
    except KeyError as error:
        module.fail_json(msg=f"verification and verdicts have to be what verification_info and admission_probe returned; {error} is missing.")
    except (TypeError, ValueError) as error:
        module.fail_json(msg=f"verification and verdicts have to be what verification_info and admission_probe returned: {error}.")
    except OSError as error:
        module.fail_json(msg=f"The proof cannot be written to {module.params['path']}: {error.strerror}.")
    module.exit_json(changed=False, **results)


if __name__ == "__main__":
    main()
