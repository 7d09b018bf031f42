# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: value_changes
short_description: What changes between two sets of values, a line each
version_added: 1.0.0
description:
  - Compares two nested dictionaries, such as the values of a Helm release before and after, and tells each difference in a line that a reviewer can read.
  - A value whose name says that it is a secret is not shown, only that it changes.
positional: _input, after
options:
  _input:
    description: The values as they are.
    type: dict
    required: true
  after:
    description: The values as they will be.
    type: dict
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: What an upgrade would change
  ansible.builtin.debug:
    msg: "{{ {'replicas': 3, 'image': {'tag': 'v1'}} | image_trust.azure.value_changes({'replicas': 3, 'image': {'tag': 'v2'}}) }}"
  # => ['image.tag: "v1" -> "v2"']
"""

RETURN = r"""
_value:
  description: A line for each value that differs, sorted by name.
  type: list
  elements: str
  sample: ['image.tag: "v1" -> "v2"', 'replicas: none -> 3']
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

SECRET = re.compile(r"(key|password|secret|token|config|^value)$", re.IGNORECASE)
_HIDDEN = "(not shown)"


def value_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The differences between two nested dictionaries; see DOCUMENTATION."""
    old, new = dict(_leaves(before, "")), dict(_leaves(after, ""))
    names = sorted(name for name in old.keys() | new.keys() if (name in old, old.get(name)) != (name in new, new.get(name)))
    return [f"{name}: {_shown(name, old)} -> {_shown(name, new)}" for name in names]


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(name: str, values: Mapping[str, Any]) -> str:
    if name not in values:
        return "none"
    return _HIDDEN if _is_secret(name) else json.dumps(_masked(values[name]), ensure_ascii=False, sort_keys=True)


def _is_secret(name: str) -> bool:
    return SECRET.search(name.rpartition(".")[2]) is not None


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _HIDDEN if _is_secret(key) else _masked(each) for key, each in value.items()}
    return [_masked(each) for each in value] if isinstance(value, list) else value


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"value_changes": value_changes}
