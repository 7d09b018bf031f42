"""What the annotation of a cluster that was opened in an emergency says, whatever is written in it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.image_trust.azure.plugins.filter.break_glass_record import FilterModule

break_glass_record = FilterModule().filters()["break_glass_record"]
OPEN = {"state": "open", "when": "2026-11-28T10:00:00Z", "who": "a", "why": "b"}


@pytest.mark.parametrize(
    ("annotation", "record"),
    [
        (None, {}),
        (json.dumps(OPEN), OPEN),
        (json.dumps({**OPEN, "state": "closed"}), {**OPEN, "state": "closed"}),
        ('{"state": "open"}', {"state": "open"}),
        ("", {"state": "unknown"}),
        ("open", {"state": "unknown"}),
        ('{"state": "open"', {"state": "unknown"}),
        ("[]", {"state": "unknown"}),
        ('"open"', {"state": "unknown"}),
        ("null", {"state": "unknown"}),
        ("{}", {"state": "unknown"}),
        ('{"state": "Open"}', {"state": "unknown"}),
        ('{"state": ["open"]}', {"state": "unknown"}),
        ('{"state": "open", "who": {"a": 1}}', {"state": "unknown"}),
        ("[" * 100_000, {"state": "unknown"}),
    ],
)
def test_what_cannot_be_read_is_unknown_and_never_closed(annotation: str | None, record: dict[str, str]) -> None:
    assert break_glass_record(annotation) == record
