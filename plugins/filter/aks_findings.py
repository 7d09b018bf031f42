# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: aks_findings
short_description: What is wrong with the variables of role aks
version_added: 1.0.0
description:
  - Checks the variables of P(image_trust.azure.aks#role) without asking Azure.
positional: _input, host, hosts
options:
  _input:
    description: The role's variables, by name. C(aks_resource_group), C(aks_name), C(aks_registries) and C(aks_kubeconfig) are needed.
    type: dict
    required: true
  host:
    description: Name of the host in the inventory.
    type: str
    required: true
  hosts:
    description: Variables of all hosts of the inventory, by name, such as C(hostvars).
    type: dict
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Require variables that Azure takes
  ansible.builtin.assert:
    that: findings | length == 0
    fail_msg: "{{ findings | join(' ') }}"
  vars:
    findings: "{{ variables | image_trust.azure.aks_findings(inventory_hostname, hostvars) }}"
    variables:
      aks_resource_group: rg-platform
      aks_name: web
      aks_registries: []
      aks_kubeconfig: ~/.kube/image-trust/rg-platform/web.yaml
"""

RETURN = r"""
_value:
  description: A sentence for each fault. Empty where there is none.
  type: list
  elements: str
  sample: ["aks_kubeconfig must not be the user's own ~/.kube/config, it is written over."]
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.image_trust.azure.plugins.filter.azure_name_findings import azure_name_findings

USERS_OWN = "~/.kube/config"


def aks_findings(variables: Mapping[str, Any], host: str, hosts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """See DOCUMENTATION."""
    group, name = variables["aks_resource_group"], variables["aks_name"]
    names = {"resource_group": {"aks_resource_group": group}, "cluster": {"aks_name": name}, "registry": {"aks_registries": variables["aks_registries"]}}
    return [*_of_host(host), *azure_name_findings(names), *_of_others(host, group, name, hosts), *_of_kubeconfig(variables["aks_kubeconfig"])]


def _of_host(host: str) -> Iterator[str]:
    """Files are named after the host: the kubeconfig, and the proof in the example."""
    if not re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*$", host):
        sentence = (
            f"The host {host} has a name that cannot be that of a file. Name it with letters, digits, dots, hyphens and underscores, "
            "and set aks_name where the cluster's name in Azure is another one."
        )
        yield sentence


def _of_others(host: str, group: str, name: str, hosts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Azure takes no dots in the name of a cluster, so that two hosts may get the same name."""
    if "." not in host or name != _derived(host):
        return
    others = (hosts[other] for other in hosts if other != host and _derived(other) == name)
    if any("aks_name" not in other and other.get("aks_resource_group") == group for other in others):
        sentence = (
            f"{host} and another host of {group} have {name} for the name of their cluster, "
            "which is the host's with hyphens for dots. Set aks_name for one of them."
        )
        yield sentence


def _derived(host: str) -> str:
    return host.replace(".", "-")


def _of_kubeconfig(path: str) -> Iterator[str]:
    if _real(path) == _real(USERS_OWN):
        sentence = f"aks_kubeconfig must not be the user's own {USERS_OWN}, it is written over."
        yield sentence


def _real(path: str) -> str:
    """Modules, too, take a path with variables of the environment."""
    return os.path.realpath(os.path.expanduser(os.path.expandvars(path)))


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"aks_findings": aks_findings}
