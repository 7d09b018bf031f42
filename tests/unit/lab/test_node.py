from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lab.config import Cluster
from lab.errors import LabError
from lab.node import authentication, components
from lab.node.components import Files
from lab.node.control import Node, _came_back
from lab.node.inside import Running
from lab.node.processes import Processes

BEGAN = 1_800_000_000.0
BEFORE, AFTER = "2027-01-15T07:59:59Z", "2027-01-15T08:00:00Z"


def pod(*, phase: str = "Running", ready: bool = True, started: str | None = AFTER, reason: str | None = None, scheduled: bool = True) -> dict[str, Any]:
    state = {"running": {"startedAt": started}} if started else {"waiting": {"reason": reason}}
    spec = {"nodeName": "lab1"} if scheduled else {}
    return {"spec": spec, "status": {"phase": phase, "containerStatuses": [{"ready": ready, "state": state}]}}


@pytest.mark.parametrize(
    ("found", "back"),
    [
        (pod(), True),
        (pod(started=BEFORE), False),
        (pod(ready=False), False),
        (pod(started=None, ready=False, reason="ContainerCreating"), False),
        (pod(started=None, ready=False, reason="CrashLoopBackOff"), False),
        (pod(started=None, ready=False, reason="ImagePullBackOff"), True),
        (pod(phase="Succeeded", ready=False), True),
        (pod(phase="Pending", ready=False, scheduled=False), True),
        ({"spec": {"nodeName": "lab1"}, "status": {"phase": "Pending"}}, False),
    ],
)
def test_a_pod_has_come_back_when_it_is_ready_in_this_life_of_the_node(found: dict[str, Any], back: bool) -> None:
    assert _came_back(found, BEGAN) is back


def test_every_name_of_azure_leads_to_the_clusters_own_azure_address() -> None:
    corefile = Files(Cluster("lab2", 1))._corefile()
    assert "5 IN A 10.240.1.5" in corefile
    for zone in ("azurecr.io", "vault.azure.net", "login.microsoftonline.com", "management.azure.com", "eastus.oic.prod-aks.azure.com", "docker.io"):
        assert f" {zone}" in corefile


def test_the_containers_trust_the_lab_without_being_changed(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ctr = tmp_path / "ctr"
    ctr.write_text('#!/bin/sh\necho \'{"ociVersion": "1.0.2", "mounts": [{"destination": "/proc"}]}\'\n')
    ctr.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    spec = Files(Cluster("lab1", 0))._container()
    assert spec["mounts"][0] == {"destination": "/proc"}
    assert spec["mounts"][1]["source"] == str(home / "ca-bundle.crt")
    assert "ro" in spec["mounts"][1]["options"]


def test_relays_lead_to_the_clusters_own_sockets() -> None:
    one, two = ([relay.argv for relay in components.relays(Cluster(f"lab{index}", index))] for index in (0, 1))
    assert not {argument for argv in one for argument in argv if argument.startswith("TCP-LISTEN:443")} & {argument for argv in two for argument in argv}
    assert one[2][-1] == f"UNIX-CONNECT:{Cluster('lab0', 0).imds_socket}"


def test_two_nodes_of_one_machine_have_cgroups_of_their_own() -> None:
    assert Cluster("lab1", 0).cgroup != Cluster("lab2", 1).cgroup


@pytest.mark.parametrize(("status", "mode"), [(0, "nftables"), (1, "iptables")])
def test_kube_proxy_works_by_nftables_where_the_kernel_has_them(status: int, mode: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nft = tmp_path / "nft"
    nft.write_text(f"#!/bin/sh\nexit {status}\n")
    nft.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert Files(Cluster("lab1", 0))._kube_proxy()["mode"] == mode


def test_the_api_knows_no_user_of_entra_until_the_tenant_is_named(home: Path) -> None:
    cluster = Cluster("lab1", 0)
    cluster.folder.mkdir(parents=True)
    for tenant, issuers in ((None, []), ("t", ["https://sts.windows.net/t/"]), (None, [])):
        authentication.write(cluster, tenant)
        known = json.loads(authentication.file(cluster).read_text())["jwt"]
        assert [each["issuer"]["url"] for each in known] == issuers
    assert Files(cluster).folder not in authentication.file(cluster).parents, "every start removes that folder"


def test_a_command_cannot_enter_a_node_that_does_not_run() -> None:
    with pytest.raises(LabError, match="cluster lab1 does not run"):
        Node(Cluster("lab1", 0)).command(["true"], {}, Path("/"))


def test_a_node_that_exited_is_reported_with_the_end_of_its_log() -> None:
    node = Node(Cluster("lab1", 0))
    node.outer.folder.mkdir(parents=True)
    node.outer.log.write_text("lab1: etcd ended with status 1:\nno space left\n")
    (node.cluster.folder / "pki").mkdir()
    with pytest.raises(LabError, match=r"cluster lab1 has stopped:\n.*etcd ended(.|\n)*no space left"):
        node.wait(seconds=1)


def test_a_component_that_ends_is_an_error_with_its_name_its_status_and_its_last_words() -> None:
    # In a process of its own: what runs reaps every child of its process.
    child = os.fork()
    if child == 0:
        running = Running(Cluster("lab1", 0))
        running.start(components.Component("steady", ("sleep", "60")))
        running.start(components.Component("failing", ("sh", "-c", "echo last words; exit 3")))
        try:
            running.watch()
        except LabError as error:
            os._exit(0 if "failing ended with status 3:\nlast words" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_component_that_is_to_start_again_does_not_end_the_node_the_first_time(tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    child = os.fork()
    if child == 0:
        running = Running(Cluster("lab1", 0))
        Processes(Cluster("lab1", 0)).start_again("failing")
        running.start(components.Component("failing", ("sh", "-c", f"echo life >> {lives}; exit 3")))
        try:
            running.watch()
        except LabError as error:
            os._exit(0 if "failing ended with status 3" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert lives.read_text() == "life\n" * 2
