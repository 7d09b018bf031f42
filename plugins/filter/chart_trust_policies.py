# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: chart_trust_policies
short_description: Trust policies as the chart of Ratify takes them
version_added: 1.0.0
description:
  - Checks trust policies by the rules of the Notary Project, which Ratify would only do when it runs already, and gives them the names of trust stores that
    the chart knows.
positional: _input, inline, vault
options:
  _input:
    description: Trust policies, as the role P(image_trust.azure.ratify#role) takes them.
    type: list
    elements: dict
    required: true
  inline:
    description: Names of the certificates that are given in place, in their order.
    type: list
    elements: str
    required: true
  vault:
    description: Whether there are certificates in a vault.
    type: bool
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: A policy as the chart takes it
  ansible.builtin.debug:
    msg: "{{ [policy] | image_trust.azure.chart_trust_policies(['root', 'time'], true) }}"
  vars:
    policy:
      name: release
      registryScopes: [example.azurecr.io/web]
      trustedIdentities: ["x509.subject: C=US, ST=WA, O=Example"]
      trustStores: ["ca:root", "tsa:time"]
"""

RETURN = r"""
_value:
  description: The policies.
  type: list
  elements: dict
  sample:
    - name: release
      level: strict
      registryScopes: [example.azurecr.io/web]
      trustedIdentities: ["x509.subject: C=US, ST=WA, O=Example"]
      trustStores: ["ca:notationCerts[0]", "tsa:notationCerts[1]"]
"""

VAULT = "vault"
"""The trust store of all certificates in the vault; the chart has no other for a part of them."""
_SCOPE = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)+")
_PREFIX = "x509.subject:"
_NEEDED = ("C", "ST", "O")


def chart_trust_policies(policies: Sequence[Mapping[str, Any]], inline: Sequence[str], vault: bool) -> list[dict[str, Any]]:
    """See DOCUMENTATION. Raises AnsibleFilterError with all that is wrong.

    https://github.com/notaryproject/specifications/blob/main/specs/trust-store-trust-policy.md
    """
    stores = {name: f"notationCerts[{index}]" for index, name in enumerate(inline)} | ({VAULT: "azurekeyvault"} if vault else {})
    made = [{"level": "strict", **policy, "trustStores": policy.get("trustStores") or ([f"ca:{VAULT}"] if vault else [])} for policy in policies]
    wrong = [*_twice("a certificate", inline), *([f"an inline certificate cannot be called {VAULT}"] if VAULT in inline else [])]
    wrong += [
        *_twice("a policy", [policy["name"] for policy in policies]),
        *_twice("a scope", [scope for policy in policies for scope in policy["registryScopes"]]),
    ]
    for policy in made:
        wrong += [f"policy {policy['name']}: {line}" for line in [*_scopes(policy["registryScopes"]), *_identities(policy), *_stores(policy, stores)]]
    if wrong:
        raise AnsibleFilterError(f"these trust policies are not used: {'; '.join(wrong)}")
    return [
        {
            **policy,
            # The chart puts them between quotation marks of YAML, and escapes nothing.
            "trustedIdentities": [identity.replace("\\", "\\\\").replace('"', '\\"') for identity in policy["trustedIdentities"]],
            "trustStores": [f"{kind}:{stores[name]}" for kind, name in (store.split(":", 1) for store in policy["trustStores"])],
        }
        for policy in made
    ]


def _twice(what: str, names: Sequence[str]) -> list[str]:
    return [f"{name} is {what} twice" for name in dict.fromkeys(names) if names.count(name) > 1]


def _scopes(scopes: Sequence[str]) -> list[str]:
    if not scopes:
        return ["it needs registryScopes"]
    if "*" in scopes:
        return ["the scope * stands for all, alone"] if len(scopes) > 1 else []
    return [f"{scope} is not a repository with its registry, without tag, digest and wildcards" for scope in scopes if not _SCOPE.fullmatch(scope)]


def _identities(policy: Mapping[str, Any]) -> list[str]:
    identities = policy["trustedIdentities"]
    if not identities:
        return ["it needs trustedIdentities; for the chart none means anybody"]
    if "*" in identities:
        return ["the identity * stands for everybody that a certificate of its trust stores has signed, alone"] if len(identities) > 1 else []
    return [f"{identity}: {wrong}" for identity in identities if (wrong := _identity(identity))]


def _identity(identity: str) -> str | None:
    if not identity.startswith(_PREFIX):
        return f"it begins with {_PREFIX}"
    # A comma that a backslash escapes is part of a value.
    names = [part.partition("=")[0].strip() for part in re.split(r"(?<!\\)[,+]", identity.removeprefix(_PREFIX))]
    missing = [name for name in _NEEDED if name not in names]
    return f"it needs {', '.join(missing)}" if missing else None


def _stores(policy: Mapping[str, Any], stores: Mapping[str, str]) -> list[str]:
    kinds = [store.partition(":")[0] for store in policy["trustStores"]]
    wrong = [
        f"there is no trust store {store}; there are {', '.join(sorted(stores)) or 'none'}" for store in policy["trustStores"] if not _known(store, stores)
    ]
    return wrong if {"ca", "signingAuthority"} & {*kinds} else [*wrong, "it needs a trust store of the type ca or signingAuthority"]


def _known(store: str, stores: Mapping[str, str]) -> bool:
    parts = store.split(":", 1)
    return len(parts) == 2 and parts[0] in ("ca", "tsa", "signingAuthority") and parts[1] in stores


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"chart_trust_policies": chart_trust_policies}
