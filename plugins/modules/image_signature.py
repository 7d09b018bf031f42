#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: image_signature
short_description: Sign images in Azure Container Registry with Notation
version_added: 1.0.0
description:
  - Signs the images that have no valid signature of the Notary Project by one certificate.
  - It runs C(notation), with its plugin C(azure-kv) where the key is in Key Vault, in a private folder, which it removes at the
    end.
  - The user's keys, trust stores and logins of Notation are neither used nor changed. Secrets are passed in the environment, never
    on a command line.
  - Images are signed by their digest. A tag is resolved once.
  - An image is signed if it has no signature of this certificate that C(notation verify) accepts, without a look at revocation; if
    all of these expire within O(renew_within); or if O(time_stamp) is given and none of them has a time stamp. Each new signature
    is verified too.
  - Ratify requires every signature of an image to be good. So the module deletes those of this certificate that a new one replaces,
    and those of O(former_certificates), once the image has a good one. All others stay.
  - Whatever can be known is refused before the first image is signed, for all images at once. If signing fails for one of several
    images, the result lists which were signed and which were not; another run goes on from there.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - cryptography >= 42.0.0
  - notation >= 1.3.0
  - its plugin notation-azure-kv >= 1.2.0, with O(key_id)
options:
  images:
    description:
      - The images, in registries of Azure. Each has a digest or a tag.
      - The login needs C(AcrPush) on the registry, or in ABAC mode C(Container Registry Repository Writer).
    type: list
    elements: str
    required: true
  key_id:
    description:
      - URL of the certificate's key in a key vault, with its version, as Key Vault returns it (C(kid)). Either this or O(key_file) is needed.
      - The login needs the permissions C(get) on certificates and C(sign) on keys, or the roles Key Vault Certificate User and Key Vault Crypto User. The
        plugin logs in as this module does.
      - Only in check mode it may be empty, because the certificate does not exist yet.
    type: str
  ca_certificates:
    description: File (PEM) with the authorities of the certificate of O(key_id), its issuer first and the root last. A self-signed
      certificate has none.
    type: path
  key_file:
    description: File (PEM) of a private key, without password.
    type: path
  certificate_file:
    description: File (PEM) of its certificate, followed by those of its authorities up to the root.
    type: path
  signature_format:
    description: The envelope of new signatures. A signature with the other envelope is not replaced.
    type: str
    choices: [cose, jws]
    default: cose
  expiry:
    description:
      - Days after which a new signature expires for every verifier. By default it expires with its certificate.
      - An older signature that expires later, or never, is not replaced.
    type: int
  renew_within:
    description:
      - An image is signed again when its signature expires within so many days. This has to be less than O(expiry).
      - If the certificate itself expires within so many days, the module warns, because signing again does not help.
    type: int
    default: 0
  former_certificates:
    description:
      - SHA-256 of certificates, in hexadecimal. Their signatures are deleted from images that have a valid one by the wanted certificate.
      - A cluster that does not trust the wanted certificate yet denies the image from then on.
      - To delete signatures the login needs C(AcrDelete) too, or in ABAC mode C(Container Registry Repository Contributor).
    type: list
    elements: str
    default: []
  time_stamp:
    description: Have signatures stamped with their time (RFC 3161), so that they stay valid after the certificate has expired.
    type: dict
    suboptions:
      url:
        description: URL of the time stamping authority.
        type: str
        required: true
      root_certificate:
        description: File with its root certificate (PEM or DER).
        type: path
        required: true
  notation_path:
    description: The program, as a path or as a name on the search path.
    type: str
    default: notation
  plugin_folder:
    description: Folder with Notation's plugins, each in a folder of its own; by default that of the user who runs this, such as
      C(~/.config/notation/plugins).
    type: path
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.image_signature_info
  - name: Notation
    description: The program that signs.
    link: https://notaryproject.dev/docs/user-guides/cli-reference/
  - name: notation-azure-kv
    description: Its plugin for Key Vault.
    link: https://github.com/Azure/notation-azure-kv
"""

EXAMPLES = r"""
- name: Sign two images with a certificate in Key Vault
  image_trust.azure.image_signature:
    images:
      - contosoimages.azurecr.io/web@sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6
      - contosoimages.azurecr.io/worker:1.4
    key_id: https://contoso-signing.vault.azure.net/keys/release/0123456789abcdef0123456789abcdef

- name: Keep an image signed for 90 days, signed again a month before that, with time stamps
  image_trust.azure.image_signature:
    images: [contosoimages.azurecr.io/web:1.4]
    key_id: https://contoso-signing.vault.azure.net/keys/release/0123456789abcdef0123456789abcdef
    ca_certificates: /etc/signing/contoso-ca.pem
    expiry: 90
    renew_within: 30
    time_stamp:
      url: http://timestamp.digicert.com
      root_certificate: /etc/signing/digicert-tsa-root.pem
"""

RETURN = r"""
images:
  description: The images, each once, in the order in which they were named.
  returned: success
  type: list
  elements: dict
  sample:
    - image: contosoimages.azurecr.io/worker:1.4
      digest: sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6
      reference: contosoimages.azurecr.io/worker@sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6
      reason: no signature of this certificate
      removed: []
      signatures:
        - kind: notation
          digest: sha256:9e1a4e1f0b6c53cbb6a1bd1d1a3c9a0a7f7a2e4df2a3f1f9a3c7d1c6f5b4a392
          media_type: application/cose
          algorithm: RSASSA-PSS-SHA-256
          signer: CN=contoso release,O=Contoso,ST=WA,C=US
          issuer: CN=contoso release,O=Contoso,ST=WA,C=US
          thumbprint_sha256: 4c6ff1d1a9aa1a8f1e9ea9a7c2c7b1b3e0a5d4f3c2b1a0f9e8d7c6b5a4938271
          certificate_expires: '2027-06-01T08:00:00Z'
          certificates:
            - subject: CN=contoso release,O=Contoso,ST=WA,C=US
              thumbprint_sha256: 4c6ff1d1a9aa1a8f1e9ea9a7c2c7b1b3e0a5d4f3c2b1a0f9e8d7c6b5a4938271
              expires: '2027-06-01T08:00:00Z'
          scheme: notary.x509
          signed_at: '2026-11-30T09:12:44Z'
          expires:
          time_stamp:
          problem:
  contains:
    image:
      description: The image as it was named.
      type: str
      returned: always
    digest:
      description: Its digest.
      type: str
      returned: always
    reference:
      description: The image by its digest, as it should be deployed.
      type: str
      returned: always
    reason:
      description: Why it was signed, or in check mode would be; null where it was not.
      type: str
      returned: always
    removed:
      description: Digests of the signatures that were deleted, or in check mode would be.
      type: list
      elements: str
      returned: always
    signatures:
      description:
        - All its signatures, as RV(image_trust.azure.image_signature_info#module:images[].signatures[]).
        - In check mode without those that would be made.
      type: list
      elements: dict
      returned: always
signer:
  description: The certificate; null in check mode where it does not exist yet.
  returned: success
  type: dict
  sample:
    subject: CN=contoso release,O=Contoso,ST=WA,C=US
    thumbprint_sha256: 4c6ff1d1a9aa1a8f1e9ea9a7c2c7b1b3e0a5d4f3c2b1a0f9e8d7c6b5a4938271
    expires: '2027-06-01T08:00:00Z'
  contains:
    subject:
      description: Its subject.
      type: str
      returned: always
    thumbprint_sha256:
      description: Its SHA-256, in hexadecimal.
      type: str
      returned: always
    expires:
      description: When it expires.
      type: str
      returned: always
done:
  description: What was signed before the image that failed, in words.
  returned: failure of signing, when there were several images to sign
  type: list
  elements: str
  sample: ["sign contosoimages.azurecr.io/web@sha256:5d0d…"]
not_done:
  description: The image that failed and those that were not begun, in words.
  returned: failure of signing, when there were several images to sign
  type: list
  elements: str
  sample: ["sign contosoimages.azurecr.io/worker@sha256:77aa…"]
error:
  description: What Azure said, as RV(image_trust.azure.user_assigned_identity#module:error); only when the module fails.
  returned: failure
  type: dict
  sample:
    code: ManifestUnknown
    message: There is no image contosoimages.azurecr.io/worker:1.4 in its registry; push it first, or correct its name.
    status: 404
    request_id:
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module, perhaps_unknown
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import Azure, azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._change import exit_converged
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.notation import Notation, notation
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.signer import Signer, from_files, from_vault, until
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.signing import apply, named, plan, read_all, require_deletion, require_other, wanted


def signer_of(module: AnsibleModule, azure: Azure, program: Notation) -> Signer | None:
    """The signer that the options ask for; None in check mode where the certificate does not exist yet."""
    if module.params["key_file"]:
        return from_files(program, module.params["key_file"], module.params["certificate_file"])
    key_id = perhaps_unknown(module, "key_id")
    program.require_plugin()
    return from_vault(azure, program, key_id, module.params["ca_certificates"]) if key_id else None


def main() -> NoReturn:
    module = azure_module(
        images=dict(type="list", elements="str", required=True),
        key_id=dict(type="str"),
        ca_certificates=dict(type="path"),
        key_file=dict(type="path", no_log=False),
        certificate_file=dict(type="path"),
        signature_format=dict(type="str", choices=["cose", "jws"], default="cose"),
        expiry=dict(type="int"),
        renew_within=dict(type="int", default=0),
        former_certificates=dict(type="list", elements="str", default=[]),
        time_stamp=dict(type="dict", options=dict(url=dict(type="str", required=True), root_certificate=dict(type="path", required=True))),
        notation_path=dict(type="str", default="notation"),
        plugin_folder=dict(type="path"),
        required_one_of=[("key_id", "key_file")],
        mutually_exclusive=[("key_id", "key_file"), ("ca_certificates", "key_file")],
        required_by={"key_file": ("certificate_file",), "certificate_file": ("key_file",)},
    )
    given: Mapping[str, Any] = module.params
    with azure_session(module) as azure:
        named(given["images"])
        how = wanted(given)
        with notation(given["notation_path"], given["plugin_folder"]) as program:
            signer = signer_of(module, azure, program)
            if signer:
                require_other(signer, how)
                program.trust(signer.root)
            now = datetime.now(UTC)
            changes = [plan(found, signer, how, now) for found in read_all(azure, given["images"], program, signer)]
            for change in changes:
                require_deletion(change)
            if signer and not module.check_mode:
                changes = apply(changes, program, signer, how)
    if signer and (warning := until(signer, how.renew_within)):
        module.warn(warning)
    exit_converged(module, changes, "images", "signatures", signer=signer and signer.shown())


if __name__ == "__main__":
    main()
