"""The site as `make docs` has built it, in a browser: words of a reader find the page, and a phone shows it whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser, browser

from .pages import ROOT

SITE = ROOT / "docs/_build/html"
GUIDES = sorted(path.relative_to(ROOT / "docs").with_suffix("").as_posix() for folder in (".", "roles") for path in (ROOT / "docs" / folder).glob("*.md"))
SEARCHED = {
    "mcr": "vendors",
    "mcr.microsoft.com": "vendors",
    "docker.io": "vendors",
    "cosign": "vendors",
    "renew an exemption": "vendors",
    "GitOps": "gitops",
    "Argo CD": "gitops",
    "pilot namespace": "quickstart",
    "rollback": "rollback",
    "roll back": "rollback",
    "sign an image": "sign",
    "Kyverno": "moving",
    "Image Integrity": "moving",
    "Windows": "windows",
    "private cluster": "private",
    "proxy": "private",
    "cost": "cost",
    "latency": "cost",
    "Istio": "mesh",
    "operator": "mesh",
    "AKS Automatic": "azure-policy",
    "Azure Policy": "azure-policy",
    "emergency": "closed",
    "not pinned to a digest": "trouble",
    "exemption": "exemptions",
    "waves": "in-use",
    "uninstall": "teardown",
    "certificate expired": "day2",
}
"""Words, and the page that has to be among the first results."""
FIRST = 3
# Results come one by one, and then the sentence above them. Their summaries do not: a browser fetches no files.
RESULTS = """new Promise(done => {
  const look = setInterval(() => {
    if (!document.querySelector('.search-summary')?.innerText) return;
    clearInterval(look);
    const links = [...document.querySelectorAll('#search-results li a')];
    done(links.map(each => decodeURI(each.href.split('/html/')[1].split('#')[0]).replace('.html', '')));
  }, 20);
})"""
CUT = """[...document.querySelectorAll('article pre')].filter(
  each => each.scrollWidth > each.clientWidth + 1).map(each => each.textContent.slice(0, 100))"""


@pytest.fixture(scope="module")
def shown() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


def built(name: str) -> Path:
    path = SITE / f"{name}.html"
    assert path.exists(), f"{path} is missing: make docs builds the site"
    return path


def found(shown: Browser, words: str) -> list[str]:
    """Pages that the site's own search finds, the best first, each once."""
    shown.open(built("search"), 1280, query=words)
    return list(dict.fromkeys(shown.evaluate(RESULTS)))


@pytest.mark.parametrize("words", SEARCHED)
def test_the_search_finds_the_page(shown: Browser, words: str) -> None:
    assert SEARCHED[words] in found(shown, words)[:FIRST]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", GUIDES)
def test_a_page_fits_and_no_code_is_cut(shown: Browser, name: str, width: int) -> None:
    shown.open(built(name), width)
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert shown.evaluate(CUT) == []
