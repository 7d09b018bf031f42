"""Process 1 of a node: prepares its namespaces, starts the components in order and ends, and the node with it, as soon as one of them ends.

Run as `python -m lab.node.inside NAME INDEX` by `lab.node.__main__`, in new mount, network, host name, IPC and process namespaces.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
from http.client import HTTPSConnection
from pathlib import Path
from urllib.request import urlopen

from lab import pki
from lab.build import images, oci
from lab.config import Cluster, home
from lab.daemon import tail
from lab.errors import LabError
from lab.node import cgroups, components
from lab.node.components import Component
from lab.node.processes import Processes
from lab.progress import say, wait_for

_OWN_FOLDERS = ("/var/lib/containerd", "/var/lib/kubelet", "/var/lib/cni", "/var/log/pods", "/var/log/containers")
"""Folders that the node keeps, in place of the machine's."""
_SHIELDED = {"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1"}
"""Settings of the whole machine that the kubelet insists on: it finds and changes files of the node instead."""


def run(*argv: str) -> None:
    """Run a command of the system. LabError with what it said where it fails."""
    answer = subprocess.run(argv, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise LabError(f"`{' '.join(argv)}` failed: {answer.stderr.strip() or answer.stdout.strip()}")


def mount_all(cluster: Cluster) -> None:
    """The node's own view of the file system: /sys, cgroups, folders, trusted CAs, name server."""
    run("mount", "--make-rshared", "/")
    mine = cgroups.hierarchies()
    run("mount", "-t", "sysfs", "sysfs", "/sys")
    if "" not in mine:
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(cgroups.ROOT))
    for name, options in mine.items():
        target = cgroups.ROOT / name
        target.mkdir(exist_ok=True)
        run("mount", "-t", "cgroup", "-o", options, "cgroup", str(target)) if options else run("mount", "-t", "cgroup2", "cgroup2", str(target))
    for folder in _OWN_FOLDERS:
        kept = cluster.folder / "fs" / folder.lstrip("/")
        kept.mkdir(parents=True, exist_ok=True)
        Path(folder).mkdir(parents=True, exist_ok=True)
        run("mount", "--bind", str(kept), folder)
    # As after a boot: nothing of an earlier life, such as sockets of containers that are gone.
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    Path("/run/lock").mkdir()
    for setting, value in _SHIELDED.items():
        shield = cluster.folder / "config/sysctl" / setting.replace("/", "_")
        shield.parent.mkdir(exist_ok=True)
        shield.write_text(f"{value}\n")
        run("mount", "--bind", str(shield), f"/proc/sys/{setting}")
    run("mount", "--bind", str(home() / "ca-bundle.crt"), str(pki.SYSTEM_BUNDLE))
    name_server = Path("/etc/resolv.conf").resolve()
    if not name_server.exists():
        # It is a link into /run, which is empty now.
        name_server.parent.mkdir(parents=True, exist_ok=True)
        name_server.touch()
    run("mount", "--bind", str(components.Files(cluster).resolv_conf), str(name_server))


def connect_network(cluster: Cluster) -> None:
    """Addresses and a default route, all of which end in this namespace; nothing leads out of it."""
    run("hostname", cluster.name)
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{components.METADATA_ADDRESS}/32", "dev", "lo")
    run("ip", "link", "add", "node0", "type", "veth", "peer", "name", "node0-peer")
    for address in (cluster.node_address, cluster.azure_address):
        run("ip", "address", "add", f"{address}/24", "dev", "node0")
    run("ip", "link", "set", "node0", "up")
    run("ip", "link", "set", "node0-peer", "up")
    run("ip", "route", "add", "default", "dev", "node0")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


class Running:
    """The components that run. Ends the node where one of them ends, but for one that was killed to be started again."""

    def __init__(self, cluster: Cluster) -> None:
        self.logs = cluster.folder / "log"
        self.logs.mkdir(parents=True, exist_ok=True)
        self._processes = Processes(cluster)
        self._processes.forget()
        self._components: dict[int, Component] = {}

    def start(self, component: Component) -> None:
        with (self.logs / f"{component.name}.log").open("wb") as log:
            process = subprocess.Popen(component.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        # From here on only `check` and `watch` wait for children, as process 1 must for those that it inherits too.
        process.returncode = 0
        self._components[process.pid] = component
        self._processes.note(component.name, process.pid)
        say(f"{component.name} started")

    def check(self) -> None:
        """Raise LabError where a component exited."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._ended(pid, status)

    def watch(self) -> None:
        """Wait until a component ends; then raise LabError."""
        while True:
            self._ended(*os.wait())

    def _ended(self, pid: int, status: int) -> None:
        component = self._components.pop(pid, None)
        if component is None:
            return
        if self._processes.is_to_start_again(component.name):
            self.start(component)
            return
        name = component.name
        raise LabError(f"{name} ended with status {os.waitstatus_to_exitcode(status)}:\n{tail(self.logs / f'{name}.log', 15)}")


def import_images(files: list[Path]) -> None:
    """Give containerd the images that it does not have."""
    listed = subprocess.run(["ctr", "--namespace", "k8s.io", "images", "list"], capture_output=True, text=True, check=True).stdout
    present = {(fields[0], fields[2]) for fields in map(str.split, listed.splitlines()[1:])}
    missing = [file for file in files if oci.identify(file) not in present]
    for file in missing:
        run("ctr", "--namespace", "k8s.io", "images", "import", str(file))
    say(f"{len(missing)} images imported, {len(files) - len(missing)} were there")


def etcd_answers() -> bool:
    try:
        with urlopen("http://127.0.0.1:2379/health", timeout=1) as answer:
            return bool(json.load(answer)["health"] == "true")
    except OSError:
        return False


def api_answers(trust: ssl.SSLContext) -> bool:
    connection = HTTPSConnection("127.0.0.1", 6443, timeout=2, context=trust)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def boot(cluster: Cluster, running: Running) -> None:
    """From empty namespaces to a node with all its components started."""
    shutil.rmtree(cluster.folder / "config", ignore_errors=True)
    components.Files(cluster).write()
    tars = images.build()
    cgroups.enclose(cluster.cgroup)
    mount_all(cluster)
    connect_network(cluster)
    running.start(components.etcd(cluster))
    running.start(components.containerd(cluster))
    for relay in components.relays(cluster):
        running.start(relay)
    wait_for("health of etcd", etcd_answers, 30, running.check)
    running.start(components.apiserver(cluster))
    wait_for("socket of containerd", components.CONTAINERD_SOCKET.exists, 30, running.check)
    import_images(tars)
    trust = ssl.create_default_context(cafile=str(pki.ClusterPki(cluster).folder / "ca.crt"))
    wait_for("readiness of kube-apiserver", lambda: api_answers(trust), 60, running.check)
    for component in components.controllers(cluster):
        running.start(component)
    running.start(components.kubelet(cluster))


def main() -> None:
    cluster = Cluster(sys.argv[1], int(sys.argv[2]))
    try:
        running = Running(cluster)
        boot(cluster, running)
        running.watch()
    except LabError as error:
        sys.exit(f"{cluster.name}: {error}")


if __name__ == "__main__":
    main()
