"""What only `make soak` does: tests of minutes, and more seeds for those that are repeated by seeds."""

from __future__ import annotations

import os

import pytest

SOAK = bool(os.environ.get("SOAK"))


def soak(instead: str) -> pytest.MarkDecorator:
    """Marks a test that takes minutes on the lab; in `make test` something else, which is named, stands in for it."""
    return pytest.mark.skipif(not SOAK, reason=f"takes minutes: `make soak` runs it, here {instead} stands in")


def seeds(few: int, many: int) -> range:
    """The first few seeds, or in a soak the many."""
    return range(many if SOAK else few)
