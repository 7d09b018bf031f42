from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from lab.build import tools
from lab.build.tools import FAMILIES, HELM_4, ON_DEMAND, Family
from lab.errors import LabError


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Family:
    """A family whose go.mod replaces a module by a folder beside it."""
    folder = tmp_path / "tools/made"
    (folder / "local").mkdir(parents=True)
    (folder / "go.mod").write_text("module made\n\ngo 1.26.4\n\nreplace example.org/local => ./local\n\ntool example.org/thing/cmd/thing\n")
    (folder / "go.sum").write_text("sum\n")
    (folder / "local/local.go").write_text("package local\n")
    monkeypatch.setattr(tools, "TOOLS", tmp_path / "tools")
    return Family("made")


def test_every_folder_of_tools_is_a_family_and_no_two_that_are_built_have_a_program_of_the_same_name() -> None:
    assert {family.name for family in (*FAMILIES, *ON_DEMAND)} == {folder.name for folder in tools.TOOLS.iterdir()}
    programs = [program for family in FAMILIES for program in family.programs]
    assert len(programs) == len(set(programs))


@pytest.mark.parametrize(
    ("family", "programs"),
    [
        ("etcd", ["server"]),
        ("gatekeeper", ["gatekeeper", "gator", "opa"]),
        ("kubernetes", ["kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet"]),
    ],
)
def test_programs_are_named_as_go_names_them(family: str, programs: list[str]) -> None:
    assert tools.family(family).programs == programs


def test_the_api_server_and_helm_have_the_version_that_go_mod_pins() -> None:
    version = tools.family("kubernetes").version("k8s.io/kubernetes")
    assert f"-X k8s.io/component-base/version.gitVersion={version}" in tools.family("kubernetes").flags[-1]
    assert f"version.gitMinor={version.split('.')[1]} " in tools.family("kubernetes").flags[-1]
    assert tools.family("helm").flags[-1].endswith(f"version.version={tools.family('helm').version('helm.sh/helm/v3')}")
    assert HELM_4.flags[-1].endswith(f"v4/internal/version.version={HELM_4.version('helm.sh/helm/v4')}")
    assert tools.family("crane").flags[-1] == "-s -w"


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "main.go", "local/local.go"])
def test_a_family_is_built_again_when_one_of_its_files_changes(made: Family, file: str) -> None:
    before = made.output
    assert made.output == before
    with (made.folder / file).open("a") as out:
        out.write("// more\n")
    assert made.output != before


def test_a_family_is_built_again_when_a_flag_changes(made: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    before = made.output
    monkeypatch.setattr(Family, "flags", ["-ldflags", "-s"])
    assert made.output != before


def test_a_family_that_is_built_is_not_built_again(made: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    made.output.mkdir(parents=True)
    monkeypatch.setattr(tools, "go", lambda: pytest.fail("go was asked for"))
    made.build()


def test_a_build_that_fails_leaves_nothing_that_passes_for_built_and_shows_what_go_said(made: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "go", lambda: ("sh", "-c", "echo no such module; exit 1"))
    with pytest.raises(LabError, match=r"building made failed(.|\n)*no such module"):
        made.build()
    assert not made.output.exists()


def test_of_the_families_that_are_missing_two_are_built_at_a_time_and_what_is_left_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = threading.Barrier(2)

    def compiled(family: Family) -> None:
        both.wait(20)
        family.output.mkdir(parents=True)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tools, "FAMILIES", [Family(name) for name in ("etcd", "crane", "helm", "registry", "notation")])
    monkeypatch.setattr(Family, "_compile", compiled)
    Family("etcd").output.mkdir(parents=True)
    tools.build()
    assert all(each.output.exists() for each in tools.FAMILIES)
    said = capsys.readouterr().err
    assert "4 to build, 2 at a time: crane, helm, registry, notation" in said
    assert "left to build: nothing" in said
    tools.build()
    assert capsys.readouterr().err == ""


def test_after_a_build_that_fails_no_other_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    def compiled(family: Family) -> None:
        begun.append(family.name)
        if family.name == "crane":
            raise LabError("building crane failed")
        time.sleep(2)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tools, "FAMILIES", [Family(name) for name in ("etcd", "crane", "helm", "registry", "notation")])
    monkeypatch.setattr(Family, "_compile", compiled)
    with pytest.raises(LabError, match="building crane failed"):
        tools.build()
    assert "notation" not in begun


def test_a_program_that_is_not_built_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(LabError, match="kubectl is not built; run `python -m lab up`"):
        tools.program("kubectl")


def test_an_unknown_program_is_an_error() -> None:
    with pytest.raises(LabError, match="has the program kubeadm"):
        tools.program("kubeadm")


def test_an_old_go_on_path_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.19.8\n")
    old.chmod(0o755)
    packaged = tmp_path / "purelib/go/bin/go"
    packaged.parent.mkdir(parents=True)
    packaged.touch()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "purelib"))
    tools.go.cache_clear()
    assert tools.go() == (str(packaged),)
    old.write_text("#!/bin/sh\necho go1.99.0\n")
    tools.go.cache_clear()
    assert tools.go() == (str(old),)
    tools.go.cache_clear()
