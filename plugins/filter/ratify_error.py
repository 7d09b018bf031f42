# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: ratify_error
short_description: What an error in the status of Ratify's objects means
version_added: 1.0.0
description:
  - A key vault that refuses Ratify because of its network answers 403, as it does where a permission is missing. For these the filter returns a sentence
    that says so, with the vault, the cluster's address and the way out; for all else the error as it is.
options:
  _input:
    description: The field C(status.error) of an object of Ratify.
    type: str
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Report what Ratify could not read
  ansible.builtin.debug:
    msg: "{{ provider.status.error | image_trust.azure.ratify_error }}"
"""

RETURN = r"""
_value:
  description: What it means.
  type: str
  sample: >-
    the firewall of the vault contoso-signing.vault.azure.net refuses the cluster, whose address is 203.0.113.7 (403 ForbiddenByFirewall), and no permission or
    waiting changes that. Approve a private endpoint in the cluster's network, or allow the cluster's subnet or outbound address in the vault's firewall
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.image_trust.azure.plugins.module_utils._ratify_errors import explained


def ratify_error(error: str) -> str:
    """See DOCUMENTATION."""
    return explained(str(error))


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ratify_error": ratify_error}
