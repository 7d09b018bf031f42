"""The module run whole, on files as they may lie there."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.modules import proof_report

from tests.support import report_proofs as proofs
from tests.support.report_proofs import NOW, proof
from tests.support.return_values import not_returned

VERSIONS = {"gatekeeper": "3.23.1", "ratify": "1.4.6", "kubernetes": "1.36"}


def run(**options: Any) -> dict[str, Any]:
    output = io.StringIO()
    with patch_module_args({"time": NOW, "versions": VERSIONS, **options}), redirect_stdout(output), pytest.raises(SystemExit):
        proof_report.main()
    result: dict[str, Any] = json.loads(output.getvalue())
    return result


def test_the_documented_sample_is_what_is_returned() -> None:
    given = next(each for each in yaml.safe_load(proof_report.EXAMPLES) if "image_trust.azure.proof_report" in each)
    first = given["image_trust.azure.proof_report"]["proofs"][0]
    assert run(proofs=[first])["report"] == yaml.safe_load(proof_report.RETURN)["report"]["sample"]


def test_all_that_is_documented_is_returned(tmp_path: Path) -> None:
    broken = proofs.verdict(proofs.NGINX, "container", "admitted", expected="denied", passed=False, message="it does not run")
    exempt = proofs.verdict(proofs.NGINX, "container", "admitted", "kube-system")
    anchors = [proofs.anchor("old", "2027-01-01T00:00:00Z", problem="not read from the vault")]
    signed = {"signed_by": {"key": "local", "sha256": "d" * 64}, "cluster": {**proofs.of_kubernetes("web", "v1.36.4"), "id": "/subscriptions/1/web"}}
    made = proof("web", verdicts=[broken, exempt], anchors=anchors, **signed)
    path = proofs.write(tmp_path, proofs.with_policy(made, exemptions=[proofs.exemption("team", "2027-01-01")]))
    other = proofs.write(tmp_path, proofs.with_policy(proof("other"), parts={}))
    audited = proofs.write_audit(tmp_path, proofs.audit("web"))
    given = [
        {"cluster": "web", "path": str(path), "audit": str(audited), "policy_group": "all"},
        {"cluster": "other", "path": str(other), "policy_group": "all"},
    ]
    assert not_returned("proof_report", run(proofs=given)) == set()


def test_of_the_files_only_the_named_ones_count(tmp_path: Path) -> None:
    path = proofs.write(tmp_path, proof("web"))
    (tmp_path / "proof-web-break-glass.jsonl").write_text('{"state": "open"}\n')
    result = run(proofs=[{"cluster": "web", "path": str(path)}])
    assert (result["changed"], result["report"]["passed"], result["report"]["clusters"][0]["state"]) == (False, True, "proven")


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (b"{", "Its audit is not JSON."),
        (b'{"cluster": "\\ud800"}', "Its audit is not JSON."),
        (b"null", "Its audit is null."),
        (b"[" * 100000, "Its audit is not JSON."),
        (None, "Its audit cannot be read: Is a directory."),
    ],
)
def test_an_audit_that_cannot_be_read_is_a_finding(content: bytes | None, finding: str, tmp_path: Path) -> None:
    path, audited = proofs.write(tmp_path, proof("web")), tmp_path / "audit.json"
    if content is None:
        audited.mkdir()
    else:
        audited.write_bytes(content)
    (cluster,) = run(proofs=[{"cluster": "web", "path": str(path), "audit": str(audited)}])["report"]["clusters"]
    assert ([(each["state"], each["text"]) for each in cluster["findings"]], cluster["audit"]) == ([("attention", finding)], None)


def test_an_audit_that_does_not_exist_is_none(tmp_path: Path) -> None:
    path = proofs.write(tmp_path, proof("web"))
    (cluster,) = run(proofs=[{"cluster": "web", "path": str(path), "audit": str(tmp_path / "none.json")}])["report"]["clusters"]
    assert (cluster["state"], cluster["audit"]) == ("proven", None)


def test_a_signature_that_is_no_signature_is_invalid_and_no_error(tmp_path: Path) -> None:
    path, key = proofs.write(tmp_path, proof("web")), proofs.key(tmp_path)
    Path(f"{path}.sig").write_bytes(b"")
    (cluster,) = run(proofs=[{"cluster": "web", "path": str(path)}], public_key=f"{key}.pub")["report"]["clusters"]
    assert (cluster["state"], cluster["facts"]) == ("failed", None)


@pytest.mark.parametrize(("content", "message"), [(b"key", "is not a public key in PEM"), (None, "cannot be read: No such file or directory")])
def test_a_key_that_cannot_be_used_is_an_error_and_no_verdict(content: bytes | None, message: str, tmp_path: Path) -> None:
    key = tmp_path / "key.pub"
    if content:
        key.write_bytes(content)
    result = run(proofs=[], public_key=str(key))
    assert result["failed"]
    assert message in result["msg"]


def test_a_private_key_is_not_taken_for_a_public_one(tmp_path: Path) -> None:
    result = run(proofs=[], public_key=str(proofs.key(tmp_path)))
    assert result["msg"].endswith("is not a public key in PEM.")
