"""The Markdown pages of the repository, as parsed."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/adr/*.md"), *ROOT.glob("roles/*/README.md")])


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def tokens(page: Path) -> list[Token]:
    """All of them in the order of the text, those within a line after their line's."""
    return [each for token in MarkdownIt("commonmark").enable("table").parse(page.read_text()) for each in (token, *(token.children or ()))]


def anchors(page: Path) -> set[str]:
    """What a link can name behind `#`, as GitHub and Sphinx make it of headings."""
    found = tokens(page)
    headings = [following.content for token, following in pairwise(found) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-") for heading in headings}
