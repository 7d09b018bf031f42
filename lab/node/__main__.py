"""The outer process of a node, run as `python -m lab.node NAME INDEX`: it holds the node's cgroup, its namespaces and the relay to its API.

All of these are killed by the kernel when this process ends, however it ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lab.config import Cluster
from lab.daemon import tail
from lab.errors import LabError
from lab.node import cgroups, components
from lab.node.control import Node
from lab.progress import wait_for

_WITH_US = ("setpriv", "--pdeathsig", "KILL")
_UNSHARE = ("unshare", "--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--propagation", "private")


def main() -> None:
    try:
        run(Cluster(sys.argv[1], int(sys.argv[2])))
    except LabError as error:
        sys.exit(f"{sys.argv[1]}: {error}")


def run(cluster: Cluster) -> None:
    """Start the node and wait until it ends. Raises LabError where it does not begin, or where the relay ends."""
    node = Node(cluster)
    cgroups.remove(cluster.cgroup)
    cgroups.enter(cluster.cgroup)
    inside = subprocess.Popen([*_WITH_US, *_UNSHARE, sys.executable, "-m", "lab.node.inside", cluster.name, str(cluster.index)])
    relay_log = cluster.folder / "relay.log"
    with relay_log.open("wb") as log:
        relay = subprocess.Popen([*_WITH_US, *components.api_relay(cluster).argv], stderr=log)
    children = Path(f"/proc/{inside.pid}/task/{inside.pid}/children")
    node.init_file.write_text(wait_for("process 1 of the node", lambda: children.read_text().strip() or None, 10, interval=0.01))
    ended, status = os.wait()
    if ended == relay.pid:
        raise LabError(f"the relay to the Kubernetes API ended with status {os.waitstatus_to_exitcode(status)}:\n{tail(relay_log, 5)}")
    sys.exit(1)


if __name__ == "__main__":
    main()
