"""A module process costs about a second of a core, and every cluster of a fleet pays it: how many the roles that only need Azure take."""

from __future__ import annotations

from tests.emulated import Emulated

from .conftest import Play

AKS, IDENTITY = "image_trust.azure.aks_cluster", "image_trust.azure.workload_identity"


def test_a_role_takes_one_module_process_from_nothing_and_without_a_change_and_reads_each_thing_once(azure: Emulated, play: Play) -> None:
    assert play("aks", "identity").modules == [AKS, IDENTITY]
    again = play("aks", "identity")
    assert (again.changed, again.modules) == ([], [AKS, IDENTITY])
    # Cluster, registry and the nodes' roles; then identity, its credentials, registry, vault, its roles on both, and the group's identities.
    assert len(azure.reads) == 3 + 7
