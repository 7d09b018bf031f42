"""The Markdown pages of the repository, as parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass
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
    headings = [following.content for token, following in pairwise(tokens(page)) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-") for heading in headings}


@dataclass(frozen=True)
class Example:
    """YAML on a page."""

    page: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{name(self.page)}:{self.line}"


def examples(page: Path) -> list[Example]:
    """The blocks that are said to be YAML, and those without a language that look like it: their first line is a key, a list or a comment above one."""
    found = []
    for token in tokens(page):
        if token.type not in ("fence", "code_block") or not token.map:
            continue
        yaml = token.info.strip() in ("yaml", "yml") if token.info.strip() else bool(re.match(r"(#[^\n]*\n)*(- )?[a-z_]+:(\s|$)", token.content))
        if yaml:
            found.append(Example(page, token.map[0] + 1, token.content))
    return found
