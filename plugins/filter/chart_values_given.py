# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: chart_values_given
short_description: Which of some names the values of a chart give
version_added: 1.0.0
description:
  - Finds reserved names in nested values of a Helm chart.
  - A name is given as well where all that it is in is replaced, by null for example, which takes it away.
positional: _input, names
options:
  _input:
    description: The values.
    type: dict
    required: true
  names:
    description: The names, with their parents and dots.
    type: list
    elements: str
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Reject a number of pods in the chart's values
  ansible.builtin.assert:
    that: "{'logDenies': true} | image_trust.azure.chart_values_given(['replicas', 'pdb.controllerManager.minAvailable']) | length == 0"
"""

RETURN = r"""
_value:
  description: The names that are given, in the values' order.
  type: list
  elements: str
  sample: [pdb.controllerManager.minAvailable]
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any


def chart_values_given(values: Mapping[str, Any], names: Collection[str]) -> list[str]:
    """See DOCUMENTATION."""
    return [*_given(values, "", names)]


def _given(values: Mapping[str, Any], prefix: str, names: Collection[str]) -> Iterator[str]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if name in names:
            yield name
        elif isinstance(value, Mapping):
            yield from _given(value, f"{name}.", names)
        else:
            yield from (each for each in names if each.startswith(f"{name}."))


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"chart_values_given": chart_values_given}
