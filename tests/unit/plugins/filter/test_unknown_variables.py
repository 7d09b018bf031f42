"""Misspelt variables of roles are found, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.image_trust.azure.plugins.filter.unknown_variable_findings import known, unknown_variable_findings

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("given", "own", "found"),
    [
        (["aks_registry"], [], [("aks", "aks_registry", "aks_registries")]),
        (["policy_owner", "ratify_trust_policy"], ["policy_owner"], [("ratify", "ratify_trust_policy", "ratify_trust_policies")]),
        (["verify_image", "identity_valuts"], [], [("identity", "identity_valuts", "identity_vaults"), ("verify", "verify_image", "verify_images")]),
        (["site_wave"], [], [("site", "site_wave", "site_waves")]),
        # Results, variables of playbooks and of other collections, and Ansible's own.
        (
            ["aks_result", "policy_check", "policy_audit", "preflight_result", "teardown_azure_only", "azure_login", "break_glass_state", "inventory_hostname"],
            [],
            [],
        ),
        (["aksregistries", "report", "release_spec", "reporting_path"], [], []),
    ],
)
def test_a_variable_with_the_prefix_of_a_role_is_one_of_its_variables_or_is_named_with_the_nearest(
    given: list[str], own: list[str], found: list[tuple[str, str, str]]
) -> None:
    begin = [f"{'Playbook' if role == 'site' else 'Role'} {role} has no variable {name}; the nearest name is {nearest}. " for role, name, nearest in found]
    sentences = unknown_variable_findings(given, own)
    assert [sentence.startswith(each) for sentence, each in zip(sentences, begin, strict=True)] == [True] * len(found)


def test_the_variables_of_site_are_those_that_the_playbook_reads() -> None:
    assert set(re.findall(r"\bsite_\w+", (ROOT / "playbooks/site.yml").read_text())) == known()["site"]


def test_each_variable_of_each_role_is_known() -> None:
    assert {"aks", "identity", "gatekeeper", "ratify", "policy", "verify", "report", "preflight", "signer", "site"} == known().keys()
    assert unknown_variable_findings([name for names in known().values() for name in names]) == []
