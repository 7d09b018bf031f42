"""Which of the names that a role keeps for itself the values of a chart give."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.filter.chart_values_given import FilterModule

chart_values_given = FilterModule().filters()["chart_values_given"]
KEPT = ["replicas", "pdb.controller.min", "controller.exempt", "controller.off", "annotations.example.com/off"]


@pytest.mark.parametrize(
    ("values", "given"),
    [
        ({}, []),
        ({"image": {"tag": "v1"}, "controller": {"port": 1, "replicas": 2}, "annotations": {"example.com/on": "x"}}, []),
        ({"controller": {}, "pdb": {"controller": {}}}, []),
        ({"replicas": 2}, ["replicas"]),
        ({"replicas": None}, ["replicas"]),
        ({"replicas": {"a": 1}}, ["replicas"]),
        ({"controller": {"off": True, "port": 1, "exempt": []}, "replicas": 1}, ["controller.off", "controller.exempt", "replicas"]),
        ({"pdb": {"controller": {"min": 0}}}, ["pdb.controller.min"]),
        ({"annotations": {"example.com/off": "false"}}, ["annotations.example.com/off"]),
        ({"pdb": {"controller": None}}, ["pdb.controller.min"]),
        ({"pdb": None}, ["pdb.controller.min"]),
        ({"annotations": None}, ["annotations.example.com/off"]),
        ({"controller": []}, ["controller.exempt", "controller.off"]),
    ],
)
def test_a_name_is_given_when_its_value_or_that_of_all_around_it_is_replaced(values: dict[str, Any], given: list[str]) -> None:
    assert chart_values_given(values, KEPT) == given
