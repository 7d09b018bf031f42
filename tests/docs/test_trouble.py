"""docs/trouble.md has each error text of ours, and no other; and each remedy is a step."""

from __future__ import annotations

import re

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import REMEDIES

from .messages import denials, messages
from .pages import ROOT, tokens

PAGE = ROOT / "docs/trouble.md"
OF_MESSAGES = ("message", "code")
"""Heads of the first column of its tables of messages; the other one is of what a reader sees."""
NO_STEP = r"(The|A|An|It|Its|No|Such|Of|What|As|See|One|In|Is|Does|Another|That|This|Behind|Where)\b|.*\b(as it says|the same|as above)\b"


def table_rows() -> list[list[str]]:
    """The cells of each row of its tables of messages."""
    rows: list[list[str]] = []
    for token in tokens(PAGE):
        if token.type == "table_open":
            table: list[list[str]] = []
        elif token.type == "tr_open":
            table.append([])
        elif token.type == "inline" and token.level > 2:
            table[-1].append(token.content)
        elif token.type == "table_close" and table[0][0] in OF_MESSAGES:
            rows += table[1:]
    return rows


ROWS = table_rows()


def pattern(row: str) -> re.Pattern[str]:
    return re.compile(".+".join(map(re.escape, row.strip("`").split("…"))))


def test_every_error_text_has_a_row() -> None:
    patterns = [pattern(row) for row, _remedy in ROWS]
    said = [*messages(), *denials(), *REMEDIES]
    assert len(said) > 100
    assert [text for text in said if not any(each.match(text) for each in patterns)] == [], "each has a row in docs/trouble.md, with the remedy"


def test_each_row_is_about_an_existing_text() -> None:
    said = [*messages(), *denials(), *REMEDIES]
    assert [row for row, _remedy in ROWS if not any(pattern(row).match(text) for text in said)] == [], "docs/trouble.md has rows for texts that are gone"


def is_step(remedy: str) -> bool:
    """Whether it says what to do, in the imperative, and can be followed without another row."""
    done = remedy.removeprefix("Warning. ")
    return done[:1].isupper() and not re.match(NO_STEP, done)


def test_each_remedy_is_a_step() -> None:
    assert [(row, remedy) for row, remedy in ROWS if not is_step(remedy)] == []


@pytest.mark.parametrize("remedy", ["as it says", "The same", "A list of mappings", "Run it, the same as above", "Warning. It is needed", "`az login`"])
def test_what_is_no_step_is_found(remedy: str) -> None:
    assert not is_step(remedy)
