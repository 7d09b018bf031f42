# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: topology_spread
short_description: Topology spread constraints that keep a pod's replicas apart where that is possible
version_added: 1.0.0
description:
  - Makes a topology spread constraint for each key of node labels.
  - They never keep a pod from being scheduled. One node, or one zone, is enough.
positional: _input, labels
options:
  _input:
    description: Keys of node labels, such as V(topology.kubernetes.io/zone).
    type: list
    elements: str
    required: true
  labels:
    description: Labels of the pods.
    type: dict
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Show the constraints
  ansible.builtin.debug:
    msg: "{{ ['kubernetes.io/hostname'] | image_trust.azure.topology_spread({'app': 'web'}) }}"
"""

RETURN = r"""
_value:
  description: The constraints, as C(topologySpreadConstraints) of a pod takes them.
  type: list
  elements: dict
  sample:
    - topologyKey: kubernetes.io/hostname
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector: {matchLabels: {app: web}}
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any


def topology_spread(keys: Sequence[str], labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """See DOCUMENTATION."""
    selector = {"matchLabels": dict(labels)}
    return [{"topologyKey": key, "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector} for key in keys]


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"topology_spread": topology_spread}
