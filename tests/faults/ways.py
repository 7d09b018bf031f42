"""How something in Ratify's place may answer. None of these says of an image that it is verified, unless Ratify does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from .front import Asked, Way


def saying(status: int, body: bytes) -> Way:
    return lambda asked: (status, body)


def of_items(change: Callable[[list[dict[str, Any]]], Any], **response: Any) -> Way:
    """Ratify's answer with other items."""

    def way(asked: Asked) -> tuple[int, bytes]:
        answer = json.loads(asked.truth())
        answer["response"] = {**answer["response"], "items": change(answer["response"]["items"]), **response}
        return 200, json.dumps(answer).encode()

    return way


def of_each(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Way:
    """Ratify's answer with each item changed."""
    return of_items(lambda items: [change(item) for item in items])


def without_items(asked: Asked) -> tuple[int, bytes]:
    answer = json.loads(asked.truth())
    del answer["response"]["items"]
    return 200, json.dumps(answer).encode()


def of_another_version(item: dict[str, Any]) -> dict[str, Any]:
    """As Ratify 2 names what it says; a digest has the same form in both."""
    value = item["value"]
    return {**item, "value": {"succeeded": value["isSuccess"], "artifactReports": []}} if isinstance(value, dict) else item


def in_words(item: dict[str, Any]) -> dict[str, Any]:
    value = item["value"]
    return {**item, "value": {**value, "isSuccess": str(value["isSuccess"]).lower()}} if isinstance(value, dict) else item


def waiting(what: str, seconds: float) -> Way:
    """Ratify's answer to verify or mutate, later."""

    def way(asked: Asked) -> tuple[int, bytes]:
        answer = asked.truth()
        if asked.what == what:
            time.sleep(seconds)
        return 200, answer

    return way
