# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: report_proofs
short_description: Where the proofs and audits of clusters are
version_added: 1.0.0
description:
  - Makes O(image_trust.azure.proof_report#module:proofs) of the variables of the hosts.
positional: _input, hosts
options:
  _input:
    description: Hosts whose clusters are in the report.
    type: list
    elements: str
    required: true
  hosts:
    description: Variables of all hosts of the inventory, by name, such as C(hostvars). Of a host, C(verify_proof_path), C(break_glass_record_path),
      C(policy_audit_path) and C(report_policy_group) are read.
    type: dict
    required: true
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Show where the proofs are
  ansible.builtin.debug:
    msg: "{{ groups.clusters | image_trust.azure.report_proofs(hostvars) }}"
"""

RETURN = r"""
_value:
  description: An entry for each host, without a path where it has none. The record of openings is beside the proof where no path is given for it.
  type: list
  elements: dict
  sample: [{"cluster": "web", "path": "proofs/web.json", "break_glass_record": "proofs/web-break-glass.jsonl", "audit": null, "policy_group": null}]
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def report_proofs(clusters: Sequence[str], hosts: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str | None]]:
    """See DOCUMENTATION."""
    return [_proof(name, hosts[name]) for name in clusters]


def _proof(cluster: str, variables: Mapping[str, Any]) -> dict[str, str | None]:
    path = variables.get("verify_proof_path") or None
    beside = f"{os.path.splitext(path)[0]}-break-glass.jsonl" if path else None
    record, audit = variables.get("break_glass_record_path") or beside, variables.get("policy_audit_path") or None
    return {"cluster": cluster, "path": path, "break_glass_record": record, "audit": audit, "policy_group": variables.get("report_policy_group") or None}


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"report_proofs": report_proofs}
