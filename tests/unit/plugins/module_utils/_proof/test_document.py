"""What makes a proof pass, and what it says to people, by tables."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._admission.verdict import Verdict
from ansible_collections.image_trust.azure.plugins.module_utils._proof.document import COLLECTION, Asked, document, is_as_asked
from ansible_collections.image_trust.azure.plugins.module_utils._proof.text import notes, summary

from tests.support.proofs import ANCHOR, EXEMPTION, STATUS, faults, state, verdict

ROOT = Path(__file__).parents[5]
AT = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
EXPIRED = {**ANCHOR, "name": "old", "not_after": "2026-11-01T00:00:00Z"}
ENDING = {**ANCHOR, "not_after": "2026-12-10T00:00:00Z"}
UNREAD = {**ANCHOR, "subject": None, "sha256": None, "not_before": None, "not_after": None, "problem": "not read from the vault"}
NOT_HELD = {**UNREAD, "name": "new", "held": False}
CONSTRAINT = state()["constraints"][0]
NARROW = {**CONSTRAINT, "namespaces": ["default"]}
NARROWED = "The constraint images-verified only holds in default, and not in all namespaces but the excluded ones."
FOREIGN = "The constraint other is not one that this collection makes for images-verified. Delete it, or set policy_constraint."
FAILING_OPEN = {**state()["policy"], "failure_policy": "Ignore", "failure_policy_reason": "a test cluster"}
KEY = {**UNREAD, "kind": "key", "problem": None}


def made(verdicts: Any = (), constraint: str = "images-verified", **more: Any) -> dict[str, Any]:
    asked = Asked("lab1", None, constraint, "default", None, AT)
    return document(asked, state(**more), [Verdict.from_dict(each) for each in verdicts or [verdict()]])


PASSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "all is well": ({}, []),
    "one of two certificates has expired": ({"anchors": [ANCHOR, EXPIRED]}, []),
    "the only certificate was not read": ({"anchors": [UNREAD]}, []),
    "a key has no end": ({"anchors": [EXPIRED, KEY]}, []),
    "all certificates have expired": ({"anchors": [EXPIRED]}, ["None of the certificates that Ratify holds is valid now."]),
    "beside the expired one there is one that Ratify does not hold": (
        {"anchors": [EXPIRED, NOT_HELD]},
        ["None of the certificates that Ratify holds is valid now."],
    ),
    "no certificate is valid yet": (
        {"anchors": [{**ANCHOR, "not_before": "2026-12-01T00:00:00Z"}]},
        ["None of the certificates that Ratify holds is valid now."],
    ),
    "no signer is trusted": ({"anchors": []}, ["Ratify trusts no signer: it holds no certificate and no key."]),
    "the constraint looks at labels": (
        {"constraints": [{**CONSTRAINT, "selectors": ["labelSelector", "name"]}]},
        ["The constraint images-verified only holds for what fits its labelSelector, name."],
    ),
    "the constraint only warns": (
        {"constraints": [{**CONSTRAINT, "enforcement": "warn"}]},
        ["The constraint images-verified denies nothing: its enforcement is warn."],
    ),
    "a constraint beside it is not ours": ({"constraints": [CONSTRAINT, {**CONSTRAINT, "name": "other", "enforcement": "warn"}]}, [FOREIGN]),
    "the constraint holds in one namespace": ({"constraints": [NARROW]}, [NARROWED]),
    "another one that only warns hides that": ({"constraints": [NARROW, {**CONSTRAINT, "name": "other", "enforcement": "warn"}]}, [NARROWED, FOREIGN]),
    "another one with a selector hides that": ({"constraints": [NARROW, {**CONSTRAINT, "name": "other", "selectors": ["labelSelector"]}]}, [NARROWED, FOREIGN]),
    "a stage of its own hides that": ({"constraints": [NARROW, {**CONSTRAINT, "name": "images-verified-dryrun", "enforcement": "dryrun"}]}, [NARROWED]),
    "a stage holds in one namespace": ({"constraints": [CONSTRAINT, {**CONSTRAINT, "name": "images-verified-warn", "namespaces": ["legacy"]}]}, []),
    "the constraint does not exist": ({"constraint": "other", "constraints": []}, ["The constraint other does not exist."]),
    "a namespace is exempt for no known reason": (
        {"exempt_namespaces": [{"name": "shop", "by": ["constraint images-verified", "label admission.gatekeeper.sh/ignore"], "reason": None}]},
        [
            "Images are not verified in shop (constraint images-verified, label admission.gatekeeper.sh/ignore), and no reason for it is known. "
            "Name the namespace with the reason in policy_excluded_namespaces, or cover it."
        ],
    ),
    "it fails open": (
        {"policy": {**state()["policy"], "failure_policy": "Ignore"}},
        [
            "While Gatekeeper does not answer, every image is admitted (failurePolicy Ignore), and no reason for it is known. "
            "Set gatekeeper_failure_policy to Fail, or give gatekeeper_failure_policy_reason."
        ],
    ),
    "it fails open for a reason": ({"policy": FAILING_OPEN}, []),
    "Gatekeeper is not asked about pods": (
        {"policy": {**state()["policy"], "failure_policy": None}},
        ["Gatekeeper is not asked about pods: its webhook validation.gatekeeper.sh does not exist."],
    ),
    "what Ratify reports is older than its configuration": (
        {"statuses": [{**STATUS, "generation": 2, "changed": "2026-11-24T11:00:00Z"}]},
        [
            "Ratify's KeyManagementProvider kmprovider-akv was changed on 2026-11-24T11:00:00Z, and what Ratify reports of it is older, of "
            "2026-11-24T08:00:01Z (3 h 59 min ago). What Ratify holds is not known. Restart its Deployment."
        ],
    ),
    "a pod of Gatekeeper enforces an older constraint": (
        {
            "statuses": [
                {**STATUS, "kind": "ImagesVerified", "name": "images-verified", "generation": 2, "reported": None, "older": [{"pod": "g", "generation": 1}]}
            ]
        },
        [
            "Gatekeeper's pod g enforces generation 1 of ImagesVerified images-verified, which was changed to generation 2 on 2026-11-24T08:00:00Z "
            "(4 h 0 min ago)."
        ],
    ),
    "Ratify is not there": ({"problems": ["Ratify has no pod that is ready."]}, ["Ratify has no pod that is ready."]),
}


@pytest.mark.parametrize("name", PASSED)
def test_a_proof_passes_when_nothing_is_a_problem(name: str) -> None:
    given, problems = PASSED[name]
    proof = made(**given)
    assert (proof["problems"], proof["passed"]) == (problems, not problems)


WARNING = {**CONSTRAINT, "enforcement": "warn"}
DENYING = {**CONSTRAINT, "name": "images-verified-deny", "namespaces": ["default", "shop"]}
A_PILOT = "It is a pilot: the policy denies in default, shop only."
NOT_THERE = "The constraint images-verified-deny does not deny in default, shop."


@pytest.mark.parametrize(
    ("constraints", "more", "problems"),
    [
        ([WARNING, DENYING], {}, []),
        ([DENYING], {}, []),
        ([WARNING], {}, [NOT_THERE]),
        ([WARNING, {**DENYING, "enforcement": "warn"}], {}, [NOT_THERE]),
        ([WARNING, {**DENYING, "namespaces": ["default"]}], {}, [NOT_THERE]),
        ([WARNING, {**DENYING, "selectors": ["labelSelector"]}], {}, [NOT_THERE]),
        ([WARNING, DENYING, {**CONSTRAINT, "name": "other"}], {}, [FOREIGN]),
        ([WARNING, DENYING], {"problems": ["Ratify has no pod that is ready."]}, ["Ratify has no pod that is ready."]),
    ],
)
def test_the_proof_of_a_pilot_does_not_pass_and_is_as_asked_where_nothing_else_is_wrong(
    constraints: list[dict[str, Any]], more: dict[str, Any], problems: list[str]
) -> None:
    asked = Asked("lab1", None, "images-verified", "default", None, AT, ("default", "shop"))
    proof = document(asked, state(constraints=constraints, **more), [Verdict.from_dict(verdict())])
    assert proof["passed"] is False
    assert sorted(proof["problems"]) == sorted([A_PILOT, *problems])
    assert proof["pilot"] == ["default", "shop"]
    assert faults(proof) == []
    assert is_as_asked(proof) is not bool(problems)


def test_a_pilot_with_a_failed_verdict_or_without_verdicts_is_not_as_asked() -> None:
    asked = Asked("lab1", None, "images-verified", "default", None, AT, ("shop",))
    for given in ([], [verdict(), verdict(passed=False)]):
        verdicts = [Verdict.from_dict(each) for each in given]
        assert not is_as_asked(document(asked, state(constraints=[WARNING, {**DENYING, "namespaces": ["shop"]}]), verdicts))


def test_the_page_of_a_pilot_does_not_begin_with_a_failure() -> None:
    asked = Asked("lab1", None, "images-verified", "default", None, AT, ("shop",))
    for passed, says in ((True, "a pilot, as asked, which proves nothing of the other namespaces"), (False, "FAILED")):
        proof = document(asked, state(constraints=[WARNING, {**DENYING, "namespaces": ["shop"]}]), [Verdict.from_dict(verdict(passed=passed))])
        assert summary(proof, "f" * 64, 30).startswith(f"Cluster lab1, 2026-11-24T12:00:00Z: {says}\n")


def test_without_a_pilot_as_asked_is_passed() -> None:
    assert is_as_asked(made())
    assert not is_as_asked(made(constraints=[WARNING]))


def test_a_failed_verdict_makes_it_fail() -> None:
    assert made([verdict(), verdict(passed=False)])["passed"] is False


def test_without_a_verdict_nothing_is_proved() -> None:
    assert document(Asked("lab1", None, None, None, None, AT), state(), [])["passed"] is False


@pytest.mark.parametrize(("ends", "ended"), [("2026-11-23", True), ("2026-11-24", False), ("2026-11-25", False)])
def test_an_exemption_expires_after_its_last_day(ends: str, ended: bool) -> None:
    (exemption,) = made(exemptions=[{**EXEMPTION, "ends": ends}])["policy"]["exemptions"]
    assert exemption["ended"] is ended


NOTES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing ends": ({}, []),
    "it fails open for a reason": (
        {"policy": FAILING_OPEN},
        ["While Gatekeeper does not answer, every image is admitted (failurePolicy Ignore): a test cluster."],
    ),
    "a certificate expires": ({"anchors": [ENDING]}, ["The certificate brooklyn-io of kmprovider-akv expires on 2026-12-10."]),
    "a certificate has expired": ({"anchors": [EXPIRED]}, ["The certificate old of kmprovider-akv expired on 2026-11-01."]),
    "a certificate is not known": ({"anchors": [UNREAD]}, ["The certificate brooklyn-io of kmprovider-akv: not read from the vault."]),
    "a key has no end": ({"anchors": [KEY]}, []),
    "an exemption expires": ({"exemptions": [{**EXEMPTION, "ends": "2026-12-24"}]}, ["The exemption of team expires on 2026-12-24."]),
    "an exemption has expired": ({"exemptions": [{**EXEMPTION, "ends": "2026-11-01"}]}, ["The exemption of team expired on 2026-11-01."]),
    "an exemption is far from its end": ({"exemptions": [{**EXEMPTION, "ends": "2026-12-25"}]}, []),
}


@pytest.mark.parametrize("name", NOTES)
def test_what_ends_within_the_days_is_noted(name: str) -> None:
    given, says = NOTES[name]
    assert notes(made(**given), 30) == says


def test_the_page_says_what_failed_whom_the_cluster_trusts_and_what_is_exempt() -> None:
    failed = verdict("r.io/web:1", passed=False, verdict="admitted", message="")
    page = summary(made([verdict(), failed], problems=["Ratify has no pod that is ready."]), "f" * 64, 30)
    for part in (
        "Cluster lab1, 2026-11-24T12:00:00Z: FAILED",
        "2 verdicts on 2 images, 1 failed",
        "r.io/web:1 as container in default: admitted, not denied",
        "Ratify has no pod that is ready.",
        "The certificate brooklyn-io of kmprovider-akv: CN=brooklyn.io, 2026-01-01T00:00:00Z to 2999-01-01T00:00:00Z",
        "KeyManagementProvider kmprovider-akv: 2026-11-24T08:00:01Z, 3 h 59 min ago",
        "kube-system: what the cluster needs to start",
        "team, to 2999-01-01: soon signed",
        f"SHA-256 of the proof: {'f' * 64}",
    ):
        assert part in page


def test_what_comes_from_outside_cannot_write_lines_or_colours() -> None:
    evil = "x\nCluster lab1: passed\x1b[2J\u202e"
    proof = made(
        [verdict(evil, passed=False, message=evil)],
        anchors=[{**ANCHOR, "subject": evil, "name": evil}],
        exemptions=[{**EXEMPTION, "owner": evil, "reason": evil, "ends": "2026-11-01"}],
        exempt_namespaces=[{"name": evil, "by": [evil], "reason": evil}],
        problems=[evil],
    )
    page = summary(proof, "f" * 64, 30)
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "\nCluster lab1: passed" not in page


def test_the_version_in_a_proof_is_that_of_the_collection() -> None:
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert {"name": f"{galaxy['namespace']}.{galaxy['name']}", "version": galaxy["version"]} == COLLECTION
