# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: rotation_certificates
short_description: Which certificates a cluster trusts while a signer is rotated
version_added: 1.0.0
description:
  - Makes of C(ratify_certificates) what the cluster trusts before and while a signer's certificate gets another version.
  - A list that does not have the certificate is returned as it is.
positional: _input, signer, vaults, step
options:
  _input:
    description: C(ratify_certificates) of the inventory.
    type: list
    elements: dict
    required: true
  signer:
    description: C(certificate) and C(vault), the names, and C(version), the version that is replaced.
    type: dict
    required: true
  vaults:
    description: Names of the cluster's vaults. Where there is one, entries without C(vault) are of it.
    type: list
    elements: str
    required: true
  step:
    description: V(former) for the version that is replaced and no other one of the certificate, V(both) for that version and those of the inventory.
    type: str
    choices: [former, both]
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Show what is trusted while the signer is rotated
  ansible.builtin.debug:
    msg: "{{ [{'name': 'contoso-release'}] | image_trust.azure.rotation_certificates(signer, ['contoso-signing'], 'both') }}"
  vars:
    signer:
      certificate: contoso-release
      vault: contoso-signing
      version: 0123456789abcdef0123456789abcdef
"""

RETURN = r"""
_value:
  description: Entries as those of C(ratify_certificates).
  type: list
  elements: dict
  sample:
    - {"name": "contoso-release"}
    - {"name": "contoso-release", "version": "0123456789abcdef0123456789abcdef"}
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

Entry = Mapping[str, Any]


def rotation_certificates(certificates: Sequence[Entry], signer: Mapping[str, str], vaults: Sequence[str], step: str) -> list[Entry]:
    """See DOCUMENTATION. Raises AnsibleFilterError where the inventory trusts the replaced version alone, which it would then do for ever."""

    def vault(entry: Entry) -> str:
        return str(entry.get("vault") or (vaults[0] if len(vaults) == 1 else "")).lower()

    own = [each for each in certificates if each["name"] == signer["certificate"] and vault(each) == signer["vault"].lower()]
    if not own:
        return list(certificates)
    if {each.get("version") for each in own} == {signer["version"]}:
        raise AnsibleFilterError(
            f"ratify_certificates pins {signer['certificate']} to the version {signer['version']}, which is to be replaced; take its version out of the"
            " inventory: rotate.yml pins it as long as images need it."
        )
    former = {**own[0], "version": signer["version"]}
    kept = [each for each in certificates if each != former and (step == "both" or each not in own)]
    return [*kept, former]


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rotation_certificates": rotation_certificates}
