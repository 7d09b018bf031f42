"""A check and the run that it predicts; and the lab as it is before site.yml, once for all tests that begin there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.config import home

from . import snapshots
from .conftest import Lab, Request, Run
from .snapshots import Snapshot

KUBECONFIG = home() / "kubeconfigs/lab1.yaml"
"""What role aks writes, as inventories/lab says."""
STALE = """apiVersion: v1
kind: Config
current-context: gone
contexts: [{name: gone, context: {cluster: gone, user: gone}}]
clusters: [{name: gone, cluster: {server: "https://192.0.2.1:443"}}]
users: [{name: gone, user: {}}]
"""
"""The kubeconfig of a cluster that is no more: at its address no server answers, not even with a refusal (RFC 5737)."""
ONLY_THE_CLUSTER = """- hosts: clusters
  connection: local
  gather_facts: false
  roles: [image_trust.azure.aks]
"""


def succeeded(run: Run) -> Run:
    assert run.returncode == 0, run.error or run.output[-3000:]
    return run


def check(lab: Lab, playbook: str) -> Run:
    """`--check --diff`, which has to write nothing: neither in Azure, by its log and its contents, nor in the cluster, by the versions of its objects."""
    azure = snapshots.of_azure(lab)
    cluster = snapshots.settled() if has_cluster(azure) else {}
    kubeconfig = KUBECONFIG.read_text() if KUBECONFIG.exists() else None
    lab.forget_requests()
    run = succeeded(lab.play(playbook, "--check", "--diff"))
    assert [request for request in lab.requests() if request.writes] == []
    assert lab.requests(), "the log is empty, so it would not have shown a write either"
    assert snapshots.differences(azure, snapshots.of_azure(lab)) == []
    assert snapshots.differences(cluster, snapshots.versions() if cluster else {}) == []
    assert kubeconfig == (KUBECONFIG.read_text() if KUBECONFIG.exists() else None)
    return run


def has_cluster(azure: Snapshot) -> bool:
    return any(title.startswith("clusters ") for title in azure)


@dataclass(frozen=True)
class FromNothing:
    """The way from an Azure without a cluster to the end of site.yml, with what was predicted at each step."""

    azure: Snapshot
    """Azure without a cluster."""
    predicted: Run
    made_cluster: Run
    cluster: Snapshot
    """The cluster as role aks leaves it, with nothing of ours in it."""
    predicted_rest: Run
    made_rest: Run
    requests: list[Request]
    """All that Azure was asked on the way, from the deletion of the cluster before on."""


def make_again(lab: Lab, folder: Path) -> FromNothing:
    """The cluster is deleted, and then all of site.yml happens again, in two runs so that the cluster can be seen in between. Writes a playbook to `folder`.

    At the beginning there is a kubeconfig of an earlier cluster, before the second run there is none.
    """
    asked: list[Request] = []

    def logged(run: Run) -> Run:
        asked.extend(lab.requests())
        lab.forget_requests()
        return run

    lab.forget_requests()
    logged(succeeded(lab.play("teardown", aks_delete_cluster="lab1")))
    azure = snapshots.of_azure(lab)
    KUBECONFIG.write_text(STALE)
    KUBECONFIG.chmod(0o600)
    predicted = logged(check(lab, "site"))
    only_the_cluster = folder / "cluster.yml"
    only_the_cluster.write_text(ONLY_THE_CLUSTER)
    made_cluster = logged(succeeded(lab.play(only_the_cluster)))
    cluster = snapshots.of_cluster()
    KUBECONFIG.unlink()
    predicted_rest = logged(check(lab, "site"))
    return FromNothing(azure, predicted, made_cluster, cluster, predicted_rest, logged(succeeded(lab.play("site"))), asked)
