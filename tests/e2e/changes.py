"""Objects that are changed for the time of a test."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .drift import Hand

Json = dict[str, Any]


WEBHOOK = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "gatekeeper-validating-webhook-configuration"},
}


@contextmanager
def changed(hand: Hand, item: Json, change: Callable[[Json], Any]) -> Iterator[None]:
    """The object is another one inside the `with` block, and as it was after it."""
    before = hand.get(item)
    after = copy.deepcopy(before)
    change(after)
    hand.replace(after)
    try:
        yield
    finally:
        hand.replace(before)
