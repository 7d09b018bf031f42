# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.chart_values import stays_text
from ansible_collections.image_trust.azure.plugins.module_utils._ratify.trust_policies import identity_problems, scope_problems
from ansible_collections.image_trust.azure.plugins.module_utils._ratify.vaults import store_name

DOCUMENTATION = r"""
name: chart_trust_policies
short_description: Trust policies as the chart of Ratify takes them
version_added: 1.0.0
description:
  - Checks trust policies by the rules of the Notary Project, which Ratify would only do when it runs already, and gives them the names of trust stores that
    the chart knows.
positional: _input, inline, vaults
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
  vaults:
    description: How many vaults have certificates.
    type: int
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: A policy as the chart takes it
  ansible.builtin.debug:
    msg: "{{ [policy] | image_trust.azure.chart_trust_policies(['root', 'time'], 1) }}"
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
"""The trust store of all certificates in vaults; the chart has none for a part of them."""
LEVELS = ("strict", "permissive", "audit")


def chart_trust_policies(policies: Sequence[Mapping[str, Any]], inline: Sequence[str], vaults: int) -> list[dict[str, Any]]:
    """See DOCUMENTATION. Raises AnsibleFilterError with all that is wrong.

    https://github.com/notaryproject/specifications/blob/main/specs/trust-store-trust-policy.md
    """
    stores = {name: [f"notationCerts[{index}]"] for index, name in enumerate(inline)}
    stores |= {VAULT: [store_name(number) for number in range(vaults)]} if vaults else {}
    usual = [f"ca:{VAULT}"] if vaults else []
    made = [_with_defaults(number, policy, usual) for number, policy in enumerate(policies)]
    wrong = [*_twice("a certificate", inline), *([f"an inline certificate cannot be called {VAULT}"] if VAULT in inline else [])]
    wrong += [
        *_twice("a policy", [policy["name"] for policy in made]),
        *_twice("a scope", [scope for policy in made for scope in policy["registryScopes"]]),
    ]
    for policy in made:
        lines = [*_name(str(policy["name"])), *scope_problems(policy["registryScopes"]), *_level(policy["level"])]
        lines += [*identity_problems(policy["trustedIdentities"]), *_stores(policy, stores)]
        wrong += [f"policy {policy['name']}: {line}" for line in lines]
    if wrong:
        raise AnsibleFilterError(f"these trust policies are not used: {'; '.join(wrong)}")
    return [
        {
            **policy,
            # The chart puts them between quotation marks of YAML, and escapes nothing.
            "trustedIdentities": [identity.replace("\\", "\\\\").replace('"', '\\"') for identity in policy["trustedIdentities"]],
            "trustStores": [f"{kind}:{each}" for kind, name in (store.split(":", 1) for store in policy["trustStores"]) for each in stores[name]],
        }
        for policy in made
    ]


def _with_defaults(number: int, policy: Mapping[str, Any], stores: Sequence[str]) -> dict[str, Any]:
    # As the chart names it.
    name = f"trustPolicy-{number}" if policy.get("name") is None else policy["name"]
    return {**policy, "name": name, "level": policy.get("level") or "strict", "trustStores": policy.get("trustStores") or stores}


def _twice(what: str, names: Sequence[str]) -> list[str]:
    return [f"{name} is {what} twice" for name in dict.fromkeys(names) if names.count(name) > 1]


def _name(name: str) -> list[str]:
    # The chart puts it into YAML without quotation marks.
    return [] if stays_text(name) else ["its name would be no text in YAML; begin it with a letter, and have no colon or # in it"]


def _level(level: str) -> list[str]:
    return [] if level in LEVELS else [f"its level is {level}, but must be {', '.join(LEVELS[:-1])} or {LEVELS[-1]}"]


def _stores(policy: Mapping[str, Any], stores: Mapping[str, Sequence[str]]) -> list[str]:
    kinds = [store.partition(":")[0] for store in policy["trustStores"]]
    wrong = [
        f"there is no trust store {store}; there are {', '.join(sorted(stores)) or 'none'}" for store in policy["trustStores"] if not _known(store, stores)
    ]
    return wrong if {"ca", "signingAuthority"} & {*kinds} else [*wrong, "it needs a trust store of the type ca or signingAuthority"]


def _known(store: str, stores: Mapping[str, Sequence[str]]) -> bool:
    parts = store.split(":", 1)
    return len(parts) == 2 and parts[0] in ("ca", "tsa", "signingAuthority") and parts[1] in stores


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"chart_trust_policies": chart_trust_policies}
