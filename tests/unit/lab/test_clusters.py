from __future__ import annotations

import re
import shutil

import pytest

from lab import clusters
from lab.build import tools
from lab.clusters import Clusters, cluster
from lab.config import Cluster
from lab.errors import LabError
from lab.node import components


def test_a_cluster_keeps_its_index_and_another_gets_the_next_free_one() -> None:
    assert [cluster(name).index for name in ("lab1", "lab2", "lab1")] == [0, 1, 0]
    shutil.rmtree(cluster("lab1").folder)
    assert [cluster(name).index for name in ("lab3", "lab2", "lab4")] == [0, 1, 2]
    assert [each.name for each in clusters.clusters()] == ["lab3", "lab2", "lab4"]


def test_a_cluster_keeps_its_issuer_and_one_that_is_made_again_has_another() -> None:
    first = cluster("lab1").issuer
    assert first == Clusters().issuer("lab1") == Cluster("lab1", 0).issuer
    shutil.rmtree(cluster("lab1").folder)  # as deleting does, which would look for the cgroup of a lab that runs on this machine
    again = Clusters().issuer("lab1")
    assert again != first
    built = tools.family("kubernetes").output / "kube-apiserver"
    built.parent.mkdir(parents=True)
    built.touch()
    assert f"--service-account-issuer={again}" in components.apiserver(cluster("lab1")).argv
    assert re.fullmatch(r"https://eastus\.oic\.prod-aks\.azure\.com/[0-9-]{36}/[0-9a-f-]{36}/", again)


def test_a_cluster_from_before_issuers_were_kept_has_the_same_one_all_the_time() -> None:
    cluster("lab1").issuer_file.unlink()
    assert cluster("lab1").issuer == cluster("lab1").issuer != cluster("lab2").issuer


def test_ports_and_subnets_of_two_clusters_differ() -> None:
    one, two = cluster("one"), cluster("two")
    for part in ("api_port", "node_address", "azure_address", "pod_subnet", "service_subnet", "issuer", "folder", "kubeconfig"):
        assert getattr(one, part) != getattr(two, part), part


def test_names_are_compared_as_azure_compares_them() -> None:
    assert cluster("My_Cluster") == cluster("my-cluster")


@pytest.mark.parametrize("name", ["", "../x", "-a", "a" * 64, "a b", "a/b"])
def test_a_name_that_a_node_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="cannot be called"):
        cluster(name)


def test_there_is_an_end_to_the_indexes() -> None:
    with pytest.raises(LabError, match="100 clusters already"):
        clusters._free_index(set(range(100)))


def test_the_kubernetes_version_is_known_before_a_node_runs() -> None:
    assert Clusters().kubernetes_version("new").startswith("1.")


def test_a_cluster_that_does_not_answer_has_no_keys() -> None:
    cluster("silent")
    with pytest.raises((LabError, OSError)):
        Clusters().jwks("silent")
