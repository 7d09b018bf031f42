# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: waves
short_description: In which wave each host is
version_added: 1.0.0
description:
  - Divides hosts into waves as the keyword C(serial) of a play does, and by groups of the inventory too.
  - Each host is in one wave.
  - A number or share that comes last is repeated until no host is left. Hosts that the last group leaves are one more wave.
positional: _input, wanted, groups
options:
  _input:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
  wanted:
    description:
      - How many hosts a wave has, as a number, or as a share of all of them such as V(10%), or a group of the inventory.
      - A string of them with commas, as a survey gives it, is the same. An empty list makes no waves.
    type: list
    elements: raw
    required: true
  groups:
    description: Hosts of each group of the inventory, such as C(groups).
    type: dict
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Show the waves
  ansible.builtin.debug:
    msg: "{{ groups.clusters | image_trust.azure.waves(['canary', '10%', '100%'], groups) }}"
"""

RETURN = r"""
_value:
  description: The wave of each host, from 1. No wave is empty.
  type: dict
  sample: {"web-canary": 1, "web-test": 2, "web-staging": 2, "web-production": 3}
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def waves(hosts: Sequence[str], wanted: Sequence[str | int] | str, groups: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """See DOCUMENTATION. Raises AnsibleFilterError for what is no number above 0, share or group."""
    sizes = [str(each).strip() for each in (wanted.split(",") if isinstance(wanted, str) else wanted) if str(each).strip()]
    counts = {size: _count(size, len(hosts)) for size in sizes if size not in groups}
    found: dict[str, int] = {}
    for size in (*sizes, *sizes[-1:] * len(hosts)):
        left = [host for host in hosts if host not in found]
        wave = left[: counts[size]] if size in counts else [host for host in left if host in groups[size]]
        found.update(dict.fromkeys(wave, max(found.values(), default=0) + 1))
    return {**found, **{host: max(found.values(), default=0) + 1 for host in hosts if sizes and host not in found}}


def _count(size: str, hosts: int) -> int:
    """Of a wave with this size, of so many hosts in all; at least one, as Ansible does."""
    number = size.removesuffix("%")
    if not number.isdecimal() or int(number) == 0:
        raise AnsibleFilterError(f"{size} is no wave: give a number of clusters, a share of them such as 10%, or a group of the inventory.")
    return max(1, int(number) * hosts // 100) if size.endswith("%") else int(number)


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"waves": waves}
