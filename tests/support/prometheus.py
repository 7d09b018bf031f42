"""Debian's Prometheus, for its programs alone: unpacked into the cache, so that no server is installed and none starts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from lab.config import cache
from lab.locks import locked
from lab.progress import say

MONITORING = Path(__file__).parents[2] / "docs/monitoring"


def program(name: str) -> Path:
    """Path of `prometheus` or `promtool`. apt fetches the package, which it verifies, where there is none yet; 19 MB."""
    folder = cache() / "prometheus"
    with locked(folder.with_suffix(".lock")):
        if not folder.exists():
            say("unpacking Debian's prometheus")
            with TemporaryDirectory(dir=cache()) as temporary:
                # apt's own user cannot write there, and the package is verified all the same.
                subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "prometheus"], cwd=temporary, check=True)
                (package,) = Path(temporary).glob("prometheus_*.deb")
                unpacked = Path(temporary) / "unpacked"
                subprocess.run(["dpkg-deb", "--extract", package, unpacked], check=True)
                shutil.move(unpacked, folder)
    return folder / "usr/bin" / name


def configuration(targets: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    """docs/monitoring/scrape.yml with these targets for each job, by the labels that Kubernetes' discovery would give them: Debian's is built without it."""
    read: dict[str, Any] = yaml.safe_load((MONITORING / "scrape.yml").read_text())
    for job in read["scrape_configs"]:
        del job["kubernetes_sd_configs"]
        job["static_configs"] = [{"targets": [target["__address__"]], "labels": target} for target in targets[job["job_name"]]]
    return read
