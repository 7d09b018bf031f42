"""Lines that say what a long command is doing, each with the seconds since the command began."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from lab.config import PATIENCE
from lab.errors import LabError

_T = TypeVar("_T")
_BEGAN = time.monotonic()


def say(text: str) -> None:
    """Print one line of progress to stderr; stdout is for results."""
    print(f"[{time.monotonic() - _BEGAN:5.0f} s] {text}", file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say `text` when the block begins and how long it took when it succeeds."""
    say(f"{text} ...")
    began = time.monotonic()
    yield
    say(f"{text}: {time.monotonic() - began:.1f} s")


def wait_for(what: str, condition: Callable[[], _T | None], seconds: float, alive: Callable[[], None] = lambda: None, interval: float = 0.1) -> _T:
    """First value of `condition()` that is true.

    It is asked every `interval` seconds for at most `seconds` times PATIENCE; then LabError names `what` was waited for.
    `alive` is called before each and raises where waiting has become useless.
    """
    most = seconds * PATIENCE
    until = time.monotonic() + most
    while True:
        alive()
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise LabError(f"{what}: not so after {most:.0f} s")
        time.sleep(interval)
