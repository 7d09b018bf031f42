# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: identities_of_hosts
short_description: Names of the identities that the hosts of an inventory have
version_added: 1.0.0
description:
  - The C(identity_name) of each host, and for a host without one the name that P(image_trust.azure.identity#role) makes of the host's.
positional: _input, without
options:
  _input:
    description: Variables of all hosts of the inventory, by name, such as C(hostvars).
    type: dict
    required: true
  without:
    description: Name of a host that is left out.
    type: str
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Show the identities of the other clusters
  ansible.builtin.debug:
    msg: "{{ hostvars | image_trust.azure.identities_of_hosts(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The names.
  type: list
  elements: str
  sample: [ratify-web-test, ratify-web-production]
"""

from collections.abc import Callable, Mapping
from typing import Any


def identities_of_hosts(hosts: Mapping[str, Mapping[str, Any]], without: str) -> list[str]:
    """See DOCUMENTATION."""
    return [hosts[host].get("identity_name", f"ratify-{host.replace('.', '-')}") for host in hosts if host != without]


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"identities_of_hosts": identities_of_hosts}
