"""The lab with site.yml run on it, and a client that asks it for images all the time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import kubernetes
import pytest

from lab.clusters import cluster
from lab.node.control import Node
from tests.e2e.conftest import Lab, Run, collections, kube, lab, site

from .asking import Asking, matrix
from .report import WRITES, Report
from .world import World

__all__ = ["collections", "kube", "lab", "site"]


@pytest.fixture(scope="session")
def asking(site: Run) -> Iterator[Asking]:
    with Asking(cluster("lab1").kubeconfig, matrix()).going_on() as asking:
        yield asking
    assert asking.wrongly_admitted() == []


@pytest.fixture(scope="session")
def report() -> Iterator[Report]:
    report = Report()
    yield report
    if WRITES:
        report.write()


@pytest.fixture
def world(lab: Lab, kube: kubernetes.dynamic.DynamicClient, tmp_path: Path) -> Iterator[World]:
    world = World(lab, kube, Node(cluster("lab1")), tmp_path)
    with world.afterwards:
        yield world
