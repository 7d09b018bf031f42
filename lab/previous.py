"""The Ratify before that of the lab, for a test that upgrades from it: its program, its chart and its images, made when they are asked for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lab import charts, images, tools
from lab.errors import LabError
from lab.node.control import Node


def provide(node: Node) -> str:
    """Publish the chart at /charts/ratify-previous and give the running node the images that it names; the chart's version. LabError where not."""
    tools.PREVIOUS_RATIFY.build()
    charts.package([charts.PREVIOUS_RATIFY])
    for tar in images.build(images.ratify_images(charts.PREVIOUS_RATIFY)):
        command = node.command(["ctr", "--namespace", "k8s.io", "images", "import", str(tar)], os.environ, Path("/"))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"{tar.name} cannot be imported into {node.cluster.name}: {done.stderr.strip()}")
    return charts.PREVIOUS_RATIFY.version
