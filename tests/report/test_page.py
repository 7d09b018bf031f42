"""The page in a real browser: on a screen, a phone and paper."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import reports
from tests.support.browser import Browser, browser

WIDTHS = [320, 390, 760, 1088, 1089, 1280, 1920]
CLIPPED = """[...document.querySelectorAll('*')].filter(each => !each.closest('svg, thead') && each.scrollWidth > each.clientWidth + 1 && each.clientWidth
  && getComputedStyle(each).display !== 'inline').map(each => each.outerHTML.slice(0, 200))"""
# https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
CONTRAST = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const paint = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const linear = part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = each => {
    const colour = paint(getComputedStyle(each).backgroundColor);
    return colour[3] === 255 ? colour : behind(each.parentElement);
  };
  const contrast = each => {
    const [a, b] = [light(paint(getComputedStyle(each).color)), light(behind(each))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const hasText = each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll('main *, footer *')].filter(each => hasText(each) && contrast(each) < 4.5).map(each => each.outerHTML.slice(0, 80));
})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on clusters in all states."""
    folder = tmp_path_factory.mktemp("report")
    clusters, variables = reports.all_states(folder)
    done = reports.run(folder, clusters, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "report.html"


@pytest.fixture(scope="module")
def shown() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_everything_fits_and_nothing_is_fetched(shown: Browser, page: Path, width: int, dark: bool) -> None:
    shown.open(page, width, dark=dark)
    shown.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert shown.evaluate(CLIPPED) == []
    assert shown.messages == []
    if folder := os.environ.get("REPORT_SCREENSHOTS"):
        shown.screenshot(Path(folder) / f"report-{width}-{'dark' if dark else 'light'}.png")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_can_be_read_by_weak_eyes(shown: Browser, page: Path, dark: bool) -> None:
    """Contrast of 4.5 to 1: WCAG 2.2, 1.4.3, level AA."""
    shown.open(page, 1280, dark=dark)
    shown.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert shown.evaluate(CONTRAST) == []


def test_colour_is_never_the_only_sign(shown: Browser, page: Path) -> None:
    shown.open(page, 1280)
    assert shown.evaluate("document.querySelectorAll('.sign').length") > 10
    assert shown.evaluate("[...document.querySelectorAll('.sign')].filter(each => !(each.parentElement.textContent.trim())).length") == 0
    shapes = shown.evaluate("['failed', 'unknown', 'attention', 'proven'].map(each => document.querySelector(`.tiles .${each} svg`).innerHTML)")
    assert len(set(shapes)) == 4


def test_a_reader_of_screens_finds_a_way(shown: Browser, page: Path) -> None:
    shown.open(page, 1280)
    assert shown.evaluate("document.documentElement.lang") == "en"
    assert shown.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(each => each.tagName)")[:3] == ["H1", "H2", "H2"]
    assert shown.evaluate("['svg:not([aria-hidden])', 'a', '[id]'].filter(each => !document.querySelector(each))") == []
    assert shown.evaluate("[...document.querySelectorAll('svg:not([aria-hidden])')].every(each => each.getAttribute('aria-label').length > 10)")
    assert shown.evaluate("[...document.querySelectorAll('a')].every(each => document.querySelector(each.getAttribute('href')))")
    assert shown.evaluate("new Set([...document.querySelectorAll('[id]')].map(each => each.id)).size == document.querySelectorAll('[id]').length")


def test_on_paper_nothing_is_cut_off_and_everything_is_unfolded(shown: Browser, page: Path, tmp_path: Path) -> None:
    shown.open(page, 1280, dark=True)
    shown.print_like_paper()
    assert shown.evaluate(CLIPPED) == []
    assert shown.evaluate("document.querySelectorAll('details:not([open]) td').length") > 10
    assert shown.evaluate(
        "[...document.querySelectorAll('details:not([open]) td')].every(each => each.checkVisibility({contentVisibilityAuto: true}) && each.clientHeight)"
    )
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    shown.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_the_page_needs_no_script(page: Path) -> None:
    text = page.read_text().lower()
    assert [word for word in ("<script", "javascript:", "http://", "https://", "src=", "@import", "url(") if word in text] == []
    assert "default-src 'none'" in text
