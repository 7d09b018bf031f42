"""The page in a real browser: on a screen, a phone and paper."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._report.steps import DOCS

from tests.support import reports
from tests.support.browser import Browser, browser

WIDTHS = [320, 390, 760, 1088, 1089, 1280, 1920]
CLIPPED = """[...document.querySelectorAll('*')].filter(each => !each.closest('svg, thead') && each.scrollWidth > each.clientWidth + 1 && each.clientWidth
  && getComputedStyle(each).display !== 'inline').map(each => each.outerHTML.slice(0, 200))"""
CARDS = (".cluster", ".plot", ".axis", ".plot li", ".steps li", ".findings li", ".tiles", ".verdict", "tr", "dl > div")
HEADS = ("h2", ".heads", "summary")
NOT_AVOIDED = "[...document.querySelectorAll('%s')].filter(each => getComputedStyle(each).%s !== 'avoid').length"
SEEN = "each.checkVisibility({contentVisibilityAuto: true})"
STEPS = """[...document.querySelectorAll('.steps li, .findings li')].map(
  each => [each.querySelector('.next').textContent, each.querySelector('.next a').href])"""
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
def page_of_many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on sixty clusters."""
    folder = tmp_path_factory.mktemp("fleet")
    clusters, variables = reports.fleet(folder)
    done = reports.run(folder, clusters, "-f", "1", **variables)
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
    assert shown.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].every(each => document.querySelector(each.getAttribute('href')))")
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


def test_on_paper_no_card_and_no_axis_breaks_and_no_heading_stays_alone(shown: Browser, page: Path) -> None:
    shown.open(page, 1280)
    shown.print_like_paper()
    assert [each for each in (*CARDS, *HEADS) if not shown.evaluate(f"document.querySelectorAll('{each}').length")] == []
    assert [each for each in CARDS if shown.evaluate(NOT_AVOIDED % (each, "breakInside"))] == []
    assert [each for each in HEADS if shown.evaluate(NOT_AVOIDED % (each, "breakAfter"))] == []


@pytest.mark.parametrize(("width", "screens"), [(1280, 6), (390, 30)])
def test_sixty_clusters_are_few_screens(shown: Browser, page_of_many: Path, width: int, screens: int) -> None:
    shown.open(page_of_many, width)
    assert shown.evaluate("document.documentElement.scrollHeight") <= screens * 900
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if folder := os.environ.get("REPORT_SCREENSHOTS"):
        shown.screenshot(Path(folder) / f"report-fleet-{width}.png")


def test_the_worst_clusters_come_first_and_proven_ones_are_folded(shown: Browser, page_of_many: Path) -> None:
    shown.open(page_of_many, 1280)
    states = "[...document.querySelectorAll('.cluster')].map(each => each.classList[1])"
    assert shown.evaluate(states) == ["failed"] * 6 + ["unknown"] * 6 + ["attention"] * 18 + ["proven"] * 30
    assert shown.evaluate("[...document.querySelectorAll('.cluster.proven')].every(each => !each.checkVisibility({contentVisibilityAuto: true}))")
    assert shown.evaluate(
        "[...document.querySelectorAll('.cluster:not(.proven) > summary')].every(each => each.checkVisibility({contentVisibilityAuto: true}))"
    )


def test_a_link_to_a_folded_cluster_unfolds_it(shown: Browser, page_of_many: Path) -> None:
    shown.open(page_of_many, 1280)
    shown.evaluate("location.hash = '#cluster-60', new Promise(done => setTimeout(done, 300))")
    assert shown.evaluate("document.querySelector('#cluster-60').checkVisibility({contentVisibilityAuto: true})")


def test_the_headline_agrees_with_the_boxes(shown: Browser, page: Path, page_of_many: Path) -> None:
    for each, headline in ((page, "Of 11 clusters 3 are failed, 3 are unknown, 3 are in need of attention and 2 are proven."), (page_of_many, None)):
        shown.open(each, 1280)
        boxes = shown.evaluate("[...document.querySelectorAll('.tiles b')].map(each => Number(each.textContent))")
        said = shown.evaluate("document.querySelector('.verdict').textContent.trim()")
        assert headline in (None, said)
        assert [int(number) for number in re.findall(r"(\d+) (?:is|are)", said)] == boxes


def test_each_finding_has_its_next_step_and_a_link(shown: Browser, page: Path) -> None:
    shown.open(page, 1280)
    found = shown.evaluate(
        "[...document.querySelectorAll('.steps li, .findings li')].map(each => [each.querySelector('.next').textContent, each.querySelector('a').href])"
    )
    assert len(found) > 25
    assert [each for each in found if len(each[0]) < 20 or not each[1].startswith(DOCS)] == []


def test_an_opened_cluster_is_open_and_not_deny(shown: Browser, page: Path) -> None:
    shown.open(page, 1280)
    row = "[...document.querySelectorAll('.cluster > summary')].find(each => each.textContent.includes('shop-staging')).textContent"
    said = " ".join(shown.evaluate(row).split())
    assert "Enforcement open Passed \N{EN DASH} " in said
    assert "deny" not in said


def test_a_time_has_one_form(shown: Browser, page: Path) -> None:
    shown.open(page, 1280)
    text = shown.evaluate("document.body.textContent")
    assert re.findall(r"\d{4}-\d\d-\d\dT\S*", text) == []
    assert {found for found in re.findall(r"(?<![\w:])\d\d:\d\d\b(?: \w+|\S*)", text) if not re.fullmatch(r"\d\d:\d\d UTC", found)} == set()


def test_the_page_needs_no_script(page: Path) -> None:
    text = page.read_text().lower()
    assert [word for word in ("<script", "javascript:", "http://", "src=", "@import", "url(", "<link", "<iframe", "<form") if word in text] == []
    assert text.count("https://") == text.count(f'<a href="{DOCS.lower()}')
    assert "default-src 'none'" in text
