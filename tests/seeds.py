"""What only `make soak` does: tests of minutes, and more seeds for those that are repeated by seeds."""

from __future__ import annotations

import os

import pytest

SOAK = bool(os.environ.get("SOAK"))
soak = pytest.mark.skipif(not SOAK, reason="for its time only in `make soak`")
"""Marks a test of minutes that others stand in for."""


def seeds(few: int, many: int) -> range:
    """The first few seeds, or in a soak the many."""
    return range(many if SOAK else few)
