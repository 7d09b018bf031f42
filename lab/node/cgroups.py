"""The node's own cgroup in each hierarchy of cgroup v1, so that its kubelet sees a root of its own."""

from __future__ import annotations

import os
from pathlib import Path

from lab.errors import LabError
from lab.progress import wait_for

ROOT = Path("/sys/fs/cgroup")


def hierarchies() -> dict[str, str]:
    """Mount options by folder under /sys/fs/cgroup, from what this process is in: `{"memory": "memory", "systemd": "none,name=systemd"}`; v2's are empty.

    Raises LabError on a machine with cgroup v2 only.
    """
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    return parse(lines)


def parse(lines: list[str]) -> dict[str, str]:
    """`hierarchies` of the lines of /proc/self/cgroup."""
    found = {}
    for line in lines:
        controllers = line.split(":")[1]
        if not controllers:
            found["unified"] = ""
        elif controllers.startswith("name="):
            found[controllers.removeprefix("name=")] = f"none,{controllers}"
        else:
            found[controllers] = controllers
    if not any("memory" in name.split(",") for name in found):
        raise LabError("this machine has no cgroup v1 hierarchies, which the lab's nodes need; boot it with systemd.unified_cgroup_hierarchy=0")
    return found


def enter(name: str) -> None:
    """Make the cgroup `name` in every hierarchy and move this process into it."""
    for hierarchy in hierarchies():
        group = ROOT / hierarchy / name
        if not (ROOT / hierarchy).is_dir():
            continue
        group.mkdir(exist_ok=True)
        if (group / "cpuset.cpus").exists():
            for setting in ("cpuset.cpus", "cpuset.mems"):
                (group / setting).write_text((ROOT / hierarchy / setting).read_text())
        (group / "cgroup.procs").write_text(str(os.getpid()))


def remove(name: str, seconds: float = 20) -> None:
    """Take the cgroup `name` and all below it away, once the last process has left; waits at most `seconds` for that."""
    groups = [folder / name for folder in ROOT.iterdir() if (folder / name).is_dir()] if ROOT.is_dir() else []
    if groups:
        wait_for(f"end of the last process in cgroup {name}", lambda: all(_removed(group) for group in groups), seconds)


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
