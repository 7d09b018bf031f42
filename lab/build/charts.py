"""The charts of the cluster's software, packaged from the Go modules that the programs are built from, as Helm repositories in the cache."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.build import tools
from lab.config import cache
from lab.errors import LabError
from lab.locks import locked
from lab.progress import say


@dataclass(frozen=True)
class Chart:
    """One chart and the Helm repository that holds it."""

    repository: str
    """Folder under `<cache>/charts`; the emulated Azure serves it at /charts/<repository>."""
    family: str
    module: str
    folder: str
    """Of the chart, in the module."""

    @property
    def origin(self) -> str:
        return f"{self.module}@{tools.family(self.family).version(self.module)}"

    @property
    def source(self) -> Path:
        """The chart as its Go module has it, which is downloaded where it is missing."""
        return tools.module_folder(self.family, self.module) / self.folder

    @property
    def repository_folder(self) -> Path:
        return cache() / "charts" / self.repository

    @property
    def package(self) -> Path:
        """The packaged chart. LabError where `package()` has not made it."""
        found = list(self.repository_folder.glob("*.tgz"))
        if len(found) != 1:
            raise LabError(f"chart {self.repository} is not packaged; run `python -m lab up`")
        return found[0]

    @property
    def version(self) -> str:
        """Of the chart, such as `1.15.7`."""
        return str(yaml.safe_load(self.read("Chart.yaml"))["version"])

    def values(self) -> dict[str, Any]:
        """The chart's own values.yaml."""
        values: dict[str, Any] = yaml.safe_load(self.read("values.yaml"))
        return values

    def read(self, name: str) -> bytes:
        """Content of one file of the chart."""
        return self.files()[name]

    def files(self) -> dict[str, bytes]:
        """Every file of the chart by its path in it."""
        with tarfile.open(self.package) as archive:
            return {member.name.partition("/")[2]: content.read() for member in archive if (content := archive.extractfile(member))}


GATEKEEPER = Chart("gatekeeper", "gatekeeper", "github.com/open-policy-agent/gatekeeper/v3", "charts/gatekeeper")
RATIFY = Chart("ratify", "ratify", "github.com/ratify-project/ratify", "charts/ratify")
WORKLOAD_IDENTITY = Chart("workload-identity", "workload-identity", "github.com/Azure/azure-workload-identity", "charts/workload-identity-webhook")
PREVIOUS_RATIFY = Chart(tools.PREVIOUS_RATIFY.name, tools.PREVIOUS_RATIFY.name, RATIFY.module, RATIFY.folder)
PREVIOUS_GATEKEEPER = Chart(tools.PREVIOUS_GATEKEEPER.name, tools.PREVIOUS_GATEKEEPER.name, GATEKEEPER.module, GATEKEEPER.folder)
CHARTS = (GATEKEEPER, RATIFY, WORKLOAD_IDENTITY)


def package(charts: Sequence[Chart] = CHARTS) -> None:
    """Package each chart that is not packaged yet at the version of its go.mod. Needs helm (tools.build)."""
    with locked(cache() / "charts" / ".lock"):
        for chart in charts:
            origin = chart.repository_folder / ".origin"
            if not origin.exists() or origin.read_text() != chart.origin:
                _package(chart)


def _package(chart: Chart) -> None:
    new = chart.repository_folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    helm = str(tools.program("helm"))
    for argv in ([helm, "package", str(chart.source), "--destination", str(new)], [helm, "repo", "index", str(new)]):
        answer = subprocess.run(argv, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise LabError(f"chart {chart.repository} cannot be packaged: {answer.stderr.strip()}")
    (new / ".origin").write_text(chart.origin)
    shutil.rmtree(chart.repository_folder, ignore_errors=True)
    new.replace(chart.repository_folder)
    say(f"packaged chart {chart.package.name}")
