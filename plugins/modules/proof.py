#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: proof
short_description: Write a record as JSON, with a signature that everybody can verify
version_added: 1.0.0
description:
  - Writes O(content) to O(path) as JSON, with mode C(0640), and its detached signature beside it, in O(path) with C(.sig) added.
  - The signature is one that C(openssl dgst -sha256 -verify public.pem -signature proof.json.sig proof.json) verifies.
  - Without O(signing_key) the record is not signed, and a signature of an earlier record is removed.
  - It is a record of a run and not a state. RV(ignore:changed) is always V(false).
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - cryptography, with O(signing_key)
options:
  path:
    description: File to write. Its folder has to exist.
    type: path
    required: true
  content:
    description: What is recorded. Nothing secret.
    type: dict
    required: true
  signing_key:
    description:
      - File with an RSA or EC private key in PEM, without a passphrase. One that others than its owner may use is refused.
      - Whoever can read this key can make proofs.
    type: path
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes.
    details: The key is used as in a run, but nothing is written.
  diff_mode:
    support: none
    description: Returns details on what has changed, in diff mode.
    details: A record is new each time.
"""

EXAMPLES = r"""
- name: The verdicts are recorded and signed
  image_trust.azure.proof:
    path: /var/lib/image-trust/proof-web.json
    content: "{{ verify_result }}"
    signing_key: /etc/image-trust/proof.pem
"""

RETURN = r"""
sha256:
  description: SHA-256 of the record.
  type: str
  returned: success
  sample: 22f1c0a8e0b1d1b3a4f3f1e2d9c8b7a6958473625140f0e1d2c3b4a5968778f0
signature_path:
  description: The file with the signature, V(null) when the record is not signed.
  type: str
  returned: success
  sample: /var/lib/image-trust/proof-web.json.sig
"""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.image_trust.azure.plugins.module_utils._signing import CRYPTOGRAPHY_IMPORT_ERROR, SigningError, sign

MODE = 0o640


def write(path: Path, content: bytes) -> None:
    """The file, in one step. Raises `OSError`."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), MODE)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def main() -> NoReturn:
    module = AnsibleModule(
        argument_spec=dict(path=dict(type="path", required=True), content=dict(type="dict", required=True), signing_key=dict(type="path", no_log=False)),
        supports_check_mode=True,
    )
    path, key = Path(module.params["path"]), module.params["signing_key"]
    signature_path = path.with_name(f"{path.name}.sig")
    if key and CRYPTOGRAPHY_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("cryptography"), exception=CRYPTOGRAPHY_IMPORT_ERROR)
    record = f"{json.dumps(module.params['content'], indent=4, sort_keys=True)}\n".encode()
    try:
        signature = sign(record, key) if key else None
        if not module.check_mode:
            # Between the two there is a record without a signature, never one with the signature of another.
            signature_path.unlink(missing_ok=True)
            write(path, record)
            if signature:
                write(signature_path, signature)
    except SigningError as error:
        module.fail_json(msg=f"The proof cannot be signed: {error}.")
    except OSError as error:
        module.fail_json(msg=f"The proof cannot be written to {path}: {error.strerror}.")
    module.exit_json(changed=False, sha256=hashlib.sha256(record).hexdigest(), signature_path=str(signature_path) if signature else None)


if __name__ == "__main__":
    main()
