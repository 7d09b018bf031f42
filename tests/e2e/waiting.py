"""Waiting until something holds."""

from __future__ import annotations

import time
from collections.abc import Callable

import kubernetes
import pytest

NAMESPACE = "gatekeeper-system"
BACK = 120
"""Seconds within which signed images are admitted again, by themselves, once what was away may come back."""


def until(true: Callable[[], bool], what: str, seconds: float = BACK) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if true():
                return
        except (kubernetes.client.ApiException, OSError):
            pass  # The API server itself may be coming back.
        time.sleep(0.5)
    pytest.fail(f"{what}: not within {seconds:.0f} s")
