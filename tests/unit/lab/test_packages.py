"""Imports inside lab/ go in one direction."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.daemon import ROOT

ORDER = [
    "errors",
    "config",
    "locks",
    "progress",
    "daemon",
    "pki",
    "build",
    "signing",
    "node",
    "clusters",
    "azure",
    "permissions",
    "seed",
    "services",
    "bring_up",
    "cli",
    "verdicts",
    "demo",
    "__main__",
]
"""Each imports from those before it, and from none after it."""


def imported(path: Path) -> Iterator[str]:
    """The packages of lab/, and the files beside them, that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            package, *rest = node.module.split(".")
            if package == "lab":
                yield from rest[:1] or [alias.name for alias in node.names]


@pytest.mark.parametrize("name", ORDER)
def test_imports_come_from_packages_before(name: str) -> None:
    file = ROOT / f"lab/{name}.py"
    files = [file] if file.exists() else sorted((ROOT / "lab" / name).rglob("*.py"))
    assert files
    assert {other for path in files for other in imported(path)} <= set(ORDER[: ORDER.index(name) + 1])


def test_each_package_has_its_place() -> None:
    found = {path.stem for path in (ROOT / "lab").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert found - {"__init__"} == set(ORDER)
