"""The lookup with a stand-in for helm."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible_collections.image_trust.azure.plugins.lookup import helm_problems

WRITTEN = {
    "released": ({"MANIFEST.json": json.dumps({"collection_info": {"version": "6.2.0"}})}, "6.2.0"),
    "a checkout": ({"galaxy.yml": yaml.safe_dump({"version": "6.4.0-dev"})}, "6.4.0-dev"),
    "a checkout that tells its version when it is released": ({"galaxy.yml": "version: null\n"}, "*"),
    "neither": ({}, "*"),
}


@pytest.mark.parametrize(("files", "expected"), WRITTEN.values(), ids=WRITTEN)
def test_the_version_is_read_from_what_galaxy_or_the_checkout_has(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert helm_problems.version_in(tmp_path) == expected


def test_the_version_is_that_of_the_collection_that_ansible_uses() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", helm_problems.version_in(helm_problems._folder("kubernetes.core")))


def test_a_collection_that_is_not_installed_is_named() -> None:
    with pytest.raises(AnsibleError, match=r"Collection example\.missing is not installed"):
        helm_problems._folder("example.missing")


def problems(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str, kubernetes_core: str = "6.2.0") -> list[str]:
    """What the lookup returns where helm is this script."""
    program = folder / "helm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setattr(helm_problems, "version_in", lambda _folder: kubernetes_core)
    return helm_problems.LookupModule().run([])


def test_helm_3_has_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(tmp_path, monkeypatch, '[ "$*" = "version --template {{.Version}}" ] && printf v3.22.0') == []


def test_helm_4_is_refused_with_an_older_kubernetes_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [sentence] = problems(tmp_path, monkeypatch, "printf v4.3.2")
    assert sentence.startswith("Helm v4.3.2 does not work with kubernetes.core 6.2.0")
    assert problems(tmp_path, monkeypatch, "printf v4.3.2", "6.4.0") == []


def test_a_helm_that_does_not_run_is_reported_with_what_it_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [sentence] = problems(tmp_path, monkeypatch, "echo exec format error >&2; exit 126")
    assert sentence == "The version of helm cannot be read: exec format error. Install Helm 3, or Helm 4 with kubernetes.core 6.4.0 or newer."


def test_without_helm_the_advice_is_returned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    [sentence] = helm_problems.LookupModule().run([])
    assert sentence == "There is no helm on the PATH of the controller. Install Helm 3, or Helm 4 with kubernetes.core 6.4.0 or newer."
