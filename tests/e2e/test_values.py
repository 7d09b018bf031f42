"""What the roles know of their charts' values is what these charts read; needs the packaged charts, and no cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lab.build import charts
from lab.build.charts import GATEKEEPER, RATIFY, Chart
from tests.support.role_variables import variables

READ = re.compile(r"\.Values\.([A-Za-z0-9_.]+)")
ASKED = re.compile(r'hasKey \.Values\.?([A-Za-z0-9_.]*) "(\w+)"')

OURS = {"gatekeeper": "values", "ratify": "chart_values"}
"""The variable with the values that the role sets."""


@pytest.fixture(autouse=True, scope="module")
def packaged() -> None:
    charts.package((GATEKEEPER, RATIFY))


def known(role: str) -> dict[str, Any]:
    """The role's variables, without the two underscores and its name."""
    return {name.removeprefix(f"__{role}_"): value for name, value in variables(role).items()}


def named(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from named(value, f"{prefix}{key}.")


def read_by(chart: Chart) -> set[str]:
    """What its templates name."""
    templates = "".join(content.decode() for path, content in chart.files().items() if path.startswith("templates/"))
    asked = {f"{parent}.{name}".lstrip(".") for parent, name in ASKED.findall(templates)}
    return {*(name.rstrip(".") for name in READ.findall(templates)), *asked}


def below_nothing(name: str, values: Mapping[str, Any]) -> bool:
    """Whether it is below an empty mapping of values.yaml, where any key may stand."""
    value: Any = values
    for key in name.split("."):
        if value == {} or not isinstance(value, Mapping) or key not in value:
            return bool(value == {})
        value = value[key]
    return False


@pytest.mark.parametrize(("role", "chart"), [("gatekeeper", GATEKEEPER), ("ratify", RATIFY)])
def test_a_value_that_the_chart_reads_is_never_refused_as_unknown(role: str, chart: Chart) -> None:
    lists, values = known(role), chart.values()
    unknown = read_by(chart) - {*named(values), *lists["also_read"], *lists["reserved"]}
    above = tuple(f"{name}." for name in (*lists["free"], *lists["reserved"]))
    assert {name for name in unknown if not below_nothing(name, values) and not name.startswith(above)} == set()


@pytest.mark.parametrize(("role", "chart"), [("gatekeeper", GATEKEEPER), ("ratify", RATIFY)])
def test_a_name_that_a_role_lists_or_sets_is_one_that_the_chart_reads(role: str, chart: Chart) -> None:
    lists, values = known(role), chart.values()
    ours = {name for key in ("also_read", "free", "reserved") for name in lists[key]} | {*named(lists[OURS[role]])}
    # Helm has `global` for each chart.
    assert {name for name in ours - {*named(values)} - read_by(chart) if not below_nothing(name, values)} <= {"global"}
