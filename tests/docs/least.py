"""The least inventory, as docs/quickstart.md prints it."""

from __future__ import annotations

from typing import Any

import yaml

from .pages import ROOT, examples

PAGE = ROOT / "docs/quickstart.md"


def least() -> dict[str, Any]:
    (text,) = [each.text for each in examples(PAGE) if each.text.startswith("# inventory/group_vars/clusters.yml\n")]
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def values(given: Any) -> list[Any]:
    """What a user has to fill in: all that is neither a list nor a dictionary."""
    if not isinstance(given, (dict, list)):
        return [given]
    return [value for each in (given.values() if isinstance(given, dict) else given) for value in values(each)]
