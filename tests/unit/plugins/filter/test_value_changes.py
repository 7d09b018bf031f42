"""What a reviewer reads of two sets of values."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.filter.value_changes import FilterModule

value_changes = FilterModule().filters()["value_changes"]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({}, {}, []),
        ({"a": 1, "b": {"c": [1]}}, {"a": 1, "b": {"c": [1]}}, []),
        ({"replicas": 3}, {"replicas": 2}, ["replicas: 3 -> 2"]),
        ({}, {"image": {"tag": "v2"}, "on": True}, ['image.tag: none -> "v2"', "on: none -> true"]),
        ({"image": {"tag": "v1"}}, {}, ['image.tag: "v1" -> none']),
        ({"image": {"tag": "v1", "pull": "x"}}, {"image": {"tag": "v2", "pull": "x"}}, ['image.tag: "v1" -> "v2"']),
        ({"list": ["a"]}, {"list": ["a", "ü"]}, ['list: ["a"] -> ["a", "ü"]']),
        ({"a": {}}, {"a": {"b": None}}, ["a: {} -> none", "a.b: none -> null"]),
        ({"a": {"b": 1}}, {"a": "b"}, ['a: none -> "b"', "a.b: 1 -> none"]),
        ({"env": []}, {"env": [{"name": "PROXY", "value": "http://me:hunter2@proxy"}]}, ['env: [] -> [{"name": "PROXY", "value": "(not shown)"}]']),
    ],
)
def test_each_difference_is_a_line_with_the_whole_name(before: dict[str, Any], after: dict[str, Any], lines: list[str]) -> None:
    assert value_changes(before, after) == lines


@pytest.mark.parametrize("name", ["key", "caKey", "password", "registryCredsSecret", "token", "dockerConfig"])
@pytest.mark.parametrize("depth", ["top", "below", "gone with all around it"])
def test_a_secret_is_not_shown(name: str, depth: str) -> None:
    hidden: dict[str, Any] = {name: "hunter2"} if depth == "top" else {"tls": {name: "hunter2"}}
    lines = value_changes(hidden, {}) + value_changes({}, hidden) + value_changes(hidden, {"tls": {name: "other"}})
    assert "hunter2" not in "".join(lines)
    assert "other" not in "".join(lines)
    assert any(name in line for line in lines)
