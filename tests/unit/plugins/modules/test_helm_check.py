"""The module run whole, with a stand-in for helm."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.modules import helm_check


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> dict[str, Any]:
    """What the module returns where helm is this script."""
    program = folder / "helm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    output = io.StringIO()
    with patch_module_args({"kubernetes_core": "6.2.0"}), redirect_stdout(output), pytest.raises(SystemExit):
        helm_check.main()
    result: dict[str, Any] = json.loads(output.getvalue())
    return result


def test_helm_3_passes_and_its_version_is_returned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(tmp_path, monkeypatch, '[ "$*" = "version --template {{.Version}}" ] && printf v3.22.0')
    assert (result.get("failed"), result["changed"], result["helm_version"]) == (None, False, "v3.22.0")


def test_helm_4_is_refused_with_an_older_kubernetes_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(tmp_path, monkeypatch, "printf v4.3.2")
    assert result["failed"]
    assert result["msg"].startswith("Helm v4.3.2 does not work with kubernetes.core 6.2.0")


def test_a_helm_that_does_not_run_is_named_with_what_it_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(tmp_path, monkeypatch, "echo exec format error >&2; exit 126")
    assert result["failed"]
    assert result["msg"] == f"The version of {tmp_path}/helm cannot be read: exec format error. Install Helm 3, or Helm 4 with kubernetes.core 6.4.0 or newer."
