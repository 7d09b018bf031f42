"""What the machine of `make test-cgroup-v2` runs.

The lab comes up; a pod answers another by its service, within its limit of memory; one kill ends the node whole, and it comes back; with `--demo` site.yml
runs and runs again; the lab goes.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from lab.clusters import nodes
from lab.errors import LabError
from lab.node import cgroups
from lab.node.control import Node
from lab.progress import say, step, wait_for

NAMESPACE = "/api/v1/namespaces/default"
IMAGE = "docker.io/library/nginx:latest"
"""The image of the lab that a kubelet may pull from a registry that no cluster is attached to."""
MEBIBYTES = 64


def lab(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "lab", *arguments], check=True)


def first_line(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[0]


def machine() -> list[str]:
    """What this is."""
    [mounted] = [line.split()[2] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[1] == str(cgroups.ROOT)]
    return [
        f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}, Python {platform.python_version()}",
        f"process 1: {Path('/proc/1/comm').read_text().strip()}, {first_line('systemctl', '--version')}",
        f"{mounted} at {cgroups.ROOT}: {(cgroups.ROOT / 'cgroup.controllers').read_text().strip()}",
        f"{first_line('containerd', '--version')}; {first_line('runc', '--version')}",
    ]


def pod(name: str, *command: str) -> dict[str, Any]:
    container = {"name": "it", "image": IMAGE, "command": ["/bin/busybox", *command], "resources": {"limits": {"memory": f"{MEBIBYTES}Mi"}}}
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def wait_for_phase(node: Node, name: str, phase: str) -> dict[str, Any]:
    """The pod, once it is in that phase. LabError where it has failed."""

    def reached() -> dict[str, Any] | None:
        found: dict[str, Any] = node.get(f"{NAMESPACE}/pods/{name}")
        if found["status"]["phase"] == "Failed":
            raise LabError(f"pod {name} failed")
        return found if found["status"]["phase"] == phase else None

    return wait_for(f"pod {name} is {phase}", reached, 60, interval=1)


def run_pods(node: Node) -> None:
    """A pod serves, with a limit of memory, and another asks it by its service. LabError where not."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "server"}, "spec": {"selector": {"app": "server"}, "ports": [{"port": 8080}]}}
    node.apply(f"{NAMESPACE}/services/server", service)
    with step("a pod runs"):
        node.apply(f"{NAMESPACE}/pods/server", pod("server", "httpd", "-f", "-p", "8080", "-h", "/"))
        server = wait_for_phase(node, "server", "Running")
    group = next((cgroups.ROOT / node.cluster.cgroup / "node/kubepods").rglob(f"pod{server['metadata']['uid']}"))
    limit = int((group / "memory.max").read_text())
    say(f"{group}: memory.max {limit}")
    if limit != MEBIBYTES << 20:
        raise LabError(f"the limit of memory is {limit}, not {MEBIBYTES} MiB")
    with step("another asks it by its service"):
        node.apply(f"{NAMESPACE}/pods/client", pod("client", "sh", "-c", "busybox wget -q -O - http://$SERVER_SERVICE_HOST:8080/who.txt"))
        wait_for_phase(node, "client", "Succeeded")


def kill(node: Node) -> None:
    """End the process that holds the node, and see that nothing of it is left. LabError where something is."""
    outer = node.outer.pid()
    assert outer
    os.kill(outer, signal.SIGKILL)
    events = cgroups.ROOT / node.cluster.cgroup / "cgroup.events"
    wait_for("end of all processes of the node", lambda: "populated 0" in events.read_text(), 10)


def main() -> None:
    for line in machine():
        say(line)
    with step("lab up"):
        lab("up")
    [node] = nodes()
    say(f"kube-proxy's mode: {json.loads((node.cluster.folder / 'config/kube-proxy.yaml').read_text())['mode']}")
    try:
        run_pods(node)
        kill(node)
    except LabError as error:
        subprocess.run([sys.executable, "-m", "lab", "exec", "--", "kubectl", "get", "pods,events", "-A"], check=False)
        sys.exit(str(error))
    with step("lab up after a kill"):
        lab("up")
    if "--demo" in sys.argv:
        with step("the demo"):
            subprocess.run([sys.executable, "-m", "lab.demo"], check=True)
    with step("lab down"):
        lab("down", "--delete")
    if (cgroups.ROOT / node.cluster.cgroup).exists():
        sys.exit(f"cgroup {node.cluster.cgroup} is still there")


if __name__ == "__main__":
    main()
