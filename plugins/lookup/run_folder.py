# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The folder of this run of Ansible."""

from __future__ import annotations

DOCUMENTATION = r"""
name: run_folder
author: The image_trust.azure authors (@image-trust)
version_added: 1.0.0
short_description: The folder of this run of Ansible
description:
  - The folder on the controller that Ansible makes when it starts, for its owner only, and removes at its end.
    Ansible itself keeps there what must not outlive the run, such as what it decrypts.
  - It is the place for O(image_trust.azure.keyvault_info#module:token_cache) of the modules of this collection.
  - The lookup P(ansible.builtin.config#lookup) cannot be used instead, since it makes a new folder of each
    look at C(DEFAULT_LOCAL_TMP), and leaves it behind.
"""

EXAMPLES = r"""
- name: The modules log in once for the whole play
  hosts: clusters
  connection: local
  gather_facts: false
  module_defaults:
    group/image_trust.azure.azure:
      token_cache: "{{ lookup('image_trust.azure.run_folder') }}"
  tasks:
    - name: The vault is known
      image_trust.azure.keyvault_info:
        resource_group: image-trust
        name: image-trust-lab
"""

RETURN = r"""
_raw:
  description: Path of the folder.
  type: list
  elements: path
  sample: [/home/ops/.ansible/tmp/ansible-local-4711abcdefgh]
"""

from typing import Any

from ansible import constants
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **options: Any) -> list[str]:
        # Ansible fills its module of constants when it starts.
        return [str(vars(constants)["DEFAULT_LOCAL_TMP"])]
