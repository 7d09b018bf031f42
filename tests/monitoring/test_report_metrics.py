"""The alerts and panels of the report's metrics, judged by Prometheus' own promtool on the metrics of a real report."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._report.metrics import metrics
from ansible_collections.image_trust.azure.plugins.module_utils._report.report import Found, Terms, report

from tests.support.prometheus import MONITORING, program
from tests.support.report_proofs import anchor, pilot, proof, with_policy

ALERTS = MONITORING / "report-alerts.yml"
RULES = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
PANELS: list[dict[str, Any]] = json.loads((MONITORING / "report-dashboard.json").read_text())["panels"]
AT = datetime(1970, 1, 4, 0, 0, tzinfo=UTC)
"""promtool's clock begins at 1970; it asks two hours after this time."""
MADE: dict[str, Any] = {"time": "1970-01-03T12:00:00Z", "anchors": [anchor("release", "1970-03-01T00:00:00Z")]}
SOON = anchor("next", "1970-01-17T00:00:00Z", version="2")
MINUTES, STEP = 3 * 24 * 60, 10


def of(name: str, **more: Any) -> Found:
    return Found(name, "/", proof=proof(name, **{**MADE, **more}))


FOUND: dict[str, tuple[Found, set[str]]] = {
    "all is well": (of("web"), set()),
    "it was opened": (
        Found("web", "/", proof=proof("web", **MADE), break_glass={"state": "open"}),
        {"ImageTrustClusterOpen", "ImageTrustClusterNotProven"},
    ),
    "Gatekeeper is not asked": (
        Found("web", "/", proof=with_policy(proof("web", **MADE), failure_policy=None)),
        {"ImageTrustClusterOpen", "ImageTrustClusterNotProven"},
    ),
    "it is a pilot": (Found("web", "/", proof=pilot("web", "shop", **MADE)), {"ImageTrustClusterNotProven"}),
    "there is no proof": (Found("web", None), {"ImageTrustClusterNotProven"}),
    "its proof is old": (of("web", time="1970-01-01T23:00:00Z"), {"ImageTrustProofOld", "ImageTrustClusterNotProven"}),
    "neither verify nor report runs any more": (of("web", time="1970-01-02T01:00:00Z"), {"ImageTrustProofOld"}),
    "a certificate expires soon": (of("web", anchors=[*MADE["anchors"], SOON]), {"ImageTrustCertificateExpires"}),
}


@pytest.mark.parametrize("what", FOUND)
def test_when_this_is_reported_these_alerts_fire_and_no_other(what: str, tmp_path: Path) -> None:
    found, fire = FOUND[what]
    text = metrics(report([found, of("other")], Terms(AT, hours=48, days=30, versions={})))
    samples = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    series = [{"series": name, "values": f"_x{MINUTES // STEP - 1} {value}x{180 // STEP}"} for name, _, value in samples]
    expected = [{"labels": f'{{alertname="{name}",inventory_host="web"}}', "value": 1} for name in sorted(fire)]
    asked = {"expr": 'group by (alertname, inventory_host) (ALERTS{alertstate="firing"})', "eval_time": f"{MINUTES + 120}m", "exp_samples": expected}
    every = f"{STEP}m"
    test = {"rule_files": [str(ALERTS)], "evaluation_interval": every, "tests": [{"interval": every, "input_series": series, "promql_expr_test": [asked]}]}
    (tmp_path / "test.yml").write_text(json.dumps(test))
    judged = subprocess.run([program("promtool"), "test", "rules", tmp_path / "test.yml"], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_each_alert_was_seen_firing_and_the_guide_says_what_to_do_about_it() -> None:
    assert {name for _, fire in FOUND.values() for name in fire} == {rule["alert"] for rule in RULES}
    guide = MONITORING.with_suffix(".md").read_text()
    assert [rule["alert"] for rule in RULES if f"`{rule['alert']}`" not in guide] == []


def test_prometheus_understands_the_rules_and_what_the_panels_ask(tmp_path: Path) -> None:
    asked = [target["expr"] for panel in PANELS for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    words: list[str | Path] = [program("promtool"), "check", "rules", "--lint-fatal", ALERTS, tmp_path / "rules.yml"]
    checked = subprocess.run(words, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_panels_are_of_metrics_of_the_report_and_have_their_own_places() -> None:
    written = metrics(report([of("web")], Terms(AT, hours=48, days=30, versions={})))
    names = {line.split()[2] for line in written.splitlines() if line.startswith("# TYPE")}
    asked = [target["expr"] for panel in PANELS for target in panel["targets"]] + [rule["expr"] for rule in RULES]
    assert [each for each in asked if not any(name in each for name in names)] == []
    boxes = [panel["gridPos"] for panel in PANELS]
    places = [(box["x"] + x, box["y"] + y) for box in boxes for x in range(box["w"]) for y in range(box["h"])]
    assert len(places) == len(set(places))
