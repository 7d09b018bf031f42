"""Imports of module_utils go in one direction, from package to package; see docs/adr/0025-packages.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

UTILS = Path(__file__).parents[4] / "plugins/module_utils"
ORDER = [
    "_module",
    "_change",
    "_azure",
    "_files",
    "_programs",
    "_kubernetes",
    "_ratify",
    "_installed",
    "_arm",
    "_vault",
    "_policy",
    "_signatures",
    "_preflight",
    "_admission",
    "_verification",
    "_forecast",
    "_proof",
    "_report",
]
"""Each imports from those before it, and from none after it."""


def imported(path: Path) -> Iterator[str]:
    """The packages, and the files beside them, that a file imports."""
    package = [*path.relative_to(UTILS).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package[: len(package) - node.level + 1]
            whole = [*above, *(node.module or "").split(".")] if node.module else above
            yield from [whole[0]] if whole else [alias.name for alias in node.names]


@pytest.mark.parametrize("name", ORDER)
def test_imports_come_from_packages_before(name: str) -> None:
    files = [UTILS / f"{name}.py"] if (UTILS / f"{name}.py").exists() else sorted((UTILS / name).rglob("*.py"))
    assert files
    found = {other for path in files for other in imported(path)}
    assert found <= set(ORDER[: ORDER.index(name) + 1])


def test_each_package_has_its_place() -> None:
    assert {path.stem for path in UTILS.glob("_*") if path.stem not in ("__init__", "__pycache__")} == set(ORDER)
