"""The filters of role policy, as Ansible calls them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.image_trust.azure.plugins.filter import policy_findings, policy_objects

find = policy_findings.FilterModule().filters()["policy_findings"]
make = policy_objects.FilterModule().filters()["policy_objects"]


def test_the_defaults_have_no_findings_and_make_a_template_and_one_constraint() -> None:
    assert find({}) == []
    made = make({}, "package imagesverified", "2026-12-31")
    assert made["template"]["kind"] == "ConstraintTemplate"
    assert [each["metadata"]["name"] for each in made["constraints"]] == ["images-verified"]


def test_namespaces_that_gatekeeper_is_never_asked_about_are_the_second_argument() -> None:
    assert find({}, ["storage"]) == [
        "Gatekeeper is not asked in storage (gatekeeper_exempt_namespaces), so that policy_excluded_namespaces has to name them too."
    ]


def test_no_object_is_made_of_variables_of_another_form() -> None:
    with pytest.raises(AnsibleFilterError, match="policy_require_digest is perhaps, but must be true or false"):
        make({"policy_require_digest": "perhaps"}, "", "2026-12-31")
