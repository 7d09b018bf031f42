"""What to scrape, as Prometheus reads it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from tests.support.prometheus import configuration, program


def test_prometheus_understands_the_configuration(tmp_path: Path) -> None:
    written = tmp_path / "prometheus.yml"
    written.write_text(yaml.safe_dump(configuration({"gatekeeper": [], "ratify": [], "apiserver": []})))
    checked = subprocess.run([program("promtool"), "check", "config", "--syntax-only", written], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
