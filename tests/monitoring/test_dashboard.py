"""The dashboard as data: what it asks is PromQL, and its panels stand side by side."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.prometheus import MONITORING, program

DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
SHOWN = [panel for panel in PANELS if panel["type"] != "row"]


@pytest.mark.parametrize("panel", SHOWN, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_is_and_asks_the_chosen_prometheus(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["targets"]
    assert {target["datasource"]["uid"] for target in [panel, *panel["targets"]] if "datasource" in target} == {"${datasource}"}
    for target in panel["targets"]:
        assert target["expr"].count("{job=") == target["expr"].count('cluster=~"$cluster"') > 0


def test_prometheus_understands_what_the_panels_ask(tmp_path: Path) -> None:
    asked = [target["expr"] for panel in SHOWN for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")} for number, expression in enumerate(asked)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    checked = subprocess.run([program("promtool"), "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(asked)} rules found" in checked.stdout


@pytest.mark.parametrize(
    "panel",
    [panel for panel in SHOWN if panel["title"].startswith("Time ") and "thresholds" in panel["fieldConfig"]["defaults"]],
    ids=lambda panel: panel["title"],
)
def test_the_lines_of_a_panel_are_where_alerts_fire(panel: dict[str, Any]) -> None:
    (metric,) = {found for target in panel["targets"] for found in re.findall(r"(\w+_bucket)\{", target["expr"])}
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    alerts = {float(found) for rule in rules if metric in rule["expr"] for found in re.findall(r"\)\)\) > ([0-9.]+)", rule["expr"])}
    assert alerts == {step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"] if step["value"] is not None}


def test_panels_have_their_own_names_and_places() -> None:
    assert len({panel["id"] for panel in PANELS}) == len({panel["title"] for panel in PANELS}) == len(PANELS)
    boxes = [panel["gridPos"] for panel in PANELS]
    assert all(box["x"] + box["w"] <= 24 for box in boxes)
    assert [
        (one, other)
        for one, other in combinations(boxes, 2)
        if one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"] and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]
    ] == []
