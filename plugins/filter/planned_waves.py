# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: planned_waves
short_description: The waves that a playbook has planned
version_added: 1.0.0
description:
  - What hosts a play takes, and how many of them at a time, is decided before it has a host, so that variables of hosts cannot say it.
  - A play before it puts each host into the group of its wave, C(image_trust_wave_001) and so on, which this filter reads.
positional: _input
options:
  _input:
    description: Hosts of each group of the inventory, C(groups).
    type: dict
    required: true
  after:
    description: Only the waves after that of this host.
    type: str
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Work on the clusters in waves
  hosts: "{{ groups | image_trust.azure.planned_waves | flatten | default('clusters', true) }}"
  serial: "{{ groups | image_trust.azure.planned_waves | map('length') | default('100%', true) }}"
"""

RETURN = r"""
_value:
  description: A list of waves, each a list of the names of its hosts; empty where none are planned.
  type: list
  elements: list
  sample: [[web-canary], [web-test, web-staging]]
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

GROUP = "image_trust_wave_"


def planned_waves(groups: Mapping[str, Sequence[str]], after: str | None = None) -> list[list[str]]:
    """See DOCUMENTATION."""
    found = [list(groups[name]) for name in sorted(groups) if name.startswith(GROUP)]
    return found[1 + next((number for number, wave in enumerate(found) if after in wave), -1) :]


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"planned_waves": planned_waves}
