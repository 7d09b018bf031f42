"""docs/private.md: with its values the charts ask for the images of its table from the mirror, and for no others."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from lab.build import charts, tools
from lab.build.charts import GATEKEEPER, RATIFY, Chart
from tests.docs.pages import ROOT, examples

PAGE = ROOT / "docs/private.md"
MIRROR = "contosomirror.azurecr.io/"
NEEDED = {"featureFlags": {"RATIFY_CERT_ROTATION": True}, "notationCerts": ["a certificate"]}
"""Of role ratify; without these its chart renders nothing."""


def images(chart: Chart, values: dict[str, Any], folder: Path) -> set[str]:
    """What the manifests and hooks of the chart name as images."""
    file = folder / "values.json"
    file.write_text(json.dumps(NEEDED | values))
    rendered = subprocess.run([tools.program("helm"), "template", "--skip-tests", chart.package, "--values", file], capture_output=True, text=True, check=True)
    return set(re.findall(r"^\s+(?:- )?image: ['\"]?([^'\"\s]+)", rendered.stdout, re.M))


def test_the_charts_need_the_images_of_the_table_and_with_the_values_only_the_mirror(tmp_path: Path) -> None:
    charts.package()
    (example,) = (each for each in examples(PAGE) if "chart_repository" in each.text)
    said = yaml.safe_load(example.text)
    asked = images(GATEKEEPER, {}, tmp_path) | images(RATIFY, {}, tmp_path)
    mirrored = images(GATEKEEPER, said["gatekeeper_values"], tmp_path) | images(RATIFY, said["ratify_values"], tmp_path)
    assert asked == set(re.findall(r"^\| image \| `([^`]+)`", PAGE.read_text(), re.M))
    assert mirrored == {MIRROR + image.removeprefix("ghcr.io/") for image in asked}
    for chart in (GATEKEEPER, RATIFY):
        assert f"chart `{chart.repository}` {chart.version}" in PAGE.read_text()
