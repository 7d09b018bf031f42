# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What a report says of one cluster, taken out of its proof, which is a file that anybody may have written. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from .._admission.verdict import Verdict
from .._proof.document import SCHEMA, of_a_chain, verdicts_of
from .._verification.dates import moment
from .._verification.digest import digest

Json = Mapping[str, Any]
_OF_EACH = ("stores", "namespaced_stores", "key_management_providers", "namespaced_key_management_providers")
"""Parts of the policy that name the cluster's own identity, so that they are the same nowhere. Whom they trust is in the certificates."""


@dataclass(frozen=True)
class Facts:
    """All texts are texts, all lists are lists."""

    name: str
    time: str
    at: datetime
    passed: bool
    problems: list[str]
    id: str | None
    uid: str | None
    kubernetes_version: str
    collection_version: str
    programs: dict[str, dict[str, Any]]
    namespace: str
    pilot: list[str]
    """Namespaces in which alone it denies; it is no pilot when empty."""
    policy_sha256: str
    parts: dict[str, str]
    """The SHA-256 of each part of the policy."""
    constraint: str | None
    failure_policy: str | None
    failure_policy_reason: str | None
    constraints: list[dict[str, Any]]
    exempt_namespaces: list[dict[str, Any]]
    exemptions: list[dict[str, Any]]
    anchors: list[dict[str, Any]]
    trust: list[dict[str, Any]]
    signed_by: dict[str, str] | None
    verdicts: list[Verdict]

    @property
    def policy(self) -> dict[str, Any]:
        """What says where the policy holds, as the proof has it."""
        return {
            "constraints": self.constraints,
            "exempt_namespaces": self.exempt_namespaces,
            "failure_policy": self.failure_policy,
            "failure_policy_reason": self.failure_policy_reason,
        }

    @property
    def compared(self) -> dict[str, str]:
        """What two clusters with the same policy have in common, by what it is called."""
        held = sorted({str([each["kind"], each["sha256"] or [each[key] for key in ("vault", "name", "version")]]) for each in self.anchors})
        return {**{name: sha256 for name, sha256 in self.parts.items() if name not in _OF_EACH}, "certificates": digest(held)}

    @property
    def enforcement(self) -> str:
        """In a word, or in more where the stages of the policy differ."""
        return "pilot" if self.pilot else ", ".join(dict.fromkeys(each["enforcement"] for each in self.constraints)) or "none"

    def facts(self) -> dict[str, Any]:
        """What the report has of it for this cluster alone."""
        return {
            "id": self.id,
            "uid": self.uid,
            "kubernetes_version": self.kubernetes_version,
            "collection_version": self.collection_version,
            "programs": self.programs,
            "pilot": self.pilot,
            "policy_sha256": self.policy_sha256,
            "constraints": self.constraints,
            "exempt_namespaces": self.exempt_namespaces,
            "asked": len(self.verdicts),
            "passed": sum(verdict.passed for verdict in self.verdicts),
            "images": self._images(),
            "failures": self._failures(),
        }

    def _images(self) -> list[dict[str, Any]]:
        """Each image once, with the number of its verdicts in the namespace that the policy covers, and in those that are exempt."""
        images: dict[str, dict[str, Any]] = {}
        for verdict in self.verdicts:
            image = images.setdefault(verdict.image, {"image": verdict.image, "covered": {}, "exempt": {}, "failed": 0})
            counted = image["covered" if verdict.namespace == self.namespace else "exempt"]
            counted[verdict.verdict] = counted.get(verdict.verdict, 0) + 1
            image["failed"] += not verdict.passed
        return list(images.values())

    def _failures(self) -> list[dict[str, Any]]:
        """The failed verdicts, those together that differ in nothing but how and where the image was asked for."""
        together: dict[tuple[Any, ...], dict[str, Any]] = {}
        for verdict in self.verdicts:
            if verdict.passed:
                continue
            said = {"image": verdict.image, "expected": verdict.expected, "verdict": verdict.verdict, "message": verdict.message or None}
            group = together.setdefault(tuple(said.values()), {**said, "shapes": [], "namespaces": []})
            for listed, value in (("shapes", verdict.shape), ("namespaces", verdict.namespace)):
                group[listed] += [] if value in group[listed] else [value]
        return list(together.values())


def facts(proof: Any) -> Facts:
    """What the proof says. Raises AttributeError, KeyError, OverflowError, TypeError or ValueError where it is not of the form of docs/proof.schema.json."""
    if proof["schema"] != SCHEMA:
        raise ValueError(f"schema {proof['schema']}")
    policy, cluster, signed_by = proof["policy"], proof["cluster"], proof["signed_by"]
    return Facts(
        name=str(cluster["name"]),
        time=str(proof["time"]),
        at=moment(proof["time"]),
        passed=proof["passed"] is True,
        problems=[str(problem) for problem in proof["problems"]],
        id=_text(cluster["id"]),
        uid=_text(cluster["uid"]),
        kubernetes_version=str(cluster["kubernetes_version"] or "?"),
        collection_version=str(proof["collection"]["version"]),
        programs={str(name): _program(program) for name, program in proof["programs"].items()},
        namespace=str(proof["namespace"]),
        # Proofs that were written before there was the field are of no pilot.
        pilot=texts(proof.get("pilot") or []),
        policy_sha256=str(policy["sha256"]),
        parts={str(name): str(part["sha256"]) for name, part in policy["parts"].items()},
        constraint=_text(proof["constraint"]),
        failure_policy=_text(policy["failure_policy"]),
        # Proofs that were written before there was the field have no reason.
        failure_policy_reason=_text(policy.get("failure_policy_reason")),
        constraints=[_constraint(each) for each in policy["constraints"]],
        exempt_namespaces=[{"name": str(each["name"]), "by": texts(each["by"]), "reason": _text(each["reason"])} for each in policy["exempt_namespaces"]],
        exemptions=[_exemption(each) for each in policy["exemptions"]],
        anchors=[_anchor(each, proof["anchors"]) for each in proof["anchors"]],
        # Proofs that were written before there was the field do not say it.
        trust=[_trust(each) for each in proof.get("trust") or []],
        signed_by={key: str(signed_by[key]) for key in ("key", "sha256")} if signed_by else None,
        verdicts=verdicts_of(proof),
    )


def _program(program: Json) -> dict[str, Any]:
    return {"pods": int(program["pods"]), "ready": int(program["ready"]), "versions": texts(program["versions"])}


def _constraint(constraint: Json) -> dict[str, Any]:
    said = {key: str(constraint[key]) for key in ("name", "enforcement")}
    return {**said, **{key: texts(constraint[key]) for key in ("namespaces", "selectors")}}


def _exemption(exemption: Json) -> dict[str, Any]:
    ends = _text(exemption["ends"])
    return {
        "owner": str(exemption["owner"] or "no owner"),
        "reason": _text(exemption["reason"]),
        "ends": date.fromisoformat(ends[:10]).isoformat() if ends else None,
        **{key: texts(exemption[key]) for key in ("images", "namespaces", "service_accounts")},
    }


def _anchor(anchor: Json, anchors: Sequence[Json]) -> dict[str, Any]:
    said = {key: _text(anchor[key]) for key in ("vault", "name", "version", "subject", "sha256", "not_after", "problem")}
    if said["not_after"]:
        moment(said["not_after"])
    common_name = re.search(r"(?:^|,)CN=((?:[^,\\]|\\.)+)", said["subject"] or "")
    subject = common_name[1] if common_name else said["subject"]
    called = said["name"] or subject or (said["sha256"] or "?")[:12]
    if of_a_chain(anchor, anchors):
        called += f" ({subject})"
    # Proofs that were written before there was the field tell it by their problem alone.
    return {"provider": str(anchor["provider"]), "kind": str(anchor["kind"]), "called": called, "held": anchor.get("held") is not False, **said}


def _trust(policy: Json) -> dict[str, Any]:
    said = {"kind": str(policy["kind"]), "policy": _text(policy["policy"])}
    return {**said, **{key: texts(policy[key]) for key in ("repositories", "signers", "providers")}}


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def texts(values: Any) -> list[str]:
    """Raises TypeError where it is one text."""
    if isinstance(values, str):
        raise TypeError(values)
    return [str(value) for value in values]
