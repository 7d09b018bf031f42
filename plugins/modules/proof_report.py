#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: proof_report
short_description: Say what the proofs of many clusters prove together
version_added: 1.0.0
description:
  - Reads the proofs that the role P(image_trust.azure.verify#role) has written, and nothing else. Neither a cluster nor Azure is asked.
  - Every cluster of O(proofs) is in the report. One whose proof is missing, cannot be read, is too old or is not signed as it should be is V(unknown), which
    is never taken for good.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - cryptography, with O(public_key)
options:
  proofs:
    description: The clusters, and where the proof of each should be.
    type: list
    elements: dict
    required: true
    suboptions:
      cluster:
        description: Name of the cluster, which its proof has to have.
        type: str
        required: true
      path:
        description: Its proof. Without it, it has none.
        type: path
      rescue_record:
        description: The record of when it was opened in an emergency and closed again. It need not exist.
        type: path
  public_key:
    description:
      - File with the RSA or EC public key in PEM by which the proofs have to be signed, each in the file C(.sig) beside it.
      - No signature is checked without it.
    type: path
  time:
    description: The time for which it is said, such as V(2026-11-24T12:00:00Z).
    type: str
    required: true
  max_age_hours:
    description: Hours after which a proof proves nothing any more.
    type: int
    default: 48
  warn_days:
    description: Days before a certificate or an exemption ends at which attention is drawn to it.
    type: int
    default: 30
  versions:
    description: Versions of C(gatekeeper) and C(ratify) below which attention is drawn to a cluster.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes.
    details: Nothing is changed.
  diff_mode:
    support: none
    description: Returns details on what has changed, in diff mode.
    details: Nothing is changed.
seealso:
  - module: image_trust.azure.proof
"""

EXAMPLES = r"""
- name: What the proofs of two clusters say
  image_trust.azure.proof_report:
    proofs:
      - cluster: web-staging
        path: /var/lib/image-trust/proof-web-staging.json
      - cluster: web-production
        path: /var/lib/image-trust/proof-web-production.json
    time: "{{ now(utc=true).isoformat(timespec='seconds') }}Z"
  register: found

- name: All of them are proven
  ansible.builtin.assert:
    that: found.report.right
"""

RETURN = r"""
report:
  description:
    - What the proofs say. C(right) is whether each cluster is V(proven), or at most needs V(attention); the others are V(wrong) or V(unknown).
    - C(plot) is the axis of the ends of certificates. C(days) are those of the calendar, from C(day) on.
  type: dict
  returned: success
  sample:
    schema: 1
    day: "2026-11-24"
    right: false
    terms:
      max_age_hours: 48
      warn_days: 30
      versions: {gatekeeper: 3.23.0, ratify: 1.4.4}
    summary: {wrong: 0, unknown: 1, attention: 0, proven: 0}
    clusters:
      - name: web-staging
        state: unknown
        findings:
          - state: unknown
            text: There is no proof of it. Run verify.yml.
        proof: {path: /var/lib/image-trust/proof-web-staging.json, sha256: null, signature: not checked, time: null, days: null}
        facts: null
    certificates: []
    plot:
      days: 180
      near: 166
      marks:
        - {month: 2027-01, at: 211}
        - {month: 2027-03, at: 538}
        - {month: 2027-05, at: 877}
    exemptions: []
"""

from typing import NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.image_trust.azure.plugins.module_utils._proofs import find
from ansible_collections.image_trust.azure.plugins.module_utils._report import Terms, report
from ansible_collections.image_trust.azure.plugins.module_utils._report_dates import moment
from ansible_collections.image_trust.azure.plugins.module_utils._verifying import CRYPTOGRAPHY_IMPORT_ERROR, PublicKey, PublicKeyError


def main() -> NoReturn:
    proof = dict(cluster=dict(required=True), path=dict(type="path"), rescue_record=dict(type="path"))
    module = AnsibleModule(
        argument_spec=dict(
            proofs=dict(type="list", elements="dict", required=True, options=proof),
            public_key=dict(type="path", no_log=False),
            time=dict(required=True),
            max_age_hours=dict(type="int", default=48),
            warn_days=dict(type="int", default=30),
            versions=dict(type="dict", default={}),
        ),
        supports_check_mode=True,
    )
    given = module.params
    if given["public_key"] and CRYPTOGRAPHY_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("cryptography"), exception=CRYPTOGRAPHY_IMPORT_ERROR)
    try:
        key = PublicKey(given["public_key"]) if given["public_key"] else None
        versions = {str(name): str(version) for name, version in given["versions"].items()}
        terms = Terms(moment(given["time"]), given["max_age_hours"], given["warn_days"], versions)
    except PublicKeyError as error:
        module.fail_json(msg=f"The signatures cannot be checked: {error}.")
    except ValueError:
        module.fail_json(msg=f"time is {given['time']}, and not a time such as 2026-11-24T12:00:00Z.")
    found = [find(each["cluster"], each["path"], each["rescue_record"], key) for each in given["proofs"]]
    module.exit_json(changed=False, report=report(found, terms))


if __name__ == "__main__":
    main()
