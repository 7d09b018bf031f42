# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Whether the policy denies in all namespaces but the reviewed ones: one rule for the proof and for the report. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

STAGES = ("deny", "warn", "dryrun", "trial")
"""What role policy adds to the name of the constraint, for the constraints of its stages and for its trial."""
FAILS_OPEN = "While Gatekeeper does not answer, every image is admitted (failurePolicy Ignore)"
Json = Mapping[str, Any]


def uncovered(policy: Json, constraint: str | None, pilot: Sequence[str] = ()) -> list[str]:
    """A sentence for each way in which the policy holds in fewer places than the reviewed ones.

    `policy` has `constraints`, `exempt_namespaces`, `failure_policy` and `failure_policy_reason` as a proof has them; `constraint` is the name of the one
    that has to deny by itself; None: one of them has to. `pilot` are the namespaces of a pilot: the constraint of stage deny has to deny there, and that
    this is all is one sentence, `of_a_pilot`.
    """
    return [*_of_constraints(policy["constraints"], constraint, pilot), *_of_namespaces(policy["exempt_namespaces"]), *_of_failure(policy)]


def of_a_pilot(pilot: Sequence[str]) -> str:
    """The sentence about a pilot."""
    return f"It is a pilot: the policy denies in {', '.join(pilot)} only."


def _of_constraints(constraints: Sequence[Json], asked: str | None, pilot: Sequence[str]) -> Iterator[str]:
    there = {constraint["name"]: constraint for constraint in constraints}
    if not asked:
        if all([*_narrower(each)] for each in constraints):
            yield "No constraint denies in all namespaces but the excluded ones."
        return
    if pilot:
        yield of_a_pilot(pilot)
        denying = there.get(f"{asked}-deny") or {"enforcement": None, "namespaces": []}
        if denying["enforcement"] != "deny" or denying["selectors"] or {*pilot} - {*denying["namespaces"]}:
            yield f"The constraint {asked}-deny does not deny in {', '.join(pilot)}."
    elif asked in there:
        yield from _narrower(there[asked])
    else:
        yield f"The constraint {asked} does not exist."
    for name in sorted(there.keys() - {asked, *(f"{asked}-{stage}" for stage in STAGES)}):
        yield f"The constraint {name} is not one that this collection makes for {asked}. Delete it, or set policy_constraint."


def _narrower(constraint: Json) -> Iterator[str]:
    """Why it does not deny in all namespaces but those that it excludes by name."""
    name, enforcement = constraint["name"], constraint["enforcement"]
    if enforcement != "deny":
        yield f"The constraint {name} denies nothing: its enforcement is {enforcement}."
    if constraint["selectors"]:
        yield f"The constraint {name} only holds for what fits its {', '.join(constraint['selectors'])}."
    if constraint["namespaces"]:
        yield f"The constraint {name} only holds in {', '.join(constraint['namespaces'])}, and not in all namespaces but the excluded ones."


def _of_namespaces(exempt: Sequence[Json]) -> Iterator[str]:
    for each in exempt:
        if not each["reason"]:
            yield (
                f"Images are not verified in {each['name']} ({', '.join(each['by'])}), and no reason for it is known. "
                "Name the namespace with the reason in policy_excluded_namespaces, or cover it."
            )


def _of_failure(policy: Json) -> Iterator[str]:
    failure, reason = policy["failure_policy"], policy.get("failure_policy_reason")
    if failure is None:
        yield "Gatekeeper is not asked about pods: its webhook validation.gatekeeper.sh does not exist."
    elif failure != "Fail" and not (failure == "Ignore" and reason):
        yield f"{FAILS_OPEN}, and no reason for it is known. Set gatekeeper_failure_policy to Fail, or give gatekeeper_failure_policy_reason."
