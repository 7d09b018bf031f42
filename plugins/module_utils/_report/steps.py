# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What there is to say of a cluster, and what to do next because of it. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

DOCS = "https://github.com/image-trust/azure/blob/main/docs/"


@dataclass(frozen=True)
class Step:
    """What to do next, and the page of docs/ that says how."""

    text: str
    page: str


@dataclass(frozen=True)
class Finding:
    """One thing to say of a cluster, by the state that it has because of it."""

    state: str
    text: str
    step: Step

    def to_dict(self) -> dict[str, Any]:
        return {"state": self.state, "text": readable(self.text), "next": self.step.text, "link": DOCS + self.step.page}


def readable(text: str) -> str:
    """The text with its times in the one form that people see; programs have theirs in keys of their own."""
    return re.sub(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00)", r"\1 \2 UTC", text)


# Of the file.
NO_PATH = Step("Set verify_proof_path, and run verify.yml.", "proof.md")
VERIFY = Step("Run verify.yml.", "proof.md")
SCHEDULE = Step("Run verify.yml, and look why its schedule did not.", "report.md")
READ_PROOF = Step("Give the login of the report read permission for the file, or run verify.yml again.", "report.md")
WRITTEN_BY = Step("Find out what else writes to the file, and run verify.yml.", "report.md#signatures")
KEY = Step("Find out what else can write to the file, and whether verify_signing_key was changed; then run verify.yml.", "proof.md#signature")
SIGN = Step("Set verify_signing_key or verify_signing_vault_key, and run verify.yml.", "proof.md#signature")
OWN_PATH = Step("Give each host a verify_proof_path of its own, and run verify.yml.", "proof.md")
CLOCK = Step("Set the clock of the machine that runs verify.yml, and run it again.", "proof.md")
# Of what the cluster answered.
IMAGES = Step("Name images in verify_images, and run verify.yml.", "verdicts.md")
VERDICTS = Step("Look up what the cluster answered; site.yml restores what the inventory asks for.", "trouble.md#a-verdict-failed")
SITE = Step("Run site.yml, which restores what the inventory asks for, and then verify.yml.", "proof.md#compared-with-the-inventory")
PILOT = Step("Name more namespaces, or set policy_enforcement to deny, once the audit denies nothing there.", "in-use.md#a-pilot")
CLOSE = Step("Run break_glass.yml with break_glass_state=closed, and then verify.yml.", "closed.md#opening-a-cluster-in-an-emergency-break-glass")
RECORD = Step("Look at the cluster whether it is open, repair the record, and run verify.yml.", "closed.md#opening-a-cluster-in-an-emergency-break-glass")
FAIL_CLOSED = Step("Set gatekeeper_failure_policy to Fail once the reason has gone.", "closed.md")
STAGE = Step("Run audit.yml, and set the stage to deny once nothing would be denied there.", "in-use.md#stages")
PODS = Step("Look at the pods and events of the namespace gatekeeper-system.", "monitoring.md#alerts")
UPGRADE = Step("Run site.yml, which upgrades it.", "day2.md#newer-versions")
ROLLOUT = Step("Wait until the upgrade is complete, or run site.yml again.", "day2.md#newer-versions")
KUBERNETES = Step("Upgrade the cluster in Azure, one minor version at a time.", "report.md#versions")
SAME = Step("Compare the variables of the clusters, and run site.yml on those that differ.", "report.md#clusters-that-should-have-the-same-policy")
# Of dates.
CERTIFICATE = Step("Renew the signer's certificate, by rotate.yml for one in a vault.", "day2.md#a-certificate-is-renewed")
NO_CERTIFICATE = Step("Add a certificate that is valid, and run site.yml.", "day2.md#a-new-signer")
READ_CERTIFICATE = Step("Look why it cannot be read, or is not held by Ratify.", "proof.md#certificates-in-a-vault")
EXEMPTION = Step("Ask its owner for signed images, and remove it from policy_exemptions or give it a last day.", "exemptions.md")
# Of the audit.
AUDIT = Step("Run audit.yml.", "in-use.md#the-audit")
READ_AUDIT = Step("Give the login of the report read permission for the file, or run audit.yml again.", "report.md#audits")
DENIED = Step("Sign the images, or exempt them for a while, before the policy denies or the pods restart.", "in-use.md#the-audit")
RESTART = Step("Sign the images again before that day.", "in-use.md#who-signed-what-runs")
