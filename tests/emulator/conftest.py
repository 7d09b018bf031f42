"""Fixtures of the emulator's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator.machine import Lab, emulated


@pytest.fixture
def lab() -> Iterator[Lab]:
    """An emulated Azure with an owner, a group, a vault and a registry."""
    with emulated() as lab:
        yield lab
