"""docs/trouble.md has each error text of ours, and no other."""

from __future__ import annotations

import re

from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import REMEDIES

from .messages import denials, messages
from .pages import ROOT, tokens

PAGE = ROOT / "docs/trouble.md"


def rows() -> set[str]:
    """The first column of its tables."""
    found = tokens(PAGE)
    starts = [number for number, token in enumerate(found) if token.type == "tr_open"]
    cells = [next(token for token in found[start:] if token.type == "inline") for start in starts]
    return {cell.content.strip("`") for cell in cells if cell.content.startswith("`")}


def pattern(row: str) -> re.Pattern[str]:
    return re.compile(".+".join(map(re.escape, row.split("…"))))


def test_every_error_text_has_a_row() -> None:
    patterns = [pattern(row) for row in rows()]
    said = [*messages(), *denials(), *REMEDIES]
    assert len(said) > 100
    assert [text for text in said if not any(each.match(text) for each in patterns)] == [], "each has a row in docs/trouble.md, with the remedy"


def test_each_row_is_about_an_existing_text() -> None:
    said = [*messages(), *denials(), *REMEDIES]
    assert [row for row in rows() if not any(pattern(row).match(text) for text in said)] == [], "docs/trouble.md has rows for texts that are gone"
