"""The module run whole, with a stand-in for helm that knows one chart."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.modules import chart_values_check

HELM = """#!/bin/sh
if [ "$*" = "show values ratify --repo https://charts.example --version 1.15.7" ]; then
  printf 'replicaCount: 1\\nprovider:\\n  enableMutation: true\\n'
else
  echo "Error: chart not found" >&2
  exit 1
fi
"""


@pytest.fixture(autouse=True)
def helm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "helm"
    program.write_text(HELM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return program


def run(values: dict[str, Any], **options: Any) -> dict[str, Any]:
    given = {"chart_repo_url": "https://charts.example", "chart": "ratify", "chart_version": "1.15.7", "values": values, **options}
    output = io.StringIO()
    with patch_module_args(given), redirect_stdout(output), pytest.raises(SystemExit):
        chart_values_check.main()
    result: dict[str, Any] = json.loads(output.getvalue())
    return result


def test_values_that_the_chart_reads_are_fine_and_change_nothing() -> None:
    result = run({"replicaCount": 2, "provider": {"enableMutation": False}, "dockerConfig": "x"}, also_read=["dockerConfig"])
    assert (result.get("failed"), result["changed"]) == (None, False)


def test_all_that_is_wrong_is_said_in_one_sentence_and_as_a_list() -> None:
    result = run({"replicas": 2, "provider": {"enableMutation": "false"}})
    assert result["failed"]
    lines = ["replicas is not a value of the chart (did you mean replicaCount?)", "provider.enableMutation is a boolean, not 'false'"]
    assert result["msg"] == f"chart ratify 1.15.7 would not use these values: {'; '.join(lines)}"
    assert result["problems"] == lines


def test_a_chart_that_cannot_be_read_fails_with_what_helm_says() -> None:
    result = run({}, chart_version="0.0.0")
    assert result["failed"]
    assert result["msg"] == "the values of chart ratify 0.0.0 of https://charts.example cannot be read: Error: chart not found"


def test_without_helm_the_message_says_so(helm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helm.unlink()
    monkeypatch.setenv("PATH", "/nowhere")
    result = run({})
    assert result["failed"]
    assert "helm" in result["msg"]
