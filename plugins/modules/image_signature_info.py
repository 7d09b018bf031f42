#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: image_signature_info
short_description: Read who has signed images
version_added: 1.0.0
description:
  - Returns all signatures that images have in their registries, of the Notary Project and of cosign, without verifying or trusting them.
  - It finds them by the referrers API, or by the tag that replaces it in a registry without that API, and those of cosign also by
    their tag.
  - Signatures of the Notary Project are read by C(notation inspect), which needs no trust store and knows both envelopes and time stamps.
  - What cannot be read of an image is a RV(images[].problem), not a failure of the module.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - cryptography >= 42.0.0
  - notation >= 1.3.0
options:
  images:
    description: The images. Each has a digest or a tag.
    type: list
    elements: str
    required: true
  notation_path:
    description: The program, as a path or as a name on the search path.
    type: str
    default: notation
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.azure
  - image_trust.azure.registry
seealso:
  - module: image_trust.azure.image_signature
"""

EXAMPLES = r"""
- name: Read who has signed an image
  image_trust.azure.image_signature_info:
    images: [contosoimages.azurecr.io/web:1.4]
  register: found

- name: Show signers and expiry
  ansible.builtin.debug:
    msg: "{{ found.images[0].signatures | map(attribute='signer') | zip(found.images[0].signatures | map(attribute='certificate_expires')) }}"
"""

RETURN = r"""
images:
  description: The images, in the order in which they were named.
  returned: success
  type: list
  elements: dict
  sample:
    - image: contosoimages.azurecr.io/worker:1.4
      digest: sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6
      reference: contosoimages.azurecr.io/worker@sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6
      problem:
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
      description: Its digest; null where the image was not found.
      type: str
      returned: always
    reference:
      description: The image by its digest; null where it was not found.
      type: str
      returned: always
    problem:
      description: Why its signatures could not be read; null where they were.
      type: str
      returned: always
    signatures:
      description: Its signatures, those of cosign first, those of the Notary Project in order of their time; null where they could not be read.
      type: list
      elements: dict
      returned: always
      contains:
        kind:
          description: V(notation), of the Notary Project, or V(cosign).
          type: str
          returned: always
        digest:
          description: Digest of the manifest that holds it.
          type: str
          returned: always
        media_type:
          description:
            - Of a signature of the Notary Project its envelope, V(application/jose+json) or V(application/cose).
            - Of one of cosign that of what is signed, or of its bundle. Null where the signature cannot be read.
          type: str
          returned: always
        algorithm:
          description: Algorithm of the signature; null with cosign, or where it cannot be read.
          type: str
          returned: always
        signer:
          description:
            - Subject of the signer's certificate; with cosign the address or URL in it.
            - Null where cosign has signed with a bare key, or it cannot be read.
          type: str
          returned: always
        issuer:
          description: Who issued the certificate; null where none is known.
          type: str
          returned: always
        thumbprint_sha256:
          description: SHA-256 of the certificate, in hexadecimal; null where none is known.
          type: str
          returned: always
        certificate_expires:
          description: When the certificate expires; null where none is known.
          type: str
          returned: always
        certificates:
          description:
            - The chain that a signature of the Notary Project carries, the signer's certificate first; empty with cosign, or where it cannot be read.
            - Each as RV(image_trust.azure.image_signature#module:signer).
          type: list
          elements: dict
          returned: always
        scheme:
          description: Signing scheme of the Notary Project, V(notary.x509) or V(notary.x509.signingAuthority); null with cosign, or where it cannot be read.
          type: str
          returned: always
        signed_at:
          description: When the signer says it was signed; with cosign when it was logged. Null where neither is known.
          type: str
          returned: always
        expires:
          description: When the signature itself expires; null where it has no such date.
          type: str
          returned: always
        time_stamp:
          description: The time that an authority has stamped a signature of the Notary Project with, at the latest; null where it is not stamped.
          type: str
          returned: always
        problem:
          description: What is wrong with the signature, as far as it shows without trusting anybody; null where nothing is.
          type: str
          returned: always
error:
  description: What Azure said, as RV(image_trust.azure.user_assigned_identity#module:error); only when the module fails.
  returned: failure
  type: dict
  sample:
    code: InvalidInput
    message: There is no program notation on this machine; install notation 1.3 or later, or give notation_path.
    status:
    request_id:
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.notation import notation
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.reading import described


def main() -> NoReturn:
    module = azure_module(images=dict(type="list", elements="str", required=True), notation_path=dict(type="str", default="notation"))
    with azure_session(module) as azure, notation(module.params["notation_path"], None) as program:
        images = described(azure, program, module.params["images"])
    module.exit_json(changed=False, images=images)


if __name__ == "__main__":
    main()
