"""What is refused of role policy's variables, and in which sentence."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._policy.findings import findings
from ansible_collections.image_trust.azure.plugins.module_utils._policy.variables import read

EXCLUDED = [{"name": "kube-system", "reason": "nodes"}, {"name": "gatekeeper-system", "reason": "itself"}]
DEFAULTS: dict[str, Any] = {
    "policy_constraint": "images-verified",
    "policy_enforcement": "deny",
    "policy_excluded_namespaces": EXCLUDED,
    "policy_exemptions": [],
    "policy_gatekeeper_namespace": "gatekeeper-system",
    "policy_message_suffix": "",
    "policy_placeholder_images": [],
    "policy_require_digest": True,
    "policy_stages": [],
    "policy_wait_timeout": 120,
}


def stage(enforcement: Any, *namespaces: Any) -> dict[str, Any]:
    return {"namespaces": list(namespaces), "enforcement": enforcement}


def exemption(**changes: Any) -> dict[str, Any]:
    return {"owner": "team", "reason": "is being moved", "ends": "2099-12-31", "images": ["docker.io/bitnami/*"], **changes}


ACCEPTED: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "stages that share no namespace": {"policy_stages": [stage("warn", "team-*", "legacy"), stage("deny", "shop-*")]},
    "patterns that overlap in one enforcement": {"policy_stages": [stage("warn", "team-*"), stage("warn", "team-a")]},
    "a stage without namespaces yet": {"policy_stages": [stage("warn")]},
    "excluded patterns": {"policy_excluded_namespaces": [*EXCLUDED, {"name": "calico-*", "reason": "network"}]},
    "a day as text": {"policy_exemptions": [exemption(ends="2028-02-29")]},
    "a day without quotation marks": {"policy_exemptions": [exemption(ends=date(2099, 12, 31))]},
    "an exemption that is over": {"policy_exemptions": [exemption(ends="2020-12-31")]},
    "a whole registry in one namespace": {"policy_exemptions": [exemption(images=["docker.io/*"], namespaces=["legacy"])]},
    "a whole registry for one account": {"policy_exemptions": [exemption(images=["docker.io/*"], service_accounts=["ci/builder"])]},
    "a registry with a port": {"policy_exemptions": [exemption(images=["localhost:5000/web"])]},
    "a registry of this machine": {"policy_exemptions": [exemption(images=["localhost/web"])]},
    "an official image of Docker Hub": {"policy_exemptions": [exemption(images=["docker.io/nginx"])]},
    "a namespace whose name is a number": {"policy_stages": [stage("warn", 2024)]},
    "a placeholder": {"policy_placeholder_images": ["auto"]},
    "numbers and booleans as text": {"policy_require_digest": "false", "policy_wait_timeout": "60"},
    "the longest name of a constraint": {"policy_constraint": "a" * 56},
}


@pytest.mark.parametrize("given", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_can_be_applied_has_no_findings(given: dict[str, Any]) -> None:
    assert findings({**DEFAULTS, **given}, ["kube-system", "gatekeeper-system"]) == []


STAGES = [
    (
        [stage("warn", "team-*"), stage("deny", "team-a")],
        "policy_stages sets warn for team-* and deny for team-a, which one namespace can match both:"
        " name each namespace in one stage, or give both the same enforcement.",
    ),
    (
        [stage("warn", "team-*"), stage("dryrun", "*-test")],
        "policy_stages sets warn for team-* and dryrun for *-test, which one namespace can match both:"
        " name each namespace in one stage, or give both the same enforcement.",
    ),
    (
        [stage("warn", "kube-*")],
        "policy_stages sets warn for kube-*, and policy_excluded_namespaces names kube-system, which one namespace can match both:"
        " it would be excluded. Take one of them out.",
    ),
    ([stage("warn", "shop", "legacy"), stage("dryrun", "legacy")], "policy_stages names a namespace twice: legacy."),
    ([stage("warn", "shop", "shop")], "policy_stages names a namespace twice: shop."),
    ([stage("warn", "*")], "policy_stages has * alone, which matches every namespace: set policy_enforcement instead."),
    (
        [stage("warn", "Team")],
        "policy_stages has Team, which Gatekeeper refuses or no namespace can match: use a-z, 0-9 and -, with * only first or last.",
    ),
    (
        [stage("warn", "te*am")],
        "policy_stages has te*am, which Gatekeeper refuses or no namespace can match: use a-z, 0-9 and -, with * only first or last.",
    ),
    ([stage("block", "a")], "Entry 1 of policy_stages has enforcement block, but it must be deny, warn or dryrun."),
    ([stage(None, "a")], "Entry 1 of policy_stages needs enforcement: it is missing or blank."),
    ([{"enforcement": "warn"}], "Entry 1 of policy_stages needs namespaces: it is missing or blank."),
    ([{"enforcement": "warn", "namespaces": None}], "Entry 1 of policy_stages needs namespaces: it is missing or blank."),
    ([{"enforcement": "warn", "namespaces": "a"}], "Entry 1 of policy_stages has namespaces a, which is no list: write namespaces as a list."),
    ([stage("warn", False)], "Entry 1 of policy_stages has false in namespaces, which is no text: put text between quotation marks."),
    ([{**stage("warn", "a"), "until": 1}], "Entry 1 of policy_stages has an unknown key until: it can have enforcement, namespaces."),
    (["legacy"], "Entry 1 of policy_stages is legacy, but must be an entry with enforcement, namespaces."),
    ({"legacy": "warn"}, 'policy_stages is {"legacy": "warn"}, but must be a list of entries with enforcement, namespaces.'),
]


@pytest.mark.parametrize(("stages", "sentence"), STAGES)
def test_a_stage_that_would_not_hold_as_it_reads_is_refused(stages: Any, sentence: str) -> None:
    assert findings({**DEFAULTS, "policy_stages": stages}) == [sentence]


EXEMPTIONS = [
    *(
        ({"ends": day}, f"has ends {day}, which is no day of the calendar: write a day such as 2026-12-31.")
        for day in ("2027-02-30", "2027-99-99", "next year", "31.12.2099", "1999-12-31", "20991231")
    ),
    ({"ends": "2099-12-31\n"}, 'has ends "2099-12-31\\n", which is no day of the calendar: write a day such as 2026-12-31.'),
    ({"ends": datetime(2099, 12, 31, 10)}, "has ends 2099-12-31 10:00:00, which is no day of the calendar: write a day such as 2026-12-31."),
    ({"ends": None}, "needs ends: it is missing or blank."),
    ({"owner": " "}, "needs owner: it is missing or blank."),
    ({"reason": ""}, "needs reason: it is missing or blank."),
    ({"reason": False}, "has reason false, which is no text: put text between quotation marks."),
    ({"images": [], "namespaces": ["a"]}, "has an empty list images, which matches nothing: name what it has to match, or leave images out."),
    ({"namespaces": None}, "has an empty list namespaces, which matches nothing: name what it has to match, or leave namespaces out."),
    ({"images": "docker.io/a"}, "has images docker.io/a, which is no list: write images as a list."),
    ({"images": ["docker.io/*"]}, "would admit every image of docker.io in all namespaces: name repositories, or add namespaces or service_accounts."),
    ({"images": ["index.docker.io/*"]}, "would admit every image of docker.io in all namespaces: name repositories, or add namespaces or service_accounts."),
    *(
        ({"images": [image]}, f"has {image} in images: name a repository with its registry and no tag, or all below one with /* at its end.")
        for image in (
            "*",
            "nginx",
            "example.com*",
            "example.com/we*",
            "docker.io/nginx:1",
            "docker.io/nginx@sha256:0",
            "*/*",
            "docker.io/a..b",
            "localhosts/web",
            "DOCKER.io/a",
        )
    ),
    ({"namespaces": ["team-*"]}, "has team-* in namespaces, and exemptions take whole names of namespaces only: name each one."),
    *(
        ({"service_accounts": [account]}, f"has {account} in service_accounts: write namespace/name.")
        for account in ("system:admin", "builder", "ci/builder/x", "ci/")
    ),
    (
        {"service_accounts": ["kube-system/replicaset-controller"]},
        "has kube-system/replicaset-controller in service_accounts, and controllers of kube-system make the pods of all workloads: name another account.",
    ),
    ({"namespace": ["a"]}, "has an unknown key namespace: it can have owner, reason, ends, namespaces, images, service_accounts."),
]


@pytest.mark.parametrize(("changes", "sentence"), EXEMPTIONS)
def test_an_exemption_that_says_too_little_or_covers_too_much_is_refused(changes: dict[str, Any], sentence: str) -> None:
    given = [exemption(), exemption(**changes)]
    assert findings({**DEFAULTS, "policy_exemptions": given}) == [f"Entry 2 of policy_exemptions {sentence}"]


def test_an_exemption_of_nothing_is_refused() -> None:
    given = [{"owner": "team", "reason": "none", "ends": "2099-12-31"}]
    sentence = "Entry 1 of policy_exemptions names nothing that it covers: give it namespaces, images or service_accounts."
    assert findings({**DEFAULTS, "policy_exemptions": given}) == [sentence]


OTHERS = [
    (
        {"policy_excluded_namespaces": [*EXCLUDED, {"name": "*", "reason": "all"}]},
        "policy_excluded_namespaces has * alone, which matches every namespace: the policy would cover nothing, so name the namespaces.",
    ),
    (
        {"policy_excluded_namespaces": [*EXCLUDED, {"name": "a.b", "reason": "dot"}]},
        "policy_excluded_namespaces has a.b, which Gatekeeper refuses or no namespace can match: use a-z, 0-9 and -, with * only first or last.",
    ),
    (
        {"policy_excluded_namespaces": [*EXCLUDED, {"name": "a", "reason": " "}]},
        "Entry 3 of policy_excluded_namespaces needs reason: it is missing or blank.",
    ),
    (
        {"policy_excluded_namespaces": [*EXCLUDED, "a"]},
        "Entry 3 of policy_excluded_namespaces is a, but must be an entry with name, reason.",
    ),
    *(
        ({"policy_constraint": name}, f"policy_constraint is {said}, but must be a DNS name of at most 56 characters, such as images-verified.")
        for name, said in [("Images", "Images"), ("a_b", "a_b"), ("", '""'), (None, '""'), ("-a", "-a"), ("a" * 57, "a" * 57)]
    ),
    (
        {"policy_gatekeeper_namespace": "a.b"},
        "policy_gatekeeper_namespace is a.b, but must be the name of a namespace, such as gatekeeper-system.",
    ),
    ({"policy_enforcement": "block"}, "policy_enforcement is block, but must be deny, warn or dryrun."),
    ({"policy_enforcement": ["deny"]}, 'policy_enforcement is ["deny"], but must be deny, warn or dryrun.'),
    ({"policy_message_suffix": ["a"]}, 'policy_message_suffix is ["a"], but must be text.'),
    *(
        (
            {"policy_placeholder_images": value},
            f"policy_placeholder_images is {said}, but must be a list of names without registry, tag and digest, such as auto.",
        )
        for value, said in [
            ("auto", "auto"),
            (None, "null"),
            ([""], '[""]'),
            ([1], "[1]"),
            (["docker.io/library/nginx"], '["docker.io/library/nginx"]'),
            (["nginx:1"], '["nginx:1"]'),
            (["*"], '["*"]'),
        ]
    ),
    *(
        ({"policy_require_digest": value}, f"policy_require_digest is {said}, but must be true or false.")
        for value, said in [("perhaps", "perhaps"), (None, "null"), ("", '""'), (2, "2")]
    ),
    *(
        ({"policy_wait_timeout": value}, f"policy_wait_timeout is {said}, but must be a whole number of seconds greater than 0.")
        for value, said in [("60s", "60s"), ("", '""'), (0, "0"), (-1, "-1"), (True, "true"), (1.5, "1.5"), (None, "null")]
    ),
]


@pytest.mark.parametrize(("given", "sentence"), OTHERS)
def test_what_kubernetes_would_only_refuse_later_is_refused(given: dict[str, Any], sentence: str) -> None:
    assert findings({**DEFAULTS, **given}) == [sentence]


def test_what_gatekeeper_is_never_asked_about_has_to_be_excluded() -> None:
    said = findings(DEFAULTS, ["storage", "kube-system", "calico-system"])
    assert said == [
        "Gatekeeper is not asked in calico-system, storage (gatekeeper_exempt_namespaces), so that policy_excluded_namespaces has to name them too."
    ]


def test_all_faults_are_reported_at_once_and_each_once() -> None:
    given = {
        "policy_stages": [stage("warn", "Team"), stage("deny", "Team"), "legacy"],
        "policy_exemptions": [exemption(ends="2027-02-30", images=["nginx", "nginx"])],
        "policy_wait_timeout": "soon",
        "policy_constraint": "_",
    }
    said = findings({**DEFAULTS, **given})
    assert len(said) == len({*said}) == 6


def test_text_of_the_command_line_is_read_as_what_it_says() -> None:
    policy = read({**DEFAULTS, "policy_require_digest": "no", "policy_wait_timeout": "60", "policy_message_suffix": 5})
    assert (policy.require_digest, policy.wait_timeout, policy.message_suffix) == (False, 60, "5")
