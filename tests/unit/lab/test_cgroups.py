"""The cgroups of a node, in a folder in place of the machine's. What the kernel does with them is seen by `make test-cgroup-v2` and, of v1, by tests/e2e."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import LabError
from lab.node import cgroups

V1 = ["9:name=systemd:/", "4:memory:/some/where", "2:cpu,cpuacct:/", "0::/"]
V2 = ["0::/user.slice"]
NAME = "image-trust-lab-14530"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def v2(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a machine with cgroup v2, on which a new group has the files that the lab reads."""
    made = Path.mkdir

    def mkdir(self: Path, exist_ok: bool = False) -> None:
        made(self, exist_ok=exist_ok)
        (self / "cgroup.controllers").write_text("cpu memory pids\n")

    monkeypatch.setattr(Path, "mkdir", mkdir)
    root.mkdir(exist_ok=True)
    monkeypatch.setattr(cgroups, "hierarchies", lambda: {"": ""})
    return root


def written(root: Path) -> dict[str, str]:
    """By path, what was written to the files that move processes and hand controllers down."""
    return {str(file.relative_to(root)): file.read_text() for file in root.rglob("cgroup.*") if file.name != "cgroup.controllers"}


def test_the_hierarchies_of_v1_are_those_that_the_process_is_in() -> None:
    assert cgroups.parse(V1, []) == {"systemd": "none,name=systemd", "memory": "memory", "cpu,cpuacct": "cpu,cpuacct", "unified": ""}


@pytest.mark.parametrize("lines", [V2, ["1:name=systemd:/", *V2]])
def test_v2_is_one_hierarchy(lines: list[str]) -> None:
    assert cgroups.parse(lines, ["cpu", "memory"]) == {"": ""}


@pytest.mark.parametrize(("lines", "controllers"), [([], []), (V2, ["cpu"]), (["2:cpu:/"], [])])
def test_a_machine_whose_cgroups_do_not_limit_memory_is_refused(lines: list[str], controllers: list[str]) -> None:
    with pytest.raises(LabError, match="no cgroup here can limit memory"):
        cgroups.parse(lines, controllers)


def test_under_v1_a_process_enters_each_hierarchy_that_is_mounted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "hierarchies", lambda: cgroups.parse(V1, []))
    for hierarchy in ("memory", "cpu,cpuacct"):
        (root / hierarchy).mkdir()
    cgroups.enter(NAME)
    assert written(root) == {f"memory/{NAME}/cgroup.procs": "0", f"cpu,cpuacct/{NAME}/cgroup.procs": "0"}


def test_under_v2_the_outer_process_is_beside_the_nodes_root(v2: Path) -> None:
    cgroups.enter(NAME)
    handed = "+cpu +memory +pids"
    assert written(v2) == {"cgroup.subtree_control": handed, f"{NAME}/cgroup.subtree_control": handed, f"{NAME}/host/cgroup.procs": "0"}


def test_under_v2_the_nodes_root_holds_no_process_and_hands_its_controllers_down(v2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begins: list[dict[str, str]] = []
    monkeypatch.setattr(cgroups, "_begin_namespace", lambda: begins.append(written(v2)))
    (v2 / NAME).mkdir()
    cgroups.enclose(NAME)
    assert begins == [{f"{NAME}/node/cgroup.procs": "0"}]
    assert written(v2).items() > {f"{NAME}/node/init/cgroup.procs": "0", f"{NAME}/node/cgroup.subtree_control": "+cpu +memory +pids"}.items()


def test_controllers_that_cannot_be_handed_down_are_refused_before_a_group_is_made(v2: Path) -> None:
    (v2 / "cgroup.subtree_control").mkdir()
    with pytest.raises(LabError, match=r"cannot be handed down \(Is a directory\)"):
        cgroups.check()
    assert not (v2 / NAME).exists()


@pytest.mark.parametrize("parent", ["", "memory"])
def test_a_cgroup_goes_with_all_below_it(parent: str, root: Path) -> None:
    (root / parent / NAME / "node/kubepods").mkdir(parents=True)
    (root / "of-another").mkdir()
    cgroups.remove(NAME)
    assert not (root / parent / NAME).exists()
    assert (root / "of-another").exists()


def test_a_cgroup_with_a_process_in_it_is_waited_for(root: Path) -> None:
    (root / NAME).mkdir()
    (root / NAME / "still here").touch()
    with pytest.raises(LabError, match=f"end of the last process in cgroup {NAME}: not so"):
        cgroups.remove(NAME, seconds=0)
