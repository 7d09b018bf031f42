#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_blob
short_description: Manage a text in a private container of Blob Storage
version_added: 1.0.0
description:
  - Writes or deletes one blob, or adds a line to it. The roles of this collection use it for audits, reports and break-glass
    records, which so outlive the job.
  - A blob that already has the content is not written again. If another run has changed the blob since it was read, the module
    fails and does not write it.
  - The storage account and the container have to exist, and the container has to be private. This module creates neither.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-identity >= 1.19.0
  - azure-storage-blob >= 12.22.0
options:
  url:
    description:
      - URL of the blob, such as V(https://contoso.blob.core.windows.net/image-trust/web-audit.json).
      - The login needs the role Storage Blob Data Contributor on the container. A URL with a token (SAS) is refused, as are hosts
        outside of O(cloud_environment), because they would get the login's token.
    type: str
    required: true
  content:
    description: The content of the blob. Needed with O(state=present) if O(line) is not given.
    type: str
  line:
    description: A line that the blob has to have. If it is missing, it is added at the end, and the rest stays.
    type: str
  state:
    description: Whether the blob exists.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.azure
attributes:
  diff_mode:
    details:
      - Shows the content unchanged.
seealso:
  - module: image_trust.azure.proof
  - module: image_trust.azure.proof_report
"""

EXAMPLES = r"""
- name: The audit outlives the job
  image_trust.azure.storage_blob:
    url: https://contoso.blob.core.windows.net/image-trust/web-audit.json
    content: "{{ {'cluster': 'web'} | to_nice_json }}\n"

- name: The record has one line more
  image_trust.azure.storage_blob:
    url: https://contoso.blob.core.windows.net/image-trust/web-break-glass.jsonl
    line: "{{ {'cluster': 'web', 'state': 'closed'} | to_json }}"

- name: There is no audit any more
  image_trust.azure.storage_blob:
    url: https://contoso.blob.core.windows.net/image-trust/web-audit.json
    state: absent
"""

RETURN = r"""
url:
  description: O(url).
  type: str
  returned: success
  sample: https://contoso.blob.core.windows.net/image-trust/web-audit.json
sha256:
  description: SHA-256 of the content. Null where there is no blob.
  type: str
  returned: success
  sample: 22f1c0a8e0b1d1b3a4f3f1e2d9c8b7a6958473625140f0e1d2c3b4a5968778f0
error:
  description: What Azure said, as RV(image_trust.azure.user_assigned_identity#module:error); only when the module fails.
  returned: failure
  type: dict
  sample:
    code: AuthorizationPermissionMismatch
    message: This request is not authorized to perform this operation using this permission.
    status: 403
    request_id: 7a6f9a5c-3c1a-4a41-8f0f-2f3c5b0f7f2e
"""

import hashlib
from collections.abc import Mapping
from typing import Any, NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module, state_option
from ansible_collections.image_trust.azure.plugins.module_utils._azure.blobs import Blobs
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session


def wanted(before: bytes | None, options: Mapping[str, Any]) -> bytes | None:
    """The content of the blob afterwards; None where it does not exist then."""
    if options["state"] == "absent":
        return None
    if options["line"] is None:
        return str(options["content"]).encode()
    line, found = str(options["line"]).encode(), before or b""
    missing_end = b"\n" if found and not found.endswith(b"\n") else b""
    return found if line in found.splitlines() else found + missing_end + line + b"\n"


def main() -> NoReturn:
    module = azure_module(
        url=dict(required=True),
        content=dict(),
        line=dict(),
        state=state_option(),
        mutually_exclusive=[["content", "line"]],
        required_if=[("state", "present", ("content", "line"), True)],
    )
    url = module.params["url"]
    with azure_session(module) as azure:
        blobs = Blobs(azure, "url")
        before = blobs.read(url)
        was = before.content if before else None
        after = wanted(was, module.params)
        if after is not None and after != was:
            blobs.check(url) if module.check_mode else blobs.write(url, after, before)
        elif after is None and before and not module.check_mode:
            blobs.delete(url, before)
    texts = {"before": (was or b"").decode(errors="replace"), "after": (after or b"").decode(errors="replace")}
    shown = {"diff": {"before_header": url, "after_header": url, **texts}} if module._diff else {}
    module.exit_json(changed=after != was, url=url, sha256=None if after is None else hashlib.sha256(after).hexdigest(), **shown)


if __name__ == "__main__":
    main()
