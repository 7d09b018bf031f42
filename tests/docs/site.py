"""The site as `make docs` has built it."""

from __future__ import annotations

from pathlib import Path

from .pages import ROOT

SITE = ROOT / "docs/_build/html"


def page(name: str) -> Path:
    """A page of it, by the name of its source."""
    path = SITE / f"{name}.html"
    assert path.exists(), f"{path} is missing: make docs builds the site"
    return path
