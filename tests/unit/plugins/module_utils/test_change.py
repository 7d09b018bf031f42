from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._change import Change, diff


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
        # What a user puts into a value cannot look like other lines.
        ({"tags": {"team": "ops\n-thing on: true"}}, [r"thing tags team: 'ops\n-thing on: true'"]),
        ({"tags": {"a\nb": "c"}}, [r"'thing tags a\nb': c"]),
    ],
)
def test_a_diff_has_one_value_a_line_with_the_whole_way_to_it(values: Any, expected: list[str]) -> None:
    assert lines(values) == expected


def test_what_is_not_there_has_no_lines() -> None:
    shown = diff([Change(Thing("a"), None), Change(None, Thing("b")), Change(None, None)], "things")
    assert shown == {"before_header": "things", "after_header": "things", "before": "thing: a\n", "after": "thing: b\n"}
