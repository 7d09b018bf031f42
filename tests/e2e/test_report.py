"""report.yml on a proof and a break-glass record that the lab's cluster gave. Half a minute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support import report_proofs as proofs
from tests.support.seeds import soak

from .conftest import Lab, Run


@soak("tests/report, on proofs of the same form,")
def test_the_report_says_what_the_cluster_proved_and_that_it_was_opened_since(lab: Lab, site: Run, tmp_path: Path) -> None:
    key = proofs.key(tmp_path)
    files = {"verify_proof_path": f"{tmp_path}/proof.json", "report_path": f"{tmp_path}/report.html", "report_public_key": f"{key}.pub"}

    def report() -> dict[str, Any]:
        run = lab.play("report", **files)
        assert run.returncode == 0, run.error or run.output[-3000:]
        (cluster,) = json.loads((tmp_path / "report.json").read_text())["clusters"]
        return dict(cluster)

    def break_glass(to: str) -> None:
        run = lab.play("break_glass", "--limit", "lab1", break_glass_state=to, break_glass_reason="a drill", break_glass_who="tests", **files)
        assert run.returncode == 0, run.error or run.output[-3000:]

    assert [(each["state"], each["text"], each["next"]) for each in report()["findings"]] == [("unknown", "There is no proof of it.", "Run verify.yml.")]

    short = {"verify_run": "none", "verify_signing_key": str(key)}
    verified = lab.play("verify", **short, **files)
    assert verified.returncode == 0, verified.error or verified.output[-3000:]
    cluster = report()
    assert (cluster["state"], cluster["proof"]["signature"], cluster["proof"]["days"]) == ("attention", "verified", 0)
    assert ("attention", "The certificate brooklyn-io-2025 has expired.") in [(each["state"], each["text"]) for each in cluster["findings"]]
    assert cluster["enforcement"] == "deny"
    trust = json.loads((tmp_path / "report.json").read_text())["trust"]
    assert [(each["kind"], bool(each["repositories"]), bool(each["certificates"])) for each in trust] == [(each["kind"], True, True) for each in trust] != []
    assert cluster["facts"]["passed"] == cluster["facts"]["asked"] > 10
    assert {name: program["versions"] for name, program in cluster["facts"]["programs"].items()} == {"gatekeeper": ["3.23.1"], "ratify": ["1.4.6"]}

    break_glass("open")
    try:
        opened = report()
        assert (opened["state"], opened["enforcement"], opened["findings"][0]["text"].startswith("It was opened on")) == ("failed", "open", True)
    finally:
        break_glass("closed")
    assert report()["state"] == "attention"
