# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.image_trust.azure.plugins.module_utils._ratify.anchors import problem_of

DOCUMENTATION = r"""
name: chart_cosign_values
short_description: Keys of cosign as the chart of Ratify takes them
version_added: 1.0.0
description:
  - Checks keys, and the repositories where they are trusted, and gives the values of the chart. Without keys the verifier of cosign is not enabled.
  - Ratify takes a scope as the beginning of an image's whole name, so that V(example.azurecr.io/web*) would cover V(example.azurecr.io/web-of-others) too. Each
    repository becomes two scopes that only its own images begin with.
  - The transparency log is not asked.
positional: _input, scopes
options:
  _input:
    description: Keys, as the role P(image_trust.azure.ratify#role) takes them.
    type: list
    elements: dict
    required: true
  scopes:
    description: Repositories with their registry, or V(*) alone for all.
    type: list
    elements: str
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: A key as the chart takes it
  ansible.builtin.debug:
    msg: "{{ [{'name': 'tools', 'key': lookup('ansible.builtin.file', 'cosign.pub')}] | image_trust.azure.chart_cosign_values(['example.azurecr.io/tools']) }}"
"""

RETURN = r"""
_value:
  description: Values of the chart.
  type: dict
  sample:
    cosign:
      enabled: true
      scopes: ["example.azurecr.io/tools:*", "example.azurecr.io/tools@*"]
      tLogVerify: false
    cosignKeys: ["-----BEGIN PUBLIC KEY-----\n..."]
"""

# Ratify refuses any other character in a scope: pkg/verifier/cosign/trustpolicies.go
_SCOPE = re.compile(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([.-]+[a-z0-9]+)*)+")
_KEY = re.compile(r"\s*-----BEGIN PUBLIC KEY-----\s[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*")


def chart_cosign_values(keys: Sequence[Mapping[str, str]], scopes: Sequence[str]) -> dict[str, Any]:
    """See DOCUMENTATION. Raises AnsibleFilterError with all that is wrong; never with a key, which may be a private one by mistake."""
    wrong = [
        *(["keys are trusted nowhere without ratify_cosign_scopes"] if keys and not scopes else []),
        *(["there is no key for these scopes in ratify_cosign_keys"] if scopes and not keys else []),
        *_twice("a key", [key["name"] for key in keys]),
        *_twice("a scope", scopes),
        *(
            f"key {key['name']}: it is not a public key (PEM, BEGIN PUBLIC KEY)"
            for key in keys
            if not _KEY.fullmatch(key["key"]) or problem_of("key", key["key"])
        ),
        *_scopes(scopes),
    ]
    if wrong:
        raise AnsibleFilterError(f"these keys of cosign are not used: {'; '.join(wrong)}")
    if not keys:
        return {"cosign": {"enabled": False}, "cosignKeys": []}
    # A tag or a digest comes next: Gatekeeper asks for images as pods name them.
    made = [f"{scope}{sign}*" for scope in scopes for sign in (":", "@")] if "*" not in scopes else ["*"]
    return {"cosign": {"enabled": True, "scopes": made, "tLogVerify": False}, "cosignKeys": [key["key"] for key in keys]}


def _twice(what: str, names: Sequence[str]) -> list[str]:
    return [f"{name} is {what} twice" for name in dict.fromkeys(names) if names.count(name) > 1]


def _scopes(scopes: Sequence[str]) -> list[str]:
    if "*" in scopes:
        return ["the scope * stands for all, alone"] if len(scopes) > 1 else []
    return [
        f"{scope} is not a repository with its registry, without tag, digest, wildcards, capitals and underscores, which Ratify refuses in a scope of cosign"
        for scope in scopes
        if not _SCOPE.fullmatch(scope)
    ]


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"chart_cosign_values": chart_cosign_values}
