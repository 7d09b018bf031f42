"""The filters of role policy, as Ansible calls them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.image_trust.azure.plugins.filter import policy_findings, policy_objects

find = policy_findings.FilterModule().filters()["policy_findings"]
make = policy_objects.FilterModule().filters()["policy_objects"]


def test_the_defaults_have_no_findings_and_make_a_template_and_one_constraint() -> None:
    assert find({}) == []
    made = make({}, ["package imagesverified"], "2026-12-31")
    assert made["template"]["kind"] == "ConstraintTemplate"
    assert [each["metadata"]["name"] for each in made["constraints"]] == ["images-verified"]


def test_namespaces_that_gatekeeper_is_never_asked_about_are_the_second_argument() -> None:
    assert find({}, [{"name": "storage", "reason": "volumes"}, {"reason": "no name, which another sentence reports"}]) == [
        "Gatekeeper is not asked in storage (gatekeeper_exempt_namespaces), so that policy_excluded_namespaces has to name them too."
    ]


CONFIG, LABEL = "Gatekeeper's Config", "label admission.gatekeeper.sh/ignore"
EXEMPT = [
    {"name": "kube-system", "by": ["constraint images-verified", CONFIG], "reason": "nodes"},
    {"name": "gatekeeper-system", "by": [LABEL], "reason": None},
    {"name": "shop", "by": ["constraint images-verified-warn", "webhook validation.gatekeeper.sh"], "reason": None},
    {"name": "team-a", "by": [CONFIG], "reason": None},
    {"name": "team-b", "by": ["constraint images-verified", LABEL], "reason": "was reviewed"},
]


@pytest.mark.parametrize(
    ("found", "excluded", "unreviewed"),
    [
        ({}, [], []),
        # As Ansible registers a task that was skipped.
        ({"changed": False, "skipped": True, "skip_reason": "Conditional result was False"}, [], []),
        (
            {"exempt_namespaces": EXEMPT},
            ["kube-system"],
            [": team-a (Gatekeeper's Config), team-b (constraint images-verified, label admission.gatekeeper.sh/ignore). Take that out of "],
        ),
        ({"exempt_namespaces": EXEMPT}, ["kube-system", "team-a", "team-b"], []),
    ],
    ids=["nothing", "skipped", "two of others", "all reviewed"],
)
def test_what_others_exempt_is_named_unless_it_was_reviewed_and_what_the_roles_make_is_not(
    found: dict[str, Any], excluded: list[str], unreviewed: list[str]
) -> None:
    variables = {"policy_excluded_namespaces": [{"name": name, "reason": "reviewed"} for name in excluded]}
    sentences = make(variables, [""], "2026-12-31", found)["unreviewed"]
    assert [part in sentence for part, sentence in zip(unreviewed, sentences, strict=True)] == [True] * len(unreviewed)


def test_no_object_is_made_of_variables_of_another_form() -> None:
    with pytest.raises(AnsibleFilterError, match="policy_require_digest is perhaps, but must be true or false"):
        make({"policy_require_digest": "perhaps"}, [""], "2026-12-31")
