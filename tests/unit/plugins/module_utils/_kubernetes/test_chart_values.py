"""Values of a chart, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.chart_values import problems, stays_text

CHART = {
    "replicaCount": 1,
    "on": False,
    "name": "",
    "nothing": None,
    "list": [],
    "annotations": {},
    "resources": {"limits": {"cpu": 1}},
    "flags": {"ONE": False, "TWO": True},
    "provider": {"timeout": {"validationTimeoutSeconds": 5}, "excludedNamespaces": []},
}


@pytest.mark.parametrize(
    "given",
    [
        {},
        CHART,
        {"replicaCount": 3, "on": True, "name": "x", "list": ["a"]},
        {"replicaCount": None, "on": None, "provider": None},
        {"nothing": {"any": 1}},
        {"annotations": {"a.example/b": "c"}},
        {"resources": {"limits": {"example.com/gpu": 1}, "claims": []}},
        {"flags": {"THREE": True}},
        {"dockerConfig": "x"},
        {"provider": {"secret": "x"}},
    ],
)
def test_what_the_chart_reads_is_not_refused(given: dict[str, Any]) -> None:
    assert problems(given, CHART, ["dockerConfig", "provider.secret"], ["resources", "flags"]) == []


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"replicaCounts": 2}, "replicaCounts is not a value of the chart (did you mean replicaCount?)"),
        ({"replicacount": 2}, "replicacount is not a value of the chart (did you mean replicaCount?)"),
        ({"excludedNamespaces": []}, "excludedNamespaces is not a value of the chart (did you mean provider.excludedNamespaces?)"),
        ({"provider": {"timeOut": {}}}, "provider.timeOut is not a value of the chart (did you mean provider.timeout?)"),
        ({"dockerconfig": "x"}, "dockerconfig is not a value of the chart (did you mean dockerConfig?)"),
        ({"zzz": 1}, "zzz is not a value of the chart"),
        ({"provider": {"timeout": {"zzz": 1}}}, "provider.timeout.zzz is not a value of the chart"),
        ({"on": "true"}, "on is a boolean, not 'true'"),
        ({"on": 1}, "on is a boolean, not 1"),
        ({"flags": {"ONE": "false"}}, "flags.ONE is a boolean, not 'false'"),
        ({"flags": {"NEW": "false"}}, "flags.NEW is a boolean, not 'false'"),
        ({"provider": 5}, "provider is a mapping"),
        ({"annotations": "x"}, "annotations is a mapping"),
        ({"list": "a"}, "list is a list"),
        ({"name": ["a"]}, "name is not a list"),
        ({"replicaCount": {"a": 1}}, "replicaCount is not a mapping"),
    ],
)
def test_what_the_chart_would_ignore_or_misread_is_named_with_what_may_have_been_meant(given: dict[str, Any], line: str) -> None:
    assert problems({"name": "x", **given}, CHART, ["dockerConfig"], ["flags"]) == [line]


TEXTS = ("web", "2024-web", "2024-01-31", "release 2", "Größe (web)", "a:b", "a#b", "yesterday", "1.2.3", "0x", "1e", "123e4567-e89b", "_")
WORDS = ("", "y", "N", "Yes", "on", "OFF", "true", "null", "~")
NUMBERS = ("1", "-1", "1_000", "0x1F", "0o17", "0b1", "1.5", "1.", ".5", "1e3", "1.5E-3", ".inf", "-.Inf", ".nan")
SIGNS = ("a: b", "a:", "a #b", " a", "a ", "- a", "? a", "[a]", "{a}", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a", "'a'", '"a"', "#a", "a\nb", "a\tb")


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_yaml_leaves_as_it_is_stays_text(text: str) -> None:
    assert stays_text(text)


@pytest.mark.parametrize("text", [*WORDS, *NUMBERS, *SIGNS])
def test_a_text_that_yaml_takes_for_something_else_does_not(text: str) -> None:
    assert not stays_text(text)
