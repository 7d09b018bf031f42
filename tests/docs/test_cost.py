"""docs/cost.md says what the roles' defaults and the charts ask of a cluster."""

from __future__ import annotations

import re
from typing import Any

import yaml

from lab.build.charts import GATEKEEPER, RATIFY, Chart

from .pages import ROOT
from .test_refused import defaults

PAGE = (ROOT / "docs/cost.md").read_text()


def values(chart: Chart) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((chart.source / "values.yaml").read_text())
    return read


def cores(resources: dict[str, Any]) -> float:
    return int(resources["requests"]["cpu"].removesuffix("m")) / 1000


def mebibytes(resources: dict[str, Any]) -> int:
    return int(resources["requests"]["memory"].removesuffix("Mi"))


def test_the_table_of_pods_is_that_of_the_defaults_and_its_sum_is_right() -> None:
    gatekeeper, ratify = values(GATEKEEPER), values(RATIFY)
    pods = {
        "Gatekeeper's webhook": (defaults("gatekeeper")["gatekeeper_replicas"], gatekeeper["controllerManager"]["resources"]),
        "Gatekeeper's audit": (1, gatekeeper["audit"]["resources"]),
        "Ratify": (defaults("ratify")["ratify_replicas"], ratify["resources"]),
    }
    for name, (number, resources) in pods.items():
        row = re.search(rf"^\| {name} \| {number} \| {cores(resources)}(?: each)? \| {mebibytes(resources)} MiB(?: each)? \|", PAGE, re.M)
        assert row, f"the row of {name}: {number} of {resources}"
    number, total = sum(each for each, _ in pods.values()), sum(each * cores(resources) for each, resources in pods.values())
    memory = sum(each * mebibytes(resources) for each, resources in pods.values())
    assert f"| **together** | **{number}** | **{total:.1f}** | **{memory} MiB** |" in PAGE
    assert f"{total:.1f} cores and {memory // 1024} GiB" in (ROOT / "docs/faq.md").read_text()


def test_the_times_are_those_that_were_measured() -> None:
    burst = (ROOT / "docs/adr/0021-only-new-pods-are-mutated.md").read_text()
    rows = re.findall(r"^\| (?:bare|of a Deployment), 10 s \| 200 in ([\d.]+) and ([\d.]+) s \| 200 in ([\d.]+) and ([\d.]+) s", burst, re.M)
    assert len(rows) == 2
    ranges = [f"{low} to {high} s" if low != high else f"{low} s" for row in rows for low, high in (sorted(row[:2], key=float), sorted(row[2:], key=float))]
    assert [each for each in ranges if each not in PAGE] == []
    measured = (ROOT / "docs/bench.md").read_text()
    (run,) = re.findall(r"^\| site\.yml \| ([\d.]+) \| ([\d.]+) \|", measured, re.M)
    (first,) = re.findall(r"first run of site\.yml, which took (\d+) s", measured)
    assert f"takes {float(run[0]):.0f} s and {float(run[1]):.0f} s of CPU" in PAGE
    assert f"took {first} s" in PAGE.replace("\n", " ")
