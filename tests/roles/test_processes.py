"""A module process costs about a second of a core, and every cluster of a fleet pays it: how many the roles that only need Azure take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.support.emulated import Emulated

from .conftest import ROOT, Command, Play, played

AKS, IDENTITY = "image_trust.azure.aks_cluster", "image_trust.azure.workload_identity"
ROLES = ("aks", "identity")


def test_a_role_takes_one_module_process_from_nothing_and_without_a_change_and_reads_each_thing_once(azure: Emulated, play: Play) -> None:
    assert play(*ROLES).modules == [AKS, IDENTITY]
    again = play(*ROLES)
    assert (again.changed, again.modules) == ([], [AKS, IDENTITY])
    # Cluster, registry and the nodes' roles; then identity, its credentials, registry, vault, its roles on both, and the group's identities.
    assert len(azure.reads) == 3 + 7


def as_site(words: list[str]) -> None:
    """Makes the play one that checks, and then runs, as site.yml does, these two roles alone."""
    file = Path(words[3])
    (made,) = yaml.safe_load(file.read_text())
    (site,) = yaml.safe_load((ROOT / "playbooks/site.yml").read_text())
    checks: dict[str, Any] = next(task for task in site["pre_tasks"] if "ansible.builtin.include_role" in task)
    checks["loop"] = [role for role in checks["loop"] if role in ROLES]
    tasks = [task for task in site["tasks"] if task["ansible.builtin.import_role"]["name"].rpartition(".")[2] in ROLES]
    assert (len(checks["loop"]), len(tasks)) == (2, 2)
    del made["roles"]
    file.write_text(yaml.safe_dump([{**made, "vars": {"site_checked": True}, "pre_tasks": [checks], "tasks": tasks}]))


def test_what_site_yml_has_checked_and_found_as_wanted_is_not_asked_again(azure: Emulated, command: Command) -> None:
    words, environment = command(*ROLES)
    as_site(words)
    first = played(words, environment)
    assert (first.errors, first.modules) == ([], [IDENTITY, AKS, IDENTITY])
    again = played(words, environment)
    assert (again.errors, again.changed, again.modules) == ([], [], [IDENTITY, AKS])
    for name, result in again.facts.items():
        assert result == played(*command(*ROLES)).facts[name], name
    # A change by another administrator is found by the check, and restored by the role.
    for identity in azure.state.identities.values():
        identity.credentials.clear()
    as_site(words)
    restored = played(words, environment)
    assert (restored.errors, restored.modules) == ([], [IDENTITY, AKS, IDENTITY])
    assert restored.changed != []
