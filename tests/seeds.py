"""How much a test that is repeated by seeds does: little in `make test`, more in `make soak`."""

from __future__ import annotations

import os

SOAK = bool(os.environ.get("SOAK"))


def seeds(few: int, many: int) -> range:
    """The first few seeds, or in a soak the many."""
    return range(many if SOAK else few)
