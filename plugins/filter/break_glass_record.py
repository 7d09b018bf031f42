# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: break_glass_record
short_description: Whether a cluster was opened in an emergency, as its annotation records it
version_added: 1.0.0
description:
  - Reads the annotation C(image-trust.azure/break-glass) of Gatekeeper's webhook configurations, which C(playbooks/break_glass.yml) writes.
  - An annotation that cannot be read has the state V(unknown), so that a cluster is never taken for a closed one by mistake.
positional: _input
options:
  _input:
    description: The annotation, or V(none) where there is none.
    type: str
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Require a closed cluster
  ansible.builtin.assert:
    that: (annotation | image_trust.azure.break_glass_record).state | default('closed') == 'closed'
  vars:
    annotation: '{"state": "closed", "when": "2026-11-28T10:00:00Z", "who": "alice", "why": "Key Vault is back"}'
"""

RETURN = r"""
_value:
  description: The record; empty where there is no annotation.
  type: dict
  sample: {"state": "open", "when": "2026-11-28T10:00:00Z", "who": "alice", "why": "Key Vault is away"}
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.image_trust.azure.plugins.module_utils._installed.gatekeeper import break_glass


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"break_glass_record": break_glass}
