"""The variables of roles as their files have them, before any template is evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parents[2] / "roles"


def variables(role: str) -> dict[str, Any]:
    """All of the role's `vars`, by name."""
    found: dict[str, Any] = {}
    for path in sorted((ROLES / role / "vars").rglob("*.yml")):
        found |= yaml.safe_load(path.read_text())
    return found
