"""What is said of clusters by their proofs: a table of what can be with them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._report import steps
from ansible_collections.image_trust.azure.plugins.module_utils._report.report import Found, Terms, report
from ansible_collections.image_trust.azure.plugins.module_utils._report.steps import DOCS, Finding, readable
from ansible_collections.image_trust.azure.plugins.module_utils._verification.dates import plot

from tests.support.proofs import faults
from tests.support.report_proofs import NGINX, SIGNED, UNSIGNED, anchor, audit, exemption, of_kubernetes, pilot, proof, trust, verdict, with_policy
from tests.support.reports import all_states

ROOT = Path(__file__).parents[5]
AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TERMS = Terms(AT, hours=48, days=30, versions={"gatekeeper": "3.23.1", "ratify": "1.4.6", "kubernetes": "1.36"})
WEB = proof("web")
OLD = {"pods": 2, "ready": 2, "images": [], "versions": ["3.9.1"]}
WARN = {"name": "images-verified-warn", "enforcement": "warn", "namespaces": ["legacy"], "excluded_namespaces": [], "selectors": []}
DENY = WEB["policy"]["constraints"][0]
DRYRUN = {"name": "images-verified", "enforcement": "dryrun", "namespaces": [], "excluded_namespaces": [], "selectors": []}
NOT_HELD = anchor("new", None, held=False, problem="Ratify does not hold it")
SAID_BY_PROBLEM_ALONE = {key: value for key, value in NOT_HELD.items() if key != "held"}
NONE = Finding("unknown", "There is no proof of it.", steps.VERIFY)
FAILED = verdict(SIGNED, "job", "denied", expected="admitted", passed=False, message="no")


def found(made: Any = WEB, **more: Any) -> Found:
    return Found("web", "/proofs/web.json", **{"proof": made, "sha256": "0" * 64, **more})


def judged(*given: Found) -> dict[str, Any]:
    return report(given, TERMS)


CASES: dict[str, tuple[Found, str, list[str]]] = {
    "all is well": (found(), "proven", []),
    "its signature is good": (found(signature="verified"), "proven", []),
    "there is none": (found(None, problem=NONE), "unknown", ["There is no proof of it."]),
    "it is null": (found(None), "unknown", ["There is no proof."]),
    "it was changed": (
        found(signature="invalid"),
        "failed",
        ["The signature is not that of this proof: the proof was changed, or signed with another key. Nothing of it is shown."],
    ),
    "it is not signed": (found(signature="missing"), "unknown", ["The proof is not signed."]),
    "it is of another cluster": (found(proof("staging")), "unknown", ["It is the proof of another cluster, staging. Nothing of it is shown."]),
    "it is 48 hours old": (found(proof("web", time="2026-11-22T12:00:00Z")), "proven", []),
    "it is older": (found(proof("web", time="2026-11-22T11:59:59Z")), "unknown", ["The proof is older than 48 hours."]),
    "a clock is a little ahead": (found(proof("web", time="2026-11-24T12:04:00Z")), "proven", []),
    "it is of tomorrow": (
        found(proof("web", time="2026-11-25T12:00:00Z")),
        "unknown",
        ["The proof is of a time that is yet to come, 2026-11-25 12:00 UTC."],
    ),
    "a verdict failed": (found(proof("web", verdicts=[*WEB["verdicts"], FAILED], passed=False)), "failed", ["1 of 31 verdicts failed."]),
    "a verdict failed, and the proof says that it passed": (found(proof("web", verdicts=[FAILED, FAILED])), "failed", ["2 of 2 verdicts failed."]),
    "it has no verdicts": (found(proof("web", verdicts=[])), "unknown", ["The proof has no verdicts."]),
    "it has problems": (found(proof("web", problems=["Ratify trusts no signer."])), "failed", ["Ratify trusts no signer."]),
    "it says that it failed, and not why": (found(proof("web", passed=False)), "failed", ["The proof failed and does not say why."]),
    "it was opened": (
        found(break_glass={"state": "open", "when": "2026-11-24T09:00:00Z", "who": "me", "why": "it burns"}),
        "failed",
        ["It was opened on 2026-11-24 09:00 UTC by me and not closed since: it burns. While it is open it admits every image."],
    ),
    "it was opened, by whom is not written": (
        found(None, problem=NONE, break_glass={}),
        "failed",
        ["It was opened on ? by ? and not closed since: ?. While it is open it admits every image.", "There is no proof of it."],
    ),
    "it was closed again": (found(break_glass={"state": "closed"}), "proven", []),
    "it denies nothing": (
        found(with_policy(WEB, constraints=[DRYRUN])),
        "failed",
        ["The constraint images-verified denies nothing: its enforcement is dryrun.", "It denies nothing in all namespaces but the exempt ones: dryrun."],
    ),
    "it has no constraint": (found(with_policy(WEB, constraints=[])), "failed", ["The constraint images-verified does not exist."]),
    "its constraint holds in one namespace, which one that only warns hides": (
        found(with_policy(WEB, constraints=[{**DENY, "namespaces": ["default"]}, {**WARN, "namespaces": []}])),
        "failed",
        [
            "The constraint images-verified only holds in default, and not in all namespaces but the excluded ones.",
            "It denies nothing in all namespaces but the exempt ones: warn.",
        ],
    ),
    "its constraint has a selector": (
        found(with_policy(WEB, constraints=[{**DENY, "selectors": ["labelSelector"]}])),
        "failed",
        ["The constraint images-verified only holds for what fits its labelSelector."],
    ),
    "what the proof says itself is not repeated": (
        found(proof("web", policy={**WEB["policy"], "constraints": []}, problems=["The constraint images-verified does not exist."], passed=False)),
        "failed",
        ["The constraint images-verified does not exist."],
    ),
    "it fails open": (
        found(with_policy(WEB, failure_policy="Ignore")),
        "failed",
        [
            "While Gatekeeper does not answer, every image is admitted (failurePolicy Ignore), and no reason for it is known. "
            "Set gatekeeper_failure_policy to Fail, or give gatekeeper_failure_policy_reason."
        ],
    ),
    "it fails open for a reason": (
        found(with_policy(WEB, failure_policy="Ignore", failure_policy_reason="a test cluster")),
        "attention",
        ["While Gatekeeper does not answer, every image is admitted (failurePolicy Ignore): a test cluster."],
    ),
    "it only warns in a namespace": (
        found(with_policy(WEB, constraints=[*WEB["policy"]["constraints"], WARN])),
        "attention",
        ["It denies nothing in legacy: warn."],
    ),
    "a program is old": (
        found(proof("web", programs={"gatekeeper": OLD})),
        "attention",
        ["Gatekeeper 3.9.1 is older than this collection's, 3.23.1."],
    ),
    "a program is newer": (found(proof("web", programs={"gatekeeper": {**OLD, "versions": ["3.100.0"]}})), "proven", []),
    "a version is none": (
        found(proof("web", programs={"ratify": {**OLD, "versions": ["latest"]}})),
        "attention",
        ["Ratify latest is older than this collection's, 1.4.6."],
    ),
    "two versions run": (found(proof("web", programs={"ratify": {**OLD, "versions": ["1.4.6", "1.5.0"]}})), "attention", ["Ratify runs in 2 versions."]),
    "a pod is not ready": (
        found(proof("web", programs={"ratify": {**OLD, "ready": 1, "versions": ["1.4.6"]}})),
        "attention",
        ["Ratify: 1 of 2 pods were ready."],
    ),
    "a version has more digits than Python takes": (
        found(proof("web", programs={"ratify": {**OLD, "versions": ["9" * 5000]}})),
        "attention",
        [f"Ratify {'9' * 5000} is older than this collection's, 1.4.6."],
    ),
    "its Kubernetes is the last that is supported": (found(proof("web", cluster=of_kubernetes("web", "v1.34.9"))), "proven", []),
    "its Kubernetes is older": (
        found(proof("web", cluster=of_kubernetes("web", "v1.33.12"))),
        "attention",
        ["Kubernetes v1.33.12 is 3 minor versions behind 1.36; AKS supports the newest 3."],
    ),
    "its Kubernetes is newer": (found(proof("web", cluster=of_kubernetes("web", "v1.37.0"))), "proven", []),
    "which Kubernetes it has is not known": (
        found(proof("web", cluster=of_kubernetes("web", None))),
        "attention",
        ["How far Kubernetes ? is behind is not known."],
    ),
    "a certificate expires in a day": (
        found(proof("web", anchors=[anchor("release", "2026-11-25T00:00:00Z")])),
        "attention",
        ["The certificate release expires in 1 day."],
    ),
    "it expires in 30 days": (
        found(proof("web", anchors=[anchor("release", "2026-12-24T23:00:00Z")])),
        "attention",
        ["The certificate release expires in 30 days."],
    ),
    "it expires in 31 days": (found(proof("web", anchors=[anchor("release", "2026-12-25T00:00:00Z")])), "proven", []),
    "one has expired": (
        found(proof("web", anchors=[anchor("old", "2026-11-23T00:00:00Z"), anchor("new", "2029-01-01T00:00:00Z")])),
        "attention",
        ["The certificate old has expired."],
    ),
    "all have expired since": (
        found(proof("web", anchors=[anchor("old", "2026-11-23T00:00:00Z")])),
        "failed",
        ["None of the certificates that it trusts is valid any more.", "The certificate old has expired."],
    ),
    "one has expired, and Ratify does not hold the other": (
        found(proof("web", anchors=[anchor("old", "2026-11-23T00:00:00Z"), NOT_HELD])),
        "failed",
        ["None of the certificates that it trusts is valid any more.", "The certificate old has expired.", "The certificate new: Ratify does not hold it."],
    ),
    "one has expired, and the proof is so old that it does not say whether Ratify holds the other": (
        found(proof("web", anchors=[anchor("old", "2026-11-23T00:00:00Z"), SAID_BY_PROBLEM_ALONE])),
        "attention",
        ["The certificate old has expired.", "The certificate new: Ratify does not hold it."],
    ),
    "of a chain the intermediate ends": (
        found(proof("web", anchors=[anchor("release", "2026-11-25T00:00:00Z", subject="CN=mid,O=Contoso"), anchor("release", None, subject="CN=root")])),
        "attention",
        ["The certificate release (mid) expires in 1 day."],
    ),
    "one was not read": (found(proof("web", anchors=[anchor("new", None, problem="HTTP 403")])), "attention", ["The certificate new: HTTP 403."]),
    "a key has no end": (found(proof("web", anchors=[anchor("cosign", None, kind="key")])), "proven", []),
    "an exemption expires today": (
        found(with_policy(WEB, exemptions=[exemption("me", "2026-11-24")])),
        "attention",
        ["The exemption of me expires today."],
    ),
    "an exemption has no end": (
        found(with_policy(WEB, exemptions=[exemption("me", None)])),
        "attention",
        ["The exemption of me has no end."],
    ),
    "an exemption ends later": (found(with_policy(WEB, exemptions=[exemption("me", "2027-11-24")])), "proven", []),
    "why a namespace is exempt is not known": (
        found(with_policy(WEB, exempt_namespaces=[{"name": "mine", "by": ["constraint images-verified"], "reason": None}])),
        "failed",
        [
            "Images are not verified in mine (constraint images-verified), and no reason for it is known. "
            "Name the namespace with the reason in policy_excluded_namespaces, or cover it."
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_when_this_is_so_the_cluster_is_said_to_be(case: str) -> None:
    given, state, findings = CASES[case]
    made = judged(given)
    (cluster,) = made["clusters"]
    assert (cluster["state"], [finding["text"] for finding in cluster["findings"]]) == (state, findings)
    assert made["passed"] == (state in ("proven", "attention"))
    assert made["summary"] == {each: int(each == state) for each in ("failed", "unknown", "attention", "proven")}


NO_PROOFS = [
    "text",
    [],
    7,
    {},
    {"cluster": "web", "passed": True, "verdicts": []},
    {**WEB, "schema": 2},
    {**WEB, "trust": [{"kind": "notation"}]},
    {**WEB, "signed_by": {"key": "local"}},
    with_policy(WEB, parts=None),
    *({key: value for key, value in WEB.items() if key != missing} for missing in ("cluster", "time", "policy", "anchors", "verdicts", "programs", "problems")),
    {**WEB, "time": "yesterday"},
    {**WEB, "time": "2026-11-24T12:00:00"},
    {**WEB, "time": "20261124T120000Z"},
    {**WEB, "time": 7},
    {**WEB, "anchors": None},
    {**WEB, "anchors": [anchor("release", "never")]},
    {**WEB, "anchors": [anchor("release", "20271124T120000Z")]},
    {**WEB, "anchors": [{}]},
    {**WEB, "programs": []},
    {**WEB, "programs": {"ratify": {**OLD, "pods": "many"}}},
    {**WEB, "programs": {"ratify": {**OLD, "pods": float("inf")}}},
    {**WEB, "verdicts": ["right"]},
    with_policy(WEB, constraints="none"),
    with_policy(WEB, exemptions=[exemption("me", "soon")]),
    with_policy(WEB, exempt_namespaces=[{"name": "mine", "by": "me", "reason": None}]),
]


@pytest.mark.parametrize("made", NO_PROOFS, ids=lambda made: str(made)[:60])
def test_what_is_no_proof_proves_nothing(made: Any) -> None:
    (cluster,) = judged(found(made))["clusters"]
    assert (cluster["state"], cluster["facts"]) == ("unknown", None)


PILOT = pilot("web", "shop", "billing")
DENIES = "It is a pilot: the policy denies in shop, billing only."
ELSEWHERE = "It denies nothing in all other namespaces: warn."
WHOLE, STAGE = PILOT["policy"]["constraints"]


@pytest.mark.parametrize(
    ("made", "state", "first"),
    [
        (PILOT, "attention", [DENIES, ELSEWHERE]),
        ({**PILOT, "problems": [DENIES, "Ratify trusts nobody."]}, "failed", ["Ratify trusts nobody.", DENIES]),
        ({**PILOT, "verdicts": [FAILED]}, "failed", ["1 of 1 verdicts failed.", DENIES]),
        ({**PILOT, "verdicts": []}, "unknown", ["The proof has no verdicts.", DENIES]),
        ({**PILOT, "problems": [], "passed": True}, "attention", [DENIES]),
        ({**PILOT, "pilot": ["shop"]}, "failed", [DENIES]),
        ({**PILOT, "pilot": []}, "failed", [DENIES]),
        (
            with_policy(PILOT, constraints=[WHOLE, {**STAGE, "enforcement": "warn"}]),
            "failed",
            ["The constraint images-verified-deny does not deny in shop, billing.", DENIES],
        ),
        (with_policy(PILOT, constraints=[WHOLE]), "failed", ["The constraint images-verified-deny does not deny in shop, billing.", DENIES]),
    ],
)
def test_a_pilot_that_does_what_it_should_needs_attention_and_never_passes(made: dict[str, Any], state: str, first: list[str]) -> None:
    report_ = judged(found(made), Found("other", "/", proof=proof("other")))
    (cluster,) = (each for each in report_["clusters"] if each["name"] == "web")
    assert (cluster["state"], [each["text"] for each in cluster["findings"]][: len(first)]) == (state, first)
    assert (report_["passed"], report_["unproven"]) == (False, ["web"])


@pytest.mark.parametrize("almost", [{"passed": 1}, {"passed": "true"}, {"verdicts": [verdict(SIGNED, "job", "admitted", passed="yes")]}])
def test_only_true_is_true(almost: dict[str, Any]) -> None:
    assert judged(found(proof("web", **almost)))["clusters"][0]["state"] == "failed"


def test_an_audit_is_reported_by_namespace_and_what_is_not_admitted_with_its_reason() -> None:
    (cluster,) = judged(found(audit=audit("web")))["clusters"]
    assert (cluster["state"], [each["text"] for each in cluster["findings"]]) == (
        "attention",
        ["Of 5 workloads 2 would be denied and 0 not judged if their pods were created again, says the audit of 2026-11-22."],
    )
    reported = cluster["audit"]
    assert (reported["time"], reported["days"]) == ("2026-11-22T06:10:00Z", 2)
    none = {"denied": 0, "not_judged": 0, "unknown": 0, "exempt": 0}
    assert reported["namespaces"] == [{"name": "billing", **none, "admitted": 1}, {"name": "shop", **none, "denied": 2, "exempt": 1, "admitted": 1}]
    assert reported["counts"] == {**none, "denied": 2, "exempt": 1, "admitted": 2}
    assert [(each["verdict"], each["workloads"], each["message"].split(": ")[-1]) for each in reported["outcomes"]] == [
        ("denied", ["Deployment web", "CronJob nightly"], "it has no signature"),
        ("exempt", ["Deployment proxy"], "vendor image)"),
    ]


def test_an_audit_that_denies_nothing_leaves_a_cluster_proven_and_one_without_a_proof_is_unknown_still() -> None:
    (cluster,) = judged(found(audit=audit("web", denied=[])))["clusters"]
    assert (cluster["state"], cluster["audit"]["counts"]["denied"]) == ("proven", 0)
    (cluster,) = judged(found(None, problem=NONE, audit=audit("web", denied=[])))["clusters"]
    assert (cluster["state"], cluster["audit"]["counts"]["exempt"]) == ("unknown", 1)


def test_who_signed_what_runs_is_reported_and_a_day_after_which_no_pod_can_be_created_draws_attention() -> None:
    made = audit("web", denied=[])
    (cluster,) = judged(found(audit=made))["clusters"]
    reported = cluster["audit"]
    named = [(each["image"].partition("@")[0].rpartition("/")[2], each["trusted"], each["day"], each["days"]) for each in reported["images"]]
    assert named == [("api", True, "2027-01-12", 49), ("nginx", None, None, None), ("tools", None, None, None), ("proxy", False, None, None)]
    assert [each["signer"] for each in reported["images"][3]["signatures"]] == [
        "CN=release,O=Contoso,ST=Noord-Holland,C=NL",
        "CN=somebody,O=Else,ST=Utrecht,C=NL",
    ]
    assert [(each["day"], each["days"], each["workloads"]) for each in reported["until"]] == [
        ("2027-01-12", 49, [{"namespace": "shop", "kind": "Deployment", "name": "api"}])
    ]
    (cluster,) = judged(found(audit={**made, "until": [{**made["until"][0], "day": "2026-12-24"}]}))["clusters"]
    assert (cluster["state"], [each["text"] for each in cluster["findings"]]) == (
        "attention",
        ["Of 1 workloads no pod can be created again after 2026-12-24: the certificate CN=release,O=Contoso,ST=Noord-Holland,C=NL expires."],
    )


def test_an_audit_of_before_there_were_signers_has_none_and_only_true_is_trusted() -> None:
    former = {key: value for key, value in audit("web").items() if key not in ("images", "until")}
    (cluster,) = judged(found(audit=former))["clusters"]
    assert (cluster["audit"]["images"], cluster["audit"]["until"]) == ([], [])
    image = audit("web")["images"][0]
    (cluster,) = judged(found(audit=audit("web", images=[{**image, "trusted": "true"}])))["clusters"]
    assert [each["trusted"] for each in cluster["audit"]["images"]] == [None]


NO_FORM = "Its audit is not of the form that this version writes."


NO_AUDITS: list[Any] = [
    "text",
    [],
    7,
    {},
    audit("web", time="yesterday"),
    audit("web", time=7),
    audit("web", time="2026-11-24T12:00:00"),
    audit("web", denied=None),
    audit("web", denied="none"),
    audit("web", unknown=[{}]),
    audit("web", images=[{}]),
    audit("web", until=[{"day": "soon", "reason": "", "images": [], "workloads": []}]),
    audit("web", until="never"),
    audit("web", exempt=[{"namespace": "shop", "message": "", "workloads": "web", "images": []}]),
]


@pytest.mark.parametrize(
    ("made", "finding"),
    [
        (audit("other"), "Its audit is that of another cluster, other."),
        (audit("web", time="2026-11-25T12:00:00Z"), "Its audit is of a time that is yet to come, 2026-11-25 12:00 UTC."),
        *((each, NO_FORM) for each in NO_AUDITS),
    ],
)
def test_an_audit_that_does_not_count_is_a_finding_and_nothing_of_it_is_shown(made: Any, finding: str) -> None:
    (cluster,) = judged(found(audit=made))["clusters"]
    assert (cluster["state"], [each["text"] for each in cluster["findings"]], cluster["audit"]) == ("attention", [finding], None)


def test_without_clusters_nothing_passed() -> None:
    assert judged()["passed"] is False


def test_the_worst_comes_first_and_each_cluster_is_there() -> None:
    given = [found(), Found("b", None, problem=NONE), found(signature="invalid"), Found("a", None, problem=NONE)]
    assert [cluster["state"] for cluster in judged(*given)["clusters"]] == ["failed", "unknown", "unknown", "proven"]
    assert [cluster["name"] for cluster in judged(*given)["clusters"]] == ["web", "a", "b", "web"]


def test_a_certificate_of_many_clusters_is_there_once_and_the_most_urgent_comes_first() -> None:
    release, old = anchor("release", "2027-11-24T00:00:00Z"), anchor("old", "2026-11-20T00:00:00Z")
    soon, unread = anchor("soon", "2026-12-01T00:00:00Z"), anchor("unread", None, sha256=None, problem="HTTP 403")
    clusters = {"a": [release, old], "b": [release, unread], "c": [soon, {**release, "provider": "other"}]}
    made = judged(*(Found(name, "/", proof=proof(name, anchors=anchors)) for name, anchors in clusters.items()))
    reported = [(each["called"], each["days"], each["state"], each["clusters"]) for each in made["certificates"]]
    assert reported == [
        ("unread", None, "unknown", ["b"]),
        ("old", -4, "failed", ["a"]),
        ("soon", 7, "attention", ["c"]),
        ("release", 365, "proven", ["a", "b", "c"]),
    ]


def test_the_newest_kubernetes_of_all_clusters_is_the_one_that_the_others_are_behind() -> None:
    versions = {"a": "v1.36.4", "b": "v1.37.1-beta", "c": "v1.34.2", "d": "2.0"}
    made = judged(*(Found(name, "/", proof=proof(name, cluster=of_kubernetes(name, version))) for name, version in versions.items() if name != "d"))
    assert made["terms"]["versions"]["kubernetes"] == "1.37"
    reported = {cluster["name"]: (cluster["facts"]["kubernetes_behind"], cluster["state"]) for cluster in made["clusters"]}
    assert reported == {"a": (1, "proven"), "b": (0, "proven"), "c": (3, "attention")}
    made = judged(*(Found(name, "/", proof=proof(name, cluster=of_kubernetes(name, version))) for name, version in versions.items()))
    assert [cluster["facts"]["kubernetes_behind"] for cluster in made["clusters"]] == [None, None, None, 0]


@pytest.mark.parametrize("case", CASES)
def test_each_finding_names_the_next_step_and_a_page_that_exists(case: str) -> None:
    (cluster,) = judged(CASES[case][0])["clusters"]
    for each in cluster["findings"]:
        assert each["next"].endswith(".")
        assert each["link"].startswith(DOCS)


@pytest.mark.parametrize("step", [each for each in vars(steps).values() if isinstance(each, steps.Step)], ids=lambda step: step.text)
def test_the_page_of_a_step_exists_with_the_heading_that_is_named(step: steps.Step) -> None:
    name, _, heading = step.page.partition("#")
    page = (ROOT / "docs" / name).read_text()
    headings = [re.sub(r"[^\w -]", "", line.lstrip("#").strip().lower()).replace(" ", "-") for line in page.splitlines() if line.startswith("#")]
    assert not heading or heading in headings


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("changed on 2026-11-24T11:00:00Z, read at 2026-11-24T08:00:01.123Z.", "changed on 2026-11-24 11:00 UTC, read at 2026-11-24 08:00 UTC."),
        ("2026-11-24T09:12+00:00", "2026-11-24 09:12 UTC"),
        ("on 2026-11-24, T10", "on 2026-11-24, T10"),
    ],
)
def test_people_see_times_in_one_form(text: str, seen: str) -> None:
    assert readable(text) == seen


OPENED = {"state": "open", "when": "2026-11-24T09:00:00Z", "who": "me", "why": "it burns"}


@pytest.mark.parametrize(
    ("given", "enforcement"),
    [
        (found(), "deny"),
        (found(break_glass=OPENED), "open"),
        (found(None, problem=NONE, break_glass=OPENED), "open"),
        (found(break_glass={"state": "closed"}), "deny"),
        (found(with_policy(WEB, failure_policy=None)), "open"),
        (found(with_policy(WEB, constraints=[DENY, WARN])), "deny, warn"),
        (found(with_policy(WEB, constraints=[])), "none"),
        (found(pilot("web", "shop")), "pilot"),
        (found(None, problem=NONE), None),
        (found(signature="invalid"), None),
    ],
)
def test_enforcement_is_open_where_every_image_is_admitted(given: Found, enforcement: str | None) -> None:
    assert [each["enforcement"] for each in judged(given)["clusters"]] == [enforcement]


FAILING, SOON = proof("web", verdicts=[FAILED]), proof("web", anchors=[anchor("release", "2026-11-25T00:00:00Z")])


@pytest.mark.parametrize(
    ("given", "headline"),
    [
        ([], "There is no cluster in this report."),
        ([found()], "The cluster is proven."),
        ([found()] * 3, "All 3 clusters are proven."),
        ([found(SOON)], "The cluster is in need of attention."),
        ([found(), found(None)], "Of 2 clusters 1 is unknown and 1 is proven."),
        ([found(), found(FAILING), found(None), found(SOON), found()], "Of 5 clusters 1 is failed, 1 is unknown, 1 is in need of attention and 2 are proven."),
    ],
)
def test_the_headline_has_the_numbers_of_the_summary(given: list[Found], headline: str) -> None:
    made = judged(*given)
    assert made["headline"] == headline
    assert sum(map(int, re.findall(r"\b(\d+) (?:is|are)\b", headline))) in (0, sum(made["summary"].values()))


def test_what_is_said_of_many_clusters_is_there_once_with_their_names_the_worst_first() -> None:
    old = [Found(name, "/", proof=proof(name, time="2026-11-01T00:00:00Z")) for name in ("b", "a")]
    made = judged(found(FAILING), *old, Found("c", "/", proof={**SOON, "cluster": of_kubernetes("c", "v1.36.4")}))
    assert [(each["state"], each["text"], each["clusters"]) for each in made["findings"]] == [
        ("failed", "1 of 1 verdicts failed.", ["web"]),
        ("unknown", "The proof is older than 48 hours.", ["a", "b"]),
        ("attention", "The certificate release expires in 1 day.", ["c"]),
    ]
    assert [set(each) for each in made["findings"]] == [{"state", "text", "next", "link", "clusters"}] * 3


def with_part(name: str, part: str, sha256: str, **more: Any) -> dict[str, Any]:
    made = proof(name, **more)
    return with_policy(made, parts={**made["policy"]["parts"], part: {"objects": 1, "sha256": sha256}})


def test_clusters_of_one_group_have_one_policy_or_need_attention() -> None:
    """The identity of a cluster, which is in its stores and providers, makes no other policy; a certificate that others do not trust does."""
    other = [anchor("other", "2030-01-01T00:00:00Z")]
    given = {
        "a": with_part("a", "constraints", "e" * 64),
        "b": with_part("b", "stores", "e" * 64),
        "c": with_part("c", "key_management_providers", "e" * 64),
        "d": proof("d", anchors=other),
    }
    made = judged(
        *(Found(name, "/", proof=each, policy_group="production") for name, each in given.items()), Found("e", "/", proof=with_part("e", "guards", "e"))
    )
    assert [(each["group"], each["clusters"], each["differs"]) for each in made["policies"]] == [
        ("production", ["b", "c"], []),
        ("production", ["a"], ["constraints"]),
        ("production", ["d"], ["certificates"]),
        (None, ["e"], []),
    ]
    assert {each["name"]: [one["text"] for one in each["findings"]] for each in made["clusters"]} == {
        "a": ["Its policy is not that of most clusters of production, from which it differs in constraints."],
        "b": [],
        "c": [],
        "d": ["Its policy is not that of most clusters of production, from which it differs in certificates."],
        "e": [],
    }


def test_a_proof_that_does_not_count_is_not_compared() -> None:
    given = [Found("a", "/", proof=proof("a"), policy_group="x"), Found("b", "/", proof=with_part("a", "guards", "e"), policy_group="x")]
    assert [each["clusters"] for each in judged(*given)["policies"]] == [["a"]]


def test_who_is_trusted_for_which_repository_is_there_once_with_the_certificates_and_clusters() -> None:
    old = {key: value for key, value in proof("old").items() if key != "trust"}
    by_key = trust("contoso.azurecr.io/api", kind="cosign", policy=None, signers=[], providers=["keys"])
    keys = [anchor("signer", None, kind="key", provider="keys"), {**NOT_HELD, "provider": "keys"}]
    given = {"a": proof("a"), "b": proof("b", trust=[*WEB["trust"], by_key], anchors=[*WEB["anchors"], *keys]), "old": old}
    made = judged(*(Found(name, "/", proof=each) for name, each in given.items()))
    signers = ["x509.subject:CN=release.contoso.example,O=Contoso,ST=Noord-Holland,C=NL"]
    assert [tuple(each.values()) for each in made["trust"]] == [
        ("cosign", None, ["contoso.azurecr.io/api"], [], ["signer"], ["b"]),
        ("notation", "release", ["contoso.azurecr.io/web"], signers, ["release"], ["a", "b"]),
    ]


def test_a_cluster_is_reported_with_its_ids_the_collection_and_who_signed_its_proof() -> None:
    key = {"key": "https://contoso.vault.azure.net/keys/proof/1", "sha256": "d" * 64}
    (cluster,) = judged(found({**WEB, "signed_by": key, "cluster": {**WEB["cluster"], "id": "/subscriptions/1/web"}}))["clusters"]
    assert (cluster["proof"]["signed_by"], cluster["proof"]["sha256"]) == (key, "0" * 64)
    facts = cluster["facts"]
    assert (facts["id"], facts["uid"], facts["collection_version"]) == ("/subscriptions/1/web", "uid-of-web", "1.0.0")


def test_nothing_of_the_proof_of_another_cluster_is_shown() -> None:
    other = with_policy(proof("staging", anchors=[anchor("theirs", "2030-01-01T00:00:00Z")]), exemptions=[exemption("them", "2030-01-01")])
    made = judged(found(other))
    assert [(each["state"], each["facts"], each["enforcement"]) for each in made["clusters"]] == [("unknown", None, None)]
    assert "theirs" not in str(made)
    assert (made["exemptions"], made["trust"], made["policies"]) == ([], [], [])


def test_nothing_of_a_changed_proof_is_shown() -> None:
    changed = with_policy(proof("web", anchors=[anchor("theirs", "2030-01-01T00:00:00Z")]), exemptions=[exemption("them", "2030-01-01")])
    made = judged(found(changed, signature="invalid"))
    assert "theirs" not in str(made)
    assert "them" not in str(made["exemptions"])


def test_failed_verdicts_that_are_alike_are_reported_together() -> None:
    failed = [{**FAILED, "shape": shape, "namespace": namespace} for shape in ("job", "container") for namespace in ("default", "web")]
    (cluster,) = judged(found(proof("web", verdicts=[*failed, {**FAILED, "message": "other"}])))["clusters"]
    assert [(each["shapes"], each["namespaces"], each["message"]) for each in cluster["facts"]["failures"]] == [
        (["job", "container"], ["default", "web"], "no"),
        (["job"], ["default"], "other"),
    ]
    assert (cluster["facts"]["passed"], cluster["facts"]["asked"]) == (0, 5)


def test_verdicts_where_the_policy_does_not_hold_are_counted_apart() -> None:
    (cluster,) = judged(found(proof("web", verdicts=[*WEB["verdicts"], FAILED])))["clusters"]
    assert cluster["facts"]["images"] == [
        {"image": SIGNED, "covered": {"admitted": 9, "denied": 1}, "exempt": {"admitted": 1}, "failed": 1},
        {"image": UNSIGNED, "covered": {"denied": 9}, "exempt": {"admitted": 1}, "failed": 0},
        {"image": NGINX, "covered": {"denied": 9}, "exempt": {"admitted": 1}, "failed": 0},
    ]


@pytest.mark.parametrize(
    ("days", "length", "marks"),
    [
        ([], 180, [("2027-01", 211), ("2027-03", 538), ("2027-05", 877)]),
        ([None, -3, 10], 180, [("2027-01", 211), ("2027-03", 538), ("2027-05", 877)]),
        ([4000], 730, [("2027-01", 52), ("2027-05", 216), ("2027-09", 384), ("2028-01", 552), ("2028-05", 717), ("2028-09", 886)]),
    ],
)
def test_the_axis_shows_half_a_year_to_two_years(days: list[int | None], length: int, marks: list[tuple[str, int]]) -> None:
    made = plot(days, AT, 30)
    assert (made["days"], [(mark["month"], mark["at"]) for mark in made["marks"]]) == (length, marks)


def test_what_these_tests_take_for_proofs_are_proofs(tmp_path: Path) -> None:
    assert faults(WEB) == []
    all_states(tmp_path)
    assert [path.name for path in tmp_path.glob("proof-*.json") if path.name != "proof-tampered.json" and faults(json.loads(path.read_text()))] == []
