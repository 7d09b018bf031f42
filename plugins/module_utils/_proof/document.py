# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The proof: what a cluster said, and all that it depends on. docs/proof.schema.json is its form. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .._admission.verdict import Verdict
from .._ratify.anchors import DISABLED
from .._ratify.errors import explained
from .._verification.coverage import of_a_pilot, uncovered
from .._verification.state import RATIFY
from .._verification.statuses import outdated

SCHEMA = 1
"""Grows when a reader of the proof has to read it otherwise."""
COLLECTION = {"name": "image_trust.azure", "version": "1.0.0"}
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """What the run knows beside the cluster: its name in the inventory and in Azure, the constraint and the namespace that were asked, who signs (None:
    no signature), and the time. `pilot` are the namespaces to which the inventory limits the policy; none: it is not limited."""

    name: str
    id: str | None
    constraint: str | None
    namespace: str | None
    signed_by: Json | None
    at: datetime
    pilot: tuple[str, ...] = ()

    @property
    def time(self) -> str:
        return stamp(self.at)


def stamp(at: datetime) -> str:
    """As all times in the proof: UTC, to the second."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def document(asked: Asked, state: Json, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The proof of the verdicts and of `state`, which is what the module verification_info returned."""
    exemptions = [{**each, "ended": bool(each["ends"]) and str(each["ends"]) < f"{asked.at:%Y-%m-%d}"} for each in state["exemptions"]]
    policy = {**state["policy"], "constraints": state["constraints"], "exempt_namespaces": state["exempt_namespaces"], "exemptions": exemptions}
    # Of certificates that were not read, each of a chain is reported in the same words.
    anchors = [anchor for number, anchor in enumerate(state["anchors"]) if anchor not in state["anchors"][:number]]
    statuses = state.get("statuses") or []
    problems = [*state["problems"], *uncovered(policy, asked.constraint, asked.pilot), *_of_anchors(anchors, asked.time), *outdated(statuses, asked.at)]
    return {
        "schema": SCHEMA,
        "collection": COLLECTION,
        "time": asked.time,
        "passed": not problems and bool(verdicts) and all(verdict.passed for verdict in verdicts),
        "problems": problems,
        "cluster": {"name": asked.name, "id": asked.id, **state["cluster"]},
        "programs": state["programs"],
        "constraint": asked.constraint,
        "namespace": asked.namespace,
        "pilot": [*asked.pilot],
        "policy": policy,
        "anchors": anchors,
        "trust": state.get("trust") or [],
        "statuses": statuses,
        "verdicts": [verdict.to_dict() for verdict in verdicts],
        "signed_by": asked.signed_by,
    }


def verdicts_of(proof: Json) -> list[Verdict]:
    """Raises KeyError, TypeError or ValueError where one is not of the form."""
    return [Verdict.from_dict(each) for each in proof["verdicts"]]


def is_as_asked(proof: Json) -> bool:
    """Whether the proof passed, or lacks nothing but what a pilot lacks."""
    verdicts = verdicts_of(proof)
    return bool(proof["passed"] or (verdicts and all(each.passed for each in verdicts) and [*proof["problems"]] == [of_a_pilot(proof["pilot"])]))


def problems(objects: Mapping[str, Sequence[Json]], programs: Mapping[str, Json], refused: Iterable[str]) -> list[str]:
    """What is missing or does not work, in a sentence each, whatever the verdicts are."""
    names = {"gatekeeper": "Gatekeeper", "ratify": "Ratify"}
    found = [f"It cannot be said whether all is there: {refusal}." for refusal in refused]
    found += [f"{names[name]} has no pod that is ready." for name, program in programs.items() if not program["ready"]]
    needed = {
        "validating_webhooks": "Gatekeeper's validating webhook",
        "templates": "The constraint template imagesverified",
        "providers": "Gatekeeper's provider for Ratify",
        "guards": "The guard of namespaces' labels (ValidatingAdmissionPolicy)",
        "guard_bindings": "The binding of the guard of namespaces' labels (ValidatingAdmissionPolicyBinding)",
        **{listed: f"A {kind} of Ratify" for kind, listed in RATIFY.items()},
    }
    found += [f"{what} is not there." for listed, what in needed.items() if not objects[listed]]
    failing = [(kind, item) for kind, listed in RATIFY.items() for item in objects[listed] if not (item.get("status") or {}).get("issuccess")]
    return found + [f"Ratify's {kind} {item['metadata']['name']}: {_said(item)}." for kind, item in failing]


def _said(item: Json) -> str:
    return explained(str((item.get("status") or {}).get("error") or "not read")).rstrip(".")


def _of_anchors(anchors: Sequence[Json], now: str) -> list[str]:
    """With one that may still be valid, an expired one only admits less."""
    if not anchors:
        return ["Ratify trusts no signer: it holds no certificate and no key."]
    found = [] if any(may_be_valid(anchor, now) for anchor in anchors) else ["None of the certificates that Ratify holds is valid now."]
    for anchor in anchors:
        if anchor["problem"] == DISABLED:
            sentence = (
                f"Ratify still trusts the certificate {anchor['name']}, version {anchor['version']}, which is disabled in the vault: restart it "
                "(kubectl rollout restart deployment/ratify, in its namespace), or enable the version again."
            )
            found.append(sentence)
    return found


def of_a_chain(anchor: Json, anchors: Sequence[Json]) -> bool:
    """Whether other certificates came with it under the same name, so that its name does not say which one it is."""
    keys = ("provider", "vault", "name", "version")
    return bool(anchor["name"]) and sum(all(each[key] == anchor[key] for key in keys) for each in anchors) > 1


def may_be_valid(anchor: Json, now: str) -> bool:
    """Whether it is valid as far as it is known: a key has no end, and of what could not be read it is not known. What Ratify does not hold is not."""
    return bool(anchor["held"]) and (anchor["not_before"] or now) <= now <= (anchor["not_after"] or now)
