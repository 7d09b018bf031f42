"""The README names all that the collection has."""

from __future__ import annotations

import pytest

from .pages import ROOT

README = (ROOT / "README.md").read_text()
MODULES = {path.stem for path in (ROOT / "plugins/modules").glob("*.py")}


@pytest.mark.parametrize("playbook", sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml")))
def test_each_playbook(playbook: str) -> None:
    assert f"\n| `{playbook}` | " in README


@pytest.mark.parametrize("role", sorted(path.name for path in (ROOT / "roles").iterdir()))
def test_each_role(role: str) -> None:
    assert f"\n| [{role}](roles/{role}/README.md) | " in README


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_module(module: str) -> None:
    base = module.removesuffix("_info")
    also_reads = base in MODULES and "with `…_info`" in next(line for line in README.splitlines() if f"`{base}`" in line)
    assert f"`{module}`" in README or also_reads
