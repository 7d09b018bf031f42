"""Every cluster of a fleet pays for each module that runs: how many the roles that only need Azure run."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.support.emulated import Emulated

from .conftest import OF_ALL_ROLES, ROOT, Command, Play, played

PREFLIGHT, AKS, IDENTITY = (f"image_trust.azure.{name}" for name in ("preflight", "aks_cluster", "workload_identity"))
ROLES = ("aks", "identity")


def test_a_role_runs_one_module_from_nothing_and_without_a_change_and_reads_each_thing_once(azure: Emulated, play: Play) -> None:
    assert play(*ROLES).modules == [AKS, IDENTITY]
    again = play(*ROLES)
    assert (again.changed, again.modules) == ([], [AKS, IDENTITY])
    # Cluster, registry and the nodes' roles; then identity, its credentials, registry, vault, its roles on both, and the group's identities.
    assert len(azure.reads) == 3 + 7


def as_site(words: list[str]) -> None:
    """Makes the play one that checks, and then runs, as site.yml does, these two roles alone."""
    file = Path(words[3])
    (made,) = yaml.safe_load(file.read_text())
    site = yaml.safe_load((ROOT / "playbooks/site.yml").read_text())[-1]
    roles = {
        task["ansible.builtin.import_role"]["name"].rpartition(".")[2]: task for task in site["tasks"][-1]["block"] if "ansible.builtin.import_role" in task
    }
    del made["roles"]
    file.write_text(yaml.safe_dump([{**made, "vars": site["vars"], "tasks": [roles[name] for name in ("preflight", *ROLES)]}]))


def test_what_site_yml_has_checked_and_found_as_wanted_is_not_asked_again(azure: Emulated, command: Command) -> None:
    words, environment = command(*ROLES, **OF_ALL_ROLES)
    as_site(words)
    first = played(words, environment)
    assert (first.errors, first.modules) == ([], [PREFLIGHT, AKS, IDENTITY])
    again = played(words, environment)
    assert (again.errors, again.changed, again.modules) == ([], [], [PREFLIGHT, AKS])
    for name in ("aks_result", "identity_result"):
        assert again.facts[name] == played(*command(*ROLES)).facts[name], name
    # A change by another administrator is found by the check, and restored by the role.
    for identity in azure.state.identities.values():
        identity.credentials.clear()
    words, environment = command(*ROLES, **OF_ALL_ROLES)
    as_site(words)
    restored = played(words, environment)
    assert (restored.errors, restored.modules) == ([], [PREFLIGHT, AKS, IDENTITY])
    assert restored.changed != []
