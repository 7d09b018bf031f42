# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Whether the policy denies in all namespaces but the reviewed ones: one rule for the proof and for the report. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

STAGES = ("deny", "warn", "dryrun", "trial")
"""What role policy adds to the name of the constraint, for the constraints of its stages and for its trial."""
FAILS_OPEN = "While Gatekeeper does not answer, every image is admitted (failurePolicy Ignore)"
Json = Mapping[str, Any]


def uncovered(policy: Json, constraint: str | None) -> list[str]:
    """A sentence for each way in which the policy holds in fewer places than the reviewed ones.

    `policy` has `constraints`, `exempt_namespaces`, `failure_policy` and `failure_policy_reason` as a proof has them; `constraint` is the name of the one
    that has to deny by itself; None: one of them has to.
    """
    return [
        *_of_constraints(policy["constraints"], constraint),
        *(f"{sentence}. {_WAY_OUT}" for sentence in _unreviewed(policy["exempt_namespaces"])),
        *_of_failure(policy),
    ]


_WAY_OUT = "Name the namespace with the reason in policy_excluded_namespaces, or cover it."


def _of_constraints(constraints: Sequence[Json], asked: str | None) -> list[str]:
    there = {constraint["name"]: constraint for constraint in constraints}
    if asked is None:
        return [] if any(not _narrower(each) for each in constraints) else ["No constraint denies in all namespaces but the excluded ones."]
    own = {asked, *(f"{asked}-{stage}" for stage in STAGES)}
    foreign = [
        f"The constraint {name} is not one that this collection makes for {asked}. Delete it, or set policy_constraint." for name in there if name not in own
    ]
    return [*(_narrower(there[asked]) if asked in there else [f"The constraint {asked} does not exist."]), *foreign]


def _narrower(constraint: Json) -> list[str]:
    """Why it does not deny in all namespaces but those that it excludes by name."""
    name, enforcement = constraint["name"], constraint["enforcement"]
    places = [*constraint["namespaces"]]
    return [
        *([f"The constraint {name} denies nothing: its enforcement is {enforcement}."] if enforcement != "deny" else []),
        *([f"The constraint {name} only holds for what fits its {', '.join(constraint['selectors'])}."] if constraint["selectors"] else []),
        *([f"The constraint {name} only holds in {', '.join(places)}, and not in all namespaces but the excluded ones."] if places else []),
    ]


def _unreviewed(exempt: Sequence[Json]) -> list[str]:
    return [f"Images are not verified in {each['name']} ({', '.join(each['by'])}), and no reason for it is known" for each in exempt if not each["reason"]]


def _of_failure(policy: Json) -> list[str]:
    failure, reason = policy["failure_policy"], policy.get("failure_policy_reason")
    if failure == "Fail" or (failure == "Ignore" and reason):
        return []
    if failure is None:
        return ["Gatekeeper is not asked about pods: its webhook validation.gatekeeper.sh does not exist."]
    return [f"{FAILS_OPEN}, and no reason for it is known. Set gatekeeper_failure_policy to Fail, or give gatekeeper_failure_policy_reason."]
