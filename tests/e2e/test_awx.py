"""The playbooks as AWX runs them on the lab: files of a project, by ansible-runner, with the environment of the built-in credential."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.jobs import run, write_project
from tests.support.seeds import soak

from .conftest import INVENTORY, Lab, Run


@pytest.mark.parametrize(
    ("playbook", "check"), [pytest.param("site.yml", True, marks=soak("verify.yml as such a job")), ("audit.yml", False), ("verify.yml", False)]
)
def test_a_job_runs_the_collection_s_playbook_from_the_project_and_changes_nothing(lab: Lab, site: Run, tmp_path: Path, playbook: str, check: bool) -> None:
    write_project(tmp_path / "project")
    lab.forget_requests()
    proof = tmp_path / "proof.json"
    job = {"inventory": str(INVENTORY), "cmdline": "--check --diff" if check else "", "extravars": {"awx_job_id": 1, "verify_proof_path": str(proof)}}
    done = run(tmp_path, playbook, {**lab.environment, "HOME": str(tmp_path)}, **job)
    assert done.status == "successful", done.printed
    assert done.stats["ok"]["lab1"] > 0
    assert done.stats["changed"] == {}
    assert [request for request in lab.requests() if request.writes] == []
    assert lab.requests(), "the log is empty, so it would not have shown a write either"
    if playbook == "verify.yml":
        assert json.loads(proof.read_text())["passed"]
        assert done.artifacts == {"image_trust_verified": {"lab1": {"passed": True, "proof": str(proof)}}}
    # The runner itself records the environment that it was given.
    printed = [path.read_text() for path in (tmp_path / "artifacts").rglob("*") if path.is_file() and path.name != "command"]
    assert lab.environment["AZURE_SECRET"] not in "".join(printed)
