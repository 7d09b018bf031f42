"""What the roles take of the variables of all hosts, and what is wrong with those of role aks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.filter.aks_findings import aks_findings
from ansible_collections.image_trust.azure.plugins.filter.identities_of_hosts import identities_of_hosts
from ansible_collections.image_trust.azure.plugins.filter.report_proofs import report_proofs

GROUP = {"aks_resource_group": "rg"}
GIVEN = {**GROUP, "aks_name": "web-prod", "aks_registries": [], "aks_kubeconfig": "kubeconfig"}
SAME_NAME = "web.prod and another host of rg have web-prod for the name of their cluster"


@pytest.mark.parametrize(
    ("host", "name", "others", "findings"),
    [
        ("web.prod", "web-prod", {}, []),
        ("web.prod", "web-prod", {"web-prod": GROUP}, [SAME_NAME]),
        ("web.prod", "web-prod", {"web-prod": {**GROUP, "aks_name": "web"}}, []),
        ("web.prod", "web-prod", {"web-prod": {"aks_resource_group": "another"}, "web-prod.eu": GROUP, "localhost": {}}, []),
        ("web.prod", "web", {"web-prod": GROUP}, []),
        ("web-prod", "web-prod", {"web.prod": GROUP}, []),
        ("../web", "web-prod", {}, ["The host ../web has a name that cannot be that of a file."]),
        ("web", "web.prod", {}, ["aks_name is 'web.prod'"]),
        ("we b.c", "we_b c", {}, ["The host we b.c has a name", "aks_name is 'we_b c'"]),
    ],
)
def test_names_of_hosts_and_clusters_that_cannot_be_are_found(host: str, name: str, others: dict[str, Any], findings: list[str]) -> None:
    found = aks_findings({**GIVEN, "aks_name": name}, host, {host: GROUP, **others})
    assert [sentence[: len(start)] for sentence, start in zip(found, findings, strict=True)] == findings


@pytest.mark.parametrize("path", ["~/.kube/config", "$HOME/.kube/config", "{home}/.kube/../.kube/config", "{home}/link/config"])
def test_the_users_own_kubeconfig_is_found_however_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / ".kube")
    assert aks_findings({**GIVEN, "aks_kubeconfig": path.format(home=tmp_path)}, "web", {}) == [
        "aks_kubeconfig must not be the user's own ~/.kube/config, it is written over."
    ]
    assert aks_findings({**GIVEN, "aks_kubeconfig": "~/.kube/web"}, "web", {}) == []


def test_identities_of_the_other_hosts_have_the_name_that_is_given_or_that_of_the_host() -> None:
    hosts: dict[str, dict[str, Any]] = {"a.b": {}, "c": {"identity_name": "shared"}, "own": {"identity_name": "mine"}}
    assert identities_of_hosts(hosts, "own") == ["ratify-a-b", "shared"]


@pytest.mark.parametrize(
    ("variables", "path", "record"),
    [
        ({}, None, None),
        ({"verify_proof_path": ""}, None, None),
        ({"verify_proof_path": "p/web.json"}, "p/web.json", "p/web-break-glass.jsonl"),
        ({"verify_proof_path": "https://c.blob/p/web.json"}, "https://c.blob/p/web.json", "https://c.blob/p/web-break-glass.jsonl"),
        ({"verify_proof_path": "p/web.json", "break_glass_record_path": "r"}, "p/web.json", "r"),
        ({"verify_proof_path": "p/web.json", "break_glass_record_path": ""}, "p/web.json", "p/web-break-glass.jsonl"),
        ({"break_glass_record_path": "r"}, None, "r"),
    ],
)
def test_a_record_of_openings_is_beside_the_proof_where_no_path_is_given(variables: dict[str, Any], path: str | None, record: str | None) -> None:
    assert report_proofs(["web"], {"web": variables, "other": {}}) == [
        {"cluster": "web", "path": path, "break_glass_record": record, "audit": None, "policy_group": None}
    ]


@pytest.mark.parametrize(("variables", "audit"), [({"policy_audit_path": "a/web.json"}, "a/web.json"), ({"policy_audit_path": ""}, None)])
def test_the_audit_is_where_role_policy_writes_it(variables: dict[str, Any], audit: str | None) -> None:
    assert report_proofs(["web"], {"web": variables}) == [{"cluster": "web", "path": None, "break_glass_record": None, "audit": audit, "policy_group": None}]


@pytest.mark.parametrize(("variables", "group"), [({}, None), ({"report_policy_group": ""}, None), ({"report_policy_group": "production"}, "production")])
def test_clusters_that_should_have_the_same_policy_are_grouped_by_a_variable(variables: dict[str, str], group: str | None) -> None:
    assert [each["policy_group"] for each in report_proofs(["web"], {"web": variables})] == [group]
