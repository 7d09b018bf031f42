"""The node's own cgroup, of cgroup v1 or v2, so that its kubelet sees a root of its own.

Under v1 the node's processes are in `<name>` of each hierarchy. Under v2 a group that hands its controllers down has no processes of its own
(https://docs.kernel.org/admin-guide/cgroup-v2.html#no-internal-process-constraint): those outside the node's namespaces are in `<name>/host`, and the
node's root is `<name>/node`, with process 1 and the components in its child `init`.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from lab.errors import LabError
from lab.progress import wait_for

ROOT = Path("/sys/fs/cgroup")
_CLONE_NEWCGROUP = 0x02000000


def hierarchies() -> dict[str, str]:
    """Mount options by folder under /sys/fs/cgroup, from what this process is in: `{"memory": "memory", "systemd": "none,name=systemd"}`; v2's are empty.

    `{"": ""}` where v2 has the controllers. Raises LabError where neither v1 nor v2 has the one for memory.
    """
    controllers = ROOT / "cgroup.controllers"
    return parse(Path("/proc/self/cgroup").read_text().splitlines(), controllers.read_text().split() if controllers.exists() else [])


def parse(lines: list[str], controllers: list[str]) -> dict[str, str]:
    """`hierarchies` of the lines of /proc/self/cgroup and of the controllers of v2."""
    found = {}
    for line in lines:
        names = line.split(":")[1]
        if not names:
            found["unified"] = ""
        elif names.startswith("name="):
            found[names.removeprefix("name=")] = f"none,{names}"
        else:
            found[names] = names
    if any("memory" in name.split(",") for name in found):
        return found
    if "memory" in controllers:
        return {"": ""}
    raise LabError(f"no cgroup here can limit memory, neither of v1 nor of v2; mount cgroup2 at {ROOT}, or boot the machine with cgroup_enable=memory")


def check() -> None:
    """Raises LabError where no cgroup of a node can be made on this machine."""
    if "" in hierarchies():
        _hand_down(ROOT)


def enter(name: str) -> None:
    """Make the cgroup `name` and move this process, which is outside the node's namespaces, into it."""
    mine = hierarchies()
    if "" in mine:
        (ROOT / name).mkdir(exist_ok=True)
        for group in (ROOT, ROOT / name):
            _hand_down(group)
        _move_into(ROOT / name / "host")
        return
    for hierarchy in mine:
        group = ROOT / hierarchy / name
        if not (ROOT / hierarchy).is_dir():
            continue
        group.mkdir(exist_ok=True)
        if (group / "cpuset.cpus").exists():
            for setting in ("cpuset.cpus", "cpuset.mems"):
                (group / setting).write_text((ROOT / hierarchy / setting).read_text())
        _move_into(group)


def enclose(name: str) -> None:
    """Let this process, process 1 of a node, and its children see only the cgroups of the node, from its root `name`, or `name`/node, on."""
    node, v2 = ROOT / name / "node", "" in hierarchies()
    if v2:
        _move_into(node)
    _begin_namespace()
    if v2:
        _move_into(node / "init")
        _hand_down(node)


def remove(name: str, seconds: float = 20) -> None:
    """Take the cgroup `name` and all below it away, once the last process has left; waits at most `seconds` for that."""
    groups = [folder / name for folder in (ROOT, *ROOT.iterdir()) if (folder / name).is_dir()] if ROOT.is_dir() else []
    if groups:
        wait_for(f"end of the last process in cgroup {name}", lambda: all(_removed(group) for group in groups), seconds)


def _begin_namespace() -> None:
    """Make the cgroups that this process is in its roots. os.unshare is there only from Python 3.12 on."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWCGROUP):
        raise LabError(f"a cgroup namespace cannot be made: {os.strerror(ctypes.get_errno())}")


def _move_into(group: Path) -> None:
    """Make the cgroup and move this process into it."""
    group.mkdir(exist_ok=True)
    (group / "cgroup.procs").write_text("0")


def _hand_down(group: Path) -> None:
    """Let the groups below one of v2 have all controllers that it has. LabError where it may not."""
    controllers = (group / "cgroup.controllers").read_text().split()
    try:
        (group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
    except OSError as error:
        raise LabError(f"the controllers of cgroup {group} cannot be handed down ({error.strerror}); it must be writable, and hold no processes") from error


def _removed(group: Path) -> bool:
    """Whether the cgroup and those below it are gone; a cgroup's folder can be removed when it has neither processes nor children."""
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            pass
        except OSError:
            return False
    return True
