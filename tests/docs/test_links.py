"""Links between pages, and to files of the repository, as one follows them on GitHub. Those within the site Sphinx looks at, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from .pages import PAGES, anchors, name, tokens


def links(page: Path) -> list[str]:
    """Targets of links and pictures that are not elsewhere."""
    targets = [str(token.attrGet("href") or token.attrGet("src") or "") for token in tokens(page)]
    return [target for target in targets if target and "://" not in target and not target.startswith("mailto:")]


def test_links_are_found() -> None:
    assert sum(len(links(page)) for page in PAGES) > 100


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_existing_targets(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
