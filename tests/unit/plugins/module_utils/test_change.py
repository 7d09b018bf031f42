from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError
from ansible_collections.image_trust.azure.plugins.module_utils._change import Change, Write, diff, in_turn


@dataclass(frozen=True)
class Thing:
    values: Any

    def shown(self) -> dict[str, Any]:
        return {}

    def compared(self) -> dict[str, Any]:
        return {"thing": self.values}


def lines(values: Any) -> list[str]:
    return diff([Change(None, Thing(values))], "things")["after"].splitlines()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"size": 3, "on": True}, ["thing size: 3", "thing on: true"]),
        ({"names": ["a", "b"], "none": []}, ["thing names: a", "thing names: b"]),
        ({"tags": {"team": "ops"}}, ["thing tags team: ops"]),
        ("no permissions", ["thing: no permissions"]),
        # What somebody puts into a value cannot look like other lines.
        ({"tags": {"team": "ops\n-thing on: true"}}, [r"thing tags team: 'ops\n-thing on: true'"]),
        ({"tags": {"a\nb": "c"}}, [r"'thing tags a\nb': c"]),
    ],
)
def test_a_diff_has_one_value_a_line_with_the_whole_way_to_it(values: Any, expected: list[str]) -> None:
    assert lines(values) == expected


def test_what_is_not_there_has_no_lines() -> None:
    shown = diff([Change(Thing("a"), None), Change(None, Thing("b")), Change(None, None)], "things")
    assert shown == {"before_header": "things", "after_header": "things", "before": "thing: a\n", "after": "thing: b\n"}


def failing() -> str:
    raise ModuleError("No.", code="No")


def working() -> str:
    return "answer"


def test_writes_are_made_in_turn_until_one_fails() -> None:
    assert in_turn([Write("a", working), Write("b", working)], "there") == ["answer", "answer"]
    with pytest.raises(ModuleError, match=r"^No\. Done before it: a\. Not done: b, c\.$") as failure:
        in_turn([Write("a", working), Write("b", failing), Write("c", working)], "there")
    assert failure.value.results == {"changed": True, "done": ["a"], "not_done": ["b", "c"]}
    with pytest.raises(ModuleError, match=r"^No\. Done before it: nothing\. Not done: a, b\.$") as failure:
        in_turn([Write("a", failing), Write("b", working)], "there")
    assert failure.value.results["changed"] is False


def test_a_single_write_that_fails_needs_no_list() -> None:
    with pytest.raises(ModuleError, match=r"^No\.$") as failure:
        in_turn([Write("a", failing)], "there")
    assert failure.value.results == {}


def test_a_better_reason_carries_what_was_done_too() -> None:
    with pytest.raises(ModuleError, match=r"^Because\. Done before it: a\. Not done: b\.$") as failure:
        in_turn([Write("a", working), Write("b", failing)], "there", lambda _: ModuleError("Because.", code="Reason"))
    assert (failure.value.code, failure.value.results["done"]) == ("Reason", ["a"])
