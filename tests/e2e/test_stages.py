"""From stage to stage: while what denies becomes another constraint, something denies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .asking import afresh, asking_for
from .conftest import Lab
from .plans import succeeded
from .pods import IMAGE, UNSIGNED, pod, policy, refusal

__all__ = ["policy"]


def test_a_namespace_is_denied_while_the_cluster_goes_to_warn_around_it_and_back(kube: Any, policy: Any) -> None:
    unsigned = afresh(kube, UNSIGNED)
    with asking_for(unsigned) as asked:
        assert policy(policy_enforcement="warn", policy_stages=[{"namespaces": ["default"], "enforcement": "deny"}]).returncode == 0
        assert policy(policy_force_deny="lab1").returncode == 0
    assert len(asked.answers[unsigned]) > 50
    assert asked.admitted(unsigned) == 0


def test_a_pilot_succeeds_and_its_proof_says_where_the_policy_denies(lab: Lab, kube: Any, team: str, tmp_path: Path, policy: Any) -> None:
    proof = tmp_path / "proof.json"
    pilot = {"policy_enforcement": "dryrun", "policy_stages": [{"namespaces": [team], "enforcement": "deny"}], "verify_proof_path": str(proof)}
    try:
        assert succeeded(lab.play("site", **pilot)).changed
        read = json.loads(proof.read_text())
        assert (read["passed"], read["problems"], read["namespace"]) == (False, [f"It is a pilot: the policy denies in {team} only."], team)
        assert read["pilot"] == [team]
        succeeded(lab.play("report", **pilot, report_path=f"{tmp_path}/report.html"))
        report = json.loads((tmp_path / "report.json").read_text())
        [cluster] = report["clusters"]
        assert (report["passed"], report["unproven"], cluster["state"]) == (False, [cluster["name"]], "attention")
        assert cluster["findings"][0]["text"] == f"It is a pilot: the policy denies in {team} only."
        assert refusal(kube, pod(UNSIGNED), "default") == ""
        assert "it has no signature" in refusal(kube, pod(UNSIGNED), team)
        assert succeeded(lab.play("site", **pilot)).changed == []
        elsewhere = lab.play("site", **pilot, verify_namespace="default")
        assert "verdicts of lab1 failed" in elsewhere.error
    finally:
        assert policy(policy_force_deny="lab1").returncode == 0


def test_an_image_that_a_pod_mounts_is_verified_too(kube: Any) -> None:
    signed = afresh(kube, f"{IMAGE}:signed").format(0)
    body = pod(signed)
    body["spec"]["volumes"] = [{"name": "it", "image": {"reference": afresh(kube, UNSIGNED).format(0)}}]
    assert "it has no signature" in refusal(kube, body, "default")
    body["spec"]["volumes"][0]["image"]["reference"] = signed
    assert refusal(kube, body, "default") == ""
    body["spec"]["volumes"][0]["image"]["reference"] = f"{IMAGE}:signed"
    assert "is not pinned to a digest" in refusal(kube, body, "default")


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        ({"team-*": "warn", "team-a": "deny"}, "policy_stages sets warn for team-* and deny for team-a, which one namespace can match both"),
        ({"kube-*": "warn"}, "policy_stages sets warn for kube-*, and policy_excluded_namespaces names kube-system"),
        ({"*": "warn"}, "policy_stages has * alone, which matches every namespace"),
    ],
)
def test_stages_that_would_weaken_what_another_variable_asks_for_are_refused(policy: Any, stages: dict[str, str], sentence: str) -> None:
    refused = policy(policy_stages=[{"namespaces": [name], "enforcement": enforcement} for name, enforcement in stages.items()])
    assert refused.returncode != 0
    assert sentence in refused.error
    assert refused.changed == []
