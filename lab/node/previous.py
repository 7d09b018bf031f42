"""The Ratify and the Gatekeeper before those of the lab, for tests that upgrade from them: program, chart and images, made when they are asked for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from lab.build import charts, images, oci, tools
from lab.errors import LabError
from lab.node.control import Node


def ratify(node: Node) -> str:
    """Publish the chart at /charts/ratify-previous and give the running node the images that it names; the chart's version. LabError where not."""
    return _provide(node, charts.PREVIOUS_RATIFY, images.ratify_images)


def gatekeeper(node: Node) -> str:
    """The same at /charts/gatekeeper-previous."""
    return _provide(node, charts.PREVIOUS_GATEKEEPER, images.gatekeeper_images)


def _provide(node: Node, chart: charts.Chart, named: Callable[[charts.Chart], list[oci.Image]]) -> str:
    tools.family(chart.family).build()
    charts.package([chart])
    for tar in images.build(named(chart)):
        command = node.command(["ctr", "--namespace", "k8s.io", "images", "import", str(tar)], os.environ, Path("/"))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"{tar.name} cannot be imported into {node.cluster.name}: {done.stderr.strip()}")
    return chart.version
