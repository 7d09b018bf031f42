"""The module run whole against a stand-in for the API server that has Helm's records of one release."""

from __future__ import annotations

import base64
import gzip
import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.modules import helm_release_info

from tests.cluster_states import helm_record
from tests.kubernetes_api import reading, serving

Json = dict[str, Any]
SECRETS = "/api/v1/namespaces/trust/secrets?labelSelector=owner=helm,name=web"


def run(folder: Path, *records: Json) -> Json:
    printed = io.StringIO()
    arguments = {"kubeconfig": str(folder / "kubeconfig"), "name": "web", "namespace": "trust"}
    answers = reading({SECRETS: {"items": list(records)}})
    with serving(answers, folder / "kubeconfig"), patch_module_args(arguments), redirect_stdout(printed), pytest.raises(SystemExit):
        helm_release_info.main()
    result: Json = json.loads(printed.getvalue())
    return result


def record(revision: int, status: str, version: str, **values: Any) -> Json:
    return helm_record("web", "trust", revision, status, version, values)


def test_what_is_not_installed_has_no_release(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert (result["release"], result["chart_versions"], result["changed"]) == (None, [], False)


def test_a_release_has_its_charts_version_and_the_values_that_somebody_gave(tmp_path: Path) -> None:
    result = run(tmp_path, record(1, "superseded", "2.0.0"), record(2, "deployed", "1.0.0", replicas=2))
    assert result["release"] == {"chart": "web", "chart_version": "1.0.0", "revision": 2, "status": "deployed", "given_values": {"replicas": 2}}
    assert result["chart_versions"] == ["1.0.0"]


def test_a_release_that_failed_counts_beside_what_was_there_before(tmp_path: Path) -> None:
    result = run(tmp_path, record(1, "deployed", "1.0.0"), record(2, "failed", "2.0.0"))
    assert (result["release"]["chart_version"], result["chart_versions"]) == ("2.0.0", ["1.0.0", "2.0.0"])


@pytest.mark.parametrize(("before", "begun"), [("1.0.0", "2.0.0"), ("2.0.0", "1.0.0")], ids=["an upgrade", "a way back"])
def test_what_was_interrupted_is_no_release_but_both_its_versions_are_told(tmp_path: Path, before: str, begun: str) -> None:
    result = run(tmp_path, record(1, "deployed", before), record(2, "pending-upgrade", begun))
    assert (result["release"], result["chart_versions"]) == (None, [before, begun])


def test_values_that_nobody_gave_are_none(tmp_path: Path) -> None:
    made = record(1, "deployed", "1.0.0")
    content = {"chart": {"metadata": {"name": "web", "version": "1.0.0"}}, "version": 1, "info": {"status": "deployed"}}
    made["data"]["release"] = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(content).encode()))).decode()
    assert run(tmp_path, made)["release"]["given_values"] == {}


def test_a_record_without_a_chart_says_what_to_do(tmp_path: Path) -> None:
    made = record(1, "deployed", "1.0.0")
    made["data"]["release"] = base64.b64encode(base64.b64encode(gzip.compress(b"{}"))).decode()
    result = run(tmp_path, made)
    assert result["failed"]
    assert "Secret trust/sh.helm.release.v1.web.v1, cannot be read. " in result["msg"]
    assert "Delete that Secret" in result["msg"]


def test_a_cluster_that_does_not_answer_is_a_clear_error(tmp_path: Path) -> None:
    with serving(reading({}), tmp_path / "kubeconfig"):
        pass
    printed = io.StringIO()
    arguments = {"kubeconfig": str(tmp_path / "kubeconfig"), "name": "web", "namespace": "trust"}
    with patch_module_args(arguments), redirect_stdout(printed), pytest.raises(SystemExit):
        helm_release_info.main()
    assert json.loads(printed.getvalue())["msg"].startswith("Helm's records cannot be looked at: it does not answer: ")
